"""Derive from trials the purpose of each relaxation: needed, removable, or not shown on this host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from nestproof.core.outcome import Target
from nestproof.justify.experiment import DROP_ALL
from nestproof.justify.kernel_checks import can_show, check_of
from nestproof.justify.plan import OWN_CAPABILITIES, Question
from nestproof.justify.search import Found, Known, Set, contradictions
from nestproof.justify.trials import BwrapVariant, ExperimentHost, SortedSet, Trial, of_way, sufficing


class Need(StrEnum):
    """The experiment's verdict on a relaxation."""

    NEEDED = "needed"
    REMOVABLE = "removable"
    ELSEWHERE = "not needed here"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Row:
    """A relaxation, whether it is needed, by which probes, what is said without it, and why."""

    relaxation: str
    need: Need
    probes: tuple[str, ...] = ()
    said: Annotated[str, Field(alias="error")] = ""
    cause: str = ""
    check: str = ""
    source: str = ""
    hosts: Annotated[str, Field(alias="neededOn")] = ""
    """The hosts that need it, for a relaxation that is not needed or cannot be shown here."""
    by_default: bool = False
    """Docker grants it without being asked: shown by dropping all capabilities first."""
    copy_does_without: bool | None = None
    """True if a bwrap without the setuid bit works without it; None if that was not tried."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """The minimal sets that suffice on one way; `complete` if there are no others."""

    way: Annotated[BwrapVariant, Field(alias="bwrap")]
    sets: tuple[SortedSet, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Justification:
    """The results of the experiments on one host about one profile's relaxations."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel, extra="forbid")

    profile: str
    platform: str
    host: ExperimentHost
    asked: tuple[str, ...]
    rows: Annotated[tuple[Row, ...], Field(alias="relaxations")]
    minima: Annotated[tuple[Minimum, ...], Field(alias="minimal")]
    trials: tuple[Trial, ...]
    none_at_all: Annotated[bool | None, Field(alias="noCapabilityAtAll")] = None
    """True if the way without setuid works without any capability; None if that was not tried."""
    others_idle: Annotated[bool | None, Field(alias="otherDefaultsIdle")] = None
    """True if the setuid way works with the six capabilities alone; None if that was not tried."""
    contradictions: tuple[tuple[SortedSet, SortedSet], ...] = ()
    """Sets that suffice within larger ones that do not: then the search's assumption does not hold."""
    date: str = ""
    """UTC, in the form of ISO 8601."""
    schema_version: Literal[2] = 2

    @property
    def target(self) -> Target:
        return Target(self.profile, self.platform)

    @property
    def baseline(self) -> Trial:
        """All relaxations, and the image's own bwrap."""
        return of_way(self.trials, BwrapVariant.OWN)[frozenset(self.asked)]


def justify(
    target: Target,
    host: ExperimentHost,
    question: Question,
    found: Mapping[BwrapVariant, Found],
    trials: tuple[Trial, ...],
) -> Justification:
    """The table of a profile on one host; its date is the caller's to add."""
    own, copy = of_way(trials, BwrapVariant.OWN), of_way(trials, BwrapVariant.COPY)
    dropped = question.dropped
    bare = (copy if host.is_setuid else own).get(dropped.get(DROP_ALL, frozenset({"never tried"})))
    full = own.get(dropped.get("", frozenset({"never tried"})))
    minima = tuple(
        Minimum(way, tuple(options | question.kept for options in one.minimal), one.complete)
        for way, one in found.items()
    )
    return Justification(
        target.profile,
        target.platform,
        host,
        tuple(sorted(question.asked)),
        (*_rows(question, host, own, copy), *_own_capabilities(dropped, own)),
        minima,
        trials,
        bare.suffices if bare else None,
        full.suffices if full and host.is_setuid else None,
        tuple(pair for one in (own, copy) for pair in contradictions(_alike(sufficing(one)))),
    )


def _alike(answers: Mapping[Set, bool]) -> dict[Set, bool]:
    """True for sets that start from Docker's own capabilities: dropping all is no relaxation."""
    return {options: suffices for options, suffices in answers.items() if DROP_ALL not in options}


def _rows(
    question: Question, host: ExperimentHost, own: Mapping[Set, Trial], copy: Mapping[Set, Trial]
) -> Iterator[Row]:
    for name in sorted(question.asked):
        check = check_of(name)
        if not can_show(name, host):
            yield Row(
                name, Need.UNVERIFIED, check=check.whole, source=check.source, hosts=check.hosts or "others"
            )
            continue
        options = question.without(name)
        yield _row(name, own[options], host, _follows(options, copy))


def _follows(options: Set, trials: Mapping[Set, Trial]) -> bool | None:
    """True if the set suffices, False if not; None if the experiments do not tell."""
    return Known(_alike(sufficing(trials))).follows(options)


def _own_capabilities(dropped: Mapping[str, Set], own: Mapping[Set, Trial]) -> Iterator[Row]:
    full = own.get(dropped.get("", frozenset()))
    if full is None or not full.suffices:
        return  # where the six do not suffice, taking one of them away shows nothing
    for name in OWN_CAPABILITIES:
        trial, check = own[dropped[name]], check_of(name)
        need = Need.ELSEWHERE if trial.suffices else Need.NEEDED
        yield _finished_row(name, need, trial, check.hosts, by_default=True)


def _row(name: str, trial: Trial, host: ExperimentHost, copy_does_without: bool | None) -> Row:
    if not trial.suffices:
        return _finished_row(name, Need.NEEDED, trial, copy_does_without=copy_does_without)
    check = check_of(name)
    # What a host enforces was shown here; what helps a setuid bwrap alone helps none without the bit.
    remote = bool(check.hosts) and not check.lsm and host.is_setuid
    return _finished_row(
        name, Need.ELSEWHERE if remote else Need.REMOVABLE, trial, check.hosts if remote else ""
    )


def _finished_row(
    name: str,
    need: Need,
    trial: Trial,
    hosts: str = "",
    *,
    by_default: bool = False,
    copy_does_without: bool | None = None,
) -> Row:
    check, broken = check_of(name), trial.broken
    first = broken[0] if broken else None
    return Row(
        name,
        need,
        tuple(answer.probe for answer in broken),
        first.said if first else "",
        first.cause if first else "",
        check.whole,
        check.source,
        hosts,
        by_default,
        copy_does_without,
    )
