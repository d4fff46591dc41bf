"""The tokens of JSON with comments, and what is wrong with a token that JSON does not have.

Every pattern is possessive (`++`, `*+`): it never goes back over what it has matched, so its time is linear.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nestproof.core.source import named, quoted, short
from nestproof.devcontainer.jsonc.nodes import Kind, Scalar

_COMMENT = r"//[^\r\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/"
_OPEN_STRING = r'"(?:[^"\\\r\n]++|\\[^\r\n])*+'
# Invisible, but no white space to `\s`: zero width space, word joiner, byte-order mark.
_INVISIBLE = r"\u200b\u2060\ufeff"

TOKEN = re.compile(
    rf"""
    (?:[ \t\r\n]++|{_COMMENT})*+
    (?:
        (?P<mark>[{{}}\[\]:,])
      | "(?P<plain>[^"\\\x00-\x1f]*+)"
      | (?P<string>{_OPEN_STRING}")
      | (?P<open_string>{_OPEN_STRING})
      | (?P<single>'(?:[^'\\\r\n]++|\\[^\r\n])*+'?+)
      | (?P<space>(?:[^\S \t\r\n]|[{_INVISIBLE}])++)
      | (?P<open_comment>/\*)
      | (?P<word>(?:[^\s{{}}\[\]:,"/{_INVISIBLE}]|/(?![/*]))++)
      | (?P<end>\Z)
    )
    """,
    re.VERBOSE,
)
"""One token with the blanks and comments before it; one of the groups matches at every place of any text."""

_STRING_OR_COMMENT = re.compile(rf'{_OPEN_STRING}"?+|(?P<comment>{_COMMENT})|/\*(?s:.)*+')
_NOT_A_LINE_BREAK = re.compile(r"[^\r\n]")

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_STRING_PART = re.compile(
    rf"{_HIGH}{_LOW}|(?P<lone>{_HIGH}|{_LOW})|\\u[0-9a-fA-F]{{4}}|\\[\"\\/bfnrt]"
    r"|(?P<unicode>\\u)|(?P<escape>\\.)|(?P<control>[\x00-\x1f])"
)

_NUMBER = re.compile(r"-?+(?:0|[1-9][0-9]*+)(?P<real>(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+)")
_LITERALS: Mapping[str, tuple[Kind, Scalar, tuple[Fault, ...]]] = {
    "true": ("true", True, ()),
    "false": ("false", False, ()),
    "null": ("null", None, ()),
}

_NUMBER_FAULTS = {
    r"[+-]\Z": "has no digits; write some, or put text in double quotes",
    r"\+\.?+[0-9]": "starts with a plus sign; remove it",
    r"-?+0[xXoObB]": "is not decimal; write it in decimal digits",
    r"-?+0[0-9]": "starts with a zero; remove it",
    r"-?+\.[0-9]": "has no digit before the point; write 0 there",
    r"-?+[0-9]++\.(?![0-9])": "has no digit after the point; write 0 there",
    r"-?+[0-9]++(?:\.[0-9]++)?+[eE][+-]?+\Z": "has no digit in its exponent; write one",
    r"-?+[0-9]": "is not written as JSON writes numbers; put it in double quotes if it is text",
}
_WORD_FAULTS = [
    (re.compile(pattern, re.IGNORECASE), rule, message)
    for pattern, rule, message in (
        (r"[+-]*+(?:nan|inf|infinity)\Z", "json-nonfinite-number", "JSON has no {}; write null or a number"),
        *((pattern, "json-number", "the number {} " + reason) for pattern, reason in _NUMBER_FAULTS.items()),
        (r"true\Z", "json-unknown-word", "{} is no JSON value; write true"),
        (r"false\Z", "json-unknown-word", "{} is no JSON value; write false"),
        (r"(?:null|none|nil|undefined)\Z", "json-unknown-word", "{} is no JSON value; write null"),
        (r"[\w$@./\\~%-]", "json-unknown-word", "{} is no JSON value; if it is text, write {quoted}"),
        (r"[`\u00b4\u2018-\u201f]", "json-wrong-quotes", "{first} makes no JSON string; write double quotes"),
        (r"#", "json-unexpected-character", "# starts no comment in JSON; write // instead"),
        (r"=", "json-unexpected-character", "= means nothing in JSON; write a colon after a key"),
        (r";", "json-unexpected-character", "; means nothing in JSON; write a comma between values"),
        (
            r"",
            "json-unexpected-character",
            "{first} means nothing in JSON; put text in double quotes",
        ),
    )
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a part of a token; `start` and `end` count from the start of the token."""

    rule: str
    message: str
    start: int
    end: int


def strip_comments(text: str) -> str:
    """`text` with a space for each character of a comment; the length and the line breaks stay.

    Strings are left alone, and so is a block comment that never ends. Given the result, jq counts lines as we
    do, if no line ends in a lone CR, and columns up to the first character outside ASCII: it counts bytes.
    """
    return _STRING_OR_COMMENT.sub(_blank_comment, text)


def _blank_comment(found: re.Match[str]) -> str:
    return found[0] if found["comment"] is None else _NOT_A_LINE_BREAK.sub(" ", found[0])


def read_scalar(group: str, raw: str) -> tuple[Kind, Scalar, tuple[Fault, ...]]:
    """Kind and value of what a group of TOKEN matched; where there are faults, the value means nothing."""
    if group == "plain":
        return "string", raw, ()
    if group == "string":
        faults = tuple(_string_faults(raw))
        return "string", None if faults else json.loads(raw), faults
    if group == "single":
        message = "single quotes make no JSON string; write double quotes"
        return "string", None, (Fault("json-wrong-quotes", message, 0, len(raw)),)
    return _LITERALS.get(raw) or _read_number(raw)


def _read_number(word: str) -> tuple[Kind, Scalar, tuple[Fault, ...]]:
    found = _NUMBER.fullmatch(word)
    if found is None:
        return "number", None, (_word_fault(word),)
    value = float(word)
    if math.isinf(value):
        message = f"the number {short(word)} is too large; write one below 1.8e308"
        return "number", None, (Fault("json-number-range", message, 0, len(word)),)
    # An integer in the range of a float has at most 309 digits, so `int` is quick and never refuses.
    return "number", value if found["real"] else int(word), ()


def _string_faults(token: str) -> Iterator[Fault]:
    for part in _STRING_PART.finditer(token):
        start, end = part.span()
        match part.lastgroup:
            case "lone":
                message = f"{part[0]} is half of a character; write both halves, or the character itself"
                yield Fault("json-lone-surrogate", message, start, end)
            case "unicode":
                message = r"\u needs four hexadecimal digits; write them, or \\ for a backslash"
                yield Fault("json-bad-escape", message, start, end)
            case "escape":
                message = rf"{short(part[0])} is no escape; write \\ for a backslash"
                yield Fault("json-bad-escape", message, start, end)
            case "control":
                message = f"{named(part[0])} must be escaped in a string; write {json.dumps(part[0])[1:-1]}"
                yield Fault("json-control-character", message, start, end)


def _word_fault(word: str) -> Fault:
    """The fault of a run of characters that is no value; the last pattern matches any."""
    rule, message = next((rule, message) for pattern, rule, message in _WORD_FAULTS if pattern.match(word))
    said = message.format(short(word), quoted=quoted(word), first=short(word[0]))
    return Fault(rule, said, 0, 1 if rule == "json-unexpected-character" else len(word))
