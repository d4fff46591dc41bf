"""Plan the command lines for profiles and platforms; nothing is made or changed."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nestproof.build.base_image import Bases
from nestproof.build.command import CannotBuildError, ImageBuild
from nestproof.build.destination import BuildPlan, Destination, builds_several, check_archive, plan_profile
from nestproof.build.target import TargetBuilder
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Target, unasked
from nestproof.engine.buildx_builder import selected_builder
from nestproof.engine.client import Engine


@dataclass(frozen=True, slots=True)
class PlatformBuilder:
    """The builder and the base images of a platform."""

    target_builder: TargetBuilder
    bases: Bases

    @property
    def engine(self) -> Engine:
        """The engine that builds the images."""
        return self.target_builder.engine


@dataclass(slots=True)
class Matrix:
    """The whole plan: the command lines of each profile, their base images, and the targets without one."""

    builders: Mapping[str, PlatformBuilder]
    """By platform."""
    plans_by_profile: list[BuildPlan] = field(default_factory=list)
    unasked: list[Outcome] = field(default_factory=list)

    @property
    def plans(self) -> list[ImageBuild]:
        """Every build, in its order."""
        return [plan for build_plan in self.plans_by_profile for plan in build_plan.plans]

    def commands(self) -> list[tuple[str, str]]:
        """The purpose of each command, and its shell lines for pasting in the workspace."""
        needed = dict.fromkeys(platform for plan in self.plans for platform in plan.platforms)
        made = {
            self._at(platform, line): platform
            for platform in needed
            for line in self.builders[platform].bases.commands(self.builders[platform].engine.facts)
        }
        lines = [(where, line) for line, where in made.items()]
        for build_plan in self.plans_by_profile:
            for plan in build_plan.plans:
                platform = plan.platforms[0]
                argv = plan.command_line(self.builders[platform].engine.facts)
                where = f"{plan.profile} {','.join(plan.platforms)}"
                lines.append((where, self._at(platform, shlex.join(argv))))
            if build_plan.index:
                lines.append((build_plan.plans[0].profile, shlex.join(build_plan.index)))
        return lines

    def _at(self, platform: str, line: str) -> str:
        """Add the engine's address to a command line, unless the docker client's own engine is meant."""
        told = self.builders[platform].engine.variables
        words = [f"export {name}={shlex.quote(value)}" for name, value in told.items() if value is not None]
        words += [f"unset {name}" for name, value in told.items() if value is None and name in os.environ]
        return f"({'; '.join([*words, line])})" if words else line


def plan_matrix(
    builders: Mapping[str, PlatformBuilder | NestproofError],
    names: Sequence[str],
    destination: Destination,
) -> Matrix:
    """Plan everything; nothing is made or changed."""
    there = {
        platform: builder for platform, builder in builders.items() if isinstance(builder, PlatformBuilder)
    }
    engines = list({id(builder.engine): builder.engine for builder in there.values()}.values())
    several = len(engines) == 1 and _takes_several(engines[0], destination, of=len(there))
    if len(engines) > 1 and destination != Destination():
        for engine in engines:
            _takes_several(engine, destination, of=1)
    matrix = Matrix(there)
    for name in names:
        plans = []
        for target in (Target(name, platform) for platform in builders):
            try:
                builder = builders[target.platform]
                if isinstance(builder, NestproofError):
                    raise builder
                profile = builder.target_builder.load(target, builder.bases)
                plan = builder.target_builder.plan(profile, target.platform)
                if plan.client and destination != Destination():
                    raise CannotBuildError(
                        f"{name} has features, and nestproof publishes only what it builds itself",
                        fix="devcontainer build --push true publishes it",
                    )
                plans.append(plan)
            except UsageError:
                raise
            except NestproofError as error:
                matrix.unasked.append(unasked("build", target, error))
        try:
            if plans and len(plans) < len(builders) and destination != Destination():
                raise CannotBuildError(
                    f"nothing of {name} is published, since it cannot be built for each platform",
                    fix=f"--platform {plans[0].platforms[0]} publishes what can be",
                )
            together = several and not any(plan.client for plan in plans)
            matrix.plans_by_profile += [plan_profile(plans, destination, several=together)] if plans else []
        except CannotBuildError as error:
            matrix.unasked += [unasked("build", target, error) for plan in plans for target in plan.targets]
    check_names(matrix, destination)
    return matrix


def _takes_several(engine: Engine, destination: Destination, *, of: int) -> bool:
    """True if one build there makes an image `of` so many platforms; raises UsageError if it cannot deliver.

    What several nodes of a builder made is joined in a registry only ("docker for multi-node builds currently
    not supported", and the same for oci: docker/buildx, build/build.go).
    """
    several = engine.facts.several_platforms
    if destination == Destination():
        return several and of > 1 and selected_builder(engine.variables).nodes == 1
    if engine.facts.is_podman:
        raise UsageError(
            "nestproof publishes what docker buildx builds, and this engine is Podman",
            fix="nestproof build, then podman push or podman save --format oci-archive",
        )
    builder = selected_builder(engine.variables)
    if destination.archive:
        check_archive(builder.driver, several_platforms=several)
    able = builds_several(builder.driver, several_platforms=several)
    return able and (bool(destination.push) or builder.nodes == 1)


def check_names(matrix: Matrix, destination: Destination) -> None:
    """Raise UsageError when two images would have one name, or an archive no folder."""
    names = Counter(plan.tag for plan in matrix.plans if plan.recipe)
    names += Counter(build_plan.index[5] for build_plan in matrix.plans_by_profile if build_plan.index)
    for name, often in names.items():
        if often > 1:
            raise UsageError(f"{often} images would go to {name}", fix="put {profile} into the name")
        folder = Path(name).parent
        if destination.archive and not folder.is_dir():
            raise UsageError(
                f"there is no folder {folder} for {name}", fix=shlex.join(["mkdir", "-p", str(folder)])
            )
