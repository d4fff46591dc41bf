"""Where something is in a text, what the mistakes of a JSON text are called, and how one is shown."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Severity = Literal["error", "warning"]

LINE_BREAK = re.compile(r"\r\n|\r|\n")
SHOWN_WIDTH = 100
"""At most this many characters of a line are shown around a mistake."""
NAMED_LENGTH = 40
"""At most this many characters of the text are repeated in a sentence."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake: how grave it is by default, and what it means."""

    severity: Severity
    meaning: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "json-bad-escape": Rule("error", "A backslash in a string starts no escape that JSON knows."),
        "json-control-character": Rule("error", "A control character stands in a string without an escape."),
        "json-deep-nesting": Rule("warning", "The nesting is deeper than jq and tools built on it can read."),
        "json-duplicate-key": Rule("error", "An object has the same key twice, so one value is lost."),
        "json-empty": Rule("error", "The file holds no value: it is empty, or holds only comments."),
        "json-extra-comma": Rule("error", "A comma has nothing before it that it could follow."),
        "json-invalid-utf8": Rule("error", "The file is not UTF-8 text."),
        "json-lone-surrogate": Rule("error", "An escape names only one half of a character."),
        "json-mismatched-bracket": Rule("error", "A bracket closes what another kind opened, or nothing."),
        "json-missing-colon": Rule("error", "No colon stands between a key and its value."),
        "json-missing-comma": Rule("error", "No comma stands between two values, or two members."),
        "json-missing-key": Rule("error", "Something other than a string stands where a key belongs."),
        "json-missing-value": Rule("error", "A key has no value."),
        "json-nonfinite-number": Rule("error", "NaN or Infinity, which JSON does not have."),
        "json-number": Rule("error", "A number is not written as JSON writes numbers."),
        "json-number-range": Rule("error", "A number is too large for a 64-bit floating point number."),
        "json-several-values": Rule("error", "The file holds more than one JSON value."),
        "json-trailing-comma": Rule("warning", "A comma stands after the last value, or the last member."),
        "json-unclosed-bracket": Rule("error", "A bracket is never closed."),
        "json-unexpected-character": Rule("error", "A character has no meaning where it stands."),
        "json-unknown-word": Rule("error", "A word without quotes is none of true, false and null."),
        "json-unquoted-key": Rule("error", "A key stands without its double quotes."),
        "json-unterminated-comment": Rule("error", "A block comment is never closed."),
        "json-unterminated-string": Rule("error", "A string does not end on the line on which it starts."),
        "json-white-space": Rule("error", "White space other than space, tab and line breaks, or invisible."),
        "json-wrong-quotes": Rule("error", "A string stands in quotes other than double quotes."),
    }
)
"""Every mistake that `nestbox.jsonc` reports, by its stable id."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text without its byte-order mark.

    `offset` counts characters (code points) from 0; `line` and `column` count from 1, columns in characters.
    """

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a mistake is about, and what is there."""

    position: Position
    note: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, from `start` up to and without `end`; the two are equal where something is missing."""

    rule: str
    severity: Severity
    message: str
    start: Position
    end: Position
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A named text that knows where its lines start; LF, CRLF and a lone CR end a line."""

    name: str
    text: str = field(repr=False)
    line_starts: tuple[int, ...] = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, text: str) -> Source:
        """Index the lines of `text`."""
        return cls(name, text, (0, *[found.end() for found in LINE_BREAK.finditer(text)]))

    def position(self, offset: int) -> Position:
        """Line and column of the character at `offset`."""
        line = bisect_right(self.line_starts, offset)
        return Position(offset, line, offset - self.line_starts[line - 1] + 1)

    def headline(self, at: Position, kind: str, sentence: str) -> str:
        """`name:line:column: kind: sentence`, as compilers write it and editors read it."""
        return f"{safe(self.name)}:{at.line}:{at.column}: {kind}: {sentence}"

    def excerpt(self, start: Position, end: Position) -> tuple[str, str]:
        """The line of `start`, safe to print and cut around the fault, and the carets to go under it."""
        first = self.line_starts[start.line - 1]
        left = max(first, start.offset - SHOWN_WIDTH // 2)
        right = min(len(self.text), left + SHOWN_WIDTH)
        # Looking no further than what is shown keeps a thousand mistakes in one long line cheap.
        line_end = LINE_BREAK.search(self.text, start.offset, right + 1)
        right = min(right, line_end.start()) if line_end else right
        cut = line_end is None and right < len(self.text)
        middle = max(start.offset, min(end.offset, right))
        before = ("…" if left > first else "") + safe(self.text[left : start.offset])
        fault, after = safe(self.text[start.offset : middle]), safe(self.text[middle:right])
        line = before + fault + after + ("…" if cut else "")
        return line, " " * _width(before) + "^" * max(1, _width(fault))


def safe(text: str) -> str:
    """`text` without what moves a cursor, hides or reorders: a tab as four spaces, the rest escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "    " if c == "\t" else escaped(c) for c in text)


def escaped(character: str) -> str:
    """`\\u00a0` for a character that should not be printed as it is."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def short(text: str) -> str:
    """`text` for use in a sentence: safe, and not too long."""
    return safe(text if len(text) <= NAMED_LENGTH else text[: NAMED_LENGTH - 1] + "…")


def quoted(text: str) -> str:
    """`text` for use in a sentence, in double quotes."""
    return f'"{short(text)}"'


def named(character: str) -> str:
    """`U+00A0 (NO-BREAK SPACE)`: a character that cannot be seen, in words."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def _width(text: str) -> int:
    """How many columns of a terminal `text` takes: wide characters two, marks on another character none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
