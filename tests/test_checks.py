"""The checks of a profile's file: each has its verdict and its place, and none hides another."""

from __future__ import annotations

from pathlib import Path

import pytest

from nestbox.checks import OF_FILES, RULES, check_files
from nestbox.config import Config
from nestbox.outcome import Outcome, Status


def file_outcomes(
    workspace: Path, *, steps: tuple[str, ...] = ("check.json",), strict: bool = False, **texts: str | bytes
) -> list[Outcome]:
    files = {}
    for name, text in texts.items():
        files[name] = workspace / f"{name}.json"
        files[name].write_bytes(text.encode() if isinstance(text, str) else text)
    return list(check_files(files, workspace, {}, config=Config(), lock=None, steps=steps, strict=strict))


def json_outcome(workspace: Path, text: str | bytes, *, strict: bool = False) -> Outcome:
    (outcome,) = file_outcomes(workspace, strict=strict, devcontainer=text)
    assert outcome.id == "check.json"
    assert outcome.target is None
    return outcome


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"image": "ubuntu"}',
        '// a comment\n{"image": "a" /* and another */}\n',
        '{"url": "https://example.org//x", "glob": "**/*.py"}',
        "\ufeff{}",
        "[]",
        "null",
    ],
)
def test_a_file_that_is_json_with_comments_passes(tmp_path: Path, text: str) -> None:
    outcome = json_outcome(tmp_path, text)
    assert (outcome.status, outcome.summary) == (Status.PASS, "devcontainer.json: one JSON value, jq agrees")
    assert outcome.findings == ()


@pytest.mark.parametrize(
    ("text", "count"), [('{"a": 1,}', "1 warning"), ('{"a": [1,], "b": {"c": 1,},}', "3 warnings")]
)
def test_a_trailing_comma_is_a_warning_and_an_error_only_when_that_is_wanted(
    tmp_path: Path, text: str, count: str
) -> None:
    outcome = json_outcome(tmp_path, text)
    assert outcome.status is Status.PASS
    assert outcome.summary == f"devcontainer.json: one JSON value, jq agrees ({count})"
    assert json_outcome(tmp_path, text, strict=True).status is Status.FAIL


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "devcontainer.json:1:1: "),
        ("// nothing\n", "devcontainer.json:1:1: "),
        ('{\n  "a": 1,\n  "a": 2\n}', "devcontainer.json:3:3: "),
        ('{\n  "a" 1\n}', "devcontainer.json:2:6: "),
        ('{"a": NaN}', "devcontainer.json:1:7: "),
        ("{} {}", "devcontainer.json:1:4: "),
        ("{} /* never ends", "devcontainer.json:1:4: "),
        (b'{"a": "\xff"}', "devcontainer.json:1:8: "),
    ],
)
def test_a_file_that_is_not_fails_with_its_place(tmp_path: Path, text: str | bytes, place: str) -> None:
    outcome = json_outcome(tmp_path, text)
    assert outcome.status is Status.FAIL
    assert outcome.summary.startswith(place)
    assert outcome.findings[0].mistake.message in outcome.summary


def test_a_damaged_file_hides_nothing_of_the_others(tmp_path: Path) -> None:
    outcomes = file_outcomes(tmp_path, bad="{", good="{}")
    assert [outcome.status for outcome in outcomes] == [Status.FAIL, Status.PASS]


def test_no_file_gives_no_outcome(tmp_path: Path) -> None:
    # The exit code of nothing asked is an error's.
    assert file_outcomes(tmp_path) == []


def test_a_file_that_cannot_be_read_fails(tmp_path: Path) -> None:
    folder = tmp_path / "devcontainer.json"
    folder.mkdir()
    (outcome,) = check_files({"default": folder}, tmp_path, {}, config=Config(), lock=None)
    assert (outcome.status, outcome.summary) == (Status.FAIL, "devcontainer.json cannot be read")


def test_a_file_is_named_as_seen_from_the_repository(tmp_path: Path) -> None:
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text("{")
    outcomes = check_files({"default": file}, tmp_path, {}, config=Config(), lock=None)
    assert next(outcomes).summary.startswith(".devcontainer/devcontainer.json:1:")


def test_of_a_file_that_is_no_json_nothing_more_is_asked(tmp_path: Path) -> None:
    assert [outcome.id for outcome in file_outcomes(tmp_path, steps=OF_FILES, bad="{")] == ["check.json"]


def test_of_a_file_of_wrong_types_no_lint_is_asked(tmp_path: Path) -> None:
    outcomes = file_outcomes(tmp_path, steps=OF_FILES, bad='{"image": "x", "capAdd": "SYS_ADMIN"}')
    assert {outcome.id: outcome.status for outcome in outcomes} == {
        "check.json": Status.PASS,
        "check.model": Status.FAIL,
    }


@pytest.mark.parametrize("step", ["check.json", "check.model", "check.lint"])
def test_only_the_steps_that_are_wanted_are_told(tmp_path: Path, step: str) -> None:
    assert [outcome.id for outcome in file_outcomes(tmp_path, steps=(step,), good='{"image": "x"}')] == [step]


def test_every_finding_has_a_rule_that_is_listed(tmp_path: Path) -> None:
    text = '{"image": "x", "privilegd": 1, "capAdd": 1, "runArgs": ["--cap-ad=X"], "name": "${x}",}'
    outcomes = file_outcomes(tmp_path, steps=OF_FILES, bad=text)
    found = {finding.mistake.rule for outcome in outcomes for finding in outcome.findings}
    assert found
    assert found <= set(RULES)
