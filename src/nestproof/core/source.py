"""A named text with an index of its lines, and a safe form of its parts for display."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

LINE_BREAK = re.compile(r"\r\n|\r|\n")
SHOWN_WIDTH = 100
"""At most this many characters of a line are shown around a mistake."""
NAMED_LENGTH = 40
"""At most this many characters of the text are repeated in a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text without its byte-order mark.

    `offset` counts characters (code points) from 0; `line` and `column` count from 1, columns in characters.
    """

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A named text with an index of its lines; LF, CRLF and a lone CR end a line."""

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
        return f"{safe(self.name)}:{at.line}:{at.column}: {kind}: {safe(sentence)}"

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
        left_out = "…" if left > first else ""
        before = safe(self.text[left : start.offset])
        fault, after = safe(self.text[start.offset : middle]), safe(self.text[middle:right])
        line = left_out + before + fault + after + ("…" if cut else "")
        return line, " " * (len(left_out) + _width(before)) + "^" * max(1, _width(fault))


def safe(text: str) -> str:
    """`text` without what moves a cursor, hides or reorders: a tab as four spaces, the rest escaped."""
    return text if text.isprintable() else text.translate(_SHOWN)


def safe_lines(text: str) -> str:
    """Several lines, each of them safe to print."""
    return "\n".join(map(safe, text.splitlines()))


def escaped(character: str) -> str:
    """`\\u00a0` for a character that should not be printed as it is."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class _Shown(dict[int, str]):
    """The shown form of a character, computed once: a thousand findings show the same line."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = "    " if character == "\t" else character if character.isprintable() else escaped(character)
        self[code] = shown
        return shown


_SHOWN = _Shown()


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
    """Count the terminal columns of `text`: wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
