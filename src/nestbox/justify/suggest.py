"""Which single relaxation would make a failing profile pass, the cheapest in risk first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nestbox.capabilities import DOCKER_DEFAULT, NAMES
from nestbox.engine import Engine
from nestbox.justify.checks import CHECKS, can_show
from nestbox.justify.experiment import Laboratory, workers_for
from nestbox.justify.search import Set
from nestbox.justify.study import asked_probes, host_of
from nestbox.justify.trials import Host, Job, Trial, Way
from nestbox.outcome import Outcome, Status, Target
from nestbox.relaxations import relaxations_asked
from nestbox.risks import risk_of
from nestbox.smoke import Run

_ALL = "cap-add=ALL"
_WORDS = {
    Way.OWN: "the image's own bwrap",
    Way.COPY: "a copy of bwrap without the setuid bit, first on the PATH",
}


def suggest(engine: Engine, run: Run, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Try the profile with one relaxation more; what works is an outcome for each bwrap that is asked."""
    host, asked = host_of(engine, run), frozenset(relaxations_asked(run.profile.run))
    laboratory = Laboratory(engine, run, asked_probes(run), workers_for(engine.api))
    trials = _tried(laboratory, [asked])
    if trials[asked, Way.OWN].suffices:
        yield Outcome("justify.suggest", Status.PASS, "it passes as it is: nothing to suggest", run.target)
        return
    broken = trials[asked, Way.OWN].broken[0]
    if broken.cause.endswith("(image)"):
        yield Outcome(
            "justify.suggest", Status.FAIL, f"no relaxation can help: {broken.said}", run.target, broken.cause
        )
        return
    for batch in batches(asked, host):
        say(f"suggest {run.target}: {', '.join(batch)}")
        trials |= _tried(laboratory, [asked | {name} for name in batch])
        # More capabilities allow no less: where all of them do not help, none of them does.
        if batch == batches(asked, host)[0] and not _any_way(trials, asked | {_ALL}):
            break
        if any(trials[asked | {name}, Way.OWN].suffices for name in batch if name.startswith("cap-add=")):
            break
    yield from _outcomes(run.target, asked, trials, host)


def batches(asked: Set, host: Host) -> list[list[str]]:
    """What to try, in turns: what is no capability and all capabilities at once, then each, by its rank."""
    first = [name for name in CHECKS if not name.startswith("cap-add=") and can_show(name, host)]
    first = [name for name in [*first, _ALL, "privileged"] if name not in asked]
    single = [name for name in (f"cap-add={name}" for name in NAMES) if name not in asked]
    single = [name for name in single if name.removeprefix("cap-add=") not in DOCKER_DEFAULT]
    ranks = sorted({risk_of(name).rank for name in single})
    return [by_risk(first), *(by_risk([n for n in single if risk_of(n).rank is rank]) for rank in ranks)]


def by_risk(names: Sequence[str]) -> list[str]:
    """The cheapest first; of the same rank, privileged last."""
    return sorted(names, key=lambda name: (risk_of(name).rank, name in (_ALL, "privileged"), name))


def _tried(laboratory: Laboratory, sets: Sequence[Set]) -> dict[tuple[Set, Way], Trial]:
    jobs = [Job(options, frozenset(Way)) for options in sets]
    return {(one.options, one.way): one for trials in laboratory.trials(jobs) for one in trials}


def _any_way(trials: dict[tuple[Set, Way], Trial], options: Set) -> bool:
    return any(trial.suffices for (tried, _), trial in trials.items() if tried == options)


def _outcomes(
    target: Target, asked: Set, trials: dict[tuple[Set, Way], Trial], host: Host
) -> Iterator[Outcome]:
    for way in Way:
        of_way = {options: trial for (options, asked_way), trial in trials.items() if asked_way is way}
        if not of_way:
            continue
        if of_way[asked].suffices:
            said = f"{_WORDS[way]}: passes as it is"
            yield Outcome(f"justify.suggest.{way}", Status.PASS, said, target)
            continue
        help_ = by_risk([name for options in of_way for name in options - asked if of_way[options].suffices])
        broken = of_way[asked].broken
        said = f"{_WORDS[way]}: {len(broken)} probes break: {broken[0].said}"
        fix = "no single relaxation helps; nestbox smoke names what is missing, one wall after the other"
        if help_:
            fix = "; or ".join(
                f"add --{name} ({risk_of(name).rank} risk: {risk_of(name).allows})" for name in help_
            )
        yield Outcome(f"justify.suggest.{way}", Status.FAIL, said, target, broken[0].cause, fix)
