"""What bwrap needs inside Podman: a Docker Engine's rows, but for the seccomp profile."""

from __future__ import annotations

import pytest

from nestproof.core.capabilities import SETUID_BWRAP
from nestproof.engine.client import Engine
from nestproof.engine.container import started_container
from nestproof.probes.facts import parse_facts
from nestproof.probes.table import script
from tests.docker.bwrap import BASIC, NOPERM, PIVOT, WORKS, Answer, ask, expect
from tests.docker.test_matrix import NET, OFF, ROWS, Row, request


def on_podman(answer: Answer) -> Answer:
    """Podman's own profile refuses nothing that bwrap needs; what capabilities and masks refuse stays."""
    return WORKS if answer in (NOPERM, PIVOT) else answer


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_bwrap_says(podman: Engine, image: str, row: Row) -> None:
    with started_container(podman, request(podman, image, row), podman.facts.platform) as container:
        assert ask(container, "cp /usr/bin/bwrap /usr/local/bin/plain", "root") == (0, "")
        here = parse_facts(ask(container, script("facts"))[1])
        assert here.bounding_set is not None
        assert (here.bounding_set >= SETUID_BWRAP) is (on_podman(row.setuid) is WORKS)
        assert here.is_filtered is (OFF not in row.options)
        for bwrap, answer in (("/usr/bin/bwrap", row.setuid), ("/usr/local/bin/plain", row.plain)):
            expect(here, ask(container, f"{bwrap} {BASIC} true"), on_podman(answer))
            expect(here, ask(container, f"{bwrap} {NET} true"), on_podman(answer))
            if on_podman(answer) is WORKS:
                expect(here, ask(container, f"{bwrap} {BASIC} --proc /proc true"), row.proc)
