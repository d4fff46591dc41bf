"""What a person reads: nothing from a container reaches the terminal raw, and the last line is true."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.source import safe
from nestproof.reports.terminal import details, line, summary

SECURE = Target("secure", "linux/amd64")
PASS, FAIL, DEGRADED = Status.PASS, Status.FAIL, Status.DEGRADED
UNVERIFIED, ERROR = Status.UNVERIFIED, Status.ERROR
# An escape sequence that sets a terminal's title, and one that wipes the screen.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m"
SHOWN = r"\u001b]0;owned\u0007\u001b[2J\u009b31m"


def observed(
    stdout: str = "", stderr: str = "", *, status: int | None = 1, seconds: float = 0.0
) -> Observation:
    return Observation(("sh", "users.sh"), status, stdout, stderr, seconds)


# One line for each outcome


def test_a_line_names_verdict_target_question_and_answer() -> None:
    outcome = Outcome("smoke.users", PASS, "both exist", SECURE)
    assert line(outcome) == "pass       secure linux/amd64   smoke.users              both exist"


def test_a_line_about_files_says_so() -> None:
    assert line(Outcome("check.json", FAIL, "bad")).split() == ["fail", "files", "check.json", "bad"]


@pytest.mark.parametrize(
    ("seconds", "end"), [(0.0, "said"), (0.04, "said"), (0.1, "said  (0.1 s)"), (12.34, "said  (12.3 s)")]
)
def test_a_line_tells_a_time_that_can_be_felt(seconds: float, end: str) -> None:
    outcome = Outcome("build", PASS, "said", SECURE, observation=observed(seconds=seconds))
    assert line(outcome).endswith(end)


@pytest.mark.parametrize(
    ("status", "start"),
    [
        (PASS, "\x1b[32mpass      \x1b[0m "),
        (FAIL, "\x1b[1;31mfail      \x1b[0m "),
        (DEGRADED, "\x1b[33mdegraded  \x1b[0m "),
        (UNVERIFIED, "\x1b[35munverified\x1b[0m "),
        (ERROR, "\x1b[1;31merror     \x1b[0m "),
    ],
)
def test_a_verdict_has_its_colour_only_where_colour_is_wanted(status: Status, start: str) -> None:
    outcome = Outcome("build", status, "said", SECURE)
    assert line(outcome, color=True).startswith(start)
    assert "\x1b" not in line(outcome)


# Safety


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé, 漢字, ✔", "plain text, ünïcödé, 漢字, ✔"),
        (HOSTILE, SHOWN),
        ("one\ntwo\r", r"one\u000atwo\u000d"),
        ("a\tb", "a    b"),
        ("a\x00b\x7fc\x85d", r"a\u0000b\u007fc\u0085d"),
        ("abc\u202edef\u2066ghi\u2069", r"abc\u202edef\u2066ghi\u2069"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
    ],
)
def test_text_is_shown_on_one_line_without_control_characters(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_half_a_character_can_be_printed() -> None:
    # A file name that is no UTF-8 reaches Python like this.
    safe("name-\udcff").encode("utf-8")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    shown = safe(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)


def every_part_of(report: str) -> None:
    assert "\x1b" not in report
    assert "\x9b" not in report
    assert "\x07" not in report


@pytest.mark.parametrize("status", [FAIL, ERROR, UNVERIFIED])
def test_no_part_of_an_outcome_reaches_the_terminal_raw(status: Status) -> None:
    outcome = Outcome(
        "smoke.users",
        status,
        f"summary {HOSTILE}",
        SECURE,
        f"cause {HOSTILE}\nmore {HOSTILE}",
        f"fix {HOSTILE}",
        Observation(("sh", HOSTILE), 1, f"out {HOSTILE}", f"err {HOSTILE}"),
    )
    every_part_of(line(outcome))
    every_part_of(details([outcome]))
    assert f"summary {SHOWN}" in line(outcome)
    assert f"summary {SHOWN}" in details([outcome])


def test_a_profile_with_a_hostile_name_does_not_reach_the_terminal_raw() -> None:
    # It is the name of a folder in somebody's repository.
    outcome = Outcome("build", FAIL, "said", Target(HOSTILE, "linux/amd64"))
    every_part_of(line(outcome))
    every_part_of(details([outcome]))


# Details


def test_all_passed_leaves_nothing_to_say() -> None:
    assert details([]) == ""
    assert details([Outcome("a", PASS, "fine"), Outcome("b", DEGRADED, "declared")]) == ""


def test_a_failure_shows_cause_fix_and_evidence() -> None:
    outcome = Outcome(
        "smoke.users",
        FAIL,
        "vscode: is root",
        SECURE,
        "the user is root\nsince its id is 0",
        "give it another id",
        observed("control: held\nvscode: is root\n", "one\n\ntwo\n"),
    )
    assert details([outcome]).splitlines() == [
        "FAIL secure linux/amd64 smoke.users: vscode: is root",
        "  cause: the user is root",
        "  cause: since its id is 0",
        "  fix: give it another id",
        "  command: sh users.sh (exit status 1)",
        "  stdout: control: held",
        "  stdout: vscode: is root",
        "  stderr: one",
        "  stderr: ",
        "  stderr: two",
    ]


def test_a_failure_without_more_is_one_line() -> None:
    assert details([Outcome("check.json", ERROR, "lost")]) == "ERROR check.json: lost"


def test_of_long_output_the_end_is_shown() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 101))
    report = details([Outcome("build", FAIL, "no", SECURE, observation=observed(stderr=text))])
    assert "  stderr: line 61\n" in report
    assert "line 60" not in report
    assert report.endswith("  stderr: line 100")


def test_probes_that_fail_alike_are_told_once_with_all_their_names() -> None:
    same = [Outcome(f"smoke.{name}", FAIL, "refused", SECURE, "seccomp") for name in ("basic", "fd")]
    other = Outcome("smoke.basic", FAIL, "refused", Target("default", "linux/amd64"), "seccomp")
    assert details([*same, other]).splitlines() == [
        "FAIL secure linux/amd64 smoke.basic, smoke.fd: refused",
        "  cause: seccomp",
        "",
        "FAIL default linux/amd64 smoke.basic: refused",
        "  cause: seccomp",
    ]


def test_a_fail_and_an_error_that_say_the_same_are_told_apart() -> None:
    report = details([Outcome("a", FAIL, "said"), Outcome("b", ERROR, "said")])
    assert report == "FAIL a: said\n\nERROR b: said"


def test_the_unverified_come_last_with_what_would_answer() -> None:
    report = details(
        [
            Outcome("smoke.basic", UNVERIFIED, "emulated", SECURE, "qemu-user", "an arm64 kernel"),
            Outcome("smoke.fd", UNVERIFIED, "emulated", SECURE, "qemu-user", "an arm64 kernel"),
            Outcome("check.diff", UNVERIFIED, "no repository"),
            Outcome("build", FAIL, "no", SECURE),
        ]
    )
    assert report.splitlines() == [
        "FAIL secure linux/amd64 build: no",
        "",
        "UNVERIFIED, and not counted as a pass:",
        "- secure linux/amd64 smoke.basic, smoke.fd: emulated",
        "  why: qemu-user",
        "  what would answer: an arm64 kernel",
        "- check.diff: no repository",
    ]


# The last line


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ((), "nothing was asked in 1.2 s: nestproof could not ask (exit 4)"),
        ((PASS, PASS), "2 pass in 1.2 s: proved (exit 0)"),
        ((DEGRADED, PASS), "1 pass, 1 degraded in 1.2 s: proved (exit 0)"),
        ((FAIL, PASS), "1 pass, 1 fail in 1.2 s: failed (exit 1)"),
        ((ERROR, FAIL), "1 fail, 1 error in 1.2 s: failed (exit 1)"),
        ((PASS, ERROR), "1 pass, 1 error in 1.2 s: nestproof could not ask (exit 4)"),
        ((ERROR, UNVERIFIED), "1 unverified, 1 error in 1.2 s: nestproof could not ask (exit 4)"),
        ((PASS, UNVERIFIED), "1 pass, 1 unverified in 1.2 s: not all of it could be shown here (exit 3)"),
        ((UNVERIFIED, FAIL), "1 fail, 1 unverified in 1.2 s: failed (exit 1)"),
        (
            (PASS, FAIL, DEGRADED, UNVERIFIED, ERROR),
            "1 pass, 1 fail, 1 degraded, 1 unverified, 1 error in 1.2 s: failed (exit 1)",
        ),
    ],
)
def test_the_last_line_counts_and_explains_the_exit_code(statuses: tuple[Status, ...], said: str) -> None:
    assert summary([Outcome("a", status, "said") for status in statuses], 1.23) == said


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (
            (PASS, UNVERIFIED, UNVERIFIED),
            "1 pass, 2 unverified in 0.0 s: proved, but for 2 unverified that --allow-unverified lets "
            "through (exit 0)",
        ),
        ((PASS,), "1 pass in 0.0 s: proved (exit 0)"),
        ((FAIL, UNVERIFIED), "1 fail, 1 unverified in 0.0 s: failed (exit 1)"),
        ((), "nothing was asked in 0.0 s: nestproof could not ask (exit 4)"),
    ],
)
def test_what_is_let_through_is_counted_in_the_last_line(statuses: tuple[Status, ...], said: str) -> None:
    outcomes = [Outcome("a", status, "said") for status in statuses]
    assert summary(outcomes, 0.0, allow_unverified=True) == said


def test_the_cost_of_lifecycle_commands_is_told_apart() -> None:
    asked = Outcome("smoke.users", PASS, "", SECURE, observation=observed(seconds=1.0))
    command = Outcome("lifecycle.postCreateCommand", PASS, "", SECURE, observation=observed(seconds=2.5))
    again = Outcome("restart.postStartCommand", PASS, "", SECURE, observation=observed(seconds=0.5))
    skipped = Outcome("lifecycle.postAttachCommand", UNVERIFIED, "", SECURE)
    assert "in 4.0 s: proved" in summary([asked], 4.0)
    said = "3 pass in 4.0 s (3.0 s of it in lifecycle commands): proved (exit 0)"
    assert summary([asked, command, again], 4.0) == said
    assert "lifecycle commands" not in summary([asked, skipped], 4.0)
