"""The grammar of JSON with comments, with a message for each wrong token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from nestproof.core.diagnostics import Related
from nestproof.core.source import Source, named, quoted, short
from nestproof.devcontainer.jsonc.nodes import JsonNode, TreeBuilder
from nestproof.devcontainer.jsonc.scan import TOKEN, read_scalar

_SCALARS = frozenset({"plain", "string", "word", "single"})
_FAULTY = frozenset({"space", "open_string", "open_comment"})
_CLOSERS = {"[": "]", "{": "}"}
_OPENERS = {"]": "[", "}": "{"}
_MISPLACED = {
    ",": ("json-extra-comma", "nothing stands before this comma; remove it"),
    ":": ("json-unexpected-character", "a colon belongs only between a key and its value; remove it"),
    "open_comment": ("json-unterminated-comment", "this comment never ends; write */ where it ends"),
    "open_string": (
        "json-unterminated-string",
        'this string does not end on its line; write " where it ends, or \\n for a line break',
    ),
}


class _UncertainError(Exception):
    """Raised where a further mistake may only follow from an earlier one."""


class Reader:
    """Reads one text into `tree`; its state, `_expect`, is the method that takes the next token."""

    def __init__(self, source: Source, *, strict: bool) -> None:
        self.tree = TreeBuilder(source, strict=strict)
        self._text = source.text
        self._comma = -1  # where the comma directly before this token is
        self._end = 0  # where the key, colon or value before this token ends
        self._unknown = False  # there is a value that cannot be known
        self._doubtful = False  # there was a token that may not end where its writer meant
        # A plain function and not a bound method, which would tie the reader and its tree into a cycle.
        self._expect: Callable[[Reader, re.Match[str], str], None] = Reader._value

    def read(self) -> None:
        """Read to the end, or to a mistake that makes all that follows uncertain."""
        try:
            for token in TOKEN.finditer(self._text):
                kind = token.lastgroup or ""
                if kind == "mark":
                    kind = token["mark"]
                if kind == "end":
                    self._finished()
                    break  # the pattern matches once more at the end of a text that ends in blanks
                self._expect(self, token, kind)
        except _UncertainError:
            self._unknown = True
        if self._unknown:
            self.tree.root = None

    # The states. Each is named after what belongs in its place, and takes the token that stands there.

    def _value(self, token: re.Match[str], kind: str) -> None:
        if kind in _SCALARS:
            self._add(self._scalar(token, kind))
        elif kind in _CLOSERS:
            self.tree.begin(kind, token.end() - 1)
            self._comma = -1
            self._expect = Reader._item if kind == "[" else Reader._key
        elif kind in ("}", ",") and self.tree.open and self.tree.open[-1].key is not None:
            message = (
                f"the key {self._written(self.tree.open[-1].key)} has no value; write one after the colon"
            )
            self._missing(token, kind, "json-missing-value", message)
        else:
            self._misplaced(token, kind)

    def _item(self, token: re.Match[str], kind: str) -> None:
        if kind == "]":
            self._close(token, "value")
        else:
            self._value(token, kind)

    def _key(self, token: re.Match[str], kind: str) -> None:
        if kind in _SCALARS:
            key = self._unquoted(token) if kind == "word" else self._scalar(token, kind)
            self.tree.name(key)
            self._end = key.end_offset
            self._expect = Reader._colon
        elif kind == "}":
            self._close(token, "member")
        elif kind in (":", "{", "["):
            message = f"{kind} stands where a key belongs; write a key in double quotes"
            self._fail(token, "json-missing-key", message)
        else:
            self._misplaced(token, kind)

    def _colon(self, token: re.Match[str], kind: str) -> None:
        if kind == ":":
            self._end = token.end()
            self._expect = Reader._value
        else:
            message = f"no colon follows the key {self._written(self.tree.open[-1].key)}; write one"
            self._missing(token, kind, "json-missing-colon", message)

    def _comma_or_end(self, token: re.Match[str], kind: str) -> None:
        opener = self.tree.open[-1].opener
        if kind == ",":
            self._comma = token.end() - 1
            self._expect = Reader._item if opener == "[" else Reader._key
        elif kind == _CLOSERS[opener]:
            self._add(self.tree.finish(token.end()))
        elif kind in _OPENERS or kind == ":":
            self._misplaced(token, kind)
        else:
            self._missing(token, kind, "json-missing-comma", "no comma follows this value; write one")

    def _nothing(self, token: re.Match[str], kind: str) -> None:
        if kind in _SCALARS or kind in _CLOSERS:
            self._check_word(token)
            assert self.tree.root is not None
            note = Related(self.tree.root.start, "the first value starts here")
            message = "a second value starts here; keep one of them, or put all into an array"
            self._fail(token, "json-several-values", message, note)
        elif kind == ",":
            self._fail(token, "json-unexpected-character", "a comma follows the whole value; remove it")
        else:
            self._misplaced(token, kind)

    # What the states do with a token.

    def _add(self, node: JsonNode) -> None:
        self.tree.add(node)
        self._end = node.end_offset
        self._expect = Reader._comma_or_end if self.tree.open else Reader._nothing

    def _close(self, token: re.Match[str], last: str) -> None:
        """End an object or array directly after its start or after a comma."""
        if self._comma >= 0:
            message = f"a comma follows the last {last}; remove it"
            self.tree.report("json-trailing-comma", message, self._comma, self._comma + 1)
        self._add(self.tree.finish(token.end()))

    def _scalar(self, token: re.Match[str], group: str) -> JsonNode:
        kind, value, faults = read_scalar(group, token[group])
        start, end = _span(token)
        for fault in faults:
            self.tree.report(fault.rule, fault.message, start + fault.start, start + fault.end)
            self._unknown = True
            self._doubtful = self._doubtful or group != "string"
            if fault.rule == "json-unexpected-character":
                raise _UncertainError
        return self.tree.scalar(kind, value, start, end)

    def _unquoted(self, token: re.Match[str]) -> JsonNode:
        self._check_word(token)
        word = token["word"]
        if any(fault.rule == "json-wrong-quotes" for fault in read_scalar("word", word)[2]):
            return self._scalar(token, "word")
        message = f"the key {short(word)} has no quotes; write {quoted(word)}"
        self.tree.report("json-unquoted-key", message, *_span(token))
        self._unknown = self._doubtful = True
        return self.tree.scalar("string", word, *_span(token))

    def _finished(self) -> None:
        """The text is over; nothing may be missing."""
        if self.tree.open:
            last = self.tree.open[-1]
            message = f"this {last.opener} is never closed; write {_CLOSERS[last.opener]} where it ends"
            self._stop("json-unclosed-bracket", message, last.offset, last.offset + 1)
        if self.tree.root is None:
            what = "only blanks or comments" if self._text else "nothing"
            self._stop("json-empty", f"the file holds {what}; write a JSON value, such as {{}}", 0, 0)

    def _check_word(self, token: re.Match[str]) -> None:
        """Name a character that means nothing in JSON, such as # or ;, not what is missing before it."""
        if token["word"] is not None:
            for fault in read_scalar("word", token["word"])[2]:
                if fault.rule == "json-unexpected-character":
                    self._fail(token, fault.rule, fault.message)

    def _missing(self, token: re.Match[str], kind: str, rule: str, message: str) -> None:
        """Report a missing token directly after the token before."""
        if kind in _FAULTY:
            self._misplaced(token, kind)
        else:
            self._check_word(token)
            self._stop(rule, message, self._end, self._end)

    def _misplaced(self, token: re.Match[str], kind: str) -> None:
        """Report a token that cannot stand here; reading goes on only after white space."""
        if kind == "space":
            name = named(token[kind][0])
            message = f"{name} is no white space in JSON; write a plain space, or remove it"
            self.tree.report("json-white-space", message, *_span(token))
        elif kind in _MISPLACED:
            self._fail(token, *_MISPLACED[kind])
        elif not self.tree.open:
            message = f"{kind} closes nothing; remove it, or write {_OPENERS[kind]} where it belongs"
            self._fail(token, "json-mismatched-bracket", message)
        else:
            last = self.tree.open[-1]
            message = f"{kind} cannot close {last.opener}; write {_CLOSERS[last.opener]}"
            note = Related(self.tree.source.position(last.offset), f"{last.opener} stands here")
            self._fail(token, "json-mismatched-bracket", message, note)

    def _fail(self, token: re.Match[str], rule: str, message: str, *related: Related) -> NoReturn:
        self._stop(rule, message, *_span(token), *related)

    def _stop(self, rule: str, message: str, start: int, end: int, *related: Related) -> NoReturn:
        """Report a mistake, unless it may follow from an earlier one, and stop reading."""
        if not self._doubtful:
            self.tree.report(rule, message, start, end, *related)
        raise _UncertainError

    def _written(self, key: JsonNode | None) -> str:
        assert key is not None
        return short(self._text[key.offset : key.end_offset])


def _span(token: re.Match[str]) -> tuple[int, int]:
    """The start and end of a token, without the space before it."""
    start = token.start(token.lastgroup or 0)
    return start - (token.lastgroup == "plain"), token.end()
