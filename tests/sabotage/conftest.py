"""The score: how many worlds came out with the right verdict, and how many with the right cause."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.sabotage.world import Verdict

SCORES: dict[str, Verdict] = {}
PROPERTY = "sabotage"
"""The name under which a test hands over its score."""


def points(scores: Sequence[Verdict]) -> tuple[int, int]:
    """Right verdicts, right causes."""
    return sum(score.verdict for score in scores), sum(score.cause for score in scores)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take the score of a world from the report of its test, whichever process it ran in."""
    for name, value in report.user_properties:
        if name == PROPERTY and report.when == "call":
            verdict, cause = json.loads(str(value))
            SCORES[report.nodeid] = Verdict(verdict, cause, "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the score, when any world was made."""
    if SCORES:
        verdicts, causes = points(list(SCORES.values()))
        total = len(SCORES)
        terminalreporter.write_line(
            f"sabotage score: {verdicts}/{total} with the right verdict, {causes}/{total} with the cause"
        )
