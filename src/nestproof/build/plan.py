"""Profiles and platforms ─▶ one list of command lines; nothing is made or changed."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nestproof.build.base_image import Bases
from nestproof.build.destination import Arrangement, Delivery, arrange, builds_several, check_archive
from nestproof.build.image import CannotBuildError, Plan, plan_build
from nestproof.build.target import Workshop
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Target, unasked
from nestproof.engine.buildx_builder import selected_builder
from nestproof.engine.client import Engine


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
            for line in self.grounds[platform].bases.commands(self.grounds[platform].engine.facts)
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


def plan_matrix(
    grounds: Mapping[str, Ground | NestproofError], files: Mapping[str, Path], delivery: Delivery
) -> Matrix:
    """Plan everything; nothing is made or changed."""
    there = {platform: ground for platform, ground in grounds.items() if isinstance(ground, Ground)}
    engines = list({id(ground.engine): ground.engine for ground in there.values()}.values())
    several = len(engines) == 1 and _takes_several(engines[0], delivery, of=len(there))
    if len(engines) > 1 and delivery != Delivery():
        for engine in engines:
            _takes_several(engine, delivery, of=1)
    matrix = Matrix(there)
    for name, file in files.items():
        plans = []
        for target in (Target(name, platform) for platform in grounds):
            try:
                ground = grounds[target.platform]
                if isinstance(ground, NestproofError):
                    raise ground
                profile = ground.workshop.load(target, file, ground.bases)
                plans.append(plan_build(profile, target.platform))
            except UsageError:
                raise
            except NestproofError as error:
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


def _takes_several(engine: Engine, delivery: Delivery, *, of: int) -> bool:
    """Whether one build there makes an image `of` so many platforms; raises UsageError if it cannot deliver.

    What several nodes of a builder made is joined in a registry only ("docker for multi-node builds currently
    not supported", and the same for oci: docker/buildx, build/build.go).
    """
    several = engine.facts.several_platforms
    if delivery == Delivery():
        return several and of > 1 and selected_builder(engine.variables).nodes == 1
    if engine.facts.is_podman:
        raise UsageError(
            "nestproof publishes what docker buildx builds, and this engine is Podman",
            fix="nestproof build, then podman push or podman save --format oci-archive",
        )
    builder = selected_builder(engine.variables)
    if delivery.archive:
        check_archive(builder.driver, several_platforms=several)
    able = builds_several(builder.driver, several_platforms=several)
    return able and (bool(delivery.push) or builder.nodes == 1)


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
