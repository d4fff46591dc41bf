"""A repository's jq programs and patterns: they see nothing of the host, and they end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nestproof.core.bounded import LimitError, run_jq, search
from nestproof.core.config import CustomProbe
from nestproof.core.outcome import Observation, Status
from nestproof.probes.custom import custom_probes
from nestproof.probes.verdicts import Context
from tests.conftest import Repository


@pytest.fixture
def plain(tmp_path: Path) -> Repository:
    """A repository of an image and nothing else."""
    (tmp_path / ".devcontainer.json").write_text('{"image": "debian:12@sha256:' + "0" * 64 + '"}\n')
    return Repository(tmp_path)


def with_rule(plain: Repository, program: str, message: str = "no") -> Repository:
    (plain.path / "nestproof.toml").write_text(
        f"[[rule]]\nid = 'theirs'\njq = '''{program}'''\nmessage = \"{message}\"\n"
    )
    return plain


@pytest.mark.parametrize("program", ["$ENV", "env", "$ENV.SECRET_OF_THE_HOST"])
def test_a_rule_sees_no_environment(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "hush")
    (answer,) = run_jq([program], "{}")
    assert "hush" not in str(answer)
    # Python sets the one of its own, in a process that has none.
    assert answer["results"][0] in ({}, {"LC_CTYPE": "C.UTF-8"}, None)


@pytest.mark.parametrize("program", ['import "{0}" as $x; $x', 'include "{0}"; .', 'import "{0}" as x; x::y'])
def test_a_rule_reads_no_file(tmp_path: Path, program: str) -> None:
    for name in ("data.json", "data.jq"):
        (tmp_path / name).write_text('"hush"' if name.endswith("json") else 'def y: "hush";')
    (answer,) = run_jq([program.format(tmp_path / "data")], "{}")
    assert "hush" not in str(answer)
    assert "error" in answer


@pytest.mark.parametrize("program", ["def f: f; f", "[range(1e9)]"])
def test_a_rule_that_takes_too_much_is_ended_and_named(plain: Repository, program: str) -> None:
    before = time.monotonic()
    finished = with_rule(plain, program).ask("check.rules")
    assert time.monotonic() - before < 40
    assert finished.status == 2, finished.stdout
    assert "the rule 'theirs' is not a jq program that works here" in finished.stderr
    assert program in finished.stderr


def test_the_rules_before_the_one_that_takes_too_much_are_not_blamed() -> None:
    with pytest.raises(LimitError) as caught:
        run_jq(["true", "def f: f; f", "true"], "{}")
    assert caught.value.index == 1
    assert caught.value.why == "it has 2 s of processor time and 1 GiB of memory"


def test_a_rule_that_never_stops_answering_is_cut_short() -> None:
    (answer,) = run_jq(["repeat(1)"], "{}")
    assert len(answer["results"]) == 1000


def test_a_pattern_that_takes_too_long_is_an_error_and_no_verdict() -> None:
    (probe,) = custom_probes([CustomProbe(name="slow", command="true", stdout="^(a+)+$")], ["default"])[
        "default"
    ]
    assert probe.judge is not None
    judged = probe.judge(Observation(("true",), 0, "a" * 60 + "!"), Context())
    assert judged.status is Status.ERROR
    assert judged.summary == "the pattern '^(a+)+$' for stdout gave no answer"
    assert judged.cause == "it has 2 s of processor time and 1 GiB of memory"


def test_patterns_are_those_of_lines() -> None:
    assert search([("^b$", "a\nb\nc"), ("^b$", "abc"), ("b", "abc")]) == [True, False, True]
    assert search([]) == []


ESCAPE = "\x1b]0;owned\x07\x1b[2J"


@pytest.mark.parametrize(
    ("file", "text", "arguments"),
    [
        ("nestproof.toml", '[[rule]]\nid = "theirs"\njq = "true"\nmessage = "\\u001b]0;owned\\u0007"\n', ()),
        ("nestproof.toml", "[[rule]]\nid = \"theirs\"\njq = '\"\\u001b[2J\" | error'\nmessage = 'no'\n", ()),
        ("nestproof.toml", '"\\u001b[2Jkey" = 1\n', ()),
        (".devcontainer/privileges.lock", '["\\u001b[2J"]\n"\\u001b[2J" = 1\n', ()),
        (".devcontainer/privileges.lock", '["\\u001b[2J"]\n"\\u001b[2J" = "why"\n', ()),
        ("nestproof.toml", "", ("--profile", ESCAPE)),
    ],
)
def test_no_escape_sequence_reaches_the_terminal(
    plain: Repository, file: str, text: str, arguments: tuple[str, ...]
) -> None:
    (plain.path / file).parent.mkdir(exist_ok=True)
    (plain.path / file).write_text(text)
    finished = plain.ask("check", *arguments)
    assert finished.stdout + finished.stderr != ""
    assert "\x1b" not in finished.stdout + finished.stderr
    assert "\x07" not in finished.stdout + finished.stderr
