"""The whole justification of a profile: image, experiments, table, evidence; outcomes as they come."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from nestproof.build.target import Workshop
from nestproof.core.config import load_config
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status, Target, TargetFacts, unasked
from nestproof.core.platforms import parse_platform
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.profile import discover, select, with_image_metadata
from nestproof.engine.client import Engine
from nestproof.justify import store
from nestproof.justify.experiment import Laboratory, sandbox_probes, variant, workers_for
from nestproof.justify.justification import Justification, justify
from nestproof.justify.kernel_checks import can_show
from nestproof.justify.lock_advice import fill_reasons
from nestproof.justify.outcomes import outcomes_of
from nestproof.justify.plan import Question, experiments
from nestproof.justify.search import Set
from nestproof.justify.trials import Host, Job, Trial, Way
from nestproof.nodes.node import Truth, guest_node
from nestproof.nodes.node_pool import Fleet, Place
from nestproof.nodes.session import Session
from nestproof.nodes.transfer import give_image
from nestproof.nodes.vm import Guests
from nestproof.privileges.lock import read_lock
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.custom import own_probes
from nestproof.probes.probe import Probe
from nestproof.smoke.plan import Run


@dataclass(frozen=True, slots=True)
class Request:
    """Whose relaxations are to be justified, and whether what is known already counts."""

    workspace: Path
    profiles: tuple[str, ...] = ()
    platform: str = ""
    fresh: bool = False
    vm: bool = False
    update_lock: bool = False
    """Placeholders for reasons in the privilege lock are replaced by what the experiments show."""


class NotShownError(NestproofError):
    """Nothing can be shown here: not a failure of what is under test."""

    exit_code = 3


Study = Callable[[Engine, Run], Iterator[Outcome]]


def study(request: Request, session: Session, keep: Callable[[Justification], None]) -> Generator[Outcome]:
    """Justify the relaxations of each profile; `keep` gets each table."""

    def one(engine: Engine, run: Run) -> Iterator[Outcome]:
        if not relaxations_asked(run.profile.run):
            said = "relaxes nothing: there is nothing to justify"
            yield Outcome("justify", Status.PASS, said, run.target)
            return
        made = yield from investigate(engine, run, session.say, request)
        keep(made)
        if request.update_lock:
            yield fill_reasons(request.workspace, made)

    yield from each_target(request, session, one)


def each_target(request: Request, session: Session, ask: Study) -> Generator[Outcome]:
    """Build each profile's image and ask; what cannot be asked is an outcome too."""
    files = select(discover(request.workspace), list(request.profiles))
    config = load_config(request.workspace)
    fleet = Fleet(config.node, request.workspace, session.say)
    platform = parse_platform(request.platform) if request.platform else fleet.own_platform("")
    for name, file in files.items():
        target = Target(name, platform)
        try:
            place = fleet.place(platform)
            session.facts = place.engine.facts
            workshop = Workshop(request.workspace, session, place.builder, config)
            engine, run = yield from _prepared(request, workshop, target, file, place)
            yield from ask(engine, run)
        except UsageError:
            raise
        except NestproofError as error:
            yield unasked("justify", target, error)


def _prepared(
    request: Request, workshop: Workshop, target: Target, file: Path, place: Place
) -> Generator[Outcome, None, tuple[Engine, Run]]:
    """The engine and the run of a target, its image built."""
    engine, node, session = place.engine, place.node, workshop.session
    profile = workshop.profile(target, file)
    outcome, image = workshop.build(profile, target)
    if image is None:
        yield outcome
        raise NotShownError("without an image nothing can be tried")
    if request.vm:
        engine = Guests(workshop.config.guest, request.workspace, session.say).open(target.platform)
        node = guest_node(engine.facts)
    if node.truth is Truth.EMULATED:
        said = f"{target.platform} shows nothing of namespaces here"
        raise NotShownError(said, why=node.reason, fix=node.remedy)
    give_image(place.builder, engine, image, session.say)
    own = own_probes(workshop.config.probe, tuple(discover(request.workspace)))[target.profile]
    profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
    elsewhere = request.vm or place.elsewhere
    lock = read_lock(request.workspace)
    return engine, Run(profile, node, image, lock, session.environment, own, elsewhere=elsewhere)


def asked_probes(run: Run) -> tuple[Probe, ...]:
    """The probes that experiments ask; raises NotShownError when there is none."""
    if probes := sandbox_probes(run):
        return probes
    raise NotShownError(
        f"the profile {run.target.profile} asks no probe of a sandbox",
        why="without one nothing can break, and every relaxation would look idle",
        fix='name a pack such as "bubblewrap" in customizations.nestproof.packs',
    )


def host_of(engine: Engine, run: Run) -> Host:
    """The engine's host as far as it says so itself."""
    names = (option.split(",")[0].removeprefix("name=") for option in engine.facts.security_options)
    engine_named = f"{engine.facts.product} {engine.facts.version}"
    return Host(engine.facts.kernel, tuple(sorted(names)), engine_named, run.node.platform, run.image.id)


def investigate(
    engine: Engine, run: Run, say: Callable[[str], None], request: Request
) -> Generator[Outcome, None, Justification]:
    """Do what experiments are not known yet; yields their outcomes, returns the table, keeps it."""
    host, asked = host_of(engine, run), frozenset(relaxations_asked(run.profile.run))
    question = Question(asked, frozenset(name for name in asked if can_show(name, host)))
    probes = asked_probes(run)
    key = store.key_of(variant(run, frozenset()), host, probes)
    before = None if request.fresh else store.recall(request.workspace, run.target, key)
    facts: list[TargetFacts] = []
    laboratory = Laboratory(engine, run, probes, workers_for(engine, run), facts.append)
    ledger = {(trial.options, trial.way): trial for trial in before.trials} if before else {}
    mode = before.host.bwrap if before else ""
    plan = experiments(question)
    try:
        jobs = next(plan)
        while True:
            for trials in laboratory.trials(_unknown(jobs, ledger, mode)):
                for trial in trials:
                    ledger[trial.options, trial.way] = trial
                    say(_told(run.target, asked, trial))
            mode = facts[0].found.get("bwrap-mode", "") if facts else mode
            _check_baseline(ledger[asked, Way.OWN], run)
            jobs = plan.send(ledger)
    except StopIteration as end:
        found = end.value
    made = justify(run.target, replace(host, bwrap=mode), question, found, tuple(ledger.values()))
    made = replace(made, date=datetime.now(UTC).isoformat(timespec="seconds"))
    store.remember(request.workspace, key, made)
    yield from outcomes_of(made, laboratory.started)
    return made


def _unknown(jobs: list[Job], ledger: dict[tuple[Set, Way], Trial], mode: str) -> list[Job]:
    """What of the jobs is not known yet."""
    # Of a bwrap that is known not to be setuid there is no copy to ask.
    only_own = bool(mode) and not Host("", (), "", "", "", mode).is_setuid
    left = []
    for job in jobs:
        ways = frozenset({Way.OWN}) if only_own else job.ways
        unknown = frozenset(way for way in ways if (job.options, way) not in ledger)
        left += [Job(job.options, unknown)] if unknown else []
    return left


def _told(target: Target, asked: Set, trial: Trial) -> str:
    less, more = sorted(asked - trial.options), sorted(trial.options - asked)
    change = ", ".join([*(f"without {name}" for name in less), *(f"with {name}" for name in more)])
    broken = len(trial.broken)
    said = f"{broken} of {len(trial.answers)} probes break" if broken else "all probes work"
    whose = "" if trial.way is Way.OWN else ", bwrap without setuid"
    return f"justify {target}: {change or 'all of it'}{whose}: {said}"


def _check_baseline(trial: Trial, run: Run) -> None:
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
