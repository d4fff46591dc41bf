"""The pipeline: files, builds, smoke runs; each outcome as it comes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nestproof.build.target import TargetBuilder
from nestproof.checks.checks import OF_FILES, check_files
from nestproof.checks.git_diff import check_diff
from nestproof.core.config import Config, load_config
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status, Target, TargetFacts, unasked
from nestproof.core.platforms import parse_platform
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.profile import discover, select, with_image_metadata
from nestproof.justify.lock_advice import removable, warned
from nestproof.justify.store import evidence
from nestproof.nodes.liveness import ping, watchdog, while_alive
from nestproof.nodes.node import vm_node
from nestproof.nodes.node_pool import NodePool, Placement, require_node
from nestproof.nodes.session import Session
from nestproof.nodes.transfer import give_image
from nestproof.nodes.vm import VirtualMachines
from nestproof.nodes.workers import Job, WorkerPool, run_workers
from nestproof.privileges.lock import Lock, read_lock
from nestproof.privileges.lock_check import check_sections
from nestproof.probes.custom import custom_probes
from nestproof.probes.probe import Probe
from nestproof.smoke.defaults import describe_defaults
from nestproof.smoke.plan import SmokeRun
from nestproof.smoke.run import smoke

CHECKS = (*OF_FILES, "check.diff")
STEPS = (*CHECKS, "build", "smoke")
_ON_AN_ENGINE = ("build", "smoke")


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """Which steps to prove for which profiles on which platforms; empty means all, or the native one."""

    workspace: Path
    profiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    steps: tuple[str, ...] = STEPS
    probes: tuple[str, ...] = ()
    """Names of those that smoke runs ask; empty means all."""
    strict: bool = False
    staged: bool = False
    node: str = ""
    """By name: every target goes there."""
    vm: bool = False
    """Smoke runs go to a guest with a kernel of its own, started if need be."""
    base: str = ""
    """With a revision, the diff check is of everything since its merge base with HEAD."""


def validate(request: ValidateRequest, session: Session) -> Generator[Outcome]:
    """Run the steps; raises UsageError before the first of them when the request makes no sense."""
    files = select(discover(request.workspace), list(request.profiles))
    request = replace(request, platforms=tuple(parse_platform(name) for name in request.platforms))
    lock = read_lock(request.workspace)
    config = load_config(request.workspace)
    if request.node:
        require_node(config, request.node)
        if request.vm:
            raise UsageError("--vm and --node exclude each other", why="a guest is a node of its own")
    if config == Config() and set(_ON_AN_ENGINE) & set(request.steps):
        locked = lock is not None
        for line in describe_defaults(
            files, request.workspace, session.environment, request.platforms, locked=locked
        ):
            session.tell(f"{'inferred':<10} {line}")
    if any(step in request.steps for step in OF_FILES):
        yield from check_files(
            files,
            request.workspace,
            session.environment,
            config=config,
            lock=lock,
            steps=request.steps,
            strict=request.strict,
            advise=lambda held, profile, document: warned(
                held, removable(profile, document, evidence(request.workspace))
            ),
        )
    if "check.lock" in request.steps and lock is not None:
        unheld = check_sections(discover(request.workspace), lock)
        yield from [unheld] if unheld else []
    if "check.diff" in request.steps:
        yield from check_diff(request.workspace, staged=request.staged, base=request.base)
    if any(step in request.steps for step in _ON_AN_ENGINE):
        yield from _on_an_engine(request, session, files, config, lock)


def _on_an_engine(
    request: ValidateRequest, session: Session, files: Mapping[str, Path], config: Config, lock: Lock | None
) -> Iterator[Outcome]:
    own = custom_probes(config.probe, tuple(discover(request.workspace)))
    node_pool = NodePool(config.node, request.workspace, session.say)
    machines = VirtualMachines(config.guest, request.workspace, session.say)
    jobs: dict[str, list[Job]] = {}
    widths: dict[str, int] = {}
    for platform in request.platforms or (node_pool.own_platform(request.node),):
        targets = [Target(name, platform) for name in files]
        try:
            place = node_pool.place(platform, request.node)
        except UsageError:
            raise
        except NestproofError as error:
            yield from [outcome for target in targets for outcome in _unasked(request.steps, target, error)]
            continue
        session.facts = session.facts or place.engine.facts
        # A guest has the machine to itself: to translate one is work enough.
        widths[place.node.name] = 1 if request.vm else place.engine.cpus
        for target in targets:
            job = TargetJob(target, files[target.profile], place, lock, own[target.profile])
            target_builder = TargetBuilder(request.workspace, session, place.builder, config)
            jobs.setdefault(place.node.name, []).append(
                partial(_proof, request, target_builder, job, machines)
            )
    yield from run_workers([WorkerPool(jobs[name], widths[name]) for name in jobs])


@dataclass(frozen=True, slots=True)
class TargetJob:
    """A target with what it is proved by, and where."""

    target: Target
    file: Path
    place: Placement
    lock: Lock | None
    own: tuple[Probe, ...]


def _proof(
    request: ValidateRequest, target_builder: TargetBuilder, job: TargetJob, machines: VirtualMachines
) -> Generator[Outcome]:
    steps = request.steps
    try:
        for outcome in _prove(request, target_builder, job, machines):
            steps = tuple(step for step in steps if step != outcome.id)
            yield outcome
    except UsageError:
        raise
    except NestproofError as error:
        yield from _unasked(steps, job.target, error)


def _unasked(steps: Sequence[str], target: Target, error: NestproofError) -> Iterator[Outcome]:
    """The steps of a target that could not be asked; what is broken is worth one line, not two."""
    for step in [step for step in _ON_AN_ENGINE if step in steps]:
        outcome = unasked(step, target, error)
        yield outcome
        if outcome.status is not Status.UNVERIFIED:
            return


def _prove(
    request: ValidateRequest, target_builder: TargetBuilder, job: TargetJob, machines: VirtualMachines
) -> Iterator[Outcome]:
    target, place, session = job.target, job.place, target_builder.session
    with place.at_work():
        profile = target_builder.profile(target, job.file)
        outcome, image = target_builder.build(profile, target)
        if image is None:
            ping(place.builder, place.builder_name)
    yield outcome
    if image:
        target_builder.session.targets.append(TargetFacts(target, image.id, {}))
    if image and "smoke" in request.steps:
        profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
        node, engine = place.node, place.engine
        if request.vm:
            engine = machines.open(target.platform)
            node = vm_node(engine.facts)
        with watchdog(engine, node.name):
            give_image(place.builder, engine, image, lambda text: session.say(f"{target}: {text}"))
        run = SmokeRun(
            profile,
            node,
            image,
            job.lock,
            session.environment,
            job.own,
            session.targets.append,
            request.probes,
            remote=request.vm or place.remote,
        )
        yield from while_alive(engine, node.name, smoke(engine, run))
