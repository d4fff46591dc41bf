"""Profiles and platforms ─▶ one list of command lines, shown before it runs; an outcome for each target."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from platform import machine

from nestbox.base_image import Bases, make_bases
from nestbox.build import CannotBuildError, Plan, Ran, build_images, plan_build, run_plan
from nestbox.command import run
from nestbox.delivered import Delivered, in_archive, in_registry
from nestbox.engine import EngineFacts
from nestbox.errors import CommandError, EngineUnavailable, NestboxError, UsageError
from nestbox.nodes import Truth, node_for
from nestbox.outcome import Observation, Outcome, Status, Target, unasked
from nestbox.platforms import parse_platform
from nestbox.profile import discover, select
from nestbox.publish import Arrangement, Delivery, arrange, builds_several, check_archive, parse_delivery
from nestbox.validate import Session, Workshop, open_workshop

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


@dataclass(slots=True)
class Matrix:
    """The whole plan: what is to be made first, the command lines of each profile, and what has none."""

    bases: Mapping[str, Bases] = field(default_factory=dict)
    """By platform."""
    arrangements: list[Arrangement] = field(default_factory=list)
    unasked: list[Outcome] = field(default_factory=list)

    @property
    def plans(self) -> list[Plan]:
        """Every build, in its order."""
        return [plan for arrangement in self.arrangements for plan in arrangement.plans]

    def commands(self, facts: EngineFacts) -> list[tuple[str, str]]:
        """What each is for, and the shell's lines that do it all when they are pasted in the workspace."""
        needed = dict.fromkeys(platform for plan in self.plans for platform in plan.platforms)
        made = {
            line: platform
            for platform in needed
            if platform in self.bases
            for line in self.bases[platform].commands()
        }
        lines = [(where, line) for line, where in made.items()]
        for arrangement in self.arrangements:
            for plan in arrangement.plans:
                lines.append(
                    (f"{plan.profile} {','.join(plan.platforms)}", shlex.join(plan.command_line(facts)))
                )
            if arrangement.index:
                lines.append((arrangement.plans[0].profile, shlex.join(arrangement.index)))
        return lines


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
    request = replace(request, platforms=tuple(dict.fromkeys(map(parse_platform, request.platforms))))
    try:
        workshop = open_workshop(request.workspace, session)
    except EngineUnavailable as error:
        for name in files:
            for platform in request.platforms or (parse_platform(machine()),):
                yield unasked("build", Target(name, platform), error)
        return
    matrix = plan_matrix(request, workshop, files, delivery)
    show(matrix.commands(workshop.engine.facts))
    yield from matrix.unasked
    if dry_run:
        return
    for arrangement in matrix.arrangements:
        yield from _run(workshop, matrix, arrangement, delivery)


def _run(
    workshop: Workshop, matrix: Matrix, arrangement: Arrangement, delivery: Delivery
) -> Generator[Outcome]:
    """Build one profile, and join what was pushed of it once each part is what it must be."""
    seen: list[Outcome] = []
    for plan in arrangement.plans:
        try:
            for platform in plan.platforms:
                bases = matrix.bases[platform]
                make_bases(workshop.engine, bases, workspace=workshop.workspace, say=workshop.session.say)
            outcomes = _build(workshop, plan, delivery)
        except NestboxError as error:
            outcomes = [unasked("build", target, error) for target in plan.targets]
        yield from outcomes
        seen += outcomes
    if arrangement.index and all(outcome.status is Status.PASS for outcome in seen):
        yield _join_pushed(arrangement)


def plan_matrix(
    request: BuildRequest, workshop: Workshop, files: Mapping[str, Path], delivery: Delivery
) -> Matrix:
    """Plan everything; nothing is made or changed."""
    several = workshop.engine.facts.several_platforms
    if delivery != Delivery() and workshop.engine.facts.is_podman:
        raise UsageError(
            "nestbox publishes what docker buildx builds, and this engine is Podman",
            fix="nestbox build, then podman push or podman save --format oci-archive",
        )
    if delivery != Delivery():
        driver = _driver()
        if delivery.archive:
            check_archive(driver, several_platforms=several)
        several = builds_several(driver, several_platforms=several)
    platforms = request.platforms or (workshop.engine.facts.platform,)
    grounds = {platform: _ground(workshop, platform) for platform in platforms}
    matrix = Matrix({platform: found for platform, found in grounds.items() if isinstance(found, Bases)})
    for name, file in files.items():
        plans = []
        for target in (Target(name, platform) for platform in platforms):
            try:
                ground = grounds[target.platform]
                if isinstance(ground, NestboxError):
                    raise ground
                plans.append(plan_build(workshop.load(target, file, ground), target.platform))
            except UsageError:
                raise
            except NestboxError as error:
                matrix.unasked.append(unasked("build", target, error))
        try:
            if plans and len(plans) < len(platforms) and delivery != Delivery():
                raise CannotBuildError(
                    f"nothing of {name} is published, since it cannot be built for each platform",
                    fix=f"--platform {plans[0].platforms[0]} publishes what can be",
                )
            matrix.arrangements += [arrange(plans, delivery, several=several)] if plans else []
        except CannotBuildError as error:
            matrix.unasked += [unasked("build", target, error) for plan in plans for target in plan.targets]
    check_names(matrix, delivery)
    return matrix


def _ground(workshop: Workshop, platform: str) -> Bases | NestboxError:
    """What all profiles build from for a platform, or why nothing is built for it."""
    try:
        node = node_for(workshop.engine.facts, platform)
        if node.truth is Truth.ABSENT:
            return EngineUnavailable(f"nothing here runs {platform}", why=node.reason, fix=node.remedy)
        return workshop.bases(platform)
    except NestboxError as error:
        return error


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


def _driver() -> str:
    """The driver of the selected builder; raises CommandError when docker buildx cannot be asked."""
    completed = run(["docker", "buildx", "inspect"], timeout=SHORT_TIMEOUT)
    drivers = [line.split()[1] for line in completed.stdout.splitlines() if line.startswith("Driver:")]
    if completed.status != 0 or not drivers:
        raise CommandError("docker buildx cannot say which builder it uses", why=completed.stderr.strip())
    return drivers[0]


def _build(workshop: Workshop, plan: Plan, delivery: Delivery) -> list[Outcome]:
    say = workshop.session.say

    def on_progress(step: str) -> None:
        say(f"build {plan.profile} {','.join(plan.platforms)}: {step}")

    if delivery == Delivery():
        return [outcome for outcome, _ in build_images(workshop.engine, plan, on_progress)]
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
