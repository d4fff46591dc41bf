"""Transfer images and workspaces to an engine on another machine."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from nestproof.core.cancellation import check_cancelled
from nestproof.core.errors import EngineError
from nestproof.core.git import run_git
from nestproof.devcontainer.container_options import mounted_root
from nestproof.engine.client import Engine, Image, engine_errors, find_image

if TYPE_CHECKING:
    from docker import APIClient


def give_image(source: Engine, target: Engine, image: Image, say: Callable[[str], None]) -> None:
    """Load an image into another engine, unless it has it or is the same; raises EngineError."""
    if target is source or find_image(target, image.id):
        return
    say(f"loading {image.id.removeprefix('sha256:')[:12]} into the engine at {target.facts.address}")
    with engine_errors("loading the image into another engine"):
        for _ in target.api.load_image(_looking_up(source.api.get_image(image.id))):
            check_cancelled()
    if not find_image(target, image.id):
        raise EngineError(f"the engine at {target.facts.address} did not take the image {image.id}")


def _looking_up(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        check_cancelled()
        yield chunk


Prepare = Callable[["APIClient", str], None]


def adapt_workspace(
    request: dict[str, Any], workspace: Path, *, copied: bool
) -> tuple[dict[str, Any], Prepare | None]:
    """Put a copy in place of the workspace, and list the folders to copy first."""
    if not copied:
        return request, None
    request, folders = replace_binds(request, workspace)
    return request, partial(copy_workspace, folders=folders) if folders else None


def replace_binds(request: Mapping[str, Any], workspace: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """The request with volumes where the workspace would be bound; which folder is to be filled from where.

    An engine elsewhere has no such folder, and a stranger's container is not to change it. What else is
    bound, such as its socket, is the engine's own.
    """
    host = dict(request["HostConfig"])
    labels = {"Labels": dict(request["Labels"])}
    root = mounted_root(workspace).resolve()
    folders: dict[str, Path] = {}

    def is_ours(source: str) -> bool:
        return source.startswith("/") and Path(os.path.realpath(source)).is_relative_to(root)

    def replaced(mount: dict[str, Any]) -> dict[str, Any]:
        if mount["Type"] != "bind" or not is_ours(mount.get("Source", "")):
            return mount
        if Path(mount["Source"]).is_file():
            # A volume cannot stand for one file.
            return {**mount, "ReadOnly": True}
        folders[mount["Target"]] = Path(mount["Source"])
        return {"Type": "volume", "Target": mount["Target"], "VolumeOptions": labels}

    mounts = list(map(replaced, host.get("Mounts") or ()))
    if binds := host.get("Binds"):
        parts = [bind.split(":") for bind in binds]
        ours = [words for words in parts if is_ours(words[0])]
        mounts += [replaced({"Type": "bind", "Source": words[0], "Target": words[1]}) for words in ours]
        host["Binds"] = [":".join(words) for words in parts if words not in ours]
    return {**request, "HostConfig": {**host, "Mounts": mounts}}, folders


def copy_workspace(api: APIClient, container: str, folders: Mapping[str, Path]) -> None:
    """Copy folders into a container's volumes: what git tracks or would track, or else everything."""
    for target, source in folders.items():
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in _files(source):
                if (source / name).is_file() or (source / name).is_symlink():
                    tar.add(source / name, arcname=str(PurePosixPath(name)), recursive=False)
        with engine_errors("copying the workspace into a volume"):
            api.put_archive(container, target, archive.getvalue())


def _files(folder: Path) -> list[str]:
    listed = run_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.status == 0:
        return [name for name in listed.stdout.split("\0") if name]
    return [
        os.path.relpath(Path(place) / name, folder) for place, _, names in os.walk(folder) for name in names
    ]
