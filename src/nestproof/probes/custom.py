"""Probes of a repository, from `[[tool.nestproof.probe]]`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nestproof.core.bounded import LIMITS, LimitError, search
from nestproof.core.config import CustomProbe
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Observation, Status
from nestproof.probes.probe import OR_UNVERIFIED, Judge, Probe
from nestproof.probes.table import PROBES
from nestproof.probes.verdicts import Context, Judgement, failed, last_line

# What smoke runs call other outcomes, and the runner another answer.
_RESERVED = {"facts", "relaxations", "container"}


def custom_probes(
    configured: Iterable[CustomProbe], profiles: Collection[str]
) -> dict[str, tuple[Probe, ...]]:
    """The configured probes of each profile; raises UsageError for a name that is taken or unknown."""
    found: dict[str, tuple[Probe, ...]] = dict.fromkeys(profiles, ())
    taken = {probe.name for probe in PROBES} | _RESERVED
    for own in configured:
        if own.name in taken:
            raise UsageError(
                f"[[tool.nestproof.probe]]: there is a probe {own.name!r} already",
                fix="give yours another name",
            )
        taken.add(own.name)
        for profile in profiles if own.profiles is None else own.profiles:
            if profile not in found:
                raise UsageError(
                    f"[[tool.nestproof.probe]] {own.name}: there is no profile {profile!r}",
                    fix=f"some of: {', '.join(profiles)}",
                )
            found[profile] += (_probe(own),)
    return found


def _probe(own: CustomProbe) -> Probe:
    return Probe(
        name=own.name,
        pack="own",
        question=own.question or own.command,
        why="the repository asks it",
        judge=_judge(own),
        user=own.user,
        needs_namespaces=own.needs_namespaces,
        verdicts=OR_UNVERIFIED,
        timeout=own.timeout,
        text=own.command,
    )


def _judge(own: CustomProbe) -> Judge:
    def judge(observation: Observation, context: Context) -> Judgement:
        expected = [
            (stream, pattern, text)
            for stream, pattern, text in (
                ("stdout", own.stdout, observation.stdout),
                ("stderr", own.stderr, observation.stderr),
            )
            if pattern is not None
        ]
        try:
            matches = search([(pattern, text) for _, pattern, text in expected])
        except LimitError as error:
            stream, pattern, _ = expected[error.index]
            what = f"the pattern {pattern!r} for {stream} gave no answer"
            return Judgement(Status.ERROR, what, f"it has {LIMITS}", "write it without nested repetition")
        missed = [
            f"{stream} does not match {pattern!r}"
            for (stream, pattern, _), matched in zip(expected, matches, strict=True)
            if not matched
        ]
        if observation.exit_status != own.exit_status:
            missed.insert(0, f"its exit status is {observation.exit_status}, not {own.exit_status}")
        if missed:
            return failed(observation, context, "; ".join(missed))
        said = last_line(observation.stdout) or f"exit status {observation.exit_status}, as expected"
        return Judgement(Status.PASS, said)

    return judge
