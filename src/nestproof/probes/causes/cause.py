"""A cause of a sandbox's failure: a program's words, their layer, and the smallest fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nestproof.probes.facts import SandboxFacts

Condition = Callable[[SandboxFacts], bool | None]
"""A condition on the surroundings of a process; None means unknown, which is no objection."""


@dataclass(frozen=True, slots=True)
class Made:
    """The way to make a failure in a container of this repository's secure image, as the user vscode.

    In the command, `plain-bwrap` is bwrap without its setuid bit.
    """

    options: str
    """Options of `docker run`, separated by blanks."""
    command: str
    """A command of the container's shell."""
    layer: str = ""
    """Lines of a Dockerfile that make it."""
    mended: str = ""
    """The same command after a fix that changes neither the options nor the image."""


@dataclass(frozen=True, slots=True)
class Cause:
    r"""A program's words, their layer, the cause and the smallest fix; `\1` is the group of `said`."""

    said: str
    """A regular expression, searched in each line by itself."""
    layer: str
    cause: str
    fix: str
    holds: Condition | None = None
    only_when_seen: bool = False
    """True if a more frequent cause has the same words, so that the facts must confirm this one."""
    said_by: str = ""
    """The agent whose probe must have printed the words; empty for any."""
    call: str = ""
    """The system call that was refused, where a seccomp filter can be the reason."""
    made: Made | None = None
    seen: str = ""
    """The place where it was seen by this project, if no container of that image makes it."""


def not_zero(name: str) -> Condition:
    """Holds where that sysctl is not 0; unknown where it could not be read."""

    def holds(here: SandboxFacts) -> bool | None:
        number = here.number(name)
        return None if number is None else number != 0

    return holds


def is_zero(name: str) -> Condition:
    """Holds where that sysctl is 0."""
    return lambda here: here.number(name) == 0


def is_confined(here: SandboxFacts) -> bool | None:
    """Holds where AppArmor enforces a profile; unknown where the label could not be read."""
    return here.is_confined if "apparmor" in here.found else None


def is_masked(here: SandboxFacts) -> bool | None:
    """Holds where paths under /proc are masked; unknown where the mounts could not be read."""
    return bool(here.masked_paths) if "masked" in here.found else None


def is_filtered(here: SandboxFacts) -> bool | None:
    """Holds where a seccomp filter is on; unknown where its state could not be read."""
    return here.is_filtered


def is_root(here: SandboxFacts) -> bool | None:
    """Holds for root; unknown where the user could not be read."""
    return here.found["uid"] == "0" if "uid" in here.found else None


def all_of(*conditions: Condition) -> Condition:
    """Holds where each does; one that does not hold outweighs those that are unknown."""

    def holds(here: SandboxFacts) -> bool | None:
        held = [condition(here) for condition in conditions]
        return False if False in held else None if None in held else True

    return holds


def none_of(condition: Condition) -> Condition:
    """Holds where that does not; unknown where that is."""

    def holds(here: SandboxFacts) -> bool | None:
        held = condition(here)
        return None if held is None else not held

    return holds
