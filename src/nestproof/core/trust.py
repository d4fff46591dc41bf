"""Trust: the list of what a person allows a repository to do on this machine, in the person's own folder.

Kept line by line, so that what is new can be told from what was allowed, and never in the repository.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.files import read_file, replace_file

EVERYTHING = "NESTPROOF_TRUST"
"""The environment variable by which whoever starts nestproof answers for the repository: `1` allows all."""
_FIX = (
    "read the list, then `nestproof trust` allows exactly it for this folder; on a machine that is thrown "
    f"away afterwards, such as a CI runner, {EVERYTHING}=1 allows everything"
)
_FIX_OF_BASE = (
    "whoever reviews the change weighs these lines; they are allowed once they are merged, or where somebody "
    "who trusts them runs it without --trust-base"
)


class _Asking:
    """True in the program `nestproof`, which asks before it starts anything."""

    on = False


def ask_from_now_on() -> None:
    """Make this process one that asks: tasks of a repository's own tasks.py run as its code does already."""
    _Asking.on = True


def is_asking() -> bool:
    """True if nothing may be started that nobody has allowed."""
    return _Asking.on


@dataclass(frozen=True, slots=True)
class Trust:
    """The allowed lines, or everything; `seen` came up in a run and was refused."""

    lines: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    everything: bool = False
    given: bool = False
    """True if somebody answered for the repository, although it may have asked for nothing."""

    @property
    def is_given(self) -> bool:
        """True for a repository whose containers need no limits."""
        return self.everything or self.given

    def missing(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """The lines that are not allowed, in their order and once."""
        return () if self.everything else tuple(dict.fromkeys(w for w in wanted if w not in self.lines))


@dataclass(frozen=True, slots=True)
class TrustOptions:
    """The options of a command about what a repository may do on this machine."""

    bind_workspace: bool = False
    """Its containers get the workspace itself, where they would get a copy."""
    egress: bool = False
    """Its containers reach the network, although nobody trusts it."""
    base: str = ""
    """A revision: lock, configuration and trust are those of the merge base with it."""
    lifecycle: bool = True
    """The lifecycle commands run in its containers."""
    agents: bool = True
    """The agents in its containers are driven with a scripted model."""
    initialize: bool = False
    """Its `initializeCommand` runs, on this machine."""
    stand_in_internet: bool = False
    """Its containers are put on a stand-in Internet, and reach nothing outside."""


CAUTIOUS = TrustOptions()
"""Nothing beyond what is allowed."""


class UntrustedError(UsageError):
    """The repository asks for more than a build inside it, and nobody has allowed that."""

    def __init__(self, missing: Iterable[str], trust: Trust, base: str = "") -> None:
        new = "that is new since it was allowed" if trust.lines else "that nobody has allowed yet"
        if base:
            new = f"that it does not ask for at its merge base with {base}"
        super().__init__(
            f"this repository asks for something of this machine {new}; nothing was started",
            why="it would\n" + "\n".join(f"    {line}" for line in missing),
            fix=_FIX_OF_BASE if base else _FIX,
        )
        self.missing = tuple(missing)


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder of what nestproof remembers for this user (XDG base directory specification).

    Raises OSError for a user without a home folder, as in a container with any user's number.
    """
    given = environment.get("XDG_STATE_HOME", "")
    try:
        base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise OSError("this user has no home folder") from error
    return base / "nestproof"


def read_trust(workspace: Path, environment: Mapping[str, str]) -> Trust:
    """Read what is allowed in a folder: nothing where nothing is kept, or what is kept cannot be read."""
    if environment.get(EVERYTHING) == "1":
        return Trust(everything=True)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(read_file(_file(workspace, environment)))
        if kept["folder"] == str(workspace.resolve()):
            allowed = frozenset(map(str, kept["allowed"]))
            return Trust(allowed, frozenset(map(str, kept["seen"])), given=bool(kept.get("given", allowed)))
    return Trust()


def keep_trust(
    workspace: Path,
    environment: Mapping[str, str],
    *,
    allowed: Iterable[str],
    seen: Iterable[str] = (),
    given: bool = True,
) -> Path:
    """Keep what is allowed in a folder, for this user alone to read; raises NestproofError."""
    kept = {
        "folder": str(workspace.resolve()),
        "given": given,
        "allowed": sorted(allowed),
        "seen": sorted(seen),
    }
    try:
        file = _file(workspace, environment)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, json.dumps(kept, indent=1), private=True)
    except OSError as error:
        raise NestproofError(
            "what is allowed here cannot be kept", why=str(error), fix="XDG_STATE_HOME names another folder"
        ) from error
    return file


def _file(workspace: Path, environment: Mapping[str, str]) -> Path:
    name = hashlib.sha256(os.fsencode(workspace.resolve())).hexdigest()[:32]
    return state_folder(environment) / "trust" / f"{name}.json"
