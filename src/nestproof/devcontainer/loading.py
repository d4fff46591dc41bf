"""Load a profile: parse its file, resolve variables, validate, ask Compose, read features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from nestproof.core.diagnostics import Diagnostic, Finding, Rule
from nestproof.core.files import read_file
from nestproof.devcontainer import jsonc
from nestproof.devcontainer.compose_config import ComposeUnavailable, read_service
from nestproof.devcontainer.compose_files import ComposeError
from nestproof.devcontainer.container_options import mounted_root, run_options
from nestproof.devcontainer.discovery import unlisted_name
from nestproof.devcontainer.features import read_features
from nestproof.devcontainer.profile import LoadResult, Profile, ProfileError, with_features
from nestproof.devcontainer.secrets import redacted
from nestproof.devcontainer.variables import Variables, check_variables, devcontainer_id, substitute
from nestproof.engine.run_options import RunArgumentError

# A template is a folder with this file, whose configuration lies in it or in its `.devcontainer`.
_TEMPLATE = "devcontainer-template.json"
APPLY = "devcontainer templates apply it to a folder, and ask that"
"""The fix for what a template lacks."""

RULES = {
    "compose-file": Rule("error", "Compose objects to its files, or they have no such service."),
    "feature-missing": Rule("error", "A feature in the repository is not there."),
    "feature-unreadable": Rule("error", "What a feature in the repository says of itself cannot be read."),
    "run-argument": Rule("error", "A run argument is none that docker run takes."),
}


def is_of_template(file: Path) -> bool:
    """True for the configuration of a template, which is completed when somebody applies it."""
    return any((folder / _TEMPLATE).exists() for folder in file.parents[:2])


def _of_template(why: str) -> ComposeUnavailable:
    return ComposeUnavailable(
        "this is a template, and what it lacks comes with its being applied",
        why=why,
        fix=APPLY,
    )


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
    from nestproof.devcontainer.declarations import Declarations
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
    of_template = is_of_template(file)
    diagnostics = [*check_variables(document.root, of_template=of_template)]
    variables = _variables(value, file, workspace, environment)
    value = substitute(value, variables)
    config, of_the_model = validate(document, value)
    diagnostics += of_the_model
    features, of_the_features = read_features(document.root, file.parent, mounted_root(workspace))
    profile = None
    missing = [one.message for one in of_the_features if one.rule == "feature-missing"]
    if of_template and missing:
        return LoadResult(name, file, document, tuple(diagnostics), None, _of_template(missing[0]))
    diagnostics += of_the_features
    if config is not None and all(diagnostic.severity != "error" for diagnostic in diagnostics):
        declarations = Declarations.model_validate(config.customizations.get("nestproof", {}))
        try:
            service = read_service(config, file, workspace, environment)
            run = run_options(config, workspace, service, environment.get("HOME", ""))
        except RunArgumentError as error:
            at = document.root.at("runArgs", error.index) or document.root
            diagnostics.append(Diagnostic("run-argument", "error", error.sentence, at.start, at.end))
        except ComposeError as error:
            if config.initialize_command and error.is_missing_file:
                unanswered = ComposeUnavailable(
                    "a file of the Compose project is not there",
                    why=f"{error.what}; initializeCommand may make it",
                    fix="--initialize runs that command, on this machine",
                )
                return LoadResult(name, file, document, tuple(diagnostics), None, unanswered)
            if of_template:
                return LoadResult(name, file, document, tuple(diagnostics), None, _of_template(error.what))
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
