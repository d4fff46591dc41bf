"""Devcontainer configuration ─▶ Profile: discovered, read, variables resolved, run options computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nestbox.errors import NestboxError, UsageError
from nestbox.runargs import RunOptions, parse_run_args
from nestbox.variables import Variables, substitute

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nestbox.model import Declarations, DevContainer

Model = TypeVar("Model", bound="BaseModel")


class ProfileError(NestboxError):
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
    workspace_folder: str

    @property
    def remote_user(self) -> str:
        """The user that tools run as; empty for the image's own."""
        return self.config.remote_user or self.config.container_user or self.run.user


def discover(workspace: Path) -> dict[str, Path]:
    """Profile names and files, in the order in which clients look, then `devcontainer.<name>.json`.

    Clients do not list the last kind; `devcontainer up --override-config FILE` opens it.
    """
    folder = workspace / ".devcontainer"
    found: dict[str, Path] = {}
    for name, file in [
        ("default", folder / "devcontainer.json"),
        ("default", workspace / ".devcontainer.json"),
        *((file.parent.name, file) for file in sorted(folder.glob("*/devcontainer.json"))),
        *(
            (file.name.split(".", 1)[1].removesuffix(".json"), file)
            for file in sorted(folder.glob("devcontainer.*.json"))
        ),
    ]:
        if file.is_file():
            found.setdefault(name, file)
    return found


def select(found: Mapping[str, Path], names: list[str]) -> dict[str, Path]:
    """The named profiles, or all of them; raises UsageError for a name that is not there, or when none is."""
    if not found:
        raise UsageError(
            "no devcontainer configuration was found",
            why="neither .devcontainer/devcontainer.json nor .devcontainer.json is here",
            fix="run nestbox in the folder that holds .devcontainer",
        )
    for name in names:
        if name not in found:
            raise UsageError(f"there is no profile {name!r}", fix=f"one of: {', '.join(found)}")
    return {name: file for name, file in found.items() if not names or name in names}


def load_profile(name: str, file: Path, workspace: Path, environment: Mapping[str, str]) -> Profile:
    """Read a profile's file; `environment` is what `${localEnv:…}` sees.

    Raises ProfileError for a file that is not valid JSON with comments, has a wrong type somewhere, or has
    run arguments that nestbox cannot carry over.
    """
    from nestbox import jsonc
    from nestbox.model import Declarations, DevContainer

    shown = str(file.relative_to(workspace))
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ProfileError(f"{shown} cannot be read", why=str(error)) from error
    document = jsonc.parse(source, name=shown)
    if not document.ok or document.root is None:
        raise ProfileError(
            "\n".join(jsonc.render(document, m) for m in document.mistakes if m.severity == "error")
        )
    value: Any = document.root.to_python()
    if not isinstance(value, dict):
        raise ProfileError(f"{shown}: a devcontainer configuration is an object")
    local = Variables(str(workspace), environment=environment)
    folder = substitute(value.get("workspaceFolder"), local)
    folder = folder if isinstance(folder, str) else f"/workspaces/{workspace.name}"
    resolved = substitute(value, Variables(str(workspace), folder, environment))
    config = _validate(DevContainer, resolved, shown, ())
    declarations = _validate(
        Declarations, config.customizations.get("nestbox", {}), shown, ("customizations", "nestbox")
    )
    try:
        run = parse_run_args(config.run_args, _from_properties(config, workspace, folder))
    except UsageError as error:
        raise ProfileError(f"{shown}: {error}") from error
    return Profile(name, file, workspace, config, declarations, run, folder)


def _from_properties(config: DevContainer, workspace: Path, folder: str) -> RunOptions:
    mount = config.workspace_mount
    if mount is None:
        mount = f"type=bind,source={workspace},target={folder}"
    return RunOptions(
        cap_add=tuple(config.cap_add),
        env=tuple(f"{key}={value}" for key, value in config.container_env.items()),
        init=config.init,
        mounts=(*([mount] if mount else []), *map(_mount, config.mounts)),
        privileged=config.privileged,
        security_opt=tuple(config.security_opt),
        user=config.container_user or "",
    )


def _mount(mount: Any) -> str:
    if isinstance(mount, str):
        return mount
    source = f"source={mount.source}," if mount.source else ""
    return f"type={mount.type},{source}target={mount.target}"


def _validate(model: type[Model], value: Any, shown: str, place: tuple[str, ...]) -> Model:
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [
            f"{shown}: `{'.'.join(map(str, (*place, *problem['loc'])))}`: {problem['msg']}"
            for problem in error.errors(include_url=False)
        ]
        raise ProfileError("\n".join(lines)) from error
