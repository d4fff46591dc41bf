"""The pipeline: files, builds, smoke runs; each outcome as it comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from platform import machine

from nestbox.base_image import Bases, make_bases, plan_bases
from nestbox.build import build_image, plan_build
from nestbox.checks import OF_FILES, check_files
from nestbox.config import Config, load_config
from nestbox.diff import check_diff
from nestbox.engine import Engine, EngineFacts, Image, connect, remove_leftovers
from nestbox.errors import EngineUnavailable, NestboxError, UsageError
from nestbox.guests import give_image, open_guest
from nestbox.inference import told
from nestbox.lock import Lock, read_lock
from nestbox.lock_check import check_sections
from nestbox.metadata import LABEL
from nestbox.nodes import Truth, guest_node, node_for
from nestbox.outcome import Outcome, Status, Target, TargetFacts, unasked
from nestbox.platforms import parse_platform
from nestbox.probes.own import own_probes
from nestbox.probes.probe import Probe
from nestbox.profile import Profile, discover, load_profile, select, with_image_metadata
from nestbox.smoke import Run, smoke

CHECKS = (*OF_FILES, "check.diff")
STEPS = (*CHECKS, "build", "smoke")
_ON_AN_ENGINE = ("build", "smoke")


@dataclass(frozen=True, slots=True)
class Request:
    """Which steps to prove for which profiles on which platforms; empty means all, or the native one."""

    workspace: Path
    profiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    steps: tuple[str, ...] = STEPS
    strict: bool = False
    staged: bool = False
    vm: bool = False
    """Smoke runs go to a guest with a kernel of its own, started if need be."""
    base: str = ""
    """With a revision, the diff check is of everything since its merge base with HEAD."""


@dataclass(slots=True)
class Session:
    """Where a run's words go, what its environment is, and what it learns for the evidence."""

    say: Callable[[str], None]
    tell: Callable[[str], None] = print
    """Words that stay."""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    facts: EngineFacts | None = None
    targets: list[TargetFacts] = field(default_factory=list)


def validate(request: Request, session: Session) -> Generator[Outcome]:
    """Run the steps; raises UsageError before the first of them when the request makes no sense."""
    files = select(discover(request.workspace), list(request.profiles))
    request = replace(request, platforms=tuple(parse_platform(name) for name in request.platforms))
    lock = read_lock(request.workspace)
    config = load_config(request.workspace)
    if config == Config() and set(_ON_AN_ENGINE) & set(request.steps):
        locked = lock is not None
        for line in told(files, request.workspace, session.environment, request.platforms, locked=locked):
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
        )
    if "check.lock" in request.steps and lock is not None:
        unheld = check_sections(discover(request.workspace), lock)
        yield from [unheld] if unheld else []
    if "check.diff" in request.steps:
        yield from check_diff(request.workspace, staged=request.staged, base=request.base)
    if any(step in request.steps for step in _ON_AN_ENGINE):
        yield from _on_an_engine(request, session, files, config, lock)


def _on_an_engine(
    request: Request, session: Session, files: Mapping[str, Path], config: Config, lock: Lock | None
) -> Iterator[Outcome]:
    own = own_probes(config.probe, tuple(discover(request.workspace)))
    try:
        engine = open_engine(session)
    except EngineUnavailable as error:
        for name in files:
            for platform in request.platforms or (parse_platform(machine()),):
                yield from _unasked(request, Target(name, platform), error)
        return
    for name, file in files.items():
        for platform in request.platforms or (engine.facts.platform,):
            target = Target(name, platform)
            workshop = Workshop(request.workspace, session, engine, config)
            try:
                yield from _prove(request, workshop, target, file, lock=lock, own=own[name])
            except UsageError:
                raise
            except NestboxError as error:
                yield from _unasked(request, target, error)


def open_engine(session: Session) -> Engine:
    """Reach the engine and clear away what killed runs left there; raises EngineUnavailable."""
    engine = connect()
    session.facts = engine.facts
    for name in remove_leftovers(engine):
        session.say(f"removed {name}, left behind by an earlier run that was killed")
    return engine


def _unasked(request: Request, target: Target, error: NestboxError) -> Iterator[Outcome]:
    """The steps of a target that could not be asked; what is broken is worth one line, not two."""
    for step in [step for step in _ON_AN_ENGINE if step in request.steps]:
        outcome = unasked(step, target, error)
        yield outcome
        if outcome.status is not Status.UNVERIFIED:
            return


def _prove(
    request: Request,
    workshop: Workshop,
    target: Target,
    file: Path,
    *,
    lock: Lock | None,
    own: tuple[Probe, ...],
) -> Iterator[Outcome]:
    node = node_for(workshop.engine.facts, target.platform)
    if node.truth is Truth.ABSENT:
        raise EngineUnavailable(f"nothing here runs {target.platform}", why=node.reason, fix=node.remedy)
    profile = workshop.profile(target, file)
    outcome, image = workshop.build(profile, target)
    yield outcome
    if image and "smoke" in request.steps:
        profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
        session, engine = workshop.session, workshop.engine
        if request.vm:
            engine = _guest_with(workshop, target, image)
            node = guest_node(engine.facts)
        run = Run(
            profile, node, image, lock, session.environment, own, session.targets.append, elsewhere=request.vm
        )
        yield from smoke(engine, run)


def _guest_with(workshop: Workshop, target: Target, image: Image) -> Engine:
    """The engine of the platform's guest, once it has the image."""
    say = workshop.session.say
    guest = open_guest(workshop.config.guest, workshop.workspace, target.platform, say)
    for name in remove_leftovers(guest):
        say(f"removed {name}, left behind in the guest by an earlier run that was killed")
    give_image(workshop.engine, guest, image, say)
    return guest


@dataclass(frozen=True, slots=True)
class Workshop:
    """What it takes to make a target's image: the repository, an engine, and a base that can be had."""

    workspace: Path
    session: Session
    engine: Engine
    config: Config

    def profile(self, target: Target, file: Path) -> Profile:
        """The profile as it is for one platform: that platform selected, its base at hand."""
        bases = self.bases(target.platform)
        make_bases(self.engine, bases, workspace=self.workspace, say=self.session.say)
        return self.load(target, file, bases)

    def bases(self, platform: str) -> Bases:
        """What profiles are to build from for a platform, and what of it is still to be made."""
        return plan_bases(self.engine, self.config.base_image, platform, self.session.environment)

    def load(self, target: Target, file: Path, bases: Bases) -> Profile:
        """The profile as it is with these bases."""
        # The docker client's own variable for the platform, by which a profile can select it.
        selected = {"DOCKER_DEFAULT_PLATFORM": target.platform}
        environment = {**self.session.environment, **bases.variables, **selected}
        return load_profile(target.profile, file, self.workspace, environment)

    def build(self, profile: Profile, target: Target) -> tuple[Outcome, Image | None]:
        """Build the profile's image for the target; see build_image."""
        return build_image(
            self.engine,
            plan_build(profile, target.platform),
            lambda step: self.session.say(f"build {target}: {step}"),
        )


def open_workshop(workspace: Path, session: Session) -> Workshop:
    """A workshop on the engine that answers; raises EngineUnavailable or UsageError."""
    return Workshop(workspace, session, open_engine(session), load_config(workspace))
