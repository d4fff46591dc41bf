"""Merge the evidence of several machines into one document; no run is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nestproof.core.outcome import Status
from nestproof.reports.evidence import Evidence, Run, read_evidence

Question = tuple[str, str, str]
"""Profile, platform and id of an outcome; of a check of files, both are empty."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A question to which runs gave different answers."""

    question: Question
    answers: tuple[tuple[Run, Status], ...]


def read_all(files: Sequence[Path]) -> Evidence:
    """The runs of all the files; raises UsageError when one of them holds no evidence."""
    return merged(map(read_evidence, files))


def merged(documents: Iterable[Evidence]) -> Evidence:
    """The runs of all documents in the order of time; the same run in two of them is one."""
    runs: list[Run] = []
    for document in documents:
        runs += [run for run in document.runs if run not in runs]
    return Evidence(runs=tuple(sorted(runs, key=lambda run: (run.began, run.fingerprint))))


def disagreements(runs: Sequence[Run]) -> Iterator[Disagreement]:
    """List the differing answers of the runs; each may be true of its machine or moment."""
    found: dict[Question, list[tuple[Run, Status]]] = {}
    for run in runs:
        for question, status in _answers(run).items():
            found.setdefault(question, []).append((run, status))
    for question, answers in found.items():
        if len({status for _, status in answers}) > 1:
            yield Disagreement(question, tuple(answers))


def _answers(run: Run) -> dict[Question, Status]:
    """The worst answer to each question: a check asks the same of several files."""
    worst: dict[Question, Status] = {}
    for outcome in run.outcomes:
        question = outcome.profile or "", outcome.platform or "", outcome.id
        worst[question] = max(worst.get(question, Status.PASS), outcome.status, key=_GRAVITY.index)
    return worst


_GRAVITY = [Status.PASS, Status.DEGRADED, Status.UNVERIFIED, Status.ERROR, Status.FAIL]
