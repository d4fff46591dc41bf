"""A cause of a sandbox's failure: a program's words, their layer, and the smallest fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nestproof.probes.facts import SandboxFacts


@dataclass(frozen=True, slots=True)
class Cause:
    r"""A program's words, their layer, the cause and the smallest fix; `\1` is the group of `said`."""

    said: str
    layer: str
    cause: str
    fix: str
    holds: Callable[[SandboxFacts], bool | None] | None = None
    """The condition on the process's surroundings; None from it means unknown, which is no objection."""
    only_when_seen: bool = False
    """True if a more frequent cause has the same words, so that the facts must confirm this one."""
    said_by: str = ""
    """The agent whose probe must have printed the words; empty for any."""


def not_zero(name: str) -> Callable[[SandboxFacts], bool | None]:
    """Holds where that sysctl is not 0; unknown where it could not be read."""

    def holds(here: SandboxFacts) -> bool | None:
        number = here.number(name)
        return None if number is None else number != 0

    return holds


def is_zero(name: str) -> Callable[[SandboxFacts], bool]:
    """Holds where that sysctl is 0."""
    return lambda here: here.number(name) == 0


def is_confined(here: SandboxFacts) -> bool | None:
    """Holds where AppArmor enforces a profile; unknown where the label could not be read."""
    return here.is_confined if "apparmor" in here.found else None


def is_masked(here: SandboxFacts) -> bool | None:
    """Holds where paths under /proc are masked; unknown where the mounts could not be read."""
    return bool(here.masked_paths) if "masked" in here.found else None
