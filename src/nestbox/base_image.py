"""Where a base image comes from on a machine that reaches no image registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from nestbox.command import run
from nestbox.config import BaseImage
from nestbox.engine import Engine, engine_errors, find_image
from nestbox.errors import CommandError
from nestbox.platforms import architecture

# Making one takes about two minutes under emulation; slow disks and mirrors take their share.
FALLBACK_TIMEOUT = 1200.0


def base_environment(
    engine: Engine,
    base: BaseImage | None,
    platform: str,
    environment: Mapping[str, str],
    *,
    workspace: Path,
    say: Callable[[str], None],
) -> dict[str, str]:
    """The variables that the profile's `${localEnv:…}` should see beside the environment.

    Empty where the profile's own base can be had: because the engine has it, or because its registry
    answers. Otherwise the fallback command makes one, once; the engine remembers it under a tag of its
    own, and deleting that tag makes the question open again. Raises CommandError when the command fails.
    """
    if base is None or environment.get(base.variable) or _platform_of(engine, base.image) == platform:
        return {}
    wanted = {base.variable: platform}
    if base.build_platform_variable and not environment.get(base.build_platform_variable):
        wanted[base.build_platform_variable] = engine.facts.platform
    stand_ins = {p: _stand_in(base.image, p) for p in set(wanted.values())}
    missing = [p for p, tag in stand_ins.items() if _platform_of(engine, tag) != p]
    if missing and _registry_answers(engine, base.image):
        return {}
    for missing_platform in missing:
        say(f"no registry answers for {base.image}: making a base for {missing_platform}")
        _make(engine, base, missing_platform, stand_ins[missing_platform], workspace)
    return {variable: stand_ins[p] for variable, p in wanted.items()}


def _stand_in(image: str, platform: str) -> str:
    slug = re.sub(r"[^a-z0-9.]+", "-", image.lower())
    return f"nestbox/stand-in:{slug}-{architecture(platform)}"


def _platform_of(engine: Engine, tag: str) -> str | None:
    image = find_image(engine, tag)
    return image.platform if image else None


def _registry_answers(engine: Engine, image: str) -> bool:
    """Whether the image's registry can be asked at all; "no such image" would be an answer too."""
    try:
        question = ["docker", "buildx", "imagetools", "inspect", "--raw", image]
        completed = run(question, timeout=20, env=engine.variables)
    except CommandError:
        return False
    return completed.status == 0 or "not found" in completed.stderr


def _make(engine: Engine, base: BaseImage, platform: str, tag: str, workspace: Path) -> None:
    argv = [part.replace("{platform}", platform) for part in base.fallback]
    completed = run(argv, timeout=FALLBACK_TIMEOUT, cwd=workspace, env=engine.variables)
    made = completed.stdout.strip()
    if completed.status != 0 or not made:
        raise CommandError(
            f"{' '.join(argv)} ended with exit status {completed.status}",
            why=completed.stderr.strip()[-2000:],
            fix=f"set {base.variable} to an image that the engine has or can pull",
        )
    with engine_errors(f"tagging {made} as {tag}"):
        repository, _, name = tag.partition(":")
        engine.api.tag(made, repository, name)
