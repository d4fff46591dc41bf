"""OCI platforms and the names that machines give themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nestproof.core.errors import UsageError

PLATFORMS = ("linux/amd64", "linux/arm64")

# `uname -m` and Docker's `Architecture` on the left, the OCI platform on the right.
_OF_MACHINE = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}


def parse_platform(text: str) -> str:
    """Read `linux/arm64`, and also `arm64` or what `uname -m` prints; raises UsageError for others."""
    platform = _OF_MACHINE.get(text.removeprefix("linux/"))
    if platform is None:
        raise UsageError(
            f"unknown platform {text!r}",
            why="nestproof builds and smokes " + " and ".join(PLATFORMS),
            fix="--platform linux/amd64 or --platform linux/arm64",
        )
    return platform


def architecture(platform: str) -> str:
    """The last part of a platform: `amd64` of `linux/amd64`."""
    return platform.rpartition("/")[2]


def holds_several(info: Mapping[str, Any]) -> bool:
    """True if an engine with this `docker info` keeps images in the containerd store.

    The classic store keeps one platform under a tag: a build of several ends with "docker exporter does not
    currently support exporting manifest lists" (measured, Docker Engine 20.10).
    """
    return ["driver-type", "io.containerd.snapshotter.v1"] in (info.get("DriverStatus") or [])
