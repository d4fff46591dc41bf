"""Read a devcontainer configuration into a Profile: find it, resolve variables, compute run options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestproof.core.diagnostics import Diagnostic
from nestproof.core.errors import NestproofError
from nestproof.devcontainer import image_metadata, jsonc
from nestproof.devcontainer.compose_config import ComposeUnavailable
from nestproof.devcontainer.compose_service import Service
from nestproof.devcontainer.container_options import run_options
from nestproof.devcontainer.features import Feature
from nestproof.devcontainer.variables import Variables, substitute
from nestproof.engine.run_options import RunOptions

if TYPE_CHECKING:
    from nestproof.devcontainer.declarations import Declarations
    from nestproof.devcontainer.schema import DevContainer


class ProfileError(NestproofError):
    """A profile's file is not a devcontainer configuration; the message has every mistake with its place."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One devcontainer configuration, ready to be built and run."""

    name: str
    file: Path
    workspace: Path
    config: DevContainer
    declarations: Declarations
    run: RunOptions
    variables: Variables
    entrypoints: tuple[str, ...] = ()
    """Shell lines of the image's features that every container runs first."""
    service: Service | None = None
    """The Compose service of the container, if any."""
    features: tuple[Feature, ...] = ()
    """Its features; what those in the repository ask for is part of `run`."""

    inherited: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Entries of metadata under the configuration: of the image and its features, each with its origin."""
    written: DevContainer | None = None
    """The file's own configuration, where `config` has more."""

    @property
    def unread_features(self) -> tuple[str, ...]:
        """Features of which nothing is known before the image is built."""
        return tuple(feature.name for feature in self.features if feature.document is None)

    @property
    def keeps_command(self) -> bool:
        """True if the container runs its own command; the default for a Compose service."""
        override = self.config.override_command
        return not (self.service is None if override is None else override)

    @property
    def workspace_folder(self) -> str:
        """The workspace's path in the container."""
        return self.variables.container_workspace_folder

    @property
    def dockerfile(self) -> str:
        """The Dockerfile as the configuration names it, in the old form or the new; empty without one."""
        build = self.config.build
        return self.config.docker_file or (build.dockerfile if build else None) or ""

    @property
    def remote_user(self) -> str:
        """The user that tools run as; empty for the container's own."""
        return self.config.remote_user or ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of reading a profile's file; without a profile if a mistake prevents one."""

    name: str
    file: Path
    document: jsonc.Document
    diagnostics: tuple[Diagnostic, ...]
    profile: Profile | None
    unanswered: ComposeUnavailable | None = None
    """The reason why a profile without mistakes could not be computed."""


def with_image_metadata(profile: Profile, label: str) -> Profile:
    """The profile as it is for a container of an image with this metadata label.

    Raises ProfileError when what the image says has another type than the specification gives it.
    """
    image = substitute(image_metadata.entries(label), profile.variables)
    return _with_entries(profile, image, f"the image's {image_metadata.LABEL} label") if image else profile


def with_features(profile: Profile, features: tuple[Feature, ...]) -> Profile:
    """The profile with what the features in the repository ask for; raises ProfileError as above."""
    entries = [substitute(feature.metadata, profile.variables) for feature in features if feature.document]
    if entries:
        profile = _with_entries(profile, entries, "what a feature in the repository asks for")
    return replace(profile, features=features)


def _with_entries(profile: Profile, image: Sequence[Mapping[str, Any]], named: str) -> Profile:
    """The profile with entries of metadata under it; `named` is what an error calls them."""
    from pydantic import ValidationError

    from nestproof.devcontainer.schema import DevContainer

    written = profile.written or profile.config
    value = written.model_dump(by_alias=True, exclude_unset=True)
    try:
        for entry in image:
            DevContainer.model_validate(entry)
        merged = image_metadata.merge(value, image)
        entrypoints = tuple(merged.pop("entrypoints", ()))
        config = DevContainer.model_validate(merged)
    except ValidationError as error:
        raise ProfileError(f"{named} makes no sense", why=str(error)) from error
    if not all(isinstance(line, str) for line in entrypoints):
        raise ProfileError(f"{named} has an entry point that is no string")
    home = profile.variables.environment.get("HOME", "")
    run = run_options(config, profile.workspace, profile.service, home)
    inherited = tuple((f"the feature {e['id']}" if "id" in e else "the image", e) for e in image)
    return replace(
        profile, config=config, run=run, entrypoints=entrypoints, inherited=inherited, written=written
    )
