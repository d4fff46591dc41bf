"""Comments that suppress a rule at one place: `// nestproof: allow RULE because REASON`.

On a line of its own, the comment speaks for the next line that holds more than comments; behind a value, for
its own line. A reason is required, and a silence without a use is reported, so that none outlives its cause.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from nestproof.core.diagnostics import Diagnostic, Rule
from nestproof.core.source import short
from nestproof.core.text import nearest
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.jsonc.scan import TOKEN

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "silence-unknown-rule": Rule("warning", "A comment silences a rule that does not exist."),
        "silence-unused": Rule("warning", "A comment silences a rule that finds nothing there."),
        "silence-without-reason": Rule("warning", "A comment silences a rule and does not say why."),
    }
)

# Only blanks and comments stand before a token, so this meets no string that looks like a comment.
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_SILENCE = re.compile(r"nestproof:\s*allow\b(?P<said>.*)", re.DOTALL)
_SYNTAX = "nestproof: allow {} because REASON"
# What keeps a file from being read is no matter of opinion. A trailing comma is: the client accepts it.
_OF_READING = ("compose-file", "json-", "model-", "run-argument", "variable-")
_ACCEPTED = "json-trailing-comma"


@dataclass(frozen=True, slots=True)
class _Silence:
    """A comment that silences `rule` on `line`; the offsets are its own."""

    rule: str
    reasoned: bool
    line: int
    start: int
    end: int

    @property
    def place(self) -> tuple[str, int]:
        """The rule and the line that it speaks for."""
        return self.rule, self.line


def apply_silences(
    document: Document, diagnostics: Sequence[Diagnostic], known_rules: Collection[str]
) -> list[Diagnostic]:
    """The mistakes that no comment silences, and what is wrong with the comments, in order.

    `mistakes` are all that were found in the document: a silence of one that is not there counts as unused.
    """
    silences = list(_silences(document))
    found = {(diagnostic.rule, diagnostic.start.line): diagnostic for diagnostic in diagnostics}
    faults = {silence: _fault(silence, found.get(silence.place), known_rules) for silence in silences}
    sound = {silence.place for silence, fault in faults.items() if fault is None}
    left = [diagnostic for diagnostic in diagnostics if (diagnostic.rule, diagnostic.start.line) not in sound]
    position = document.source.position
    for silence, fault in faults.items():
        if fault is not None:
            start, end = position(silence.start), position(silence.end)
            left.append(Diagnostic(fault[0], RULES[fault[0]].severity, fault[1], start, end))
    return sorted(left, key=lambda diagnostic: diagnostic.start.offset)


def _fault(
    silence: _Silence, silenced: Diagnostic | None, known_rules: Collection[str]
) -> tuple[str, str] | None:
    """The rule that a silence itself breaks, and a sentence; None for one that counts."""
    rule = short(silence.rule)
    if not silence.rule:
        return "silence-unknown-rule", f"no rule is named; write {_SYNTAX.format('RULE')}"
    if silence.rule not in known_rules:
        near = nearest(silence.rule, known_rules, 0.6)
        instead = f"did you mean {near}?" if near else "docs/rules.md lists them"
        return "silence-unknown-rule", f"{rule} is no rule; {instead}"
    if silence.rule in RULES or _keeps_from_reading(silence.rule, silenced):
        return "silence-unused", f"{rule} cannot be silenced; remove this comment, and its cause"
    if not silence.reasoned:
        return "silence-without-reason", f"no reason is given; write {_SYNTAX.format(rule)}"
    if silenced is None:
        return "silence-unused", f"{rule} finds nothing here; remove this comment"
    return None


def _keeps_from_reading(rule: str, silenced: Diagnostic | None) -> bool:
    grave = rule.startswith("json-") or (silenced is not None and silenced.severity == "error")
    return grave and rule.startswith(_OF_READING) and rule != _ACCEPTED


def _silences(document: Document) -> Iterator[_Silence]:
    # Most files have none, and need not be scanned again.
    if "nestproof:" not in document.text:
        return
    source = document.source
    for start, end, following in _comments(document.text):
        found = _SILENCE.fullmatch(source.text[start:end].strip("/* \t\r\n"))
        if found:
            words = found["said"].split()
            reasoned = words[1:2] == ["because"] and len(words) > 2
            line = source.position(start).line
            alone = not source.text[source.line_starts[line - 1] : start].strip()
            speaks_for = source.position(following).line if alone else line
            yield _Silence("".join(words[:1]), reasoned, speaks_for, start, end)


def _comments(text: str) -> Iterator[tuple[int, int, int]]:
    """The start and end of each comment, and the start of the token after it."""
    for token in TOKEN.finditer(text):
        following = token.start(token.lastgroup or 0)
        for comment in _COMMENT.finditer(text, token.start(), following):
            yield comment.start(), comment.end(), following
