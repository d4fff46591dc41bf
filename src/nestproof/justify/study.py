"""The whole justification of a profile: image, experiments, table, evidence; outcomes as they come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status, Target, TargetFacts, unasked
from nestproof.core.platforms import parse_platform
from nestproof.core.trust import CAUTIOUS, TrustOptions
from nestproof.engine.client import Engine
from nestproof.justify import store
from nestproof.justify.experiment import ExperimentRunner, sandbox_probes, variant, workers_for
from nestproof.justify.justification import Justification, justify
from nestproof.justify.kernel_checks import can_show
from nestproof.justify.lock_advice import fill_reasons
from nestproof.justify.outcomes import outcomes_of
from nestproof.justify.plan import Question, experiments
from nestproof.justify.search import Set
from nestproof.justify.trials import BwrapVariant, ExperimentHost, Job, Trial
from nestproof.nodes.node import Fidelity
from nestproof.nodes.session import Session
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.probe import Probe
from nestproof.smoke.plan import SmokeRun
from nestproof.smoke.target import TargetJob, build_target, prepare_target


@dataclass(frozen=True, slots=True)
class JustifyRequest:
    """The profiles to justify; `fresh` ignores stored results."""

    profiles: tuple[str, ...] = ()
    platform: str = ""
    fresh: bool = False
    vm: bool = False
    trust: TrustOptions = CAUTIOUS
    update_lock: bool = False
    """Placeholders for reasons in the privilege lock are replaced by what the experiments show."""


class NotShownError(NestproofError):
    """This host can show nothing; the profile has not failed."""

    exit_code = 3


Study = Callable[[Engine, SmokeRun], Iterator[Outcome]]


def study(
    request: JustifyRequest, session: Session, keep: Callable[[Justification], None]
) -> Generator[Outcome]:
    """Justify the relaxations of each profile; `keep` gets each table."""

    def one(engine: Engine, run: SmokeRun) -> Iterator[Outcome]:
        if not relaxations_asked(run.profile.run):
            said = "relaxes nothing: there is nothing to justify"
            yield Outcome("justify", Status.PASS, said, run.target)
            return
        made = yield from investigate(engine, run, session, fresh=request.fresh)
        keep(made)
        if request.update_lock:
            yield fill_reasons(session.workspace, made)

    yield from each_target(request, session, one)


def each_target(request: JustifyRequest, session: Session, ask: Study) -> Generator[Outcome]:
    """Build each profile's image and run the probes; an error is an outcome too."""
    names = session.profiles.names(request.profiles)
    lock, custom = session.lock, session.custom_probes
    nodes, machines = session.open_nodes(), session.open_machines() if request.vm else None
    platform = parse_platform(request.platform) if request.platform else nodes.own_platform("")
    for target in (Target(name, platform) for name in names):
        try:
            placement = nodes.place(platform)
            session.facts = placement.engine.facts
            job = TargetJob(target, placement, session, custom[target.profile], lock, machines)
            built = build_target(job)
            if built.image is None:
                yield built.outcome
                raise NotShownError("without an image nothing can be tried")
            engine, run = prepare_target(job, built.profile, built.image)
            if run.node.fidelity is Fidelity.EMULATED:
                said = f"{platform} shows nothing of namespaces here"
                raise NotShownError(said, why=run.node.reason, fix=run.node.remedy)
            yield from ask(engine, run)
        except UsageError:
            raise
        except NestproofError as error:
            yield unasked("justify", target, error)


def asked_probes(run: SmokeRun) -> tuple[Probe, ...]:
    """The probes that experiments ask; raises NotShownError when there is none."""
    if probes := sandbox_probes(run):
        return probes
    raise NotShownError(
        f"the profile {run.target.profile} asks no probe of a sandbox",
        why="without one nothing can break, and every relaxation would look idle",
        fix='name a pack such as "bubblewrap" in customizations.nestproof.packs',
    )


def host_of(engine: Engine, run: SmokeRun) -> ExperimentHost:
    """The engine's host as far as it says so itself."""
    names = (option.split(",")[0].removeprefix("name=") for option in engine.facts.security_options)
    engine_named = f"{engine.facts.product} {engine.facts.version}"
    return ExperimentHost(
        engine.facts.kernel, tuple(sorted(names)), engine_named, run.node.platform, run.image.id
    )


def investigate(
    engine: Engine, run: SmokeRun, session: Session, *, fresh: bool
) -> Generator[Outcome, None, Justification]:
    """Run the experiments that are not known yet; yields outcomes, returns and keeps the table."""
    host, asked = host_of(engine, run), frozenset(relaxations_asked(run.profile.run))
    question = Question(asked, frozenset(name for name in asked if can_show(name, host)))
    probes = asked_probes(run)
    key = store.key_of(variant(run, frozenset()), host, probes)
    before = None if fresh else store.recall(session.workspace, run.target, key)
    facts: list[TargetFacts] = []
    runner = ExperimentRunner(engine, run, probes, workers_for(engine, run), facts.append)
    ledger = {(trial.options, trial.way): trial for trial in before.trials} if before else {}
    mode = before.host.bwrap if before else ""
    plan = experiments(question)
    try:
        jobs = next(plan)
        while True:
            for trials in runner.trials(_unknown(jobs, ledger, mode)):
                for trial in trials:
                    ledger[trial.options, trial.way] = trial
                    session.say(_describe_trial(run.target, asked, trial))
            mode = facts[0].found.get("bwrap-mode", "") if facts else mode
            _check_baseline(ledger[asked, BwrapVariant.OWN], run)
            jobs = plan.send(ledger)
    except StopIteration as end:
        found = end.value
    made = justify(run.target, replace(host, bwrap=mode), question, found, tuple(ledger.values()))
    made = replace(made, date=datetime.now(UTC).isoformat(timespec="seconds"))
    store.remember(session.workspace, key, made)
    yield from outcomes_of(made, runner.started)
    return made


def _unknown(jobs: list[Job], ledger: dict[tuple[Set, BwrapVariant], Trial], mode: str) -> list[Job]:
    """The jobs without a stored result."""
    # Of a bwrap that is known not to be setuid there is no copy to ask.
    only_own = bool(mode) and not ExperimentHost("", (), "", "", "", mode).is_setuid
    left = []
    for job in jobs:
        ways = frozenset({BwrapVariant.OWN}) if only_own else job.ways
        unknown = frozenset(way for way in ways if (job.options, way) not in ledger)
        left += [Job(job.options, unknown)] if unknown else []
    return left


def _describe_trial(target: Target, asked: Set, trial: Trial) -> str:
    less, more = sorted(asked - trial.options), sorted(trial.options - asked)
    change = ", ".join([*(f"without {name}" for name in less), *(f"with {name}" for name in more)])
    broken = len(trial.broken)
    said = f"{broken} of {len(trial.answers)} probes break" if broken else "all probes work"
    whose = "" if trial.way is BwrapVariant.OWN else ", bwrap without setuid"
    return f"justify {target}: {change or 'all of it'}{whose}: {said}"


def _check_baseline(trial: Trial, run: SmokeRun) -> None:
    if not trial.suffices:
        first = trial.broken[0]
        raise _BrokenError(
            f"with all of its relaxations {len(trial.broken)} probes break: {first.probe}: {first.said}",
            why=first.cause,
            fix=f"nestproof smoke --profile {run.target.profile}; which relaxation is missing: "
            f"nestproof justify --suggest --profile {run.target.profile}",
        )


class _BrokenError(NestproofError):
    """The profile fails as it is."""

    exit_code = 1
