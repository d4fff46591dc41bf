"""What bwrap says on a kernel with AppArmor, row by row, in a guest: `nox -s secure_apparmor`.

The guest is started if need be, and left running: the next run is then a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nestbox.diagnose import diagnose
from nestbox.engine import Container, Engine, connect, find_image, new_run_labels, started_container
from nestbox.exec import Exec
from nestbox.guests import give_image, open_guest
from nestbox.probes.table import script
from nestbox.surroundings import Surroundings, parse_surroundings
from tests.conftest import ROOT, Repository

BASIC = "--ro-bind / / --dev /dev --unshare-user --unshare-pid"
SA = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE")
SECCOMP, APPARMOR = "seccomp=unconfined", "apparmor=unconfined"

CAPSET = ("capset failed: Operation not permitted", "capabilities")
NOPERM = ("No permissions to create new namespace", "Docker seccomp")
SLAVE = ("Failed to make / slave: Permission denied", "AppArmor")
PIVOT = ("pivot_root: Operation not permitted", "Docker seccomp")
PROC = ("Can't mount proc on /newroot/proc: Operation not permitted", "masked paths")
WORKS = ("", "")

Answer = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """Capabilities and security options, and what setuid bwrap and the same binary without the bit say."""

    setuid: Answer
    plain: Answer
    add: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


ROWS = {
    "nothing": Row(CAPSET, NOPERM),
    "AppArmor off": Row(CAPSET, NOPERM, options=(APPARMOR,)),
    "seccomp off": Row(CAPSET, SLAVE, options=(SECCOMP,)),
    "both off": Row(CAPSET, WORKS, options=(SECCOMP, APPARMOR)),
    "SYS_ADMIN": Row(CAPSET, SLAVE, SA[:1]),
    "SYS_ADMIN, AppArmor off": Row(CAPSET, PIVOT, SA[:1], (APPARMOR,)),
    "SYS_ADMIN, seccomp off": Row(CAPSET, SLAVE, SA[:1], (SECCOMP,)),
    "SYS_ADMIN, both off": Row(CAPSET, WORKS, SA[:1], (SECCOMP, APPARMOR)),
    "the three": Row(SLAVE, SLAVE, SA),
    "the three, AppArmor off": Row(PIVOT, PIVOT, SA, (APPARMOR,)),
    "the three, seccomp off": Row(SLAVE, SLAVE, SA, (SECCOMP,)),
    "the three, both off": Row(WORKS, WORKS, SA, (SECCOMP, APPARMOR)),
}


@pytest.fixture(scope="module")
def guest() -> Iterator[tuple[Engine, str]]:
    """The guest's engine, and the secure image in it."""
    built = Repository(ROOT).nestbox(
        "build", "--profile", "secure", "--platform", "linux/amd64", "--json", timeout=1800
    )
    assert built.status == 0, built.stderr
    host = connect()
    image = find_image(host, built.outcome("build")["summary"].split()[0])
    assert image is not None
    engine = open_guest(["scripts/vm"], ROOT, "linux/amd64", print)
    give_image(host, engine, image, print)
    yield engine, image.id
    engine.api.close()
    host.api.close()


def ask(container: Container, line: str, user: str = "vscode") -> tuple[int | None, str]:
    command = Exec(container, ["sh", "-c", line], user=user, environment={}, timeout=120)
    said = b"".join(data for _, data in command).decode()
    return command.exit_status, said


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_bwrap_says_with_apparmor(guest: tuple[Engine, str], row: Row) -> None:
    engine, image = guest
    assert engine.facts.confines_with("apparmor")
    host = {"CapAdd": row.add, "SecurityOpt": row.options}
    body = {"Image": image, "Entrypoint": ["sleep", "600"], "Labels": new_run_labels(), "HostConfig": host}
    with started_container(engine, body, "linux/amd64") as container:
        here = parse_surroundings(ask(container, script("facts"))[1])
        assert here.is_confined is (APPARMOR not in row.options)
        assert here.is_filtered is (SECCOMP not in row.options)
        assert ask(container, "cp /usr/bin/bwrap /usr/local/bin/plain", "root")[0] == 0
        for bwrap, answer in (("/usr/bin/bwrap", row.setuid), ("/usr/local/bin/plain", row.plain)):
            seen = ask(container, f"{bwrap} {BASIC} true")
            if answer is WORKS:
                assert seen == (0, "")
                expect(here, ask(container, f"{bwrap} {BASIC} --proc /proc true"), PROC)
            else:
                expect(here, seen, answer)


def expect(here: Surroundings, seen: tuple[int | None, str], answer: Answer) -> None:
    (status, said), (words, layer) = seen, answer
    assert status == 1
    assert f"bwrap: {words}" in said
    diagnosis = diagnose(said, here)
    assert diagnosis is not None
    assert diagnosis.layer == layer
