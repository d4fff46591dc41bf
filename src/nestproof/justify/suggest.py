"""Find the single relaxation of lowest risk that makes a failing profile pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nestproof.core.capabilities import DOCKER_DEFAULT, NAMES
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.engine.client import Engine
from nestproof.justify.experiment import ExperimentRunner, workers_for
from nestproof.justify.kernel_checks import CHECKS, can_show
from nestproof.justify.search import Set
from nestproof.justify.study import asked_probes, host_of
from nestproof.justify.trials import BwrapVariant, ExperimentHost, Job, Trial
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.privileges.risks import risk_of
from nestproof.smoke.plan import SmokeRun

_WORDS = {
    BwrapVariant.OWN: "the image's own bwrap",
    BwrapVariant.COPY: "a copy of bwrap without the setuid bit, first on the PATH",
}


def suggest(engine: Engine, run: SmokeRun, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Try the profile with one more relaxation; yields an outcome for each bwrap.

    A profile that declares nothing is asked for the sandbox that it does not let in.
    """
    run = _for_a_sandbox(run)
    host, asked = host_of(engine, run), frozenset(relaxations_asked(run.profile.run))
    runner = ExperimentRunner(engine, run, asked_probes(run), workers_for(engine, run))
    trials = _tried(runner, [asked])
    runner.refused = {}  # from here on: it does not start everything that could be asked of it
    if trials[asked, BwrapVariant.OWN].suffices:
        yield Outcome("justify.suggest", Status.PASS, "it passes as it is: nothing to suggest", run.target)
        return
    broken = trials[asked, BwrapVariant.OWN].broken[0]
    if broken.cause.endswith("(image)"):
        yield Outcome(
            "justify.suggest", Status.FAIL, f"no relaxation can help: {broken.said}", run.target, broken.cause
        )
        return
    filters, *ranks = batches(asked, host)
    say(f"suggest {run.target}: {', '.join(filters)}")
    trials |= _tried(runner, [asked | {name} for name in filters])
    for capabilities in ranks:
        say(f"suggest {run.target}: {', '.join(capabilities)}")
        together = asked.union(capabilities)
        trials |= _tried(runner, [together])
        # More capabilities allow no less: where all of a rank do not help, none of them does.
        if (together, BwrapVariant.OWN) in trials and not trials[together, BwrapVariant.OWN].suffices:
            continue
        singles = [asked | {name} for name in capabilities]
        trials |= _tried(runner, singles)
        if any(
            (one, BwrapVariant.OWN) in trials and trials[one, BwrapVariant.OWN].suffices for one in singles
        ):
            break
    yield from _outcomes(run.target, asked, trials)
    for options, why in runner.refused.items():
        if len(options - asked) == 1:
            (name,) = options - asked
            said = f"{name} could not be tried: the engine does not start it"
            yield Outcome("justify.suggest.untried", Status.UNVERIFIED, said, run.target, why)


def _for_a_sandbox(run: SmokeRun) -> SmokeRun:
    """The run with the probes of bubblewrap, where the profile does not say what its container must show."""
    declared = run.profile.declarations
    if declared.packs is not None or declared.container_is_sandbox:
        return run
    declarations = declared.model_copy(update={"packs": ["bubblewrap"]})
    return replace(run, profile=replace(run.profile, declarations=declarations))


def batches(asked: Set, host: ExperimentHost) -> list[list[str]]:
    """The relaxations to try, in turns: first those that are no capability, then capabilities by rank."""
    filters = [name for name in CHECKS if not name.startswith("cap-add=") and can_show(name, host)]
    single = [f"cap-add={name}" for name in NAMES if name not in DOCKER_DEFAULT]
    ranks = sorted({risk_of(name).rank for name in single})
    of_rank = ([name for name in single if risk_of(name).rank is rank] for rank in ranks)
    every = [[*filters, "privileged"], *of_rank]
    return [by_risk([name for name in batch if name not in asked]) for batch in every]


def by_risk(names: Sequence[str]) -> list[str]:
    """Sort by risk, the lowest first; of the same rank, privileged last."""
    return sorted(names, key=lambda name: (risk_of(name).rank, name == "privileged", name))


def _tried(runner: ExperimentRunner, sets: Sequence[Set]) -> dict[tuple[Set, BwrapVariant], Trial]:
    jobs = [Job(options, frozenset(BwrapVariant)) for options in sets]
    return {(one.options, one.way): one for trials in runner.trials(jobs) for one in trials}


def _outcomes(target: Target, asked: Set, trials: dict[tuple[Set, BwrapVariant], Trial]) -> Iterator[Outcome]:
    for way in BwrapVariant:
        of_way = {options: trial for (options, asked_way), trial in trials.items() if asked_way is way}
        if not of_way:
            continue
        if of_way[asked].suffices:
            said = f"{_WORDS[way]}: passes as it is"
            yield Outcome(f"justify.suggest.{way}", Status.PASS, said, target)
            continue
        more = [(options - asked, trial) for options, trial in of_way.items()]
        helps = by_risk(
            [name for names, trial in more if len(names) == 1 and trial.suffices for name in names]
        )
        broken = of_way[asked].broken
        said = f"{_WORDS[way]}: {len(broken)} probes break: {broken[0].said}"
        fix = "no single relaxation helps; nestproof smoke names what is missing, one refusal after the other"
        if helps:
            fix = "; or ".join(
                f"add --{name} ({risk_of(name).rank} risk: {risk_of(name).allows})" for name in helps
            )
        yield Outcome(f"justify.suggest.{way}", Status.FAIL, said, target, broken[0].cause, fix)
