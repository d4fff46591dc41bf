"""What bwrap says on a kernel with AppArmor, row by row, in a guest: `nox -s secure_apparmor`.

The guest is started if need be, and left running: the next run is then a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from nestproof.engine.client import Engine, connect, find_image
from nestproof.engine.container import started_container
from nestproof.engine.labels import new_run_labels
from nestproof.nodes.transfer import give_image
from nestproof.nodes.vm import start_vm
from nestproof.probes.facts import parse_facts
from nestproof.probes.table import script
from tests.conftest import ROOT, Repository
from tests.docker.bwrap import BASIC, CAPSET, NOPERM, PIVOT, PROC, SA, SLAVE, WORKS, Answer, expect
from tests.docker.bwrap import ask as ask_quickly

SECCOMP, APPARMOR = "seccomp=unconfined", "apparmor=unconfined"
# A guest without hardware help is slow.
ask = partial(ask_quickly, timeout=120)


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
    built = Repository(ROOT).nestproof(
        "build", "--profile", "secure", "--platform", "linux/amd64", "--json", timeout=1800
    )
    assert built.status == 0, built.stderr
    host = connect()
    image = find_image(host, built.outcome("build")["summary"].split()[0])
    assert image is not None
    engine = start_vm(["scripts/vm"], ROOT, "linux/amd64", print)
    give_image(host, engine, image, print)
    yield engine, image.id
    engine.api.close()
    host.api.close()


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_bwrap_says_with_apparmor(guest: tuple[Engine, str], row: Row) -> None:
    engine, image = guest
    assert engine.facts.confines_with("apparmor")
    host = {"CapAdd": row.add, "SecurityOpt": row.options}
    body = {"Image": image, "Entrypoint": ["sleep", "600"], "Labels": new_run_labels(), "HostConfig": host}
    with started_container(engine, body, "linux/amd64") as container:
        here = parse_facts(ask(container, script("facts"))[1])
        assert here.is_confined is (APPARMOR not in row.options)
        assert here.is_filtered is (SECCOMP not in row.options)
        assert ask(container, "cp /usr/bin/bwrap /usr/local/bin/plain", "root")[0] == 0
        for bwrap, answer in (("/usr/bin/bwrap", row.setuid), ("/usr/local/bin/plain", row.plain)):
            expect(here, ask(container, f"{bwrap} {BASIC} true"), answer)
            if answer is WORKS:
                expect(here, ask(container, f"{bwrap} {BASIC} --proc /proc true"), PROC)
