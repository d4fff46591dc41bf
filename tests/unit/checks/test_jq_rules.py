"""A repository's own rules: jq programs that give the place of what they object to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from nestproof.checks.checks import check_files
from nestproof.checks.jq_rules import check_jq_rules
from nestproof.core.config import CustomRule, load_config
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer import jsonc
from nestproof.devcontainer.profile_reader import ProfileReader

TEXT = """\
// ours
{
  "image": "ubuntu:24.04",
  "runArgs": ["--init", "--network=host",],
  "remoteUser": "root"
}
"""


def rule(program: str, severity: Literal["error", "warning"] = "error") -> CustomRule:
    return CustomRule(id="ours", jq=program, message="we do not do that", severity=severity)


def diagnostics(*rules: CustomRule, text: str = TEXT) -> list[Diagnostic]:
    return list(check_jq_rules(jsonc.parse(text, name="devcontainer.json"), rules))


def places(program: str) -> list[str]:
    """What stands at the places that a program objects to."""
    return [TEXT[m.start.offset : m.end.offset] for m in diagnostics(rule(program))]


WHOLE = TEXT[TEXT.index("{") : -1]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("true", [WHOLE]),
        ('.remoteUser == "root"', [WHOLE]),
        ('["remoteUser"]', ['"root"']),
        ("path(.remoteUser)", ['"root"']),
        ('["runArgs", 1]', ['"--network=host"']),
        ('path(.runArgs[] | select(startswith("--network")))', ['"--network=host"']),
        # Several objections of one rule, in the order in which the program gives them.
        ("path(.runArgs[])", ['"--init"', '"--network=host"']),
        ('["remoteUser"], ["image"]', ['"root"', '"ubuntu:24.04"']),
        ("true, false, null, true", [WHOLE, WHOLE]),
        # What is not there cannot be shown: the objection stands, at the whole.
        ('["containerUser"]', [WHOLE]),
        ('["runArgs", 7]', [WHOLE]),
        ('["runArgs", -1]', [WHOLE]),
        ("[]", [WHOLE]),
    ],
)
def test_a_program_gives_what_it_objects_to(program: str, expected: list[str]) -> None:
    assert places(program) == expected


@pytest.mark.parametrize(
    "program",
    ["false", "null", "empty", '.remoteUser == "dev"', ".containerUser", "path(.mounts[]? | select(true))"],
)
def test_false_null_and_nothing_are_no_objection(program: str) -> None:
    assert diagnostics(rule(program)) == []


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_an_objection_has_the_words_and_the_severity_of_its_rule(
    severity: Literal["error", "warning"],
) -> None:
    (diagnostic,) = diagnostics(rule('["remoteUser"]', severity))
    assert (diagnostic.rule, diagnostic.severity, diagnostic.message) == (
        "ours",
        severity,
        "we do not do that",
    )
    assert (diagnostic.start.line, diagnostic.start.column) == (5, 17)
    assert (diagnostic.end.line, diagnostic.end.column) == (5, 23)


def test_rules_are_asked_in_their_order() -> None:
    first = CustomRule(id="first", jq='["remoteUser"]', message="a")
    second = CustomRule(id="second", jq='["image"]', message="b")
    assert [diagnostic.rule for diagnostic in diagnostics(first, second)] == ["first", "second"]


def test_a_document_that_cannot_be_read_is_asked_nothing() -> None:
    assert diagnostics(rule("nonsense("), text="{") == []


# What is no rule


def refusal(program: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        diagnostics(rule(program))
    assert caught.value.exit_code == 2
    assert caught.value.fix == "correct `jq` of the rule 'ours' in [[tool.nestproof.rule]]"
    return caught.value


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            ".remoteUser | nope",
            "jq: error: nope/0 is not defined at <top-level>, line 1, column 15:\n"
            "    .remoteUser | nope\n"
            "                  ^^^^\n",
        ),
        ("true)", "line 1, column 5:\n    true)\n        ^\n"),
        (
            ".image\n| nope",
            "nope/0 is not defined at <top-level>, line 2, column 3:\n    | nope\n      ^^^^\n",
        ),
        ("", "Top-level program not given"),
    ],
)
def test_a_program_that_does_not_compile_is_shown_with_jqs_words_and_place(program: str, words: str) -> None:
    refused = refusal(program)
    assert refused.what == "the rule 'ours' is not a jq program that works here"
    assert words in refused.why
    assert refused.why.endswith(program)


def test_a_program_that_does_not_run_is_shown_with_jqs_words() -> None:
    refused = refusal(".runArgs.first")
    assert refused.what == "the rule 'ours' is not a jq program that works here"
    assert refused.why == 'Cannot index array with string ("first")\n.runArgs.first'


@pytest.mark.parametrize(
    ("program", "gave"),
    [
        ("1", "1"),
        (".remoteUser", "'root'"),
        ("{}", "{}"),
        ("[0.5]", "[0.5]"),
        ("[null]", "[None]"),
        ("[true]", "[True]"),
        ('[["image"]]', "[['image']]"),
    ],
)
def test_a_result_that_is_neither_an_answer_nor_a_path_is_refused(program: str, gave: str) -> None:
    refused = refusal(program)
    assert refused.what == f"the rule 'ours' gave {gave}"
    assert refused.why == 'a rule gives true, a path such as ["runArgs", 0], or false, null or nothing'


# As a repository has them

CONFIGURED = """\
[[tool.nestproof.rule]]
id = "no-root"
jq = '''select(.remoteUser == "root") | ["remoteUser"]'''
message = "agents run as a user of their own"

[[tool.nestproof.rule]]
id = "named"
jq = ".name == null"
message = "a profile has a name"
severity = "warning"
"""


def outcome(workspace: Path, text: str, toml: str = CONFIGURED) -> Outcome:
    """What check.rules says of a configuration in a repository with this pyproject.toml."""
    (workspace / "pyproject.toml").write_text(toml)
    file = workspace / "devcontainer.json"
    file.write_text(text)
    config = load_config(workspace)
    (found,) = check_files(
        ProfileReader(workspace, {}, {"default": file}),
        ["default"],
        config=config,
        lock=None,
        steps=("check.rules",),
    )
    assert found.id == "check.rules"
    return found


def test_rules_of_a_pyproject_are_asked_and_shown_at_their_place(tmp_path: Path) -> None:
    said = outcome(tmp_path, TEXT)
    assert said.status is Status.FAIL
    assert said.summary == "devcontainer.json:5:17: agents run as a user of their own"
    assert [str(finding) for finding in said.findings] == [
        "devcontainer.json:2:1: warning: a profile has a name [named]\n{\n^",
        "devcontainer.json:5:17: error: agents run as a user of their own [no-root]\n"
        '  "remoteUser": "root"\n'
        "                ^^^^^^",
    ]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('{"image": "x", "name": "n"}', "devcontainer.json: the repository's own rules hold"),
        ('{"image": "x"}', "devcontainer.json: the repository's own rules hold (1 warning)"),
    ],
)
def test_rules_that_hold_pass(tmp_path: Path, text: str, summary: str) -> None:
    said = outcome(tmp_path, text)
    assert (said.status, said.summary) == (Status.PASS, summary)


def test_a_comment_silences_a_rule_of_the_repositorys_own(tmp_path: Path) -> None:
    text = '{"name": "n", "image": "x", "remoteUser": "root"} // nestproof: allow no-root because it is old'
    said = outcome(tmp_path, text)
    assert (said.status, said.findings) == (Status.PASS, ())


def test_without_rules_the_step_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "devcontainer.json"
    file.write_text(TEXT)
    steps = ("check.rules",)
    found = check_files(
        ProfileReader(tmp_path, {}, {"default": file}),
        ["default"],
        config=load_config(tmp_path),
        lock=None,
        steps=steps,
    )
    assert list(found) == []


@pytest.mark.parametrize(
    ("changed", "to", "named"),
    [
        ('"no-root"', '"No Root"', "tool.nestproof: rule.0.id: "),
        ('severity = "warning"', 'severity = "info"', "tool.nestproof: rule.1.severity: "),
        ('message = "a profile has a name"', "", "tool.nestproof: rule.1.message: "),
        ('message = "a profile has a name"', 'massage = "x"', "tool.nestproof: rule.1.massage: "),
    ],
)
def test_a_rule_that_is_configured_wrongly_is_named(
    tmp_path: Path, changed: str, to: str, named: str
) -> None:
    with pytest.raises(UsageError) as caught:
        outcome(tmp_path, TEXT, CONFIGURED.replace(changed, to))
    assert f"pyproject.toml.{named}" in caught.value.what


def test_a_rule_that_is_no_program_ends_the_run_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the rule 'named' is not a jq program") as caught:
        outcome(tmp_path, TEXT, CONFIGURED.replace(".name == null", ".name = = null"))
    assert "line 1, column 9" in caught.value.why


@pytest.mark.parametrize(
    "damaged",
    [
        "[]",
        '"x"',
        '{"image": "x", "remoteUser": {}, "name": 1}',
        '{"image": "x", "name": "n", "runArgs": "--init"}',
    ],
)
def test_a_configuration_of_wrong_types_is_no_fault_of_a_rule(tmp_path: Path, damaged: str) -> None:
    # A program may rely on the types that the model has: the file's mistake is told, and no file is hidden.
    (tmp_path / "nestproof.toml").write_text(
        "[[rule]]\nid = 'ours'\njq = 'path(.runArgs | select(.) | .[])'\nmessage = 'no arguments'\n"
    )
    files = {name: tmp_path / f"{name}.json" for name in ("damaged", "sound")}
    files["damaged"].write_text(damaged)
    files["sound"].write_text('{"image": "x", "runArgs": ["--init"]}')
    config = load_config(tmp_path)
    steps = ("check.model", "check.rules")
    found = list(
        check_files(ProfileReader(tmp_path, {}, files), tuple(files), config=config, lock=None, steps=steps)
    )
    (model,) = [one for one in found if one.id == "check.model" and one.summary.startswith("damaged.json:1:")]
    assert model.status is Status.FAIL
    assert not [one for one in found if one.id == "check.rules" and one.summary.startswith("damaged.json")]
    assert "sound.json:1:28: no arguments" in [one.summary for one in found]


def test_a_rule_may_not_take_the_name_of_one_of_nestproofs(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text("[[rule]]\nid = 'privileged'\njq = 'false'\nmessage = 'no'\n")
    with pytest.raises(UsageError, match="the rule 'privileged' has the name of one of nestproof's own"):
        list(check_files(ProfileReader(tmp_path, {}, {}), [], config=load_config(tmp_path), lock=None))
