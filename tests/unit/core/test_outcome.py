"""Which exit code a mix of verdicts gives."""

from __future__ import annotations

import pytest

from nestproof.core.outcome import Outcome, Status, Target, count, exit_code

PASS, FAIL, DEGRADED = Status.PASS, Status.FAIL, Status.DEGRADED
UNVERIFIED, ERROR = Status.UNVERIFIED, Status.ERROR


def outcomes(*statuses: Status) -> list[Outcome]:
    return [Outcome("smoke.users", status, "said") for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((), 4),
        ((PASS,), 0),
        ((PASS, PASS), 0),
        ((DEGRADED,), 0),
        ((PASS, DEGRADED), 0),
        ((FAIL,), 1),
        ((ERROR,), 4),
        ((UNVERIFIED,), 3),
        ((PASS, FAIL), 1),
        ((PASS, ERROR), 4),
        ((PASS, UNVERIFIED), 3),
        ((DEGRADED, UNVERIFIED), 3),
        ((FAIL, ERROR), 1),
        ((ERROR, FAIL), 1),
        ((FAIL, UNVERIFIED), 1),
        ((UNVERIFIED, ERROR), 4),
        ((PASS, FAIL, DEGRADED, UNVERIFIED, ERROR), 1),
    ],
)
def test_the_worst_verdict_decides_the_exit_code(statuses: tuple[Status, ...], code: int) -> None:
    assert exit_code(outcomes(*statuses)) == code


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((UNVERIFIED,), 4),
        ((PASS, UNVERIFIED), 0),
        ((FAIL, UNVERIFIED), 1),
        ((ERROR, UNVERIFIED), 4),
        ((), 4),
    ],
)
def test_allowing_the_unverified_allows_nothing_else(statuses: tuple[Status, ...], code: int) -> None:
    assert exit_code(outcomes(*statuses), allow_unverified=True) == code


@pytest.mark.parametrize("step", ["build", "smoke", "smoke.container"])
def test_a_target_that_could_not_be_asked_at_all_is_never_let_through(step: str) -> None:
    """Although the files of the same profile were checked, and another profile passed."""
    target = Target("features", "linux/amd64")
    asked = [*outcomes(PASS, PASS), Outcome(step, UNVERIFIED, "no client builds features", target)]
    assert exit_code(asked) == 3
    assert exit_code(asked, allow_unverified=True) == 4


def test_outcomes_are_counted_by_status() -> None:
    seen = count(outcomes(PASS, FAIL, PASS))
    assert (seen[PASS], seen[FAIL], seen[ERROR]) == (2, 1, 0)


def test_a_target_reads_as_profile_and_platform() -> None:
    assert str(Target("secure", "linux/arm64")) == "secure linux/arm64"


def test_the_verdicts_have_their_names() -> None:
    assert [status.value for status in Status] == ["pass", "fail", "degraded", "unverified", "error"]
