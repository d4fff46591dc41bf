"""Which engine answers for which platform; `docker` is a stand-in that says what the real one says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nestproof.core.errors import CommandError
from nestproof.engine.client import EngineFacts
from nestproof.nodes.node import Fidelity, node_for

BUILDX_INSPECT = """\
Name:          default
Driver:        docker
Last Activity: 2025-11-23 17:45:26 +0000 UTC

Nodes:
Name:             default
Endpoint:         default
Status:           running
BuildKit version: v0.8+unknown
Platforms:        {platforms}
"""


def facts(platform: str) -> EngineFacts:
    return EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", platform, "overlay2", ())


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for a stand-in of the docker client, the only one on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    return tmp_path / "docker"


def says(docker: Path, text: str, *, status: int = 0, stderr: str = "") -> None:
    docker.write_text(
        "#!/bin/sh\n"
        '[ "$*" = "buildx inspect" ] || exit 99\n'
        f"cat <<'END'\n{text}END\ncat >&2 <<'END'\n{stderr}END\nexit {status}\n"
    )
    docker.chmod(0o755)


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_the_engines_own_platform_is_native_and_nothing_is_asked(docker: Path, platform: str) -> None:
    says(docker, "", status=99)
    node = node_for(facts(platform), platform)
    assert (node.platform, node.fidelity, node.remedy) == (platform, Fidelity.NATIVE, "")
    assert node.reason == f"the engine's kernel is {platform.removeprefix('linux/')}"


@pytest.mark.parametrize(
    "platforms",
    [
        "linux/amd64, linux/arm64, linux/386",
        "linux/amd64*,linux/arm64*",
        "linux/arm64",
        "linux/arm64, linux/amd64",
    ],
)
def test_a_platform_that_the_builder_knows_is_emulated(docker: Path, platforms: str) -> None:
    says(docker, BUILDX_INSPECT.format(platforms=platforms))
    node = node_for(facts("linux/amd64"), "linux/arm64")
    assert node.fidelity is Fidelity.EMULATED
    assert "amd64 kernel runs arm64 under qemu-user" in node.reason
    assert "arm64" in node.remedy


@pytest.mark.parametrize(
    "platforms", ["linux/amd64, linux/386", "linux/amd64, linux/arm/v7, linux/arm64be", ""]
)
def test_a_platform_that_the_builder_does_not_know_is_absent(docker: Path, platforms: str) -> None:
    says(docker, BUILDX_INSPECT.format(platforms=platforms))
    node = node_for(facts("linux/amd64"), "linux/arm64")
    assert node.fidelity is Fidelity.ABSENT
    assert "has no handler for arm64 programs" in node.reason
    assert node.remedy.startswith("qemu-user-static")


def test_an_arm_machine_can_emulate_too(docker: Path) -> None:
    says(docker, BUILDX_INSPECT.format(platforms="linux/arm64, linux/amd64"))
    node = node_for(facts("linux/arm64"), "linux/amd64")
    assert node.fidelity is Fidelity.EMULATED
    assert "arm64 kernel runs amd64" in node.reason


def test_a_docker_client_without_buildx_is_an_error_and_no_answer(docker: Path) -> None:
    says(docker, "", status=1, stderr="docker: 'buildx' is not a docker command.\nSee 'docker --help'\n")
    with pytest.raises(CommandError) as caught:
        node_for(facts("linux/amd64"), "linux/arm64")
    assert "is not a docker command" in str(caught.value)


def test_a_missing_docker_client_is_an_error(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker.parent))
    with pytest.raises(CommandError, match="docker was not found"):
        node_for(facts("linux/amd64"), "linux/arm64")
