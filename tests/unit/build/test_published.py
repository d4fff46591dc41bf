"""What a registry or an archive is found to have; `docker` is a stand-in that says what buildx 0.13 said."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from nestproof.build.published import Published, in_archive, in_registry
from nestproof.core.errors import CommandError

AMD64 = {"architecture": "amd64", "os": "linux", "config": {}}
ARM64 = {"architecture": "arm64", "os": "linux", "config": {}}


def registry(folder: Path, monkeypatch: pytest.MonkeyPatch, says: object, status: int = 0) -> None:
    monkeypatch.setenv("PATH", f"{folder}:{os.defpath}")
    (folder / "says").write_text(json.dumps(says))
    (folder / "docker").write_text(f"#!/bin/sh\ncat '{folder}/says'\necho refused >&2\nexit {status}\n")
    (folder / "docker").chmod(0o755)


@pytest.mark.parametrize(
    ("image", "platforms"),
    [
        (ARM64, ("linux/arm64",)),
        ({"linux/amd64": AMD64, "linux/arm64": ARM64}, ("linux/amd64", "linux/arm64")),
        # The index may call it what it likes: what the configuration says counts.
        ({"linux/amd64": AMD64, "linux/arm64": AMD64}, ("linux/amd64", "linux/amd64")),
    ],
)
def test_a_registry_has_what_its_configurations_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: object, platforms: tuple[str, ...]
) -> None:
    registry(tmp_path, monkeypatch, {"manifest": {"digest": "sha256:1"}, "image": image})
    assert in_registry("host/x") == Published("sha256:1", platforms)


def test_a_registry_that_does_not_say_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry(tmp_path, monkeypatch, {}, status=1)
    with pytest.raises(CommandError, match="could not be asked what host/x is") as caught:
        in_registry("host/x")
    assert caught.value.why == "refused"


def archive(path: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, value in files.items():
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


INDEX = {"index.json": {"manifests": [{"digest": "sha256:i"}]}}
PARTS = {
    "blobs/sha256/m": {"config": {"digest": "sha256:c"}},
    "blobs/sha256/n": {"config": {"digest": "sha256:d"}},
    "blobs/sha256/c": AMD64,
    "blobs/sha256/d": ARM64,
}


def test_an_archive_of_one_platform_has_it(tmp_path: Path) -> None:
    one = {**INDEX, **PARTS, "blobs/sha256/i": PARTS["blobs/sha256/n"]}
    assert in_archive(archive(tmp_path / "a", one)) == Published("sha256:i", ("linux/arm64",))


def test_an_archive_of_several_has_each_and_no_attestation(tmp_path: Path) -> None:
    parts = [
        {"digest": "sha256:m", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:n", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:attestation", "platform": {"os": "unknown", "architecture": "unknown"}},
    ]
    several = {**INDEX, **PARTS, "blobs/sha256/i": {"manifests": parts}}
    assert in_archive(archive(tmp_path / "a", several)).platforms == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("files", [{}, {"index.json": {}}, {"index.json": {"manifests": []}}, INDEX])
def test_what_is_no_archive_is_an_error(tmp_path: Path, files: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="is no OCI archive"):
        in_archive(archive(tmp_path / "a", files))
    with pytest.raises(CommandError, match="is no OCI archive"):
        in_archive(tmp_path / "missing")
