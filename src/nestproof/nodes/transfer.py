"""Transfer images and workspaces to an engine on another machine."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from nestproof.core.cancellation import check_cancelled
from nestproof.core.errors import EngineError
from nestproof.core.files import FOLDER
from nestproof.core.git import run_git
from nestproof.devcontainer.container_options import mounted_root
from nestproof.engine.client import Engine, Image, engine_errors, find_image
from nestproof.engine.labels import RUN_LABEL
from nestproof.privileges.relaxations import is_system_folder

if TYPE_CHECKING:
    from docker import APIClient

_MOST_HISTORY = 128 << 20
_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
_MOST_FILES, _MOST_BYTES = 2000, 32 << 20
"""A folder of the host, such as an agent's configuration, is copied up to that."""


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
    request: dict[str, Any], workspace: Path, *, copied: bool, writes: bool = False
) -> tuple[dict[str, Any], Prepare | None]:
    """Put a copy in place of the workspace, and list the folders to copy first.

    `writes` says that the container changes what it has: then other folders of this machine are copied too.
    """
    if not copied:
        return request, None
    request, folders = replace_binds(request, workspace, others=writes)
    return request, partial(copy_workspace, folders=folders, history=writes) if folders else None


def with_own_volumes(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with volumes of the run's own in place of named ones, which hold a person's data."""
    host, label = dict(request["HostConfig"]), request["Labels"][RUN_LABEL]
    mounts = [dict(mount) for mount in host.get("Mounts") or ()]
    binds = []
    for bind in host.get("Binds") or ():
        source, *rest = bind.split(":")
        if not rest or source.startswith("/"):
            binds.append(bind)
            continue
        read_only = "ro" in (rest[1].split(",") if len(rest) > 1 else ())
        mounts.append({"Type": "volume", "Source": source, "Target": rest[0], "ReadOnly": read_only})
    for mount in mounts:
        if mount["Type"] == "volume" and mount.get("Source"):
            # One name at two places is one volume.
            mount["Source"] = f"nestproof-{label[:12]}-{mount['Source']}"
            mount["VolumeOptions"] = {"Labels": dict(request["Labels"])}
    return {**request, "HostConfig": {**host, "Binds": binds, "Mounts": mounts}}


def replace_binds(
    request: Mapping[str, Any], workspace: Path, *, others: bool = False
) -> tuple[dict[str, Any], dict[str, Path]]:
    """The request with volumes where the workspace would be bound; which folder is to be filled from where.

    An engine elsewhere has no such folder, and a stranger's container is not to change it. With `others` that
    counts for each folder of this machine, which is bound read-only where it is large. What else is bound,
    such as a socket, is the engine's own.
    """
    host = dict(request["HostConfig"])
    labels = {"Labels": dict(request["Labels"])}
    root = mounted_root(workspace).resolve()
    folders: dict[str, Path] = {}

    def is_below(source: str) -> bool:
        return Path(os.path.realpath(source)).is_relative_to(root)

    def is_ours(source: str) -> bool:
        if not source.startswith("/"):
            return False
        here = others and (Path(source).is_dir() or Path(source).is_file()) and not is_system_folder(source)
        return is_below(source) or here

    def replaced(mount: dict[str, Any]) -> dict[str, Any]:
        source = mount.get("Source", "")
        if mount["Type"] != "bind" or not is_ours(source):
            return mount
        if Path(source).is_file() or not (is_below(source) or _is_small(Path(source))):
            # A volume cannot stand for one file.
            return {**mount, "ReadOnly": True}
        if mount.get("ReadOnly") and not is_below(source):
            return mount
        folders[mount["Target"]] = Path(source)
        return {"Type": "volume", "Target": mount["Target"], "VolumeOptions": labels}

    mounts = [replaced(mount) for mount in host.get("Mounts") or ()]
    if host.get("Binds"):
        parts = [bind.split(":") for bind in host["Binds"]]
        ours = [words for words in parts if is_ours(words[0])]
        mounts += [replaced(_bind(words)) for words in ours]
        host["Binds"] = [":".join(words) for words in parts if words not in ours]
    return {**request, "HostConfig": {**host, "Mounts": mounts}}, folders


def _bind(words: list[str]) -> dict[str, Any]:
    read_only = "ro" in (words[2].split(",") if len(words) > 2 else ())
    return {"Type": "bind", "Source": words[0], "Target": words[1], "ReadOnly": read_only}


def _is_small(folder: Path) -> bool:
    """True for a folder that is worth a copy."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            files += 1
            with contextlib.suppress(OSError):
                size += (Path(place) / name).lstat().st_size
            if files > _MOST_FILES or size > _MOST_BYTES:
                return False
    return True


def copy_workspace(
    api: APIClient, container: str, folders: Mapping[str, Path], *, history: bool = False
) -> None:
    """Copy folders into a container's volumes: what git tracks or would track, or else everything.

    With `history` a repository goes along, for commands that ask it, without its configuration and hooks:
    those can hold a token.
    """
    for target, source in folders.items():
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in _files(source):
                if (source / name).is_file() or (source / name).is_symlink():
                    tar.add(source / name, arcname=str(PurePosixPath(name)), recursive=False)
            if history:
                _add_history(tar, source / ".git")
        with engine_errors("copying the workspace into a volume"):
            api.put_archive(container, target, archive.getvalue())


def _files(folder: Path) -> list[str]:
    listed = run_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.status == 0:
        return [name for name in listed.stdout.split("\0") if name]
    found = [
        os.path.relpath(Path(place) / name, folder) for place, _, names in os.walk(folder) for name in names
    ]
    # What runs left here is no part of the workspace; git would ignore it.
    return [name for name in found if FOLDER not in Path(name).parts]


def _add_history(tar: tarfile.TarFile, git: Path) -> None:
    """Add a repository's objects and references; one that is large, or has parts elsewhere, is left out."""
    if not git.is_dir() or (git / "objects/info/alternates").exists():
        return
    kept = ("HEAD", "index", "packed-refs", "shallow", "objects", "refs")
    files = [
        file
        for name in kept
        for file in ([git / name] if (git / name).is_file() else sorted((git / name).rglob("*")))
        if file.is_file() and not file.is_symlink()
    ]
    if sum(file.stat().st_size for file in files) > _MOST_HISTORY:
        return
    for file in files:
        tar.add(file, arcname=f".git/{file.relative_to(git).as_posix()}", recursive=False)
    for folder in ("refs/heads", "refs/tags", "objects"):
        entry = tarfile.TarInfo(f".git/{folder}")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    config = tarfile.TarInfo(".git/config")
    config.size, config.mode = len(_CONFIG), 0o644
    tar.addfile(config, io.BytesIO(_CONFIG))
