"""The words with which scripts of firewalls end: their causes, their lines."""

from __future__ import annotations

import pytest

from nestproof.egress.aborts import ABORTS, diagnose_abort, ended_at, last_words
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("ipset v7.17: Element cannot be added to the set: it's already added", "two names share an address"),
        ("ipset v7.17: Set cannot be created: set with the same name already exists", "from an earlier run"),
        ("ERROR: Failed to resolve statsig.anthropic.com", "the name statsig.anthropic.com is not resolved"),
        ("iptables: Permission denied (you must be root)", "the script may not change the rules"),
        ("/usr/local/bin/init: line 7: aggregate: command not found", "lacks the program aggregate"),
        ("/bin/sh: 3: dig: not found", "lacks the program dig"),
        ("init.sh: line 2: DOMAINS: unbound variable", "a variable of the script is not set"),
        ("ERROR: Failed to fetch GitHub IP ranges", "the list of GitHub's addresses"),
    ],
)
def test_last_words_have_a_cause(said: str, cause: str) -> None:
    found = diagnose_abort(said)
    assert found is not None
    assert cause in found.cause
    assert "\\1" not in found.cause + found.fix
    assert found.fix


def test_words_that_nobody_knows_have_none() -> None:
    assert diagnose_abort("exit status 1") is None


def test_the_line_is_that_of_the_last_command_of_the_trace() -> None:
    trace = "+nestproof:3: set -e\n++nestproof:7: dig +short A x\n+nestproof:7: exit 1\nFailed to resolve x\n"
    assert ended_at(trace) == "line 7: exit 1"
    assert last_words(trace) == "Failed to resolve x"
    assert ended_at("Failed to resolve x\n") == ""


def test_the_place_that_a_shell_names_is_told_once() -> None:
    assert last_words("/usr/local/bin/init: line 7: aggregate: command not found") == (
        "aggregate: command not found"
    )


def test_every_report_of_an_abort_stands_in_the_table_of_failures() -> None:
    page = (ROOT / "docs/egress.md").read_text("utf-8")
    for row in ABORTS:
        for report in row.reports:
            repository, *numbers = report.replace("and ", "").split()
            assert repository in page
            assert all(number in page for number in numbers)
