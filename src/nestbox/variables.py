"""`${…}` in a devcontainer.json, resolved as the reference client does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

_VARIABLE = re.compile(r"\$\{(.*?)\}")


@dataclass(frozen=True, slots=True)
class Variables:
    """What the variables stand for before there is a container."""

    local_workspace_folder: str
    container_workspace_folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, expression: str) -> str | None:
        """The value of what stands between the braces, or None for a variable that is not known here.

        A default ends at the next colon, as in the reference client: `${localEnv:IMAGE:ubuntu:24.04}`
        gives `ubuntu`.
        """
        name, *arguments = expression.split(":")
        match name:
            case "localEnv" | "env" if arguments:
                default = arguments[1] if len(arguments) > 1 else ""
                return self.environment.get(arguments[0], default)
            case "localWorkspaceFolder":
                return self.local_workspace_folder
            case "localWorkspaceFolderBasename":
                return PurePosixPath(self.local_workspace_folder).name
            case "containerWorkspaceFolder":
                return self.container_workspace_folder
            case "containerWorkspaceFolderBasename":
                return PurePosixPath(self.container_workspace_folder).name
        return None


def substitute(value: Any, variables: Variables) -> Any:
    """A copy of a JSON value with the variables in all its strings resolved; unknown ones stay."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _or_itself(variables.resolve(found[1]), found[0]), value)
    if isinstance(value, list):
        return [substitute(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: substitute(item, variables) for key, item in value.items()}
    return value


def _or_itself(resolved: str | None, written: str) -> str:
    return written if resolved is None else resolved
