"""What bwrap needs inside Docker, row by row: capabilities, seccomp, setuid or not, and what is said without.

AppArmor is switched off throughout, so that the rows are the same on kernels with and without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from nestproof.core.capabilities import granted
from nestproof.engine.client import Engine, find_image
from nestproof.engine.container import started_container
from nestproof.engine.labels import new_run_labels
from nestproof.probes.facts import parse_facts
from nestproof.probes.table import script
from tests.conftest import ROOT, Repository
from tests.docker.bwrap import BASIC, CAPSET, NOPERM, PIVOT, PROC, SA, WORKS, Answer, ask, expect

pytestmark = pytest.mark.docker

NET = "--ro-bind / / --dev /dev --unshare-user --unshare-net"
SIX = (*SA, "SYS_CHROOT", "SETUID", "SETGID")
OFF, PATHS, NO_NEW = "seccomp=unconfined", "systempaths=unconfined", "no-new-privileges"


@dataclass(frozen=True, slots=True)
class Row:
    """Run arguments, and what setuid bwrap and the same binary without the bit make of them."""

    setuid: Answer
    plain: Answer
    proc: Answer = PROC
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


ROWS = {
    "nothing": Row(CAPSET, NOPERM),
    "seccomp off": Row(CAPSET, WORKS, options=(OFF,)),
    "SYS_ADMIN": Row(CAPSET, PIVOT, add=("SYS_ADMIN",)),
    "SYS_ADMIN, seccomp off": Row(CAPSET, WORKS, add=("SYS_ADMIN",), options=(OFF,)),
    "two of three": Row(CAPSET, WORKS, add=SA[:2], options=(OFF,)),
    "the three": Row(PIVOT, PIVOT, add=SA),
    "the three, seccomp off": Row(WORKS, WORKS, add=SA, options=(OFF,)),
    "only the six, seccomp off": Row(WORKS, WORKS, add=SIX, drop=("ALL",), options=(OFF,)),
    "none of Docker's own": Row(CAPSET, WORKS, add=SA, drop=("ALL",), options=(OFF,)),
    "paths unmasked too": Row(WORKS, WORKS, WORKS, add=SA, options=(OFF, PATHS)),
    "no new privileges too": Row(WORKS, WORKS, add=SA, options=(OFF, NO_NEW)),
}


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    built = Repository(ROOT).nestproof("build", "--profile", "secure", "--json", timeout=1200)
    assert built.status == 0, built.stderr
    found = find_image(engine, built.outcome("build")["summary"].split()[0])
    assert found is not None
    return found.id


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_bwrap_says(engine: Engine, image: str, row: Row) -> None:
    with started_container(engine, request(engine, image, row), engine.facts.platform) as container:
        # The same binary without the bit; file capabilities and owners do not matter to it.
        assert ask(container, "cp /usr/bin/bwrap /usr/local/bin/plain", "root") == (0, "")
        here = parse_facts(ask(container, script("facts"))[1])
        assert here.bounding_set == granted(row.add, row.drop, privileged=False)
        assert here.is_filtered is (OFF not in row.options)
        for bwrap, answer in (("/usr/bin/bwrap", row.setuid), ("/usr/local/bin/plain", row.plain)):
            expect(here, ask(container, f"{bwrap} {BASIC} true"), answer)
            expect(here, ask(container, f"{bwrap} {NET} true"), answer)
            if answer is WORKS:
                expect(here, ask(container, f"{bwrap} {BASIC} --proc /proc true"), row.proc)


def request(engine: Engine, image: str, row: Row) -> dict[str, Any]:
    options = [option for option in row.options if option != PATHS]
    if engine.facts.confines_with("apparmor"):
        options.append("apparmor=unconfined")
    host: dict[str, Any] = {"CapAdd": row.add, "CapDrop": row.drop, "SecurityOpt": options}
    if PATHS in row.options:
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
    body = {"Image": image, "Entrypoint": ["sleep", "600"], "Labels": new_run_labels()}
    return {**body, "HostConfig": host}
