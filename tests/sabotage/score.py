"""The score: how many worlds came out with the right verdict, and how many with the right cause.

The hooks are those of all tests: where several processes run them, the one that prints collects none.
"""

from __future__ import annotations

import json

import pytest

SCORES: dict[str, tuple[bool, bool]] = {}
"""Of each world, whether its verdict and its cause are right."""
PROPERTY = "sabotage"
"""The name under which a test hands over its score."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take the score of a world from the report of its test, whichever process it ran in."""
    for name, value in report.user_properties:
        if name == PROPERTY and report.when == "call":
            verdict, cause = json.loads(str(value))
            SCORES[report.nodeid] = (verdict, cause)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the score, when any world was made."""
    if SCORES:
        verdicts, causes = (sum(column) for column in zip(*SCORES.values(), strict=True))
        total = len(SCORES)
        terminalreporter.write_line(
            f"sabotage score: {verdicts}/{total} with the right verdict, {causes}/{total} with the cause"
        )
