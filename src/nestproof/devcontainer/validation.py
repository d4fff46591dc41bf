"""Validate a parsed devcontainer.json against the schema: every mistake at its place, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from nestproof.core.config import OLD_NAME
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.source import quoted, short
from nestproof.core.text import nearest
from nestproof.devcontainer.combinations import combinations
from nestproof.devcontainer.declarations import HOST_PATTERN, PROXY_PATTERN, Declarations
from nestproof.devcontainer.declared_names import contradictions, unknown_names
from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.devcontainer.model_rules import mistake
from nestproof.devcontainer.schema import (
    SIZE_PATTERN,
    TAGS,
    Build,
    DevContainer,
    Gpu,
    HostRequirements,
    MountObject,
    PortAttributes,
    Properties,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Moved by the reference client before it reads on; `codespaces` is marked so in the schema.
_REPLACED = {
    "extensions": "customizations.vscode.extensions",
    "settings": "customizations.vscode.settings",
    "devPort": "customizations.vscode.devPort",
    "codespaces": "customizations.codespaces",
}
_WANTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_IS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "true": "true",
    "false": "false",
    "null": "null",
}

Path = tuple[str | int, ...]


def validate(document: Document, value: Any) -> tuple[DevContainer | None, tuple[Diagnostic, ...]]:
    """The configuration in `value`, the document's with its variables resolved, and all of its mistakes.

    There is no configuration when a mistake is an error; warnings alone do not prevent one.
    """
    root = document.root
    assert root is not None, "a document without errors has a value"
    if root.kind != "object":
        message = f"a devcontainer configuration must be an object, is {_IS[root.kind]}"
        return None, (mistake("model-wrong-type", message, root),)
    config, diagnostics = _against(DevContainer, value, root, ())
    open_part = value.get("customizations")
    if isinstance(open_part, dict) and "nestproof" in open_part:
        place = ("customizations", "nestproof")
        diagnostics += _against(Declarations, open_part["nestproof"], root, place)[1]
    if isinstance(open_part, dict) and OLD_NAME in open_part:
        message = f"`customizations.{OLD_NAME}` is not read any more; rename it to `customizations.nestproof`"
        old = root.at("customizations", OLD_NAME)
        assert old is not None
        diagnostics.append(mistake("model-bad-value", message, old))
    of_members = [*_members(DevContainer, root, ())]
    said = {diagnostic.start for diagnostic in of_members}
    diagnostics = [diagnostic for diagnostic in diagnostics if diagnostic.start not in said]
    diagnostics += [*of_members, *combinations(root), *unknown_names(root), *contradictions(root)]
    diagnostics += _null_bytes(root)
    diagnostics.sort(key=lambda diagnostic: diagnostic.start.offset)
    broken = any(diagnostic.severity == "error" for diagnostic in diagnostics)
    return None if broken else config, tuple(diagnostics)


def _null_bytes(root: JsonNode) -> Iterator[Diagnostic]:
    """Values that no path, argument or variable can be."""
    pending = [member.value for name, member in root.members.items() if name != "customizations"]
    while pending:
        node = pending.pop()
        pending += [*node.items, *(member.value for member in node.members.values())]
        if node.kind == "string" and "\0" in str(node.value):
            yield mistake(
                "model-bad-value", "a null byte (`\\u0000`) is in a value that no program can take", node
            )


def _against(
    model: type[BaseModel], value: Any, root: JsonNode, place: Path
) -> tuple[Any | None, list[Diagnostic]]:
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [_in_words(problem, root, place) for problem in error.errors(include_url=False)]


def _in_words(problem: ErrorDetails, root: JsonNode, place: Path) -> Diagnostic:
    path, node = _locate(root, (*place, *problem["loc"]))
    name, kind, context = path_text(path), problem["type"], problem.get("ctx", {})
    if kind == "missing":
        absent = problem["loc"][-1]
        return mistake("model-missing-property", f"`{name}` has no `{absent}`, which it needs", node)
    if kind == "extra_forbidden":
        near = _nearest(str(path[-1]), _names(Declarations))
        return mistake("model-bad-value", f"`{name}` is nothing that nestproof knows{near}", node)
    wanted = _WANTED.get(kind) or (problem["msg"] if kind == "union" else "")
    if wanted:
        return mistake("model-wrong-type", f"`{name}` must be {wanted}, is {_IS[node.kind]}", node)
    shown = _IS[node.kind]
    if node.kind in ("string", "number"):
        shown = short(str(node.value)) if node.kind == "number" else repr(short(str(node.value)))
    return mistake("model-bad-value", f"`{name}` must be {_allowed(kind, context)}, is {shown}", node)


_PATTERNS = {
    SIZE_PATTERN: "a number with tb, gb, mb or kb after it, such as 8gb",
    HOST_PATTERN: "a host or HOST:PORT, such as example.com:443",
    PROXY_PATTERN: "HOST:PORT or a URL, such as http://proxy.example.com:3128",
}


def _allowed(kind: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "literal_error":
            return str(context["expected"])
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "string_pattern_mismatch":
            return _PATTERNS[context["pattern"]]
    return "another value"


def _locate(root: JsonNode, loc: Path) -> tuple[Path, JsonNode]:
    """Find the node of a pydantic error, and the part of its path that is in the file."""
    path: list[str | int] = []
    node = root
    for step in loc:
        below = node.at(step)
        if below is None:
            if step in TAGS:
                continue
            break
        path.append(step)
        node = below
    return tuple(path), node


def path_text(path: Path) -> str:
    """`mounts[0].target`, safe to print; the whole configuration has no name of its own."""
    text = ""
    for step in path:
        text += (
            f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{short(step) or quoted(step)}"
        )
    return text or "the configuration"


# What is below a property, where that is an object with properties of its own.
_BELOW: Mapping[tuple[type[Properties], str], type[Properties]] = MappingProxyType(
    {
        (DevContainer, "build"): Build,
        (DevContainer, "mounts"): MountObject,
        (DevContainer, "portsAttributes"): PortAttributes,
        (DevContainer, "otherPortsAttributes"): PortAttributes,
        (DevContainer, "hostRequirements"): HostRequirements,
        (HostRequirements, "gpu"): Gpu,
    }
)
_OF_MANY = frozenset({"mounts", "portsAttributes"})


def _members(model: type[Properties], node: JsonNode, path: Path) -> Iterator[Diagnostic]:
    """Properties that no client knows, and nulls, here and in the objects below.

    The specification has no null, but for a variable in remoteEnv and for "no mount" in workspaceMount.
    """
    known = _names(model)
    for name, member in node.members.items():
        where = (*path, name)
        if name not in known:
            yield _unknown(member.key, path, name, known)
        elif member.value.kind == "null" and name != "workspaceMount":
            message = f"`{path_text(where)}` must have a value, is null"
            yield mistake("model-wrong-type", message, member.value)
        elif below := _BELOW.get((model, name)):
            children: list[tuple[Path, JsonNode]] = [((), member.value)]
            if name in _OF_MANY:
                children = [((key,), one.value) for key, one in member.value.members.items()]
                children += [((index,), item) for index, item in enumerate(member.value.items)]
            for step, child in children:
                yield from _members(below, child, (*where, *step))


def _unknown(key: JsonNode, path: Path, name: str, known: list[str]) -> Diagnostic:
    where = path_text((*path, name))
    if not path and name in _REPLACED:
        message = f"`{where}` is deprecated; move it to `{_REPLACED[name]}`"
        return mistake("model-deprecated-property", message, key)
    message = f"`{where}` is no property that clients know{_nearest(name, known)}"
    return mistake("model-unknown-property", message, key)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _nearest(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near else ""
