"""Guests with a kernel of their own: started, reached, and given an image and a workspace."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from nestproof.command import run, run_interactive
from nestproof.engine import Engine, Image, connect, engine_errors, find_image, remove_leftovers
from nestproof.errors import CommandError, EngineError, UsageError
from nestproof.git import run_git
from nestproof.stopping import check_stop, held

if TYPE_CHECKING:
    from docker import APIClient

# A first start makes a file system under emulation; measured: under ten minutes on two cores.
UP_TIMEOUT = 3600.0
# An engine in a guest without hardware help is some ten times slower.
CALL_TIMEOUT = 600


def control(command: Sequence[str], workspace: Path, *arguments: str) -> int:
    """Hand a word to the guests' command, with the terminal; returns its exit status."""
    return run_interactive([*_argv(command, workspace), *arguments])


def open_guest(command: Sequence[str], workspace: Path, platform: str, say: Callable[[str], None]) -> Engine:
    """The engine of the platform's guest, started if need be.

    Raises CommandError when it does not start, EngineUnavailable when its engine does not answer.
    """
    say(f"starting the guest for {platform}, or using the one that runs")
    up = run([*_argv(command, workspace), "up", "--platform", platform], timeout=UP_TIMEOUT, on_line=say)
    if up.status != 0:
        raise CommandError(
            f"the guest for {platform} could not be started",
            why=up.stderr.strip()[-2000:],
            fix=f"{' '.join(command)} up --platform {platform}",
        )
    return connect(read_variables(up.stdout), timeout=CALL_TIMEOUT)


class Guests:
    """The guests of a run, each opened once, however many targets ask for it."""

    def __init__(self, command: Sequence[str], workspace: Path, say: Callable[[str], None]) -> None:
        self._command, self._workspace, self._say = command, workspace, say
        self._lock = threading.Lock()
        self._opened: dict[str, Engine] = {}

    def open(self, platform: str) -> Engine:
        """The engine of the platform's guest, cleared of what killed runs left there; see open_guest."""
        with held(self._lock):
            if platform not in self._opened:
                guest = open_guest(self._command, self._workspace, platform, self._say)
                for name in remove_leftovers(guest):
                    self._say(f"removed {name}, left behind in the guest by an earlier run that was killed")
                self._opened[platform] = guest
            return self._opened[platform]


def read_variables(text: str) -> dict[str, str]:
    """`NAME=value` lines, as a shell would take them; others are left out."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip("'\"") for name, is_one, value in pairs if is_one and name.isidentifier()}


def _argv(command: Sequence[str], workspace: Path) -> list[str]:
    if not command:
        raise UsageError(
            "this repository does not say how a guest is started",
            fix='guest = ["scripts/vm"] in [tool.nestproof]; docs/nodes.md has the script',
        )
    program = workspace / command[0]
    return [str(program) if program.exists() else command[0], *command[1:]]


def give_image(source: Engine, target: Engine, image: Image, say: Callable[[str], None]) -> None:
    """Load an image into another engine, unless it has it or is the same; raises EngineError."""
    if target is source or find_image(target, image.id):
        return
    say(f"loading {image.id.removeprefix('sha256:')[:12]} into the engine at {target.facts.address}")
    with engine_errors("loading the image into another engine"):
        for _ in target.api.load_image(_looking_up(source.api.get_image(image.id))):
            check_stop()
    if not find_image(target, image.id):
        raise EngineError(f"the engine at {target.facts.address} did not take the image {image.id}")


def _looking_up(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        check_stop()
        yield chunk


Prepare = Callable[["APIClient", str], None]


def at_place(
    request: dict[str, Any], workspace: Path, *, elsewhere: bool
) -> tuple[dict[str, Any], Prepare | None]:
    """The request as an engine here or elsewhere can carry it out, and what its container needs first."""
    if not elsewhere:
        return request, None
    request, folders = without_binds(request, workspace)
    return request, partial(fill, folders=folders) if folders else None


def without_binds(request: Mapping[str, Any], workspace: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """The request with volumes where the workspace would be bound; which folder is to be filled from where.

    An engine elsewhere has no such folder. What else is bound, such as its socket, is the engine's own.
    """
    host = dict(request["HostConfig"])
    labels = {"Labels": dict(request["Labels"])}
    ours = (str(workspace), *map(str, workspace.parents))
    folders: dict[str, Path] = {}

    def volume(source: str, target: str) -> dict[str, Any]:
        folders[target] = Path(source)
        return {"Type": "volume", "Target": target, "VolumeOptions": labels}

    mounts = [
        volume(mount["Source"], mount["Target"])
        if mount["Type"] == "bind" and mount.get("Source") in ours
        else mount
        for mount in host.get("Mounts") or ()
    ]
    if binds := host.get("Binds"):
        parts = [bind.split(":") for bind in binds]
        mounts += [volume(*words[:2]) for words in parts if words[0] in ours]
        host["Binds"] = [":".join(words) for words in parts if words[0] not in ours]
    return {**request, "HostConfig": {**host, "Mounts": mounts}}, folders


def fill(api: APIClient, container: str, folders: Mapping[str, Path]) -> None:
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
