"""Draw the evidence as one HTML file: no script, no font, no request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from nestproof.core.outcome import Status
from nestproof.core.source import safe
from nestproof.reports.common import ORDER, by_target, describe_run, in_words
from nestproof.reports.evidence import Evidence, Outcome, Run
from nestproof.reports.justification import attempted, justified
from nestproof.reports.markdown import quoted
from nestproof.reports.merge import disagreements

FOLDER = Path(__file__).parent
SIGNS = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.DEGRADED: "≈",
    Status.UNVERIFIED: "?",
    Status.ERROR: "!",
}
MEANINGS = {
    Status.PASS: "asked for real, answered as it must be, and its control held",
    Status.FAIL: "asked for real, answered wrong: cause and smallest fix are named",
    Status.DEGRADED: "a fallback that the profile declares, and that the agent is known to survive",
    Status.UNVERIFIED: "this machine cannot answer: it says why, and what would answer",
    Status.ERROR: "nestproof itself could not ask",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An outcome with its place in the page."""

    anchor: str
    outcome: Outcome
    left: float
    """The start of its bar in the timeline, in percent."""
    width: float


@dataclass(frozen=True, slots=True)
class Column:
    """A target of a run: a column of the matrix."""

    profile: str
    platform: str
    cells: dict[str, list[Shown]]


@dataclass(frozen=True, slots=True)
class Section:
    """A run on the page."""

    anchor: str
    run: Run
    shown: tuple[Shown, ...]
    files: dict[str, list[Shown]]
    columns: tuple[Column, ...]
    rows: tuple[str, ...]


def to_html(evidence: Evidence) -> str:
    """The page; everything that comes from outside is escaped, and shown without what cannot be seen."""
    sections = [_section(number, run) for number, run in enumerate(evidence.runs, 1)]
    return _template().render(
        sections=sections,
        style=Markup((FOLDER / "page.css").read_text("utf-8")),  # noqa: S704 # a file of nestproof's own
        signs=SIGNS,
        meanings=MEANINGS,
        statuses=list(Status),
        disagreements=list(disagreements(evidence.runs)) if len(sections) > 1 else [],
        describe_run=describe_run,
        justified=justified,
        attempted=attempted,
        in_words=in_words,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(one=one_line, lines=all_lines, command=quoted)
    return environment.get_template("page.html.jinja")


def _section(number: int, run: Run) -> Section:
    total = max((outcome.begin + outcome.seconds for outcome in run.outcomes), default=0.0) or 1.0
    shown = tuple(
        Shown(f"r{number}-{index}", outcome, *_bar(outcome, total))
        for index, outcome in enumerate(run.outcomes, 1)
    )
    anchors = {id(one.outcome): one for one in shown}
    groups = {
        where: [anchors[id(outcome)] for outcome in outcomes]
        for where, outcomes in by_target(run.outcomes).items()
    }
    files = _by_id(groups.pop(("", ""), []))
    columns = tuple(Column(*where, _by_id(group)) for where, group in groups.items())
    return Section(f"r{number}", run, shown, files, columns, tuple(_rows(columns)))


def _bar(outcome: Outcome, total: float) -> tuple[float, float]:
    left = min(100 * outcome.begin / total, 99.5)
    return round(left, 2), round(max(min(100 * outcome.seconds / total, 100 - left), 0.4), 2)


def _by_id(group: Sequence[Shown]) -> dict[str, list[Shown]]:
    cells: dict[str, list[Shown]] = {}
    for one in group:
        cells.setdefault(one.outcome.id, []).append(one)
    return cells


def _rows(columns: Sequence[Column]) -> Iterator[str]:
    """The ids of all targets, causes before consequences."""
    names = dict.fromkeys(name for column in columns for name in column.cells)
    yield from sorted(names, key=lambda name: ORDER.get(name, -1))


def one_line(text: str) -> str:
    """On one line, and nothing in it that moves, hides or reorders."""
    return safe(" ".join(text.split()))


def all_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(safe(line) for line in text.rstrip().splitlines())
