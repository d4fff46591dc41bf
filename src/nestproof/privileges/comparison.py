"""Compare the privileges of all profiles with those of another revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from nestproof.core.git import find_merge_base
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges.inventory import (
    Privilege,
    RequestedPrivileges,
    by_rank,
    privilege,
    read_requested,
    read_requested_of,
)
from nestproof.privileges.lock import Lock, read_lock
from nestproof.privileges.revision import Recorded, recorded_profiles, written_out

# git-diff(1), --find-renames: similar by half counts as renamed.
_LIKE = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """A profile before and after; None where there is none. `renamed_from` is the one that it was, if any."""

    name: str
    before: RequestedPrivileges | None
    after: RequestedPrivileges | None
    added: tuple[Privilege, ...] = ()
    removed: tuple[str, ...] = ()
    kept: int = 0
    renamed_from: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Relaxations that the working tree adds and removes since its merge base with a revision."""

    base: str
    commit: str
    changes: tuple[Change, ...]

    @property
    def exit_code(self) -> int:
        """1 if something is added, or may be, as a profile cannot be read now; else 0."""
        return int(any(change.added or (change.after and change.after.trouble) for change in self.changes))


def compare(profiles: ProfileReader, base: str) -> Comparison:
    """Compare the working tree's relaxations with those at its merge base with `base`.

    Raises UsageError when `base` is no commit, UnanswerableError where the history does not reach that far.
    """
    workspace = profiles.workspace
    lock, commit = read_lock(workspace), find_merge_base(workspace, base)
    recorded = recorded_profiles(workspace, commit)
    before = {name: _recorded_side(name, file, profiles, commit) for name, file in recorded.items()}
    after = read_requested(profiles, may_be_none=bool(before))
    names = dict.fromkeys([*before, *after])
    changes = tuple(compare_sides(name, before, after, lock) for name in names)
    return Comparison(base, commit, changes)


def compare_sides(
    name: str,
    before: Mapping[str, RequestedPrivileges],
    after: Mapping[str, RequestedPrivileges],
    lock: Lock | None,
) -> Change:
    """Relaxations only in one of two sides; after an unreadable file, all count as added."""
    old, new = before.get(name), after.get(name)
    asked, had = (set(side.asked) if side else set() for side in (new, old))
    unknown = new is not None and new.trouble
    return Change(
        name,
        old,
        new,
        tuple(privilege(item, name, lock) for item in by_rank(asked - had)),
        () if unknown else by_rank(had - asked),
        len(asked & had),
        _renamed_from(name, before, after) if old is None else "",
    )


def _recorded_side(
    name: str, recorded: Recorded, profiles: ProfileReader, commit: str
) -> RequestedPrivileges:
    """The workspace in both revisions: its path can decide a profile's relaxations."""
    if recorded.trouble:
        return RequestedPrivileges(recorded.file, trouble=f"{recorded.file}: {recorded.trouble}")
    if b'"dockerComposeFile"' in recorded.content:
        # Compose reads its files, and those that they name, itself.
        with written_out(profiles.workspace, commit) as folder:
            there = ProfileReader(folder, profiles.environment, {name: folder / recorded.file})
            return read_requested_of(there, name)
    files, contents = {name: profiles.workspace / recorded.file}, {name: recorded.content}
    return read_requested_of(ProfileReader(profiles.workspace, profiles.environment, files, contents), name)


def _renamed_from(
    name: str, before: Mapping[str, RequestedPrivileges], after: Mapping[str, RequestedPrivileges]
) -> str:
    """The removed profile with most of the new one's lines, at least half, as git decides."""
    new = Counter(after[name].lines)
    alike = {gone: _likeness(Counter(before[gone].lines), new) for gone in before if gone not in after}
    nearest = max(alike, key=lambda gone: alike[gone], default="")
    return nearest if nearest and alike[nearest] >= _LIKE else ""


def _likeness(some: Counter[str], others: Counter[str]) -> float:
    return (some & others).total() / max(some.total(), others.total(), 1)
