"""A Podman of our own (scripts/podman), and this repository's secure image in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from nestproof.engine.client import Engine, connect, find_image
from nestproof.nodes.vm import read_variables
from tests.conftest import ROOT, Repository


@pytest.fixture(scope="session")
def address() -> str:
    """Where Podman answers, as DOCKER_HOST has it."""
    up = subprocess.run(
        [str(ROOT / "scripts/podman"), "up"], check=True, stdout=subprocess.PIPE, text=True, timeout=600
    )
    return read_variables(up.stdout)["DOCKER_HOST"]


@pytest.fixture(scope="session")
def podman(address: str) -> Iterator[Engine]:
    """The engine, and no other than Podman."""
    engine = connect({"DOCKER_HOST": address})
    assert engine.facts.is_podman
    yield engine
    engine.api.close()


@pytest.fixture(scope="session")
def image(address: str, podman: Engine) -> str:
    """The secure profile's image, built by Podman."""
    built = Repository(ROOT).nestproof(
        "build", "--profile", "secure", "--json", timeout=1800, DOCKER_HOST=address
    )
    assert built.status == 0, built.stdout + built.stderr
    found = find_image(podman, built.outcome("build")["summary"].split()[0])
    assert found is not None
    return found.id
