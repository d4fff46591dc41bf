"""The failing step and its last lines, out of what buildx 0.13 printed of real builds (tests/buildx).

The files are named after the engine whose BuildKit did the work.
"""

from __future__ import annotations

import base64
import json
import re
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


def read_json(name: str, *, compact: bool = False) -> tuple[BuildxSteps, list[str]]:
    """A recorded `--progress=rawjson`; `compact` puts each document on one line, as later releases do."""
    text = (RECORDED / f"{name}.rawjson").read_text()
    if compact:
        text = re.sub(
            r"^\{\n.*?^\}$", lambda found: json.dumps(json.loads(found[0])), text, flags=re.M | re.S
        )
    return read(text)


FORMS = pytest.mark.parametrize("compact", [False, True], ids=["indented", "compact"])


@FORMS
def test_json_tells_of_the_steps_that_run_and_keeps_their_lines(compact: bool) -> None:
    steps, told = read_json("ok-20.10", compact=compact)
    assert [step.partition(" RUN")[0] for step in told] == ["[2/3]", "[3/3]"]
    assert steps.lines[-1].endswith(" DONE")
    shown = "\n".join(steps.lines)
    assert "[2/3] RUN echo hello; echo world >&2\n" in shown
    # Two streams, which arrive in either order.
    assert re.search(r"#(\d+) (?:hello\n#\1 world|world\n#\1 hello)\n#\1 DONE", shown)


def test_a_line_that_comes_in_two_pieces_is_one() -> None:
    pieces = [base64.b64encode(text).decode() for text in (b"one li", b"ne\nthe la", b"st")]
    vertex = {"digest": "d", "name": "[1/1] RUN x", "started": "t"}
    documents: list[object] = [{"vertexes": [vertex]}]
    documents += [{"logs": [{"vertex": "d", "stream": 1, "data": piece}]} for piece in pieces]
    documents += [{"vertexes": [{**vertex, "completed": "t", "error": "exit code: 1"}]}]
    steps, _ = read("\n".join(map(json.dumps, documents)))
    assert steps.failure() == Failure("[1/1] RUN x", "exit code: 1", ("one line", "the last"))


@FORMS
def test_json_of_a_cached_build_tells_of_nothing(compact: bool) -> None:
    steps, told = read_json("cached-20.10", compact=compact)
    assert told == []
    assert sum(line.endswith(" CACHED") for line in steps.lines) == 2


@FORMS
def test_json_names_the_step_that_failed_with_its_last_lines(compact: bool) -> None:
    failed = read_json("broken-20.10", compact=compact)[0].failure()
    assert failed.step.startswith("[broken 3/3] RUN for i in")
    assert failed.error.endswith("exit code: 7")
    assert failed.lines[0] == "broken says 22"
    assert failed.lines[-2:] == ("broken says 60", "this is why")


@pytest.mark.parametrize("engine", ["20.10", "26.1"])
def test_json_names_a_step_that_could_not_begin(engine: str) -> None:
    failed = read_json(f"missing-{engine}")[0].failure()
    assert failed.step == "[1/1] COPY nope /"
    assert '"/nope"' in failed.error


@pytest.mark.parametrize("engine", ["20.10", "26.1"])
def test_json_of_a_dockerfile_that_cannot_be_read_has_no_step(engine: str) -> None:
    failed = read_json(f"typo-{engine}")[0].failure()
    assert failed.step == ""
    assert "COOPY" in failed.error


@FORMS
def test_json_keeps_what_the_builder_warns_of(compact: bool) -> None:
    steps, _ = read_json("warn-26.1", compact=compact)
    assert steps.warnings == ["Empty continuation line found in: COPY ok      /"]


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
    said = steps.failure().lines
    assert said == (*(f"broken says {number}" for number in range(1, 17)), "this is why")


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
