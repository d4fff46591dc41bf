"""Results of one set of options: the values that travel from the experiments to the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, PlainSerializer

from nestproof.core.outcome import Outcome, Status
from nestproof.engine.client import ROOT_MAPPED
from nestproof.justify.search import Set
from nestproof.probes.verdicts import last_line

SortedSet = Annotated[Set, PlainSerializer(sorted)]
"""Written down in one order."""

_ENOUGH = frozenset({Status.PASS, Status.DEGRADED, Status.UNVERIFIED})


class BwrapVariant(StrEnum):
    """The tested bwrap: the image's own, or a copy of it without the setuid bit, first on the PATH.

    Where the image's own is not setuid, there is no copy: it would be the same program again.
    """

    OWN = "own"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Answer:
    """A probe's verdict; if it is no pass, also the summary and the cause."""

    probe: str
    status: Status
    said: Annotated[str, Field(alias="error")] = ""
    cause: str = ""

    @classmethod
    def of(cls, outcome: Outcome) -> Answer:
        """The answer in an outcome of a smoke run."""
        name = outcome.id.partition(".")[2]
        if outcome.status in _ENOUGH:
            return cls(name, outcome.status)
        return cls(name, outcome.status, last_line(outcome.summary), outcome.cause)


@dataclass(frozen=True, slots=True)
class Trial:
    """A set of options, a bwrap, and the answer of each probe."""

    options: SortedSet
    way: Annotated[BwrapVariant, Field(alias="bwrap")]
    answers: tuple[Answer, ...]

    @property
    def broken(self) -> tuple[Answer, ...]:
        """The probes that fail in this trial."""
        return tuple(answer for answer in self.answers if answer.status not in _ENOUGH)

    @property
    def suffices(self) -> bool:
        """True if all probes work."""
        return not self.broken


@dataclass(frozen=True, slots=True)
class Job:
    """A set of options, and the bwrap to test with it."""

    options: Set
    ways: frozenset[BwrapVariant]


# The security options that decide what experiments show.
_CONFINING = frozenset({"apparmor", "seccomp", "selinux"}) | ROOT_MAPPED


@dataclass(frozen=True, slots=True)
class ExperimentHost:
    """The facts of a host that decide what experiments show there."""

    kernel: str
    lsms: tuple[str, ...]
    """The engine's security options, such as seccomp and apparmor."""
    engine: str
    """Its product and version, such as `Docker 26.1.5`."""
    platform: str
    image: str
    """The image's digest."""
    bwrap: str = ""
    """The mode of the image's bwrap, such as `4755 root`; empty when it has none."""

    def confines_with(self, name: str) -> bool:
        """True if the engine has that kind of security option."""
        return name in self.lsms

    @property
    def maps_root(self) -> bool:
        """True if root in a container is another user of the host."""
        return not ROOT_MAPPED.isdisjoint(self.lsms)

    @property
    def is_setuid(self) -> bool:
        """True if the image's own bwrap is setuid."""
        mode = self.bwrap.partition(" ")[0]
        return len(mode) == 4 and mode[0] in "4567"

    def __str__(self) -> str:
        confining = ", ".join(name for name in self.lsms if name in _CONFINING)
        return f"Linux {self.kernel} ({confining or 'no filter, no policy'}), {self.engine}, {self.platform}"


def of_way(trials: Iterable[Trial], way: BwrapVariant) -> dict[Set, Trial]:
    """The trials of one way, by their options."""
    return {trial.options: trial for trial in trials if trial.way is way}


def sufficing(trials: Mapping[Set, Trial]) -> dict[Set, bool]:
    """Map each set to whether it was enough."""
    return {options: trial.suffices for options, trial in trials.items()}
