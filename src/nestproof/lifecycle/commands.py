"""Plan a profile's lifecycle commands, in the order of the reference client.

Source: the devcontainer specification, "Lifecycle scripts"; devcontainers/cli, injectHeadless.ts: for each
phase the commands of the image and its features come first, then the profile's own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.variables import substitute

PHASES = (
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
)
AT_EACH_START = PHASES[3:]
"""Those that run again when the container is started again."""
INITIALIZE = "initializeCommand"


@dataclass(frozen=True, slots=True)
class Command:
    """One program of a phase."""

    phase: str
    origin: str
    """The profile, the image, or a feature."""
    argv: tuple[str, ...]
    key: str = ""
    """Its name among those that run side by side."""

    @property
    def text(self) -> str:
        """The command as it is written."""
        return self.argv[2] if self.argv[:2] == ("/bin/sh", "-c") else shlex.join(self.argv)

    @property
    def id(self) -> str:
        """The id of its outcome."""
        return f"lifecycle.{self.phase}" + (f".{self.key}" if self.key else "")


Group = tuple[Command, ...]
"""Commands that run side by side."""


def plan_phases(
    profile: Profile, phases: Sequence[str] = PHASES
) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """Each phase that has commands, with its groups, one after the other.

    `${containerEnv:…}` stays as it is: the reference client does not fill it in here.
    """
    written = profile.written or profile.config
    own: Mapping[str, Any] = written.model_dump(by_alias=True, exclude_unset=True)
    sources = substitute([*map(list, profile.inherited), ["the profile", dict(own)]], profile.variables)
    planned = (
        (phase, [read_command(phase, entry.get(phase), origin) for origin, entry in sources])
        for phase in phases
    )
    return tuple((phase, tuple(filter(None, groups))) for phase, groups in planned if any(groups))


def read_command(phase: str, value: Any, origin: str) -> Group:
    """A command as the specification writes it: for a shell, as a list, or several side by side."""
    if isinstance(value, Mapping):
        return tuple(
            Command(phase, origin, argv, str(key)) for key, one in value.items() if (argv := _argv(one))
        )
    argv = _argv(value)
    return (Command(phase, origin, argv),) if argv else ()


def _argv(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("/bin/sh", "-c", value) if value.strip() else ()
    return tuple(map(str, value)) if isinstance(value, list) else ()


def names_of(profile: Profile) -> Iterator[str]:
    """The commands that a run without a lifecycle leaves out, by the names of their outcomes."""
    for _, groups in plan_phases(profile):
        yield from (command.id.removeprefix("lifecycle.") for group in groups for command in group)
