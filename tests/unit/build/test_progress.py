"""The failing step and its last lines, out of what buildx 0.13 printed of real builds (tests/buildx).

The files are named after the engine whose BuildKit did the work.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nestproof.build.progress import SHOWN_LINES, BuildxSteps, Failure

RECORDED = Path(__file__).parents[2] / "recorded" / "buildx"


def read(text: str) -> tuple[BuildxSteps, list[str]]:
    told: list[str] = []
    steps = BuildxSteps(told.append)
    for line in text.splitlines():
        steps.read(line)
    return steps, told


def failure(name: str) -> Failure:
    return read((RECORDED / f"{name}.txt").read_text())[0].failure()


@pytest.mark.parametrize("engine", ["20.10", "26.1"])
def test_the_lines_of_the_failing_step_are_kept_and_not_those_of_another_stage(engine: str) -> None:
    failed = failure(f"noisy-{engine}")
    assert failed.step.startswith("[broken 2/2] RUN for i in")
    assert failed.error.endswith("exit code: 7")
    assert len(failed.lines) == SHOWN_LINES
    assert failed.lines[0].endswith("broken says 22")
    assert failed.lines[-2].endswith("broken says 60")
    assert failed.lines[-1].endswith("this is why")
    assert not [line for line in failed.lines if "noise" in line]


def test_a_step_that_buildx_turns_away_from_and_back_to_is_one() -> None:
    text = (RECORDED / "turns-20.10.txt").read_text()
    assert text.count("\n#6 ...\n") == 1
    steps, told = read(text)
    assert [step.partition(" RUN")[0] for step in told] == ["[noisy 2/2]", "[broken 2/2]"]
    said = [line.partition(" ")[2] for line in steps.failure().lines]
    assert said == [*(f"broken says {number}" for number in range(1, 17)), "this is why"]


@pytest.mark.parametrize("engine", ["20.10", "26.1"])
@pytest.mark.parametrize("build", ["missing", "cache"])
def test_a_step_that_could_not_begin_is_named(build: str, engine: str) -> None:
    # In the second of them a cache could not be read either, of which no build fails.
    failed = failure(f"{build}-{engine}")
    assert failed.step == "[1/1] COPY nope /"
    assert '"/nope"' in failed.error
    assert str(failed) == f"failing step: {failed.step}\n{failed.error}"


def test_a_cache_that_cannot_be_read_is_not_what_fails() -> None:
    # The engine went away: of it the steps know nothing.
    lines = (RECORDED / "cache-20.10.txt").read_text().splitlines()
    until = next(number for number, line in enumerate(lines) if line.startswith("#4 ERROR"))
    steps, _ = read("\n".join([*lines[: until + 1], "ERROR: failed to receive status: EOF"]))
    failed = steps.failure()
    assert (failed.step, failed.error) == ("", "failed to receive status: EOF")


@pytest.mark.parametrize(
    ("engine", "shown"), [("20.10", "failed to solve"), ("26.1", "   2 | >>> COOPY nope /")]
)
def test_a_dockerfile_that_cannot_be_read_has_no_step(engine: str, shown: str) -> None:
    failed = failure(f"typo-{engine}")
    assert failed.step == ""
    assert "COOPY" in str(failed)
    assert shown in "\n".join(failed.lines)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "it printed nothing"),
        (
            "Error response from daemon: pull access denied\n",
            "Error response from daemon: pull access denied",
        ),
        ("ERROR: first\nERROR: last\n", "last"),
        (
            "#1 [1/2] RUN x\n#1 0.1 said\n",
            "failing step: [1/2] RUN x\nthe builder ended without a reason",
        ),
    ],
)
def test_without_a_failed_step_the_last_word_counts(output: str, words: str) -> None:
    assert str(read(output)[0].failure()) == words


def test_what_is_cached_or_is_no_step_of_a_stage_is_not_told_of() -> None:
    _, told = read((RECORDED / "other-base-28.5.txt").read_text())
    assert told == []
