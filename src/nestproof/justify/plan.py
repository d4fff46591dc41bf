"""Plan the experiments of a justification: both ways to a sandbox in step, and Docker's own set."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from nestproof.core.capabilities import DOCKER_DEFAULT, SETUID_BWRAP
from nestproof.justify.experiment import DROP_ALL
from nestproof.justify.search import Asking, Found, Set, minimal_sets
from nestproof.justify.trials import BwrapVariant, Job, Trial

Ledger = Mapping[tuple[Set, BwrapVariant], Trial]
OWN_CAPABILITIES = tuple(f"cap-add={name}" for name in sorted(SETUID_BWRAP & DOCKER_DEFAULT))
"""Capabilities that a setuid bwrap demands and Docker grants: visible only after all are dropped."""


@dataclass(frozen=True, slots=True)
class Question:
    """The relaxations of a profile, and those that this host can test."""

    asked: Set
    shown: Set

    @property
    def kept(self) -> Set:
        """Relaxations in every set, because removing them shows nothing here."""
        return self.asked - self.shown

    @property
    def dropped(self) -> dict[str, Set]:
        """The sets that start from no capability: with all that is needed, without each, and with none.

        Keys are `""` for the first, the capability that is missing, and DROP_ALL for the last. Empty for a
        profile that adds none of the six, or has everything anyway.
        """
        six = {f"cap-add={name}" for name in SETUID_BWRAP}
        if not six & self.asked or {"privileged", "cap-add=ALL"} & self.asked:
            return {}
        base = self.asked | {DROP_ALL, *OWN_CAPABILITIES}
        bare = frozenset(name for name in self.asked if not name.startswith("cap-add=")) | {DROP_ALL}
        return {"": base, **{name: base - {name} for name in OWN_CAPABILITIES}, DROP_ALL: bare}

    def without(self, relaxation: str) -> Set:
        """All that is asked for but one."""
        return self.asked - {relaxation}


def experiments(question: Question) -> Generator[list[Job], Ledger, dict[BwrapVariant, Found]]:
    """Yields jobs to do, is sent all that is known, and returns the minimal sets of each way there is."""
    # With a user namespace of its own, a bwrap is expected to need no capability.
    guess = {name for name in question.shown if not name.startswith("cap-add=")}
    searches: dict[BwrapVariant, Asking] = {
        BwrapVariant.OWN: minimal_sets(question.shown),
        BwrapVariant.COPY: minimal_sets(question.shown, guess),
    }
    wanted: dict[BwrapVariant, list[Set]] = {way: next(search) for way, search in searches.items()}
    jobs = [*_jobs(wanted, question), *_dropped(question)]
    found: dict[BwrapVariant, Found] = {}
    while wanted:
        ledger = yield _merged(jobs)
        going, wanted = wanted, {}
        for way, sets in going.items():
            answers = {options: ledger.get((options | question.kept, way)) for options in sets}
            known = {options: trial.suffices for options, trial in answers.items() if trial is not None}
            if len(known) < len(answers):
                continue  # there is no such way: the image's own bwrap is not setuid
            try:
                wanted[way] = searches[way].send(known)
            except StopIteration as end:
                found[way] = end.value
        jobs = [*_jobs(wanted, question)]
    return found


def _jobs(wanted: Mapping[BwrapVariant, Iterable[Set]], question: Question) -> Iterator[Job]:
    for way, sets in wanted.items():
        for options in sets:
            yield Job(options | question.kept, frozenset({way}))


def _dropped(question: Question) -> Iterator[Job]:
    for missing, options in question.dropped.items():
        # With no capability at all, only a bwrap without the setuid bit can work.
        yield Job(options, frozenset({BwrapVariant.COPY if missing == DROP_ALL else BwrapVariant.OWN}))


def _merged(jobs: Iterable[Job]) -> list[Job]:
    """One job for each set of options, so that one container serves both ways."""
    ways: dict[Set, frozenset[BwrapVariant]] = {}
    for job in jobs:
        ways[job.options] = ways.get(job.options, frozenset()) | job.ways
    return [Job(options, asked) for options, asked in ways.items()]
