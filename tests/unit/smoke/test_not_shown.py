"""Things of a profile that the container lacks which is asked here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.devcontainer.loading import load_profile
from nestproof.smoke.not_shown import not_shown

GIB = 1 << 30


def told(folder: Path, config: dict[str, Any], cpus: int = 4, memory: int = 8 * GIB) -> list[str]:
    file = folder / "devcontainer.json"
    file.write_text(json.dumps({"image": "debian:12", **config}))
    return list(not_shown(load_profile("default", file, folder, {}), cpus=cpus, memory=memory))


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        ({}, []),
        ({"hostRequirements": {"cpus": 4, "memory": "8gb", "storage": "1tb", "gpu": "optional"}}, []),
        (
            {"hostRequirements": {"cpus": 16, "memory": "32gb", "gpu": True}},
            [
                "hostRequirements asks for 16 processors, and the engine has 4",
                "hostRequirements asks for 32gb of memory, and the engine has 8192 MiB",
                "hostRequirements asks for a graphics processor, which the container is not given",
            ],
        ),
        ({"appPort": 8080}, ["no port of the host is published (8080)"]),
        (
            {"appPort": ["1:2", 3], "runArgs": ["-p", "4:5", "--publish=6"]},
            ["no port of the host is published (1:2, 3, 4:5, 6)"],
        ),
        ({"runArgs": ["-P"]}, ["no port of the host is published (--publish-all)"]),
        (
            {"runArgs": ["--name", "devbox"]},
            ["the container is not called devbox: one of that name may be at work"],
        ),
        ({"forwardPorts": [80]}, []),
    ],
)
def test_each_thing_is_told_once(tmp_path: Path, config: dict[str, Any], lines: list[str]) -> None:
    assert told(tmp_path, config) == lines


def test_a_host_that_is_unknown_lacks_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, {"hostRequirements": {"cpus": 16, "memory": "32gb"}}, cpus=0, memory=0) == []
