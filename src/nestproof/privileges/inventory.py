"""List the privileges of all profiles against the lock, or write them into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from nestproof.devcontainer.loading import require_profile
from nestproof.devcontainer.profile import ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges.lock import (
    LOCK_FILE,
    OF_THE_CONTAINER,
    UNWRITTEN,
    Lock,
    Reasons,
    read_lock,
    render_lock,
    unwritten_reason,
    write_lock,
)
from nestproof.privileges.lock_check import asked_by
from nestproof.privileges.risks import risk_of


class LockStatus(StrEnum):
    """A relaxation's relation to the lock."""

    LOCKED = "in the lock"
    MISSING = "not in the lock"
    UNUSED = "in the lock, not asked for"
    UNHELD = "no lock"


@dataclass(frozen=True, slots=True)
class Privilege:
    """A relaxation of a profile, its status in the lock, and its reason there."""

    relaxation: str
    standing: LockStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProfilePrivileges:
    """A profile with its privileges, the gravest first; `trouble` says why it could not be read."""

    name: str
    file: str
    privileges: tuple[Privilege, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The privileges of every profile, compared with the lock."""

    has_lock: bool
    holders: tuple[ProfilePrivileges, ...]

    @property
    def exit_code(self) -> int:
        """1 when a profile cannot be read, or asks for what the lock does not have."""
        standings = {privilege.standing for holder in self.holders for privilege in holder.privileges}
        return int(LockStatus.MISSING in standings or any(holder.trouble for holder in self.holders))


@dataclass(frozen=True, slots=True)
class Updated:
    """The changes of an update to the lock, and the reasons that a person still has to write."""

    written: bool
    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]
    unwritten: tuple[tuple[str, str], ...]

    @property
    def exit_code(self) -> int:
        """0: a lock that cannot be written is an error."""
        return 0


@dataclass(frozen=True, slots=True)
class RequestedPrivileges:
    """The relaxations in a profile's file or, in `trouble`, why they are unknown."""

    file: str
    lines: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    trouble: str = ""


def show(profiles: ProfileReader) -> Shown:
    """The privileges of every profile; raises UsageError when there is no profile, or no sound lock."""
    lock, sides = read_lock(profiles.workspace), read_requested(profiles)
    return Shown(lock is not None, tuple(hold(sides, lock)))


def update(profiles: ProfileReader) -> Updated:
    """Write into the lock what the profiles ask for; raises ProfileError while one of them cannot be read."""
    workspace = profiles.workspace
    lock, sides = read_lock(workspace), read_requested(profiles)
    if trouble := [side.trouble for side in sides.values() if side.trouble]:
        raise ProfileError("\n".join(trouble), fix=f"{LOCK_FILE} is as it was; mend the profile first")
    reasons = {name: _reasons(side.asked, lock.get(name, {}) if lock else {}) for name, side in sides.items()}
    for name, table in (lock or {}).items():
        if name in reasons:
            reasons[name] |= {word: why for word, why in table.items() if word.startswith(OF_THE_CONTAINER)}
    text = render_lock(reasons, lock)
    written = lock is None or text != lock.source.text
    if written:
        write_lock(workspace, text)
    before, after = _pairs(lock or {}), _pairs(reasons)
    unwritten = [(name, item) for name, item in after if reasons[name][item].startswith(UNWRITTEN)]
    return Updated(
        written,
        tuple(pair for pair in after if pair not in before),
        tuple(pair for pair in before if pair not in after),
        tuple(unwritten),
    )


def hold(sides: Mapping[str, RequestedPrivileges], lock: Lock | None) -> Iterator[ProfilePrivileges]:
    """List each profile with its privileges, then the lock's entries for profiles that do not exist."""
    for name in dict.fromkeys([*sides, *(lock or {})]):
        side = sides.get(name, RequestedPrivileges(""))
        locked = lock.get(name, {}) if lock and not side.trouble else {}
        names = by_rank({*side.asked, *locked})
        privileges = (
            privilege(item, name, lock, asked=item in side.asked or item.startswith(OF_THE_CONTAINER))
            for item in names
        )
        yield ProfilePrivileges(name, side.file, tuple(privileges), side.trouble)


def privilege(relaxation: str, profile: str, lock: Lock | None, *, asked: bool = True) -> Privilege:
    """A relaxation with its status in the lock."""
    if lock is None:
        return Privilege(relaxation, LockStatus.UNHELD)
    locked = lock.get(profile, {})
    if relaxation not in locked:
        return Privilege(relaxation, LockStatus.MISSING)
    return Privilege(relaxation, LockStatus.LOCKED if asked else LockStatus.UNUSED, locked[relaxation])


def by_rank(relaxations: Iterable[str]) -> tuple[str, ...]:
    """Sort by rank, the gravest first."""
    return tuple(sorted(relaxations, key=lambda name: (-risk_of(name).rank, name)))


def read_requested(profiles: ProfileReader, *, may_be_none: bool = False) -> dict[str, RequestedPrivileges]:
    """Every profile as it is now; raises UsageError when there is none and there must be one."""
    names = tuple(profiles.files) if may_be_none else profiles.names()
    return {name: read_requested_of(profiles, name) for name in names}


def read_requested_of(profiles: ProfileReader, name: str) -> RequestedPrivileges:
    """Read the relaxations of a profile's file."""
    shown = profiles.shown(name)
    try:
        reading = profiles.read(name)
        asked = asked_by(require_profile(reading), reading.document)
    except ProfileError as error:
        return RequestedPrivileges(shown, trouble=str(error))
    return RequestedPrivileges(shown, tuple(reading.document.text.splitlines()), asked)


def _reasons(asked: Iterable[str], written: Mapping[str, str]) -> dict[str, str]:
    """The existing reasons, with placeholders for the missing ones."""
    return {
        name: written[name] if written.get(name, "").strip() else unwritten_reason(name) for name in asked
    }


def _pairs(reasons: Reasons) -> list[tuple[str, str]]:
    return [(profile, relaxation) for profile in reasons for relaxation in reasons[profile]]
