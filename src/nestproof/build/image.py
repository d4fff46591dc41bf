"""Build a profile's image for a platform with buildx, and verify the image's platform by inspection."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nestproof.build.podman_build import PodmanSteps, as_podman
from nestproof.build.progress import NO_RAWJSON, SHOWN_LINES, BuildxSteps, Failure
from nestproof.core.errors import EngineError, NestproofError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.platforms import architecture
from nestproof.core.process import run
from nestproof.devcontainer.compose_build import build_options
from nestproof.devcontainer.compose_service import Service
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, EngineFacts, Image, find_image
from nestproof.engine.image_store import find_platform

# A first build downloads packages, perhaps under emulation; one that takes longer than this hangs.
BUILD_TIMEOUT = 3600.0

# Options by which an image leaves this machine, or goes elsewhere than to the engine.
_DELIVERS = ("--push", "--output", "-o")
# BuildKit writes the wanted platform into an image whatever its base is for, and only warns of it, since 2024
# (moby/buildkit commit 88b2f70, docker/buildx issue 3854).
_OTHER_BASE = re.compile(
    r'InvalidBaseImagePlatform: Base image (\S+) was pulled with platform "([^"]+)", expected "([^"]+)"'
)


class CannotBuildError(NestproofError):
    """The profile needs a build that nestproof does not support."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """One command line that builds a profile's image for one platform or for several."""

    profile: str
    platforms: tuple[str, ...]
    tag: str
    """The image's name, or the path of the archive that it goes to."""
    recipe: tuple[str, ...] = ()
    """The Dockerfile and all that goes with it; empty when the image is pulled."""
    to: tuple[str, ...] = ("--load",)
    """The destination of the image."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that this builds."""
        return tuple(Target(self.profile, platform) for platform in self.platforms)

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line, ready to paste."""
        platforms = ("--platform", ",".join(self.platforms))
        if not self.recipe:
            return ("docker", "pull", *platforms, self.tag)
        name = () if self.to[0] == "--output" else ("--tag", self.tag)
        return ("docker", "buildx", "build", *self.to, *platforms, *name, *self.recipe)

    def command_line(self, facts: EngineFacts) -> tuple[str, ...]:
        """The command line for the engine's own client."""
        return as_podman(self.argv, facts.address) if facts.is_podman else self.argv


def plan_build(profile: Profile, platform: str) -> ImageBuild:
    """The `docker buildx build` command line for a target; raises CannotBuildError."""
    config, folder = profile.config, profile.file.parent
    if config.features:
        raise CannotBuildError(
            f"{profile.file.name} uses `features`, which nestproof does not build",
            fix="devcontainer build --workspace-folder . builds it",
        )
    if profile.service is not None:
        return _plan_service(profile, profile.service, platform)
    if config.image:
        return ImageBuild(profile.name, (platform,), config.image)
    build = config.build
    dockerfile = profile.dockerfile
    if not dockerfile:
        raise CannotBuildError(
            f"{profile.file.name} names neither an image nor a Dockerfile", fix="add `image` or `build`"
        )
    recipe = ["--file", str(folder / dockerfile)]
    # Relative to the configuration's folder; by default it is the Dockerfile's own folder.
    legacy = config.docker_file is not None
    context = (config.context if legacy else build and build.context) or str(Path(dockerfile).parent)
    if build:
        recipe += ["--target", build.target] if build.target else []
        for name, value in build.args.items():
            recipe += ["--build-arg", f"{name}={value}"]
        for source in [build.cache_from] if isinstance(build.cache_from, str) else build.cache_from:
            recipe += ["--cache-from", source]
        recipe += _stays(profile, build.options)
    recipe.append(str((folder / context).resolve()))
    return ImageBuild(profile.name, (platform,), _tag(profile, platform), tuple(recipe))


def _stays(profile: Profile, options: list[str]) -> list[str]:
    for option in options:
        if option.partition("=")[0] in _DELIVERS or re.fullmatch("-o[^=]+.*", option):
            raise CannotBuildError(
                f"{profile.file.name} has {option} in `build.options`, by which the image goes elsewhere",
                why="nestproof publishes only what it is told to on its command line",
                fix="take it out; nestproof build --push REF pushes, and --output oci:PATH writes an archive",
            )
    return options


def _plan_service(profile: Profile, service: Service, platform: str) -> ImageBuild:
    """As Compose would build the service; what has an image and no build section is only pulled."""
    if service.platform and not platform.startswith(service.platform.removesuffix("/v8")):
        raise CannotBuildError(
            f"the Compose service {service.name} is for {service.platform}, not for {platform}",
            fix=f"ask for --platform {service.platform}",
        )
    if service.build is None:
        return ImageBuild(profile.name, (platform,), service.image)
    options, context, odd = build_options(service.build, service.secrets)
    if odd:
        raise CannotBuildError(
            f"nestproof does not carry over {', '.join(odd)} of the build of the service {service.name}",
            fix=f"docker compose build {service.name} builds it",
        )
    return ImageBuild(profile.name, (platform,), _tag(profile, platform), (*options, context))


def _tag(profile: Profile, platform: str) -> str:
    return f"{image_name(profile.workspace)}:{tag_word(profile.name)}-{architecture(platform)}"


def image_name(workspace: Path) -> str:
    """Name the images of a workspace, so that two clones do not take each other's."""
    folder = re.sub(r"[^a-z0-9]+", "-", workspace.name.lower()).strip("-") or "workspace"
    return f"nestproof/{folder}-{hashlib.sha256(str(workspace).encode()).hexdigest()[:8]}"


def tag_word(name: str) -> str:
    """A profile's name as a tag can hold it; what is lost is made up for by a digest."""
    word = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip(".-")[:80]
    if word != name:
        word = f"{word}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")
    return word


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
        said = "the image could not be built"
        return Outcome("build", Status.FAIL, said, target, str(self.failure), "", self.observation)

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
