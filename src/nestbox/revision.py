"""The profiles as a revision has them: git is asked which files there are, and what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nestbox.command import KEPT_BYTES, Completed, run
from nestbox.errors import CommandError, UsageError
from nestbox.profile import unlisted_name
from nestbox.source import quoted

GIT_TIMEOUT = 60.0
_SYMBOLIC_LINK = "120000"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A profile's file in a revision; where its content cannot be had, `trouble` says why."""

    file: str
    content: bytes = b""
    trouble: str = ""


def find_merge_base(workspace: Path, revision: str) -> str:
    """The commit from which HEAD and `revision` went their own ways; raises UsageError if there is none."""
    _git(workspace, "rev-parse", "--git-dir")
    # The suffix also keeps git from taking what starts with a dash for an option.
    named = _ask(workspace, "rev-parse", "--verify", f"{revision}^{{commit}}")
    if named.status or not re.fullmatch("[0-9a-f]+", named.stdout.strip()):
        raise UsageError(
            f"{quoted(revision)} names no commit of this repository",
            why=named.stderr.strip(),
            fix="name another, or fetch it first: git fetch origin",
        )
    found = _ask(workspace, "merge-base", "HEAD", named.stdout.strip())
    if found.status == 0:
        return found.stdout.strip()
    if found.stderr:
        raise UsageError("HEAD has no commit to compare", why=found.stderr.strip(), fix="commit something")
    shallow = _git(workspace, "rev-parse", "--is-shallow-repository").strip() == "true"
    raise UsageError(
        f"HEAD and {quoted(revision)} have no commit in common here",
        why="this clone is shallow: its history ends too early" if shallow else "",
        fix="git fetch --unshallow" if shallow else "name another revision",
    )


def recorded_profiles(workspace: Path, commit: str) -> dict[str, Recorded]:
    """Profile to file, as `discover` would find them in a folder that held the commit."""
    # Paths are those below the workspace, wherever in the repository that is.
    listing = _git(workspace, "ls-tree", "-r", "-l", "-z", commit, ".devcontainer.json", ".devcontainer/")
    entries: dict[str, list[str]] = {}
    for entry in listing.split("\0")[:-1]:
        facts, _, path = entry.partition("\t")
        entries[path] = facts.split()
    return {name: _recorded(workspace, path, entries[path]) for name, path in profiles_among(entries).items()}


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
        return Recorded(path, trouble="it is a link or a submodule there, which nestbox does not follow")
    content = _git(workspace, "cat-file", "blob", blob).encode()
    # Of a longer output the start is dropped; what is not UTF-8 comes back longer than it was.
    if int(size) > KEPT_BYTES or len(content) != int(size):
        return Recorded(path, trouble=f"it is longer than {KEPT_BYTES:,} bytes there, or not UTF-8")
    return Recorded(path, content)


def _git(workspace: Path, *arguments: str) -> str:
    """What git prints; raises an error when it cannot answer."""
    completed = _ask(workspace, *arguments)
    if completed.status == 0:
        return completed.stdout
    said = completed.stderr.strip()
    if "not a git repository" in said:
        raise UsageError("this is not a git repository", why=said, fix="compare in a clone of it")
    raise CommandError(f"git {arguments[0]} could not answer", why=said)


def _ask(workspace: Path, *arguments: str) -> Completed:
    # Inside a hook, git's variables point at the index of the commit in the making.
    scrubbed = {key: None for key in os.environ if key.startswith("GIT_")}
    argv = ("git", "--no-pager", "--no-optional-locks", *arguments)
    return run(argv, timeout=GIT_TIMEOUT, cwd=workspace, env={**scrubbed, "LC_ALL": "C"})
