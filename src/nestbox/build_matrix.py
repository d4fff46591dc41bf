"""Profiles and platforms ─▶ one list of command lines, shown before it runs; an outcome for each target."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nestbox.base_image import Bases, make_bases
from nestbox.build import CannotBuildError, Plan, Ran, build_images, plan_build, run_plan
from nestbox.command import run
from nestbox.config import load_config
from nestbox.delivered import Delivered, in_archive, in_registry
from nestbox.engine import Engine
from nestbox.errors import CommandError, NestboxError, UsageError
from nestbox.fleet import Fleet, require_node
from nestbox.outcome import Observation, Outcome, Status, Target, TargetFacts, unasked
from nestbox.platforms import parse_platform
from nestbox.profile import discover, select
from nestbox.publish import Arrangement, Delivery, arrange, builds_several, check_archive, parse_delivery
from nestbox.validate import Session, Workshop

# Joining tags that a registry has already, or asking a builder what it is, moves no layers.
SHORT_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build and where it goes; no profiles means all, no platforms the engine's own."""

    workspace: Path
    profiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    push: str = ""
    output: str = ""
    node: str = ""
    """The node to build on; without one, the truest for each platform."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a platform's images are built with, and from."""

    workshop: Workshop
    bases: Bases

    @property
    def engine(self) -> Engine:
        """Where they are built."""
        return self.workshop.engine


@dataclass(slots=True)
class Matrix:
    """The whole plan: the command lines of each profile, on which ground, and what has none."""

    grounds: Mapping[str, Ground]
    """By platform."""
    arrangements: list[Arrangement] = field(default_factory=list)
    unasked: list[Outcome] = field(default_factory=list)

    @property
    def plans(self) -> list[Plan]:
        """Every build, in its order."""
        return [plan for arrangement in self.arrangements for plan in arrangement.plans]

    def commands(self) -> list[tuple[str, str]]:
        """What each is for, and the shell's lines that do it all when they are pasted in the workspace."""
        needed = dict.fromkeys(platform for plan in self.plans for platform in plan.platforms)
        made = {
            self._at(platform, line): platform
            for platform in needed
            for line in self.grounds[platform].bases.commands()
        }
        lines = [(where, line) for line, where in made.items()]
        for arrangement in self.arrangements:
            for plan in arrangement.plans:
                platform = plan.platforms[0]
                argv = plan.command_line(self.grounds[platform].engine.facts)
                where = f"{plan.profile} {','.join(plan.platforms)}"
                lines.append((where, self._at(platform, shlex.join(argv))))
            if arrangement.index:
                lines.append((arrangement.plans[0].profile, shlex.join(arrangement.index)))
        return lines

    def _at(self, platform: str, line: str) -> str:
        """The line, told which engine it is for where that is not the docker client's own."""
        told = self.grounds[platform].engine.variables
        words = [f"export {name}={shlex.quote(value)}" for name, value in told.items() if value is not None]
        words += [f"unset {name}" for name, value in told.items() if value is None and name in os.environ]
        return f"({'; '.join([*words, line])})" if words else line


def build_matrix(
    request: BuildRequest,
    session: Session,
    show: Callable[[Sequence[tuple[str, str]]], None],
    *,
    dry_run: bool = False,
) -> Generator[Outcome]:
    """Plan, show Matrix.commands, run them. A dry run has outcomes only of what cannot be planned.

    Raises UsageError before anything is built when the request makes no sense.
    """
    delivery = parse_delivery(request.push, request.output)
    files = select(discover(request.workspace), list(request.profiles))
    config = load_config(request.workspace)
    if request.node:
        require_node(config, request.node)
    fleet = Fleet(config.node, request.workspace, session.say)
    asked = request.platforms or (fleet.own_platform(request.node),)
    grounds: dict[str, Ground | NestboxError] = {}
    for platform in map(parse_platform, asked):
        try:
            builder = fleet.place(platform, request.node).builder
            session.facts = session.facts or builder.facts
            workshop = Workshop(request.workspace, session, builder, config)
            grounds[platform] = Ground(workshop, workshop.bases(platform))
        except UsageError:
            raise
        except NestboxError as error:
            grounds[platform] = error
    matrix = plan_matrix(grounds, files, delivery)
    show(matrix.commands())
    yield from matrix.unasked
    if dry_run:
        return
    for arrangement in matrix.arrangements:
        yield from _run(matrix, arrangement, delivery)


def _run(matrix: Matrix, arrangement: Arrangement, delivery: Delivery) -> Generator[Outcome]:
    """Build one profile, and join what was pushed of it once each part is what it must be."""
    seen: list[Outcome] = []
    for plan in arrangement.plans:
        try:
            for ground in (matrix.grounds[platform] for platform in plan.platforms):
                shop = ground.workshop
                make_bases(shop.engine, ground.bases, workspace=shop.workspace, say=shop.session.say)
            outcomes = _build(matrix.grounds[plan.platforms[0]].workshop, plan, delivery)
        except NestboxError as error:
            outcomes = [unasked("build", target, error) for target in plan.targets]
        yield from outcomes
        seen += outcomes
    if arrangement.index and all(outcome.status is Status.PASS for outcome in seen):
        yield _join_pushed(arrangement)


def plan_matrix(
    grounds: Mapping[str, Ground | NestboxError], files: Mapping[str, Path], delivery: Delivery
) -> Matrix:
    """Plan everything; nothing is made or changed."""
    there = {platform: ground for platform, ground in grounds.items() if isinstance(ground, Ground)}
    engines = list({id(ground.engine): ground.engine for ground in there.values()}.values())
    several = len(engines) == 1 and _takes_several(engines[0], delivery)
    if len(engines) > 1 and delivery != Delivery():
        for engine in engines:
            _takes_several(engine, delivery)
    matrix = Matrix(there)
    for name, file in files.items():
        plans = []
        for target in (Target(name, platform) for platform in grounds):
            try:
                ground = grounds[target.platform]
                if isinstance(ground, NestboxError):
                    raise ground
                profile = ground.workshop.load(target, file, ground.bases)
                plans.append(plan_build(profile, target.platform))
            except UsageError:
                raise
            except NestboxError as error:
                matrix.unasked.append(unasked("build", target, error))
        try:
            if plans and len(plans) < len(grounds) and delivery != Delivery():
                raise CannotBuildError(
                    f"nothing of {name} is published, since it cannot be built for each platform",
                    fix=f"--platform {plans[0].platforms[0]} publishes what can be",
                )
            matrix.arrangements += [arrange(plans, delivery, several=several)] if plans else []
        except CannotBuildError as error:
            matrix.unasked += [unasked("build", target, error) for plan in plans for target in plan.targets]
    check_names(matrix, delivery)
    return matrix


def _takes_several(engine: Engine, delivery: Delivery) -> bool:
    """Whether one build there makes images of several platforms; raises UsageError if it cannot deliver."""
    several = engine.facts.several_platforms
    if delivery == Delivery():
        return several
    if engine.facts.is_podman:
        raise UsageError(
            "nestbox publishes what docker buildx builds, and this engine is Podman",
            fix="nestbox build, then podman push or podman save --format oci-archive",
        )
    driver = _driver(engine)
    if delivery.archive:
        check_archive(driver, several_platforms=several)
    return builds_several(driver, several_platforms=several)


def check_names(matrix: Matrix, delivery: Delivery) -> None:
    """Raise UsageError when two images would have one name, or an archive no folder."""
    names = Counter(plan.tag for plan in matrix.plans if plan.recipe)
    names += Counter(arrangement.index[5] for arrangement in matrix.arrangements if arrangement.index)
    for name, often in names.items():
        if often > 1:
            raise UsageError(f"{often} images would go to {name}", fix="put {profile} into the name")
        folder = Path(name).parent
        if delivery.archive and not folder.is_dir():
            raise UsageError(
                f"there is no folder {folder} for {name}", fix=shlex.join(["mkdir", "-p", str(folder)])
            )


def _driver(engine: Engine) -> str:
    """The driver of the selected builder; raises CommandError when docker buildx cannot be asked."""
    completed = run(["docker", "buildx", "inspect"], timeout=SHORT_TIMEOUT, env=engine.variables)
    drivers = [line.split()[1] for line in completed.stdout.splitlines() if line.startswith("Driver:")]
    if completed.status != 0 or not drivers:
        raise CommandError("docker buildx cannot say which builder it uses", why=completed.stderr.strip())
    return drivers[0]


def _build(workshop: Workshop, plan: Plan, delivery: Delivery) -> list[Outcome]:
    say = workshop.session.say

    def on_progress(step: str) -> None:
        say(f"build {plan.profile} {','.join(plan.platforms)}: {step}")

    if delivery == Delivery():
        built = build_images(workshop.engine, plan, on_progress)
        images = zip(plan.targets, (image for _, image in built), strict=True)
        workshop.session.targets += [TargetFacts(target, image.id, {}) for target, image in images if image]
        return [outcome for outcome, _ in built]
    ran = run_plan(workshop.engine, plan, on_progress)
    if ran.failure:
        return [ran.failed(target) for target in plan.targets]
    there = in_registry(plan.tag) if delivery.push else in_archive(Path(plan.tag))
    return [check_delivered(plan, ran, there, target) for target in plan.targets]


def check_delivered(plan: Plan, ran: Ran, there: Delivered, target: Target) -> Outcome:
    """The outcome of a target, given what is there now."""
    found = (
        target.platform if target.platform in there.platforms else ", ".join(there.platforms) or "no platform"
    )
    if failed := ran.check_platform(target, found):
        return failed
    verb = "pushed as" if plan.to == ("--push",) else "written as"
    summary = f"{plan.tag}, {verb} {there.digest.removeprefix('sha256:')[:12]}, for {target.platform}"
    return Outcome("build", Status.PASS, summary, target, observation=ran.observation)


def _join_pushed(arrangement: Arrangement) -> Outcome:
    """Push the reference that stands for all platforms, and ask the registry what it has."""
    platforms = [plan.platforms[0] for plan in arrangement.plans]
    target = Target(arrangement.plans[0].profile, ",".join(platforms))
    completed = run(arrangement.index, timeout=SHORT_TIMEOUT)
    seen = Observation(
        arrangement.index, completed.status, completed.stdout, completed.stderr, completed.seconds
    )
    name = arrangement.index[5]
    if completed.status != 0:
        said = f"{name} could not be pushed"
        return Outcome("build.index", Status.FAIL, said, target, completed.stderr.strip(), "", seen)
    try:
        there = in_registry(name)
    except CommandError as error:
        return unasked("build.index", target, error)
    if sorted(there.platforms) != sorted(platforms):
        said = f"{name} is for {', '.join(there.platforms)}, not for {', '.join(platforms)}"
        return Outcome("build.index", Status.FAIL, said, target, said, "", seen)
    said = f"{name}, pushed as {there.digest.removeprefix('sha256:')[:12]}, for {' and '.join(platforms)}"
    return Outcome("build.index", Status.PASS, said, target, observation=seen)
