"""The command line that builds a profile's image, as `docker buildx build` or Podman takes it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from nestproof.build.podman_build import as_podman
from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Target
from nestproof.core.platforms import architecture
from nestproof.devcontainer.compose_build import build_options
from nestproof.devcontainer.compose_service import Service
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import EngineFacts

# Options by which an image leaves this machine, or goes elsewhere than to the engine.
_DELIVERS = ("--push", "--output", "-o")


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
    client: tuple[str, ...] = ()
    """The command line of the reference client, which builds it instead."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that this builds."""
        return tuple(Target(self.profile, platform) for platform in self.platforms)

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line, ready to paste."""
        if self.client:
            return self.client
        platforms = ("--platform", ",".join(self.platforms))
        if not self.recipe:
            return ("docker", "pull", *platforms, self.tag)
        name = () if self.to[0] == "--output" else ("--tag", self.tag)
        return ("docker", "buildx", "build", *self.to, *platforms, *name, *self.recipe)

    def command_line(self, facts: EngineFacts) -> tuple[str, ...]:
        """The command line for the engine's own client."""
        return as_podman(self.argv, facts.address) if facts.is_podman and not self.client else self.argv


def plan_build(profile: Profile, platform: str) -> ImageBuild:
    """The `docker buildx build` command line for a target; raises CannotBuildError."""
    config, folder = profile.config, profile.file.parent
    if profile.service is not None:
        return _plan_service(profile, profile.service, platform)
    if config.image and not profile.dockerfile:
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
    return ImageBuild(profile.name, (platform,), tag_of(profile, platform), tuple(recipe))


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
    return ImageBuild(profile.name, (platform,), tag_of(profile, platform), (*options, context))


def tag_of(profile: Profile, platform: str) -> str:
    """The name of a profile's image for a platform."""
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
