"""Read the profiles of a git revision."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nestproof.core.errors import CommandError
from nestproof.core.git import GIT_TIMEOUT, run_git
from nestproof.core.process import KEPT_BYTES, run
from nestproof.devcontainer.discovery import unlisted_name

_SYMBOLIC_LINK = "120000"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A profile's file in a revision; `trouble` says why its content is missing."""

    file: str
    content: bytes = b""
    trouble: str = ""


def recorded_profiles(workspace: Path, commit: str) -> dict[str, Recorded]:
    """Profile to file, as `discover` would find them in a folder that held the commit."""
    # Paths are those below the workspace, wherever in the repository that is.
    listing = _git(workspace, "ls-tree", "-r", "-l", "-z", commit, ".devcontainer.json", ".devcontainer/")
    entries: dict[str, list[str]] = {}
    for entry in listing.split("\0")[:-1]:
        facts, _, path = entry.partition("\t")
        entries[path] = facts.split()
    return {name: _recorded(workspace, path, entries[path]) for name, path in profiles_among(entries).items()}


@contextlib.contextmanager
def written_out(workspace: Path, commit: str) -> Iterator[Path]:
    """A folder with the workspace of the commit, for programs that read files themselves."""
    with tempfile.TemporaryDirectory(prefix="nestproof-") as scratch:
        archive, folder = Path(scratch, "archive.tar"), Path(scratch, workspace.name)
        _git(workspace, "archive", "--format=tar", f"--output={archive}", commit)
        folder.mkdir()
        unpacked = run(["tar", "-C", str(folder), "-xf", str(archive)], timeout=GIT_TIMEOUT)
        if unpacked.status != 0:
            raise CommandError("what git archive wrote cannot be unpacked", why=unpacked.stderr.strip())
        yield folder


def profiles_among(paths: Iterable[str]) -> dict[str, str]:
    """The profiles' names for those of the paths that are one; see `discover` for the order."""
    ranked: list[tuple[int, str, str]] = []
    for path in paths:
        match PurePosixPath(path).parts:
            case (".devcontainer", "devcontainer.json"):
                ranked.append((0, path, "default"))
            case (".devcontainer.json",):
                ranked.append((1, path, "default"))
            case (".devcontainer", folder, "devcontainer.json"):
                ranked.append((2, path, folder))
            case (".devcontainer", name) if fnmatchcase(name, "devcontainer.*.json"):
                ranked.append((3, path, unlisted_name(Path(path))))
    found: dict[str, str] = {}
    for _, path, name in sorted(ranked):
        found.setdefault(name, path)
    return found


def _recorded(workspace: Path, path: str, facts: list[str]) -> Recorded:
    mode, kind, blob, size = facts
    if kind != "blob" or mode == _SYMBOLIC_LINK:
        return Recorded(path, trouble="it is a link or a submodule there, which nestproof does not follow")
    content = _git(workspace, "cat-file", "blob", blob).encode()
    # Of a longer output the start is dropped; what is not UTF-8 comes back longer than it was.
    if int(size) > KEPT_BYTES or len(content) != int(size):
        return Recorded(path, trouble=f"it is longer than {KEPT_BYTES:,} bytes there, or not UTF-8")
    return Recorded(path, content)


def _git(workspace: Path, *arguments: str) -> str:
    """Run git, and return its output; raises CommandError when git fails."""
    completed = run_git(workspace, *arguments)
    if completed.status == 0:
        return completed.stdout
    raise CommandError(f"git {arguments[0]} could not answer", why=completed.stderr.strip())
