"""A repository's own rules: small jq programs over the configuration, `[[tool.nestproof.rule]]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nestproof.core.bounded import LimitError, run_jq
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.errors import UsageError
from nestproof.devcontainer.jsonc import Document, JsonNode, to_json

if TYPE_CHECKING:
    from nestproof.core.config import CustomRule


def check_jq_rules(document: Document, rules: Sequence[CustomRule]) -> Iterator[Diagnostic]:
    """Run a repository's own jq rules on a configuration.

    A program that gives `true` objects to the whole configuration, one that gives a path, such as
    `["runArgs", 0]`, to what is there; `false`, `null` and nothing are no objection.

    They run in a process of their own (core/bounded.py). Raises UsageError for a program that jq cannot
    compile or run, with jq's own words and place, and for one that takes too much.
    """
    root = document.root
    if root is None:
        return
    try:
        answers = run_jq([rule.jq for rule in rules], to_json(document))
    except LimitError as error:
        raise _unusable(rules[error.index], f"{error.what}: {error.why}") from error
    for rule, answer in zip(rules, answers, strict=True):
        if "error" in answer:
            raise _unusable(rule, answer["error"].strip())
        for result in answer["results"]:
            if result is not None and result is not False:
                node = _place(root, result, rule)
                yield Diagnostic(rule.id, rule.severity, rule.message, node.start, node.end)


def _unusable(rule: CustomRule, why: str) -> UsageError:
    return UsageError(
        f"the rule {rule.id!r} is not a jq program that works here",
        why=f"{why}\n{rule.jq}",
        fix=f"correct `jq` of the rule {rule.id!r} in [[tool.nestproof.rule]]",
    )


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
