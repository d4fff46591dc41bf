"""The remote user's attempts to open a firewall, in an order, each held against a connection."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from nestproof.core.outcome import Status
from nestproof.egress.scripts import script
from nestproof.egress.tamper import Way, parse_ways, scripts_of, tamper
from nestproof.probes.verdicts import Judgement

LISTED = (
    "way\tsudo runs iptables, which flushes the rules\tsudo -n iptables -F\n"
    'way\tsudo runs a shell, which flushes the rules\tsudo -n sh -c "$FLUSH"\n'
    "script\tsudo runs /i with A=x\tsudo -n A=x /i\n"
)


class Container:
    """A container that is open once one of these commands has run, however it ends."""

    def __init__(self, *opening: str, ends_well: tuple[str, ...] = (), writable: str = "") -> None:
        self.opening, self.ends_well, self.writable = opening, ends_well, writable
        self.is_open = False
        self.ran: list[tuple[str, str]] = []

    def run(self, user: str, command: str) -> str:
        self.ran.append((user, command))
        if "way()" in command:
            return LISTED + (f"file\t{self.writable}\t/i\n" if self.writable else "")
        if command.startswith("f="):
            return f"{self.writable}\n"
        if user == "root":
            self.is_open = self.is_open or "root" in self.opening
            return ""
        self.is_open = self.is_open or any(one in command for one in self.opening)
        tried = [line for line in command.splitlines() if line.startswith("try '")]
        well = [at for at, line in enumerate(tried) if any(one in line for one in self.ends_well)]
        return f"{well[0]}\n" if well and "echo" in tried[0] else ""

    def judged(
        self,
        *,
        capabilities: frozenset[str] = frozenset({"NET_ADMIN"}),
        scripts: tuple[str, ...] = ("/i",),
    ) -> Judgement:
        def is_open() -> bool:
            return self.is_open

        denied = ["example.com", "203.0.113.10"]
        return tamper(
            self.run, is_open, user="dev", denied=denied, scripts=scripts, capabilities=capabilities
        )


def test_a_firewall_that_only_root_opens_passes() -> None:
    judged = Container("root").judged()
    assert judged.status is Status.PASS
    assert judged.summary == "the remote user opens it in none of 3 ways tried; a rule of root's does"


def test_where_no_script_is_found_a_pass_says_so() -> None:
    assert "no script of the firewall's was found" in Container("root").judged(scripts=()).summary


def test_a_way_that_opens_it_is_found_and_named() -> None:
    judged = Container("root", "iptables -F", ends_well=("iptables -F",)).judged()
    assert judged.status is Status.FAIL
    assert judged.cause == "sudo runs iptables, which flushes the rules"
    assert "allow dev the firewall's script alone" in judged.fix


def test_a_way_that_ends_well_and_opens_nothing_is_none() -> None:
    assert Container("root", ends_well=("iptables -F",)).judged().status is Status.PASS


def test_a_script_that_ends_badly_and_has_opened_it_is_a_way() -> None:
    """It ends with a check of its own, which fails because the host is reached."""
    judged = Container("root", "A=x /i").judged()
    assert judged.cause == "sudo runs /i with A=x"
    assert judged.fix.endswith('dev ALL=(root) NOPASSWD: /i ""')


def test_a_file_that_the_user_writes_and_the_script_reads_is_a_way() -> None:
    judged = Container("root", writable="/opt/allowed").judged()
    assert judged.status is Status.FAIL
    assert "the remote user may write /opt/allowed, which /i reads" in judged.cause


def test_without_the_control_nothing_is_shown() -> None:
    assert Container().judged().status is Status.UNVERIFIED


def test_where_nobody_may_change_rules_root_is_not_asked() -> None:
    container = Container()
    judged = container.judged(capabilities=frozenset({"CHOWN"}))
    assert judged.status is Status.PASS
    assert "it lacks NET_ADMIN" in judged.summary
    assert not any("-I OUTPUT" in command for _, command in container.ran)


def test_the_script_lists_what_the_firewalls_script_reads_and_takes(tmp_path: Path) -> None:
    read = tmp_path / "allowed.txt"
    read.write_text("")
    own = tmp_path / "init"
    loop = 'for one in $EXTRA_HOSTS ${SKIP_FIREWALL:-} $HOME "$@"; do :; done'
    own.write_text(f"#!/bin/sh\n{loop} <{read}\n")
    sh = shutil.which("sh") or "/bin/sh"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "sudo").write_text("")
    (bin_folder / "sudo").chmod(0o755)
    done = subprocess.run(
        [sh, "-c", f"denied=example.com addresses=192.0.2.1\n{script('tamper.sh')}", "sh", str(own)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{bin_folder}:/usr/bin:/bin"},
    )
    ways, files = parse_ways(done.stdout)
    words = [way.words for way in ways]
    assert f"sudo runs {own} with EXTRA_HOSTS=example.com" in words
    assert f"sudo runs {own} with SKIP_FIREWALL=1" in words
    assert f"sudo runs {own} with the argument example.com" in words
    assert not any("HOME" in one for one in words)
    assert {(str(read), str(own)), (str(own), str(own))} <= set(files)
    assert all(isinstance(way, Way) and way.command for way in ways)


def test_the_scripts_among_the_words_of_a_command_are_found(tmp_path: Path) -> None:
    own = tmp_path / "init-firewall"
    own.write_text("#!/bin/bash\ntrue\n")
    sh = shutil.which("sh") or "/bin/sh"
    (tmp_path / "wrapper").write_text("#!/bin/sh\nexec ./init-firewall\n")
    argv = [sh, "-c", script("scripts.sh"), "sh", "sudo", "-n", "./wrapper", "/bin/true", "&&"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    # The one that is named, by a path in the workspace, and the one that it calls.
    assert list(scripts_of(done.stdout)) == [str(tmp_path / "wrapper"), str(own.resolve())]
