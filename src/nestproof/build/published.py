"""Read an image's digest and platforms from a registry or an OCI archive."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestproof.core.errors import CommandError
from nestproof.core.process import run

# A registry across the world answers within seconds.
ASK_TIMEOUT = 60.0
_ASKED = '{"manifest":{{json .Manifest}},"image":{{json .Image}}}'


@dataclass(frozen=True, slots=True)
class Published:
    """A published image: its digest and platforms."""

    digest: str
    platforms: tuple[str, ...]


def in_registry(reference: str) -> Published:
    """Ask the registry, as `docker buildx imagetools inspect` does; raises CommandError."""
    argv = ("docker", "buildx", "imagetools", "inspect", "--format", _ASKED, reference)
    completed = run(argv, timeout=ASK_TIMEOUT)
    if completed.status != 0:
        raise CommandError(
            f"the registry could not be asked what {reference} is", why=completed.stderr.strip()[-2000:]
        )
    answer = json.loads(completed.stdout)
    image = answer["image"]
    # One configuration, or one for each platform; what an attestation says is left out by buildx.
    configs = [image] if "architecture" in image else list(image.values())
    return Published(answer["manifest"]["digest"], tuple(_platform(config) for config in configs))


def in_archive(path: Path) -> Published:
    """Read an OCI archive's index, manifests and configurations; raises CommandError when it is none.

    Source: the OCI image layout specification.
    """
    try:
        with tarfile.open(path) as archive:
            (root,) = _read(archive, "index.json")["manifests"]
            found = tuple(_platforms(archive, root))
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise CommandError(f"{path} is no OCI archive", why=str(error)) from error
    return Published(root["digest"], found)


def _platforms(archive: tarfile.TarFile, descriptor: Mapping[str, Any]) -> Iterator[str]:
    value = _read(archive, f"blobs/{descriptor['digest'].replace(':', '/')}")
    if "config" in value:
        yield _platform(_read(archive, f"blobs/{value['config']['digest'].replace(':', '/')}"))
    for manifest in value.get("manifests", ()):
        # Attestations are of no platform.
        if manifest.get("platform", {}).get("os") != "unknown":
            yield from _platforms(archive, manifest)


def _read(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is no file")
    return json.loads(member.read())


def _platform(config: Mapping[str, Any]) -> str:
    return f"{config['os']}/{config['architecture']}"
