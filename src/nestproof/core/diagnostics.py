"""What the file checks find: a rule, a sentence, a place, and what it looks like there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nestproof.core.source import Position, Source

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake: how grave it is by default, and what it means."""

    severity: Severity
    meaning: str


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
class Finding:
    """A mistake in a file, ready to be shown: `excerpt` is the line with a caret under the fault, if any."""

    file: str
    mistake: Mistake
    excerpt: str = ""
    fix: str = ""

    @classmethod
    def of(cls, source: Source, mistake: Mistake, fix: str = "") -> Finding:
        """A finding with the excerpt of its source."""
        first, *rest = render(source, mistake).split("\n")
        return cls(source.name, mistake, "\n".join([f"{first} [{mistake.rule}]", *rest]), fix)

    def __str__(self) -> str:
        return self.excerpt or f"{headline(self.file, self.mistake)} [{self.mistake.rule}]"


def headline(file: str, mistake: Mistake) -> str:
    """`file:line:column: error: sentence`, as compilers write it and editors read it."""
    return Source.of(file, "").headline(mistake.start, mistake.severity, mistake.message)


def render(source: Source, mistake: Mistake) -> str:
    """The headline, the line, and a caret under the fault; related places likewise."""
    lines = [source.headline(mistake.start, mistake.severity, mistake.message)]
    lines += source.excerpt(mistake.start, mistake.end)
    for related in mistake.related:
        lines.append(source.headline(related.position, "note", related.note))
        lines += source.excerpt(related.position, related.position)
    return "\n".join(lines)
