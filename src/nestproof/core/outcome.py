"""The values that travel from every check and probe to the reports: questions and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from nestproof.core.diagnostics import Finding
from nestproof.core.errors import NestproofError

INTERRUPTED = 130
"""The exit code of a run that was cut short; what it had begun is cleaned up."""


class Status(StrEnum):
    """The five verdicts; their meanings are a contract (see the README)."""

    PASS = "pass"  # noqa: S105 # a verdict, not a password
    FAIL = "fail"
    DEGRADED = "degraded"
    UNVERIFIED = "unverified"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Target:
    """A profile on a platform, to be built and smoked."""

    profile: str
    platform: str

    def __str__(self) -> str:
        return f"{self.profile} {self.platform}"


@dataclass(frozen=True, slots=True)
class Observation:
    """The recorded run of a program; `exit_status` is None when the program was ended."""

    command: tuple[str, ...]
    exit_status: int | None
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    stdout_left_out: int = 0
    """Characters before the part of a long output that is kept."""
    stderr_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question with its verdict. A fail has a cause and, where one is known, a fix to paste."""

    id: str
    status: Status
    summary: str
    target: Target | None = None
    cause: str = ""
    fix: str = ""
    observation: Observation | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """Facts about a target beside the verdicts: its image, and the output of probes/scripts/facts.sh."""

    target: Target
    image: str
    found: Mapping[str, str]
    run_args: tuple[str, ...] = ()
    """The run arguments as written in the profile's file."""
    create: Mapping[str, Any] | None = None
    """The create request computed from the profile."""


def joined(learned: Sequence[TargetFacts]) -> tuple[TargetFacts, ...]:
    """Merge the facts of each target; later facts win."""
    known: dict[Target, TargetFacts] = {}
    for facts in learned:
        before = known.get(facts.target, facts)
        known[facts.target] = replace(
            facts,
            found={**before.found, **facts.found},
            run_args=facts.run_args or before.run_args,
            create=facts.create or before.create,
        )
    return tuple(known.values())


def unasked(step: str, target: Target, error: NestproofError) -> Outcome:
    """The outcome of a question that could not be put to a target; the error's exit code gives the status."""
    status = {1: Status.FAIL, 3: Status.UNVERIFIED}.get(error.exit_code, Status.ERROR)
    return Outcome(step, status, error.what, target, error.why, error.fix)


def count(outcomes: Sequence[Outcome]) -> Counter[Status]:
    """Count the outcomes of each status."""
    return Counter(outcome.status for outcome in outcomes)


def exit_code(outcomes: Sequence[Outcome], *, allow_unverified: bool = False) -> int:
    """0 all passed, 1 something failed, 3 something is unverified, 4 an error or nothing was asked at all.

    What may be unverified is never all there is: `allow_unverified` makes that 4, not 0.
    """
    seen = count(outcomes)
    if seen[Status.FAIL]:
        return 1
    if seen[Status.ERROR] or not outcomes:
        return 4
    if seen[Status.UNVERIFIED]:
        return 3 if not allow_unverified else 0 if is_shown(outcomes) else 4
    return 0


_STEPS = ("build", "smoke", "smoke.container", "justify")


def is_shown(outcomes: Sequence[Outcome]) -> bool:
    """True if something passed, and no target as a whole could not be built, started or asked."""
    shown = any(outcome.status in (Status.PASS, Status.DEGRADED) for outcome in outcomes)
    whole = any(outcome.status is Status.UNVERIFIED and outcome.id in _STEPS for outcome in outcomes)
    return shown and not whole
