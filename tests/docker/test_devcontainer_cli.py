"""The reference client's second opinion: both profiles open in `devcontainer`, by the documented commands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.capabilities import normalize
from nestproof.core.config import load_config
from nestproof.engine.client import Engine
from tests.conftest import ROOT, Repository, base_environment
from tests.docker.client import run_client

pytestmark = pytest.mark.docker

README = ROOT / ".devcontainer/README.md"


def documented_commands() -> list[str]:
    """The lines of the README that open a profile."""
    return re.findall(r"^\$ (.*devcontainer up .*)$", README.read_text(), re.MULTILINE)


@pytest.fixture
def opened(repository: Repository, engine: Engine) -> Iterator[Repository]:
    yield repository
    label = f"devcontainer.local_folder={repository.path}"
    for container in engine.api.containers(all=True, filters={"label": label}):
        engine.api.remove_container(container["Id"], force=True, v=True)
        engine.api.remove_image(container["ImageID"], force=True)


def up(command: str, client: Path, repository: Repository, engine: Engine) -> Any:
    # As the documentation says for machines that reach no registry; with a registry this is empty.
    base = base_environment(
        engine,
        load_config(repository.path).base_image,
        engine.facts.platform,
        os.environ,
        workspace=repository.path,
        say=print,
    )
    return run_client(command, client, repository.path, base)


def test_both_profiles_are_documented() -> None:
    default, secure = documented_commands()
    assert "--override-config" not in default
    assert "--override-config .devcontainer/devcontainer.secure.json" in secure


@pytest.mark.parametrize("number", [0, 1], ids=["default", "secure"])
def test_a_profile_opens_by_its_documented_command(
    client: Path, opened: Repository, engine: Engine, number: int
) -> None:
    result = up(documented_commands()[number], client, opened, engine)
    assert result["outcome"] == "success"
    assert result["remoteUser"] == "vscode"
    host = engine.api.inspect_container(result["containerId"])["HostConfig"]
    relaxed = number == 1
    # Newer docker clients spell capabilities out and sort them.
    capabilities = {normalize(name) for name in host["CapAdd"] or ()}
    assert capabilities == ({"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"} if relaxed else set())
    assert host["SecurityOpt"] == (["seccomp=unconfined", "apparmor=unconfined"] if relaxed else None)
    assert host["Privileged"] is False
