"""Every mistake that the reader reports, by its stable id."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nestproof.core.diagnostics import Rule

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
        "json-trailing-comma": Rule("note", "A comma stands after the last value, or the last member."),
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
