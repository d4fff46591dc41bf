"""A repository's own rules: small jq programs over the configuration, `[[tool.nestproof.rule]]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nestproof.core.diagnostics import Diagnostic
from nestproof.core.errors import UsageError
from nestproof.devcontainer.jsonc import Document, JsonNode, to_json

if TYPE_CHECKING:
    from nestproof.core.config import CustomRule


def check_jq_rules(document: Document, rules: Sequence[CustomRule]) -> Iterator[Diagnostic]:
    """Run a repository's own jq rules on a configuration.

    A program that gives `true` objects to the whole configuration, one that gives a path, such as
    `["runArgs", 0]`, to what is there; `false`, `null` and nothing are no objection.

    Raises UsageError for a program that jq cannot compile or run, with jq's own words and place.
    """
    import jq

    root = document.root
    if root is None:
        return
    text = to_json(document)
    for rule in rules:
        try:
            results: list[Any] = jq.compile(rule.jq).input_text(text).all()
        except ValueError as error:
            raise UsageError(
                f"the rule {rule.id!r} is not a jq program that works here",
                why=f"{str(error).strip()}\n{rule.jq}",
                fix=f"correct `jq` of the rule {rule.id!r} in [[tool.nestproof.rule]]",
            ) from error
        for result in results:
            if result is not None and result is not False:
                node = _place(root, result, rule)
                yield Diagnostic(rule.id, rule.severity, rule.message, node.start, node.end)


def _place(root: JsonNode, result: Any, rule: CustomRule) -> JsonNode:
    if result is True:
        return root
    if isinstance(result, list) and all(type(step) in (str, int) for step in result):
        return root.at(*result) or root
    raise UsageError(
        f"the rule {rule.id!r} gave {result!r}",
        why='a rule gives true, a path such as ["runArgs", 0], or false, null or nothing',
        fix=f"correct `jq` of the rule {rule.id!r} in [[tool.nestproof.rule]]",
    )
