"""The selected builder of docker buildx: its driver and its platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestproof.core.errors import CommandError
from nestproof.core.process import run

# Asking a builder what it is, or joining tags that a registry has already, moves no layers. In seconds.
SHORT_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class BuildxBuilder:
    """One line of `docker buildx ls`, with all of its nodes."""

    driver: str
    platforms: frozenset[str]
    """The platforms of all its nodes; a builder that never started may report none."""
    nodes: int = 1


def selected_builder(variables: Mapping[str, str | None] | None) -> BuildxBuilder:
    """The builder that `docker buildx build` would use; raises CommandError when it cannot be asked.

    `variables` are those by which the docker client reaches the engine.
    """
    completed = run(["docker", "buildx", "inspect"], timeout=SHORT_TIMEOUT, env=variables)
    builder = parse_builder(completed.stdout)
    if completed.status != 0 or not builder.driver:
        raise CommandError(
            "docker buildx cannot say which builder it uses",
            why=completed.stderr.strip(),
            fix="install Docker's buildx plugin (package docker-buildx or docker-buildx-plugin)",
        )
    return builder


def parse_builder(text: str) -> BuildxBuilder:
    """Parse the output of `docker buildx inspect`: a builder, then each node with a line of platforms.

    `*` marks a platform that somebody chose for the node. Source: docker/buildx, commands/inspect.go.
    """
    driver, platforms, nodes = "", set[str](), 0
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "Driver":
            driver = value.strip()
        elif name == "Endpoint":
            nodes += 1
        elif name == "Platforms":
            platforms |= {one.strip().rstrip("*") for one in value.split(",")}
    return BuildxBuilder(driver, frozenset(platforms - {""}), max(1, nodes))
