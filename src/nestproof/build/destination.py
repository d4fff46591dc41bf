"""Read where images go: an engine, a registry or an OCI archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from nestproof.build.command import CannotBuildError, ImageBuild, tag_word
from nestproof.core.errors import UsageError
from nestproof.core.image_reference import IMAGE_REFERENCE
from nestproof.core.platforms import architecture

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of images; by default the engine. Both may hold {profile}, {platform} and {arch}."""

    push: str = ""
    """A reference in a registry."""
    archive: str = ""
    """The path of an OCI archive."""


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """The command lines for one profile, and the ones that join its pushed images."""

    plans: tuple[ImageBuild, ...]
    index: tuple[str, ...] = ()
    """`docker buildx imagetools create` for the reference that stands for all platforms."""


def parse_destination(push: str, output: str) -> Destination:
    """Read --push and --output; raises UsageError."""
    if push and output:
        raise UsageError("--push and --output exclude each other", fix="run it twice")
    kind, _, path = output.partition(":")
    if output and kind != "oci":
        raise UsageError(f"unknown output {output!r}", fix="--output oci:PATH, or --push REFERENCE")
    for name in _PLACEHOLDER.findall(push or path):
        if name not in ("profile", "platform", "arch"):
            raise UsageError(f"{{{name}}} stands for nothing", fix="{profile}, {platform} and {arch} do")
    return Destination(push, (path or "{profile}.oci.tar") if output else "")


def plan_profile(plans: Sequence[ImageBuild], destination: Destination, *, several: bool) -> BuildPlan:
    """Plan the builds of one profile for its platforms; `several` says if one build can be of them all.

    It is of them all where nothing but the platform differs, and where nobody asked for them apart.
    Raises UsageError for a reference that is none, CannotBuildError when there is nothing to deliver.
    """
    template = destination.push or destination.archive
    if template and not all(plan.recipe for plan in plans):
        raise CannotBuildError(
            f"{plans[0].profile} builds nothing to deliver: it takes {plans[0].tag} as it is"
        )
    apart = any(word in template for word in ("{platform}", "{arch}"))
    alike = len({plan.recipe for plan in plans}) == 1 and bool(plans[0].recipe)
    together = len(plans) > 1 and several and alike and not apart
    if together:
        plans = [_join(plans)]
    if destination.archive:
        marked = len(plans) > 1 and not apart
        return BuildPlan(tuple(_to_archive(plan, destination.archive, marked=marked) for plan in plans))
    if destination.push:
        return _to_registry(plans, destination.push, apart=apart)
    return BuildPlan(tuple(plans))


def _join(plans: Sequence[ImageBuild]) -> ImageBuild:
    first = plans[0]
    tag = first.tag.removesuffix(f"-{architecture(first.platforms[0])}")
    return replace(first, platforms=tuple(plan.platforms[0] for plan in plans), tag=tag)


def _to_registry(plans: Sequence[ImageBuild], template: str, *, apart: bool) -> BuildPlan:
    whole = _fill(template, plans[0])
    found = IMAGE_REFERENCE.fullmatch(whole)
    if not found or found["digest"]:
        raise UsageError(
            f"{whole!r} is no reference that can be pushed to",
            fix="--push registry.example/name:tag, in lower case but for the tag",
        )
    if len(plans) == 1 or apart:
        return BuildPlan(tuple(replace(p, tag=_fill(template, p), to=("--push",)) for p in plans))
    # A name without a tag means `latest`, here as everywhere.
    whole = whole if ":" in whole.rpartition("/")[2] else f"{whole}:latest"
    parts = [replace(p, tag=f"{whole}-{architecture(p.platforms[0])}", to=("--push",)) for p in plans]
    index = ("docker", "buildx", "imagetools", "create", "--tag", whole, *(part.tag for part in parts))
    return BuildPlan(tuple(parts), index)


def _to_archive(plan: ImageBuild, template: str, *, marked: bool) -> ImageBuild:
    path = PurePath(_fill(f"{template}{{profile}}.oci.tar" if template.endswith("/") else template, plan))
    if marked:
        stem, dot, suffix = path.name.partition(".")
        path = path.with_name(f"{stem}-{architecture(plan.platforms[0])}{dot}{suffix}")
    # The value is read as CSV, in which a field with a comma stands in quotes.
    where = f'"dest={path}"' if "," in str(path) else f"dest={path}"
    return replace(plan, tag=str(path), to=("--output", f"type=oci,{where}"))


def _fill(template: str, plan: ImageBuild) -> str:
    platform = plan.platforms[0]
    values = {
        "profile": tag_word(plan.profile),
        "platform": platform.replace("/", "-"),
        "arch": architecture(platform),
    }
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def builds_several(driver: str, *, several_platforms: bool) -> bool:
    """True if a builder with that driver makes multi-platform images and OCI archives on that engine.

    The driver `docker` is the engine's own builder, and does so where the engine's image store can hold them;
    the others (docker-container, kubernetes, remote) are BuildKit's own daemon, which always does.
    Source: "Exporters overview" of Docker's documentation; measured with Docker Engine 20.10 and 26.1.
    """
    return driver != "docker" or several_platforms


def check_archive(driver: str, *, several_platforms: bool) -> None:
    """Raise UsageError when the builder writes no OCI archives."""
    if builds_several(driver, several_platforms=several_platforms):
        return
    raise UsageError(
        "the selected builder writes no OCI archives",
        why="it is the engine's own (driver docker), and the engine does not use containerd's image store",
        fix="docker buildx create --use (a builder in a container of its own, from the image moby/buildkit), "
        "docker buildx create --use --driver remote ADDRESS for a buildkitd that runs already, or "
        '{"features": {"containerd-snapshotter": true}} in the engine\'s daemon.json',
    )
