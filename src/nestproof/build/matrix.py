"""The planned command lines, shown before they run; an outcome for each target."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nestproof.build.command import ImageBuild
from nestproof.build.destination import BuildPlan, Destination, parse_destination
from nestproof.build.image import BuildResult, build_images, run_plan
from nestproof.build.plan import Matrix, PlatformBuilder, plan_matrix
from nestproof.build.published import Published, in_archive, in_registry
from nestproof.build.target import TargetBuilder
from nestproof.build.trouble import trouble_of
from nestproof.core.errors import CommandError, NestproofError, UsageError
from nestproof.core.outcome import Observation, Outcome, Status, Target, TargetFacts, unasked
from nestproof.core.platforms import parse_platform
from nestproof.core.process import run
from nestproof.engine.buildx_builder import SHORT_TIMEOUT
from nestproof.nodes.session import Session


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Profiles, platforms and destination of a build; empty means all profiles, the engine's platform."""

    profiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    push: str = ""
    output: str = ""
    node: str = ""
    """The node to build on; by default the one of highest fidelity for each platform."""


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
    destination = parse_destination(request.push, request.output)
    names = session.profiles.names(request.profiles)
    nodes = session.open_nodes(request.node)
    builders: dict[str, PlatformBuilder | NestproofError] = {}
    for platform in map(parse_platform, request.platforms or (nodes.own_platform(request.node),)):
        try:
            engine = nodes.place(platform, request.node).builder
            session.facts = session.facts or engine.facts
            builder = TargetBuilder(session, engine)
            builders[platform] = PlatformBuilder(builder, builder.plan_bases(platform))
        except UsageError:
            raise
        except NestproofError as error:
            builders[platform] = error
    matrix = plan_matrix(builders, names, destination)
    show(matrix.commands())
    yield from matrix.unasked
    if dry_run:
        return
    for build_plan in matrix.plans_by_profile:
        yield from _run(matrix, build_plan, destination)


def _run(matrix: Matrix, build_plan: BuildPlan, destination: Destination) -> Generator[Outcome]:
    """Build one profile, and join what was pushed of it once each part is what it must be."""
    seen: list[Outcome] = []
    for plan in build_plan.plans:
        try:
            for builder in (matrix.builders[platform] for platform in plan.platforms):
                builder.target_builder.make_bases(builder.bases)
            outcomes = _build(matrix.builders[plan.platforms[0]], plan, destination)
        except NestproofError as error:
            outcomes = [unasked("build", target, error) for target in plan.targets]
        yield from outcomes
        seen += outcomes
    if build_plan.index and all(outcome.status is Status.PASS for outcome in seen):
        yield _join_pushed(build_plan)


def _build(platform: PlatformBuilder, plan: ImageBuild, destination: Destination) -> list[Outcome]:
    builder = platform.target_builder
    say = builder.session.say

    def on_progress(step: str) -> None:
        say(f"build {plan.profile} {','.join(plan.platforms)}: {step}")

    if destination == Destination():
        if plan.client:
            built = [builder.run(plan, platform.bases, on_progress)]
        else:
            built = build_images(builder.engine, plan, on_progress)
        images = zip(plan.targets, (image for _, image in built), strict=True)
        builder.session.targets += [TargetFacts(target, image.id, {}) for target, image in images if image]
        return [outcome for outcome, _ in built]
    ran = run_plan(builder.engine, plan, on_progress)
    if ran.failure:
        return [ran.failed(target) for target in plan.targets]
    there = in_registry(plan.tag) if destination.push else in_archive(Path(plan.tag))
    return [check_published(plan, ran, there, target) for target in plan.targets]


def check_published(plan: ImageBuild, ran: BuildResult, there: Published, target: Target) -> Outcome:
    """The outcome of a target, given what is there now."""
    found = (
        target.platform if target.platform in there.platforms else ", ".join(there.platforms) or "no platform"
    )
    if failed := ran.check_platform(target, found):
        return failed
    verb = "pushed as" if plan.to == ("--push",) else "written as"
    summary = f"{plan.tag}, {verb} {there.digest.removeprefix('sha256:')[:12]}, for {target.platform}"
    return Outcome("build", Status.PASS, summary, target, observation=ran.observation)


def _join_pushed(build_plan: BuildPlan) -> Outcome:
    """Push the reference that stands for all platforms, and ask the registry what it has."""
    platforms = [plan.platforms[0] for plan in build_plan.plans]
    target = Target(build_plan.plans[0].profile, ",".join(platforms))
    completed = run(build_plan.index, timeout=SHORT_TIMEOUT)
    seen = Observation(
        build_plan.index, completed.status, completed.stdout, completed.stderr, completed.seconds
    )
    name = build_plan.index[5]
    if completed.status != 0:
        said = f"{name} could not be pushed"
        said_by_buildx = completed.stderr.strip()
        status = Status.ERROR if trouble_of(said_by_buildx) else Status.FAIL
        return Outcome("build.index", status, said, target, said_by_buildx, "", seen)
    try:
        there = in_registry(name)
    except CommandError as error:
        return unasked("build.index", target, error)
    if sorted(there.platforms) != sorted(platforms):
        said = f"{name} is for {', '.join(there.platforms)}, not for {', '.join(platforms)}"
        return Outcome("build.index", Status.FAIL, said, target, said, "", seen)
    said = f"{name}, pushed as {there.digest.removeprefix('sha256:')[:12]}, for {' and '.join(platforms)}"
    return Outcome("build.index", Status.PASS, said, target, observation=seen)
