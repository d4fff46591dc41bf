"""What docker buildx says of its builder."""

from __future__ import annotations

import pytest

from nestproof.engine.buildx_builder import BuildxBuilder, parse_builder

# Printed by buildx 0.13 for two nodes of the driver `remote` that never started.
TWO_NODES = """\
Name:          many
Driver:        remote
Last Activity: 2026-11-25 04:54:52 +0000 UTC

Nodes:
Name:      one
Endpoint:  unix:///run/one.sock
Status:    inactive
Platforms: linux/amd64*

Name:      two
Endpoint:  tcp://two:1234
Status:    inactive
Platforms: linux/arm64*, linux/arm/v7
"""


def test_all_nodes_of_a_builder_count() -> None:
    platforms = frozenset({"linux/amd64", "linux/arm64", "linux/arm/v7"})
    assert parse_builder(TWO_NODES) == BuildxBuilder("remote", platforms, nodes=2)


@pytest.mark.parametrize("line", ["Platforms:", "Platforms: ", "Error: no", ""])
def test_a_builder_that_never_started_has_no_platforms(line: str) -> None:
    text = f"Name: x\nDriver: docker-container\n\nNodes:\nName: x0\nEndpoint: unix:///x\n{line}\n"
    assert parse_builder(text) == BuildxBuilder("docker-container", frozenset(), nodes=1)


def test_what_is_no_builder_has_no_driver() -> None:
    assert parse_builder("ERROR: no builder is selected\n") == BuildxBuilder("", frozenset())
