"""The steps of a run: checks, builds, smoke runs; each outcome as it comes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from nestproof.checks.checks import OF_FILES, check_files
from nestproof.checks.git_diff import check_diff
from nestproof.core.config import Config
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status, Target, TargetFacts, unasked
from nestproof.core.platforms import parse_platform
from nestproof.core.source import safe
from nestproof.core.trust import CAUTIOUS, TrustOptions
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.justify.lock_advice import removable, warned
from nestproof.justify.store import evidence
from nestproof.lifecycle.initialize import initialize
from nestproof.nodes.liveness import while_alive
from nestproof.nodes.session import Session
from nestproof.nodes.workers import Job, WorkerPool, run_workers
from nestproof.privileges.lock import Lock
from nestproof.privileges.lock_check import check_sections
from nestproof.smoke.defaults import describe_defaults
from nestproof.smoke.not_shown import not_shown
from nestproof.smoke.run import smoke
from nestproof.smoke.target import TargetJob, build_target, prepare_target

CHECKS = (*OF_FILES, "check.diff")
STEPS = (*CHECKS, "build", "smoke")
_ON_AN_ENGINE = ("build", "smoke")


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """The steps, profiles and platforms to prove; empty means all, or the native platform."""

    profiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    steps: tuple[str, ...] = STEPS
    probes: tuple[str, ...] = ()
    """Names of those that smoke runs ask; empty means all."""
    strict: bool = False
    staged: bool = False
    node: str = ""
    """The node for every target; by default the one of highest fidelity for each platform."""
    vm: bool = False
    """Smoke runs go to a virtual machine with a kernel of its own, started if need be."""
    trust: TrustOptions = CAUTIOUS
    base: str = ""
    """A revision: the diff check is of everything since its merge base with HEAD."""

    @property
    def engine_steps(self) -> tuple[str, ...]:
        """The steps that need an engine."""
        return tuple(step for step in _ON_AN_ENGINE if step in self.steps)


def validate(request: ValidateRequest, session: Session) -> Generator[Outcome]:
    """Run the steps; raises UsageError before the first of them when the request makes no sense."""
    names = session.profiles.names(request.profiles)
    request = replace(request, platforms=tuple(map(parse_platform, request.platforms)))
    lock, config = session.lock, session.config
    nodes = session.open_nodes(request.node)
    if request.node and request.vm:
        raise UsageError("--vm and --node exclude each other", why="a virtual machine is a node of its own")
    if config == Config() and request.engine_steps:
        for line in describe_defaults(session.profiles, names, request.platforms, locked=lock is not None):
            session.print_line(f"{'inferred':<10} {line}")
    yield from _check(request, session, names, lock)
    if not request.engine_steps:
        return
    machines = session.open_machines() if request.vm else None
    custom = session.custom_probes
    jobs: dict[str, list[Job]] = {}
    widths: dict[str, int] = {}
    for platform in request.platforms or (nodes.own_platform(request.node),):
        targets = [Target(name, platform) for name in names]
        try:
            placement = nodes.place(platform, request.node)
        except UsageError:
            raise
        except NestproofError as error:
            for target in targets:
                yield from _unasked(request.engine_steps, target, error)
            continue
        session.facts = session.facts or placement.engine.facts
        # A virtual machine has the host to itself: to translate one is work enough.
        widths[placement.node.name] = 1 if request.vm else placement.engine.cpus
        for target in targets:
            job = TargetJob(
                target, placement, session, custom[target.profile], lock, machines, request.probes
            )
            jobs.setdefault(placement.node.name, []).append(partial(_run_target, job, request.engine_steps))
    yield from run_workers([WorkerPool(jobs[name], widths[name]) for name in jobs])


def _check(
    request: ValidateRequest, session: Session, names: Sequence[str], lock: Lock | None
) -> Iterator[Outcome]:
    def advise(outcome: Outcome, profile: Profile, document: Document) -> Outcome:
        return warned(outcome, removable(profile, document, evidence(session.workspace)))

    if any(step in request.steps for step in OF_FILES):
        yield from check_files(
            session.profiles,
            names,
            config=session.config,
            lock=lock,
            steps=request.steps,
            strict=request.strict,
            advise=advise,
        )
    if "check.lock" in request.steps and (unused := check_sections(session.profiles.files, lock)):
        yield unused
    if "check.diff" in request.steps:
        yield from check_diff(session.workspace, staged=request.staged, base=request.base)


def _run_target(job: TargetJob, steps: tuple[str, ...]) -> Generator[Outcome]:
    """Build a target, then smoke it; a step that cannot be asked is an outcome too."""
    try:
        if not (yield from _initialize(job)):
            return
        built = build_target(job)
        yield built.outcome
        steps = tuple(step for step in steps if step != "build")
        if built.image is None:
            return
        job.session.targets.append(TargetFacts(job.target, built.image.id, {}))
        if "smoke" in steps:
            engine, run = prepare_target(job, built.profile, built.image)
            for line in not_shown(built.profile, cpus=engine.cpus, memory=engine.memory):
                job.session.print_line(f"{'not shown':<10} {job.target}: {safe(line)}")
            if run.stand_in:
                job.session.print_line(
                    f"{'stand-in':<10} {job.target}: the Internet is one of our own, and answers as declared"
                )
            run = replace(run, learn=job.session.targets.append)
            yield from while_alive(engine, run.node.name, smoke(engine, run))
    except UsageError:
        raise
    except NestproofError as error:
        yield from _unasked(steps, job.target, error)


def _initialize(job: TargetJob) -> Generator[Outcome, None, bool]:
    """Run the profile's commands for this machine, if wanted; returns whether a client would go on."""
    session, name = job.session, job.target.profile
    document = session.profiles.read(name).document
    succeeded = True
    for outcome in initialize(
        job.target,
        document,
        session.workspace,
        wanted=session.trust_options.initialize,
        timeout=session.config.lifecycle_timeout,
        say=session.say,
    ):
        succeeded = succeeded and outcome.status is not Status.FAIL
        yield outcome
    if session.trust_options.initialize:
        session.profiles.forget(name)  # it may have made a file that the profile names
    return succeeded


def _unasked(steps: Sequence[str], target: Target, error: NestproofError) -> Iterator[Outcome]:
    """Outcomes for the steps of a target that could not run: one line for one cause."""
    for step in steps:
        outcome = unasked(step, target, error)
        yield outcome
        if outcome.status is not Status.UNVERIFIED:
            return
