"""Build a profile's image for a platform with buildx, and verify the image's platform by inspection."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nestproof.build.command import ImageBuild
from nestproof.build.podman_build import PodmanSteps
from nestproof.build.progress import NO_RAWJSON, SHOWN_LINES, BuildxSteps, Failure
from nestproof.build.trouble import failed
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.process import run
from nestproof.engine.client import Engine, Image, find_image
from nestproof.engine.image_store import find_platform

# A first build downloads packages, perhaps under emulation; one that takes longer than this hangs.
BUILD_TIMEOUT = 3600.0

# BuildKit writes the wanted platform into an image whatever its base is for, and only warns of it, since 2024
# (moby/buildkit commit 88b2f70, docker/buildx issue 3854).
_OTHER_BASE = re.compile(
    r'InvalidBaseImagePlatform: Base image (\S+) was pulled with platform "([^"]+)", expected "([^"]+)"'
)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The result of a finished command line: its output, its failure if any, the image's ids."""

    observation: Observation
    failure: Failure | None
    images: tuple[str, ...]
    """Digests of the image's configuration and manifest: the engine's store decides which one it knows."""
    other_bases: tuple[tuple[str, str, str], ...] = ()
    """Warnings of the builder: a base, the platform that it is for, the platform that was wanted."""

    def failed(self, target: Target) -> Outcome:
        """The outcome of a target whose build ended with a failure."""
        outcome = failed(str(self.failure), target, self.observation)
        if outcome.status is Status.FAIL and self.failure and not self.failure.step:
            # Without a step, the last line alone can be one of a Go stack.
            return failed("\n".join(self.failure.lines) or str(self.failure), target, self.observation)
        return outcome

    def check_platform(self, target: Target, found: str) -> Outcome | None:
        """The outcome of a target whose image turned out to be for another platform; None if it did not."""
        wrong = [
            f"the base image {base} is for {has}, not for {target.platform}"
            for base, has, wanted in self.other_bases
            if wanted == target.platform or wanted.startswith(f"{target.platform}/")
        ]
        if found != target.platform:
            wrong = [f"the image is for {found}, not for {target.platform}"]
        if not wrong:
            return None
        fix = "build from a base image of that platform"
        return Outcome("build", Status.FAIL, wrong[0], target, wrong[0], fix, self.observation)


def run_plan(
    engine: Engine, plan: ImageBuild, on_progress: Callable[[str], None], progress: str = "rawjson"
) -> BuildResult:
    """Run a plan's command line to its end; raises CommandError when it cannot start or takes too long."""
    argv = plan.command_line(engine.facts)
    if engine.facts.is_podman:
        steps: PodmanSteps | BuildxSteps = PodmanSteps(on_progress)
    else:
        steps = BuildxSteps(on_progress)
    with tempfile.TemporaryDirectory(prefix="nestproof-") as scratch:
        id_file, about = Path(scratch) / "image-id", Path(scratch) / "metadata"
        extra = ["--iidfile", str(id_file)]
        if not engine.facts.is_podman:
            extra += ["--progress", progress, "--metadata-file", str(about)]
        completed = run(
            # Before the last one, the context: of an option that is given twice the last one counts.
            (*argv[:-1], *(extra if plan.recipe else ()), argv[-1]),
            timeout=BUILD_TIMEOUT,
            env=engine.variables,
            on_line=steps.complain if isinstance(steps, PodmanSteps) else steps.read,
            on_output=steps.read if isinstance(steps, PodmanSteps) else None,
        )
        images = _ids(id_file, about) if completed.status == 0 else ()
    if completed.status != 0 and progress == "rawjson" and NO_RAWJSON in completed.stderr:
        return run_plan(engine, plan, on_progress, "plain")
    failure = steps.failure() if completed.status != 0 else None
    printed = steps.lines if isinstance(steps, BuildxSteps) else completed.stderr.splitlines()[-SHOWN_LINES:]
    shown = "\n".join(failure.lines if failure else printed)
    said = "\n".join(completed.stdout.splitlines()[-SHOWN_LINES:])
    observation = Observation(argv, completed.status, said, shown, completed.seconds)
    warnings = steps.warnings if isinstance(steps, BuildxSteps) else []
    other_bases = _OTHER_BASE.findall("\n".join([*warnings, completed.stderr]))
    return BuildResult(observation, failure, images or (plan.tag,), tuple(other_bases))


def _ids(id_file: Path, about: Path) -> tuple[str, ...]:
    """Read the image's ids from the builder's files.

    Where a builder of its own makes an archive for the engine, the id file has the configuration's digest;
    containerd's image store knows an image by its manifest's (measured with buildx 0.13, Docker Engine 26.1).
    """
    ids = [id_file.read_text()] if id_file.exists() else []
    if about.exists() and (digest := json.loads(about.read_text()).get("containerimage.digest")):
        ids.append(digest)
    return tuple(dict.fromkeys(ids))


def build_image(
    engine: Engine, plan: ImageBuild, on_progress: Callable[[str], None]
) -> tuple[Outcome, Image | None]:
    """Run a plan for one platform. Returns its outcome, and the image if that is a pass."""
    ((outcome, image),) = build_images(engine, plan, on_progress)
    return outcome, image


def build_images(
    engine: Engine, plan: ImageBuild, on_progress: Callable[[str], None]
) -> list[tuple[Outcome, Image | None]]:
    """Run a plan, then ask the engine what it has: an outcome for each platform, and its image if a pass."""
    # Only what the engine does not have is pulled: a local image needs no registry.
    if not plan.recipe and find_platform(engine, plan.tag, plan.platforms[0]):
        seen = Observation(plan.command_line(engine.facts), 0, f"{plan.tag} is there already\n")
        ran = BuildResult(seen, None, (plan.tag,))
    else:
        ran = run_plan(engine, plan, on_progress)
    return [_find_built(engine, plan, ran, target) for target in plan.targets]


def _find_built(
    engine: Engine, plan: ImageBuild, ran: BuildResult, target: Target
) -> tuple[Outcome, Image | None]:
    # A pull fails also where the image is there for another platform, which says more.
    if ran.failure and (plan.recipe or find_image(engine, plan.tag) is None):
        return ran.failed(target), None
    known = (find_platform(engine, one, target.platform) or find_image(engine, one) for one in ran.images)
    found = next(filter(None, known), None)
    if found is None:
        raise EngineError(
            f"the engine does not have the image that it just built, {ran.images[0]}",
            fix="is another engine's builder selected? docker buildx use default",
        )
    if failed := ran.check_platform(target, found.platform):
        return failed, None
    summary = f"{plan.tag} is {found.id.removeprefix('sha256:')[:12]}, for {found.platform}"
    return Outcome("build", Status.PASS, summary, target, observation=ran.observation), found
