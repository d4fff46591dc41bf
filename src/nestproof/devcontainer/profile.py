"""Read a devcontainer configuration into a Profile: find it, resolve variables, compute run options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from nestproof.core.diagnostics import Diagnostic, Finding, Rule
from nestproof.core.errors import NestproofError
from nestproof.core.files import read_file
from nestproof.devcontainer import image_metadata, jsonc
from nestproof.devcontainer.compose_config import ComposeUnavailable, read_service
from nestproof.devcontainer.compose_files import ComposeError
from nestproof.devcontainer.compose_service import Service
from nestproof.devcontainer.container_options import mount_text, mounted_root, run_options
from nestproof.devcontainer.discovery import unlisted_name
from nestproof.devcontainer.features import Feature, read_features
from nestproof.devcontainer.secrets import redacted
from nestproof.devcontainer.variables import Variables, check_variables, devcontainer_id, substitute
from nestproof.engine.run_options import RunArgumentError, RunOptions

if TYPE_CHECKING:
    from nestproof.devcontainer.schema import Declarations, DevContainer

RULES = {
    "compose-file": Rule("error", "Compose objects to its files, or they have no such service."),
    "feature-missing": Rule("error", "A feature in the repository is not there."),
    "feature-unreadable": Rule("error", "What a feature in the repository says of itself cannot be read."),
    "run-argument": Rule("error", "A run argument is none that docker run takes."),
}


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


def load_profile(name: str, file: Path, workspace: Path, environment: Mapping[str, str]) -> Profile:
    """Read a profile's file; raises ProfileError with all of its errors."""
    return require_profile(read_profile(name, file, workspace, environment))


def require_profile(reading: LoadResult) -> Profile:
    """The profile that was read; raises ProfileError with all errors, or what kept it from being computed."""
    if reading.unanswered is not None:
        raise reading.unanswered
    if reading.profile is None:
        source = redacted(reading.document)
        found = [*reading.document.diagnostics, *reading.diagnostics]
        errors = [
            str(Finding.of(source, diagnostic)) for diagnostic in found if diagnostic.severity == "error"
        ]
        raise ProfileError("\n".join(errors))
    return reading.profile


def read_profile(
    name: str,
    file: Path,
    workspace: Path,
    environment: Mapping[str, str],
    *,
    strict: bool = False,
    content: bytes | None = None,
) -> LoadResult:
    """Read a profile's file as far as it can be; `environment` is what `${localEnv:…}` sees, and
    `strict` takes no trailing comma. `content` is read in place of the file's own. Raises ProfileError for a
    file that cannot be read at all.
    """
    from nestproof.devcontainer.schema import Declarations
    from nestproof.devcontainer.validation import validate

    try:
        if content is None:
            content = read_file(file, below=mounted_root(workspace))
    except OSError as error:
        raise ProfileError(f"{file.relative_to(workspace)} cannot be read", why=str(error)) from error
    document = jsonc.parse(content, name=str(file.relative_to(workspace)), strict=strict)
    if not document.usable or document.root is None:
        return LoadResult(name, file, document, (), None)
    value: Any = document.root.to_python()
    diagnostics = [*check_variables(document.root)]
    variables = _variables(value, file, workspace, environment)
    value = substitute(value, variables)
    config, of_the_model = validate(document, value)
    diagnostics += of_the_model
    features, of_the_features = read_features(document.root, file.parent, mounted_root(workspace))
    diagnostics += of_the_features
    profile = None
    if config is not None and all(diagnostic.severity != "error" for diagnostic in diagnostics):
        declarations = Declarations.model_validate(config.customizations.get("nestproof", {}))
        try:
            service = read_service(config, file, workspace, environment)
            run = run_options(config, workspace, service, environment.get("HOME", ""))
        except RunArgumentError as error:
            at = document.root.at("runArgs", error.index) or document.root
            diagnostics.append(Diagnostic("run-argument", "error", error.sentence, at.start, at.end))
        except ComposeError as error:
            at = document.root.members["dockerComposeFile"].value
            said = f"Compose objects: {error.what}"
            diagnostics.append(Diagnostic("compose-file", "error", said, at.start, at.end))
        except ComposeUnavailable as error:
            diagnostics.sort(key=lambda diagnostic: diagnostic.start.offset)
            return LoadResult(name, file, document, tuple(diagnostics), None, error)
        else:
            profile = Profile(name, file, workspace, config, declarations, run, variables, service=service)
            try:
                profile = with_features(profile, features)
            except ProfileError as error:
                at = document.root.members["features"].key
                diagnostics.append(Diagnostic("feature-unreadable", "error", error.what, at.start, at.end))
                profile = None
    diagnostics.sort(key=lambda diagnostic: diagnostic.start.offset)
    return LoadResult(name, file, document, tuple(diagnostics), profile)


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


def options_of(feature: Feature, profile: Profile) -> RunOptions:
    """The options that a feature in the repository adds to the container by itself."""
    asked = substitute(feature.metadata, profile.variables)
    return RunOptions(
        cap_add=tuple(asked.get("capAdd", ())),
        init=bool(asked.get("init")),
        mounts=tuple(map(mount_text, asked.get("mounts", ()))),
        privileged=bool(asked.get("privileged")),
        security_opt=tuple(asked.get("securityOpt", ())),
        root=profile.run.root,
        home=profile.run.home,
    )


def _with_entries(profile: Profile, image: Sequence[Mapping[str, Any]], named: str) -> Profile:
    """The profile with entries of metadata under it; `named` is what an error calls them."""
    from pydantic import ValidationError

    from nestproof.devcontainer.schema import DevContainer

    value = profile.config.model_dump(by_alias=True, exclude_unset=True)
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
    return replace(profile, config=config, run=run, entrypoints=entrypoints)


def _variables(
    value: dict[str, Any] | Any, file: Path, workspace: Path, environment: Mapping[str, str]
) -> Variables:
    # Opened with --override-config, a file that clients do not list still counts as the listed one.
    listed = file.with_name("devcontainer.json") if unlisted_name(file) else file
    labels = {"devcontainer.local_folder": str(workspace), "devcontainer.config_file": str(listed)}
    local = Variables(str(workspace), devcontainer_id=devcontainer_id(labels), environment=environment)
    properties = value if isinstance(value, dict) else {}
    chosen = properties.get("workspaceFolder")
    # Of a Compose service, only the Compose file knows what is mounted.
    folder = "/" if "dockerComposeFile" in properties else _default_folder(workspace)
    if isinstance(chosen, str) and chosen:
        folder = substitute(chosen, local)
    return replace(local, container_workspace_folder=folder)


def _default_folder(workspace: Path) -> str:
    root = mounted_root(workspace)
    return str(PurePosixPath("/workspaces", root.name, workspace.relative_to(root).as_posix()))
