"""JSON with comments, as `devcontainer.json` is written: text to values that know where they stand.

Accepted beyond JSON: `//` and `/* */` comments, a byte-order mark, and a comma after the last value. The
comma is a warning, because the devcontainer specification forbids it and the client accepts it. Only memory
limits the depth of nesting.

When `document.ok`, jq reads the same value from `to_json(document)`, with two differences:
- It stops at 10,000 levels of nesting, an object counting as two; beyond that we warn (`json-deep-nesting`).
  `strict=True` makes warnings errors, and then jq reads all that we accept.
- It rounds a number of more than 17 digits twice, so its result can be the neighbour of the nearest floating
  point number, which is ours; and we keep integers exact.

What jq accepts and we reject, each on purpose: duplicate keys; no value, or several; NaN and Infinity;
numbers like 01, +1, .5 and 1.; numbers beyond the floating point range, of which jq makes the largest it
has; the escape of a low surrogate alone; whatever follows a NUL character.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nestproof.core.diagnostics import Diagnostic, Related, Rule, Severity
from nestproof.core.diagnostics import render as render_diagnostic
from nestproof.core.source import Position, Source
from nestproof.devcontainer.jsonc.nodes import JsonNode, Kind, Member, Scalar, Value
from nestproof.devcontainer.jsonc.reader import Reader
from nestproof.devcontainer.jsonc.rules import RULES
from nestproof.devcontainer.jsonc.scan import strip_comments

__all__ = [
    "RULES", "Diagnostic", "Document", "JsonNode", "Kind", "Member", "Position", "Related", "Rule", "Scalar",
    "Severity", "Source", "Value", "parse", "render", "strip_comments", "to_json",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text: its value, None if a mistake hides it, and its mistakes in order."""

    source: Source
    root: JsonNode | None = field(repr=False, compare=False)
    diagnostics: tuple[Diagnostic, ...]

    @property
    def name(self) -> str:
        """The name of the text in messages."""
        return self.source.name

    @property
    def text(self) -> str:
        """The text without its byte-order mark; positions count in it."""
        return self.source.text

    @property
    def ok(self) -> bool:
        """True if there is no error; warnings may be."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)

    @property
    def usable(self) -> bool:
        """True if clients read the value as meant; a trailing comma is no obstacle, even with `strict`."""
        return self.root is not None and all(
            diagnostic.severity != "error" or diagnostic.rule == "json-trailing-comma"
            for diagnostic in self.diagnostics
        )


def parse(source: bytes | str, *, name: str, strict: bool = False) -> Document:
    """Read `source`; mistakes are data, and none is raised. `strict` makes every warning an error.

    A mistake inside a value (an escape, a number, a word, the wrong quotes) does not end the reading, nor
    does a duplicate key or a trailing comma. One between values does: all that follows may be its echo.
    """
    text, flaw = _decode(source)
    reader = Reader(Source.of(name, text), strict=strict)
    tree = reader.tree
    if flaw is None:
        reader.read()
    else:
        offset, message = flaw
        tree.report("json-invalid-utf8", message, offset, offset + 1)
    return Document(
        tree.source, tree.root, tuple(sorted(tree.diagnostics, key=lambda found: found.start.offset))
    )


def to_json(document: Document) -> str:
    """The text as plain JSON: a space for each character of a comment and for each trailing comma."""
    text = strip_comments(document.text)
    pieces, done = [], 0
    for diagnostic in document.diagnostics:
        if diagnostic.rule == "json-trailing-comma":
            pieces += [text[done : diagnostic.start.offset], " "]
            done = diagnostic.end.offset
    return "".join([*pieces, text[done:]])


def render(document: Document, diagnostic: Diagnostic) -> str:
    """`name:line:column: error: sentence`, its line, and a caret under the fault; related places likewise."""
    return render_diagnostic(document.source, diagnostic)


def _decode(source: bytes | str) -> tuple[str, tuple[int, str] | None]:
    """The text without its byte-order mark; where it is not UTF-8, the place and a sentence about it."""
    if isinstance(source, bytes):
        if source.startswith((b"\xff\xfe", b"\xfe\xff")):
            return source.decode(errors="replace"), (0, "the file is UTF-16; save it as UTF-8")
        source = source.removeprefix(b"\xef\xbb\xbf")
        try:
            return source.decode(), None
        except UnicodeDecodeError as error:
            message = f"byte 0x{source[error.start]:02x} is not UTF-8; save the file as UTF-8"
            return source.decode(errors="replace"), (len(source[: error.start].decode()), message)
    text = source.removeprefix("\ufeff")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"U+{ord(text[error.start]):04X} is half of a character, which UTF-8 cannot hold; remove it"
        return text, (error.start, message)
    return text, None
