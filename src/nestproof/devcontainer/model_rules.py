"""The rules of the schema's validation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nestproof.core.diagnostics import Diagnostic, Rule
from nestproof.devcontainer.jsonc import JsonNode

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "model-wrong-type": Rule("error", "A value is of another type than its property takes."),
        "model-bad-value": Rule("error", "A value is of the right type, and none of those that are allowed."),
        "model-missing-property": Rule("error", "A property that another one needs is not there."),
        "model-forbidden-combination": Rule("error", "Two properties exclude each other."),
        "model-unknown-property": Rule("warning", "No client knows a property of that name."),
        "model-deprecated-property": Rule("note", "A property has been replaced by another one."),
        "model-ignored-property": Rule("warning", "A property has no effect beside another one."),
        "model-no-source": Rule("warning", "The configuration names no image, Dockerfile or Compose file."),
    }
)


def mistake(rule: str, message: str, node: JsonNode) -> Diagnostic:
    """A mistake at a value, as grave as its rule."""
    # Of an object that spans lines only its first line is marked; the sentence names it.
    return Diagnostic(rule, RULES[rule].severity, message, node.start, node.end)
