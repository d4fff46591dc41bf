"""The machine asked about itself: a stand-in for the shell's answers, and this machine's own shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nestproof.core.outcome import Outcome, Status, Target
from nestproof.probes.facts import parse_facts
from nestproof.smoke import host
from nestproof.smoke.host import Account, NotLinuxError, describe, examine, verdicts
from tests.conftest import Repository

ROOT, USER = Target("as root", "linux/amd64"), Target("as nobody", "linux/amd64")


def test_it_is_said_for_whom_a_sandbox_works_and_what_to_do_for_the_others() -> None:
    outcomes = [
        Outcome("doctor.facts", Status.PASS, "here", ROOT),
        Outcome("doctor.bwrap-proc", Status.DEGRADED, "denied", ROOT),
        Outcome("doctor.facts", Status.PASS, "here", USER),
        Outcome("doctor.bwrap-userns", Status.FAIL, "no", USER, "a sysctl forbids it", "set it to 1"),
        Outcome("doctor.bwrap-slave", Status.FAIL, "no", USER, "something else", "anything"),
    ]
    assert verdicts(outcomes).splitlines() == [
        "An agent's sandbox works here, as root.",
        "An agent's sandbox does not work here, as nobody: a sysctl forbids it.",
        "  What to do, or to ask the administrator for: set it to 1",
    ]


def test_an_error_is_no_working_sandbox() -> None:
    assert "does not work here" in verdicts([Outcome("doctor.x", Status.ERROR, "not asked", USER)])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            "kernel\tLinux 6.1\nSeccomp\t2\napparmor\tdocker-default (enforce)\ncontainer\t/.dockerenv",
            "Linux 6.1, in a container, a seccomp filter is on, AppArmor: docker-default (enforce), no bwrap",
        ),
        (
            "kernel\tLinux 6.1\nSeccomp\t0\nbwrap\t/usr/bin/bwrap\nbwrap-version\tbubblewrap 0.8.0",
            "not in a Docker or Podman container, no seccomp filter, no AppArmor, "
            "bubblewrap 0.8.0 (/usr/bin/bwrap)",
        ),
        (
            "kernel/apparmor_restrict_unprivileged_userns\t1",
            "kernel.apparmor_restrict_unprivileged_userns=1",
        ),
    ],
)
def test_the_facts_that_decide_stand_in_one_line(facts: str, words: str) -> None:
    assert words in describe(parse_facts(facts))


def test_it_asks_only_where_bubblewrap_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NotLinuxError, match="this is not Linux"):
        list(examine([Account("me")]))


def test_a_shell_that_gives_no_answer_is_an_error() -> None:
    outcomes = list(examine([Account("me", ("true",))]))
    assert {outcome.status for outcome in outcomes[1:]} == {Status.ERROR}


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH on which everything is found but bwrap, the agents, and the way to be somebody else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.name not in {"bwrap", "codex", "srt", "setpriv"} and not link.exists():
                link.symlink_to(program)
    return str(folder)


def test_without_bwrap_the_first_question_is_the_one_to_mend(repository: Repository, bare: str) -> None:
    done = repository.nestproof("doctor", PATH=bare)
    assert done.status == 1
    assert "An agent's sandbox does not work here, as " in done.stdout
    assert "bwrap is not installed (image)." in done.stdout
    # One cause, told once, with the first stage first.
    assert done.stdout.count("\n  cause: bwrap is not installed") == 1
    assert "doctor.bwrap-present, doctor.bwrap-version, doctor.bwrap-mode" in done.stdout


def test_a_bwrap_that_lies_is_not_believed(repository: Repository, bare: str, tmp_path: Path) -> None:
    liar = tmp_path / "bin/bwrap"
    liar.write_text('#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0\nexit 0\n')
    liar.chmod(0o755)
    done = repository.nestproof("doctor", "--json", PATH=bare)
    assert done.status == 1
    statuses = {outcome["id"]: outcome["status"] for outcome in done.evidence["outcomes"]}
    assert {name for name, status in statuses.items() if status == "pass"} <= {
        "doctor.facts",
        "doctor.bwrap-present",
        "doctor.bwrap-version",
        "doctor.bwrap-mode",
    }


def test_nobody_else_is_asked_for_by_who_is_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 65534)
    (only,) = host.accounts()
    assert only.prefix == ()


def test_the_answer_is_json_when_asked_for(repository: Repository, bare: str) -> None:
    done = repository.nestproof("doctor", "--json", PATH=bare)
    value = done.evidence
    assert value["engine"] is None
    assert value["exitCode"] == done.status
