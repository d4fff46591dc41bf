"""Draw the evidence in a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nestproof.core.diagnostics import Rule
from nestproof.core.outcome import Outcome
from nestproof.core.source import safe
from nestproof.reports import terminal
from nestproof.reports.common import describe_run, in_words
from nestproof.reports.evidence import Evidence, Run, to_json
from nestproof.reports.github_actions import json_text
from nestproof.reports.html import to_html
from nestproof.reports.junit import to_junit
from nestproof.reports.markdown import to_markdown
from nestproof.reports.records import restored

FORMATS = ("terminal", "markdown", "html", "junit", "sarif", "json")


def draw(
    evidence: Evidence, form: str, workspace: Path, rules: Mapping[str, Rule], color: bool = False
) -> str:
    """The evidence in one of FORMATS; `workspace` is where its files are, `color` is for terminals.

    `rules` are those that findings may name, for SARIF.
    """
    drawers: dict[str, Callable[[], str]] = {
        "terminal": lambda: _terminal(evidence, color),
        "markdown": lambda: to_markdown(evidence),
        "html": lambda: to_html(evidence),
        "junit": lambda: to_junit(evidence),
        "sarif": lambda: json_text(_sarif(evidence, workspace, rules)) + "\n",
        "json": lambda: json_text(to_json(evidence)) + "\n",
    }
    return drawers[form]()


def _terminal(evidence: Evidence, color: bool) -> str:
    return "\n".join(_run(run, color) for run in evidence.runs)


def _run(run: Run, color: bool) -> str:
    outcomes = _outcomes(run)
    lines = [f"{name}: {safe(value)}" for name, value in describe_run(run)]
    lines += ["", *(terminal.line(outcome, color=color) for outcome in outcomes)]
    if blocks := terminal.details(outcomes):
        lines += ["", blocks]
    cut = "cut short: " if run.interrupted else ""
    trouble = f"\n{safe(run.trouble)}" if run.trouble else ""
    lines += ["", f"{cut}{in_words(run.counts)} in {run.seconds:.1f} s (exit {run.exit_code}){trouble}", ""]
    return "\n".join(lines)


def _sarif(evidence: Evidence, workspace: Path, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """One log; each run of ours is a run in it."""
    from nestproof.reports.sarif import to_sarif

    if not evidence.runs:
        return to_sarif((), rules, root=workspace)
    logs = [
        to_sarif(_outcomes(run), rules, root=workspace, profiles=_files(run, workspace))
        for run in evidence.runs
    ]
    return {**logs[0], "runs": [one for log in logs for one in log["runs"]]}


def _outcomes(run: Run) -> list[Outcome]:
    return list(map(restored, run.outcomes))


def _files(run: Run, workspace: Path) -> dict[str, Path]:
    return {profile.name: workspace / profile.file for profile in run.profiles if profile.file}
