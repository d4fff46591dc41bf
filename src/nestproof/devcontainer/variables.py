"""`${…}` in a devcontainer.json, resolved as the reference client does (devcontainers/cli,
variableSubstitution.ts)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from nestproof.core.diagnostics import Diagnostic, Rule
from nestproof.core.source import short
from nestproof.core.text import nearest
from nestproof.devcontainer.jsonc import JsonNode

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "variable-unknown": Rule("warning", "No client knows a variable of that name; it stays as it is."),
        "variable-without-name": Rule("error", "An environment variable is asked for without its name."),
        "variable-too-late": Rule(
            "warning", "The container's environment is not known yet where it is used."
        ),
    }
)

_VARIABLE = re.compile(r"\$\{(.*?)\}")
_ENVIRONMENT = frozenset({"localEnv", "env"})
_KNOWN = (
    "localEnv",
    "containerEnv",
    "localWorkspaceFolder",
    "localWorkspaceFolderBasename",
    "containerWorkspaceFolder",
    "containerWorkspaceFolderBasename",
    "devcontainerId",
)
# Where `${…}` may be somebody else's: an editor's own variable, or the shell's.
_OPEN = frozenset({"customizations", "settings", "secrets"})
# What a container is made from, before it has an environment of its own.
_BEFORE_THE_CONTAINER = frozenset(
    "appPort build capAdd containerEnv containerUser context dockerComposeFile dockerFile features image "
    "mounts runArgs securityOpt service workspaceFolder workspaceMount".split()
)
_DIGITS = "0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True, slots=True)
class Variables:
    """Values of the variables; `container` is the container's environment, once there is one."""

    local_workspace_folder: str
    container_workspace_folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, str] | None = None
    devcontainer_id: str = ""

    def resolve(self, expression: str) -> str | None:
        """The value of what stands between the braces, or None for a variable that is not known here.

        A default ends at the next colon, as in the reference client: `${localEnv:IMAGE:ubuntu:24.04}`
        gives `ubuntu`. A variable that is set and empty is empty, whatever the default.
        """
        name, *arguments = expression.split(":")
        if name in _ENVIRONMENT and arguments:
            return _look_up(self.environment, arguments)
        if name == "containerEnv" and arguments and self.container is not None:
            return _look_up(self.container, arguments)
        plain = {
            "localWorkspaceFolder": self.local_workspace_folder,
            "localWorkspaceFolderBasename": PurePosixPath(self.local_workspace_folder).name,
            "containerWorkspaceFolder": self.container_workspace_folder,
            "containerWorkspaceFolderBasename": PurePosixPath(self.container_workspace_folder).name,
        }
        if self.devcontainer_id:
            plain["devcontainerId"] = self.devcontainer_id
        return plain.get(name)


def _look_up(environment: Mapping[str, str], arguments: list[str]) -> str:
    return environment.get(arguments[0], arguments[1] if len(arguments) > 1 else "")


def substitute(value: Any, variables: Variables) -> Any:
    """A copy of a JSON value with the variables in all its strings resolved; unknown ones stay.

    Keys are left alone, and what a variable brings in is not looked at again. Without recursion, so that no
    depth of nesting can overflow the stack.
    """
    top = [value]
    pending: list[Any] = [top]
    while pending:
        made = pending.pop()
        for key, item in list(made.items() if isinstance(made, dict) else enumerate(made)):
            if isinstance(item, str):
                made[key] = _resolved(item, variables)
            elif isinstance(item, dict | list):
                made[key] = item.copy()
                pending.append(made[key])
    return top[0]


def _resolved(text: str, variables: Variables) -> str:
    return _VARIABLE.sub(lambda found: _or_itself(variables.resolve(found[1]), found[0]), text)


def _or_itself(resolved: str | None, written: str) -> str:
    return written if resolved is None else resolved


def devcontainer_id(labels: Mapping[str, str]) -> str:
    """The id of a container with these id labels: their hash in base 32, 52 digits."""
    text = json.dumps(dict(sorted(labels.items())), separators=(",", ":"), ensure_ascii=False)
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    digits = ""
    while number:
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    return digits.rjust(52, "0")


def check_variables(root: JsonNode, *, of_template: bool = False) -> Iterator[Diagnostic]:
    """Variables that no client knows, or that it could not resolve where they stand.

    In a template, those of its options are filled in before a client reads the file.
    """
    pending: list[tuple[str, JsonNode]] = [
        (name, member.value)
        for name, member in reversed(list(root.members.items()))
        if name not in _OPEN and not name.endswith("Command")
    ]
    while pending:
        top, node = pending.pop()
        pending += [(top, item) for item in reversed(node.items)]
        pending += [(top, member.value) for member in reversed(list(node.members.values()))]
        if node.kind == "string":
            for expression in _VARIABLE.findall(str(node.value)):
                if of_template and expression.startswith("templateOption:"):
                    continue
                yield from _variable(top, expression, node)


def _variable(top: str, expression: str, node: JsonNode) -> Iterator[Diagnostic]:
    name, *arguments = expression.split(":")
    expression = short(expression)
    if name not in (*_KNOWN, "env"):
        near = nearest(name, _KNOWN)
        hint = f"; did you mean `${{{near}}}`?" if near else ""
        message = f"no client knows the variable `${{{expression}}}`, which stays as it is{hint}"
        yield Diagnostic("variable-unknown", "warning", message, node.start, node.end)
    elif name in (*_ENVIRONMENT, "containerEnv") and not arguments:
        message = f"`${{{name}}}` needs the name of an environment variable: `${{{name}:NAME}}`"
        yield Diagnostic("variable-without-name", "error", message, node.start, node.end)
    elif name == "containerEnv" and top in _BEFORE_THE_CONTAINER:
        message = f"`${{{expression}}}` stays as it is in `{top}`: there is no container yet; use `remoteEnv`"
        yield Diagnostic("variable-too-late", "warning", message, node.start, node.end)
