"""Parse the output of `git diff --check` into findings with rule, place and line.

`--check` has no machine-readable form: `-z` does not change it, and it writes names as they are, whatever
core.quotePath says (checkdiff_consume in git's diff.c), so that a name may hold a line break or even one of
git's own sentences. What tells one hit from the next is the list of the names that there can be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestproof.core.diagnostics import Diagnostic, Finding, Rule, headline
from nestproof.core.errors import CommandError
from nestproof.core.source import Position, Source, escaped, safe

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "diff-blank-at-eof": Rule("error", "A change adds blank lines at the end of a file."),
        "diff-conflict-marker": Rule("error", "A changed line is a marker of a merge conflict."),
        "diff-incomplete-line": Rule(
            "error", "A changed last line has no line break, where one is asked for."
        ),
        "diff-indent": Rule("error", "A changed line is indented with spaces, where tabs are asked for."),
        "diff-space-before-tab": Rule(
            "error", "A space stands before a tab in the indent of a changed line."
        ),
        "diff-tab-in-indent": Rule(
            "error", "A changed line is indented with tabs, where spaces are asked for."
        ),
        "diff-trailing-whitespace": Rule("error", "A changed line ends in white space."),
    }
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of hit: its rule, its fix, and the place of the fault in the line."""

    rule: str
    fix: str
    fault: re.Pattern[str]


# whitespace_error_string in git's ws.c; git shows the line after these,
_SHOWN = {
    "trailing whitespace": _Kind(
        "diff-trailing-whitespace",
        "remove the white space at the end of the line",
        re.compile(r"(?:.*[^ \t\r])?([ \t\r]+)", re.DOTALL),
    ),
    "space before tab in indent": _Kind(
        "diff-space-before-tab", "remove the spaces before the tab", re.compile(r"\t*( +)\t")
    ),
    "indent with spaces": _Kind("diff-indent", "indent with tabs", re.compile(r"(?:[ \t]*\t)?( +)")),
    "tab in indent": _Kind("diff-tab-in-indent", "indent with spaces", re.compile(r" *(\t+)")),
}
# and not after these (builtin_checkdiff and checkdiff_consume in its diff.c).
_BLANK_AT_EOF, _MARKER = "new blank line at EOF", "leftover conflict marker"
_BARE = {
    _BLANK_AT_EOF: _Kind(
        "diff-blank-at-eof", "remove the blank lines at the end of the file", re.compile("()")
    ),
    # Since git 2.53, where core.whitespace has incomplete-line.
    "no newline at the end of file": _Kind(
        "diff-incomplete-line", "end the file with a line break", re.compile(".*()", re.DOTALL)
    ),
    _MARKER: _Kind(
        "diff-conflict-marker", "resolve the conflict and remove its markers", re.compile("([<=>|]+)")
    ),
}
_KINDS = {**_SHOWN, **_BARE}
_ANY_SHOWN = "|".join(_SHOWN)
_REST = re.compile(
    rf":(?P<line>\d+): (?:(?P<bare>{'|'.join(_BARE)})\.?\n"
    rf"|(?P<shown>(?:{_ANY_SHOWN})(?:, (?:{_ANY_SHOWN}))*)\.\n(?=\+(?P<text>[^\n]*)\n))".encode()
)
"""The part of a hit after the name. The line itself may seem to hold another hit, so it is only looked at."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding of git about one line; `text` is that line, None where git does not show it."""

    file: str
    line: int
    said: tuple[str, ...]
    text: str | None

    def __str__(self) -> str:
        """As git writes it, safe to print."""
        end = "" if self.said == (_MARKER,) else "."
        return f"{safe(self.file)}:{self.line}: {', '.join(self.said)}{end}"


def read_hits(output: bytes, names: Collection[bytes]) -> list[Hit]:
    """All that `git diff --check` says of these names; raises CommandError when it says anything else."""
    hits = []
    longest, at = max(map(len, names), default=0), 0
    while at < len(output):
        rest = _find_rest(output, at, names, longest)
        if rest is None:
            unread = output[at : at + 200].decode(errors="replace")
            raise CommandError("git diff --check said what nestproof cannot read", why=safe(unread))
        hits.append(_hit(output[at : rest.start()], rest))
        at = rest.end() if rest["text"] is None else rest.end("text") + 1
    return hits


def _find_rest(output: bytes, at: int, names: Collection[bytes], longest: int) -> re.Match[bytes] | None:
    """Split off the name that starts at `at`; the longest name, should two be possible."""
    best = None
    for rest in _REST.finditer(output, at):
        if rest.start() - at > longest:
            break
        if output[at : rest.start()] in names:
            best = rest
    return best


def _hit(name: bytes, rest: re.Match[bytes]) -> Hit:
    file, line = os.fsdecode(name), int(rest["line"])
    if rest["text"] is not None:
        said = tuple(rest["shown"].decode().split(", "))
        return Hit(file, line, said, rest["text"].decode(errors="replace"))
    bare = rest["bare"].decode()
    return Hit(file, line, (bare,), "" if bare == _BLANK_AT_EOF else None)


def with_line(hit: Hit, lines: Sequence[str]) -> Hit:
    """The hit with its line of these, if it has none and that line is such as git spoke of."""
    if hit.text is not None or hit.line > len(lines):
        return hit
    text = lines[hit.line - 1]
    return replace(hit, text=text) if _KINDS[hit.said[0]].fault.match(text) else hit


def findings(hit: Hit) -> Iterator[Finding]:
    """List a finding for each thing that git says of the line; offsets count from the line's start."""
    for said in hit.said:
        kind = _KINDS[said]
        fault = kind.fault.match(hit.text or "")
        start, end = fault.span(1) if fault else (0, 0)
        places = (Position(start, hit.line, start + 1), Position(end, hit.line, end + 1))
        diagnostic = Diagnostic(kind.rule, RULES[kind.rule].severity, said, *places)
        fix = kind.fix
        if fault and fault[1] == "\r":
            fix = "end the line with LF alone, or allow CRLF: git config core.whitespace cr-at-eol"
        yield Finding(hit.file, diagnostic, _excerpt(hit, diagnostic), fix)


def _excerpt(hit: Hit, diagnostic: Diagnostic) -> str:
    """The headline, the line and a caret, in the form of `diagnostics.render`."""
    said = headline(hit.file, diagnostic)
    if hit.text is None:
        return said
    source = Source.of(hit.file, _visible(hit.text))
    start, end = (
        source.position(len(_visible(hit.text[: place.offset])))
        for place in (diagnostic.start, diagnostic.end)
    )
    return "\n".join([said, *source.excerpt(start, end)])


def _visible(text: str) -> str:
    """To a Source a carriage return ends a line; to git it is part of one, and may be the fault."""
    return text.replace("\r", escaped("\r"))
