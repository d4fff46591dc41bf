"""A finding of the file checks: a rule, a sentence, a place, and the source line around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nestproof.core.source import Position, Source

Severity = Literal["error", "warning", "note"]
"""An error makes a check fail; a note is kept, and shown to those who look for it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of mistake: its default severity and its meaning."""

    severity: Severity
    meaning: str


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a mistake is about, and what is there."""

    position: Position
    note: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding from `start` up to and without `end`; both are equal where something is missing."""

    rule: str
    severity: Severity
    message: str
    start: Position
    end: Position
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in a file, ready to be shown: `excerpt` is the line with a caret under the fault, if any."""

    file: str
    diagnostic: Diagnostic
    excerpt: str = ""
    fix: str = ""

    @classmethod
    def of(cls, source: Source, diagnostic: Diagnostic, fix: str = "") -> Finding:
        """A finding with the excerpt of its source."""
        first, *rest = render(source, diagnostic).split("\n")
        return cls(source.name, diagnostic, "\n".join([f"{first} [{diagnostic.rule}]", *rest]), fix)

    def __str__(self) -> str:
        return self.excerpt or f"{headline(self.file, self.diagnostic)} [{self.diagnostic.rule}]"


def headline(file: str, diagnostic: Diagnostic) -> str:
    """`file:line:column: error: sentence`, as compilers write it and editors read it."""
    return Source.of(file, "").headline(diagnostic.start, diagnostic.severity, diagnostic.message)


def render(source: Source, diagnostic: Diagnostic) -> str:
    """The headline, the line, and a caret under the fault; related places likewise."""
    lines = [source.headline(diagnostic.start, diagnostic.severity, diagnostic.message)]
    lines += source.excerpt(diagnostic.start, diagnostic.end)
    for related in diagnostic.related:
        lines.append(source.headline(related.position, "note", related.note))
        lines += source.excerpt(related.position, related.position)
    return "\n".join(lines)
