"""Make a base image on a machine that reaches no image registry."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nestproof.core.config import BaseImage
from nestproof.core.errors import CommandError
from nestproof.core.platforms import architecture
from nestproof.core.process import run
from nestproof.engine.client import Engine, EngineFacts, engine_errors
from nestproof.engine.image_store import find_platform
from nestproof.engine.podman import client

# Making one takes about two minutes under emulation; slow disks and mirrors take their share.
FALLBACK_TIMEOUT = 1200.0


@dataclass(frozen=True, slots=True)
class Bases:
    """The base images of a target's profile, and the ones still to be made."""

    variables: Mapping[str, str]
    """Values for the profile's `${localEnv:…}`, beside the environment."""
    missing: Mapping[str, str]
    """The tags that are still to be made, by platform."""
    base: BaseImage | None = None

    def commands(self, facts: EngineFacts) -> list[str]:
        """Shell lines that make the missing tags, for pasting in the workspace."""
        program = shlex.join(client(facts.address) if facts.is_podman else ("docker",))
        return [
            f'{program} tag "$({shlex.join(_fallback(self.base, platform))})" {shlex.quote(tag)}'
            for platform, tag in self.missing.items()
            if self.base is not None
        ]


def plan_bases(
    engine: Engine, base: BaseImage | None, platform: str, environment: Mapping[str, str]
) -> Bases:
    """Plan the values of the profile's `${localEnv:…}` for that platform, beside the environment.

    Nothing where the profile's own base can be had: because the engine has it, or because its registry
    answers. Otherwise the fallback command makes one, once; the engine remembers it under a tag of its
    own, and deleting that tag makes the question open again.
    """
    if base is None or environment.get(base.variable) or _has(engine, base.image, platform):
        return Bases({}, {})
    wanted = {base.variable: platform}
    if base.build_platform_variable and not environment.get(base.build_platform_variable):
        wanted[base.build_platform_variable] = engine.facts.platform
    stand_ins = {p: _fallback_tag(base.image, p) for p in wanted.values()}
    missing = {p: tag for p, tag in stand_ins.items() if not _has(engine, tag, p)}
    if missing and _registry_answers(engine, base.image):
        return Bases({}, {})
    variables = {variable: stand_ins[p] for variable, p in wanted.items()}
    return Bases(variables, missing, base)


def make_bases(engine: Engine, bases: Bases, *, workspace: Path, say: Callable[[str], None]) -> None:
    """Make the missing base images; raises CommandError if the command fails."""
    for platform, tag in bases.missing.items():
        # Another profile's build may have made it since the plan.
        if bases.base is not None and not _has(engine, tag, platform):
            say(f"no registry answers for {bases.base.image}: making a base for {platform}")
            _make(engine, bases.base, platform, tag, workspace)


def _fallback_tag(image: str, platform: str) -> str:
    slug = re.sub(r"[^a-z0-9.]+", "-", image.lower())
    return f"nestproof/stand-in:{slug}-{architecture(platform)}"


def _has(engine: Engine, tag: str, platform: str) -> bool:
    return find_platform(engine, tag, platform) is not None


def _registry_answers(engine: Engine, image: str) -> bool:
    """True if the image's registry answers at all, be it "no such image"."""
    argv: tuple[str, ...] = ("docker", "buildx", "imagetools", "inspect", "--raw", image)
    if engine.facts.is_podman:
        argv = (*client(engine.facts.address), "manifest", "inspect", image)
    try:
        completed = run(argv, timeout=20, env=engine.variables)
    except CommandError:
        return False
    return completed.status == 0 or "not found" in completed.stderr or "manifest unknown" in completed.stderr


def _make(engine: Engine, base: BaseImage, platform: str, tag: str, workspace: Path) -> None:
    argv = _fallback(base, platform)
    completed = run(argv, timeout=FALLBACK_TIMEOUT, cwd=workspace, env=engine.variables)
    made = completed.stdout.strip()
    if completed.status != 0 or not made:
        raise CommandError(
            f"{shlex.join(argv)} ended with exit status {completed.status}",
            why=completed.stderr.strip()[-2000:],
            fix=f"set {base.variable} to an image that the engine has or can pull",
        )
    with engine_errors(f"tagging {made} as {tag}"):
        repository, _, name = tag.partition(":")
        engine.api.tag(made, repository, name)


def _fallback(base: BaseImage, platform: str) -> list[str]:
    return [part.replace("{platform}", platform) for part in base.fallback]
