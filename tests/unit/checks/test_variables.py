"""check_variables: what no client resolves, at its place; what belongs to somebody else is left alone."""

from __future__ import annotations

import json

import pytest

from nestproof.core.diagnostics import Finding
from nestproof.devcontainer.jsonc import parse
from nestproof.devcontainer.variables import RULES, check_variables, devcontainer_id


def shown(text: str) -> list[str]:
    """Every mistake as a person sees it."""
    document = parse(text, name="devcontainer.json")
    assert document.root is not None
    return [str(Finding.of(document.source, diagnostic)) for diagnostic in check_variables(document.root)]


def messages(text: str) -> list[str]:
    root = parse(text, name="devcontainer.json").root
    assert root is not None
    return [diagnostic.message for diagnostic in check_variables(root)]


SHOWN = {
    "variable-unknown": """\
devcontainer.json:2:11: warning: no client knows the variable `${localWorkspaceFoldr}`, which stays as it \
is; did you mean `${localWorkspaceFolder}`? [variable-unknown]
  "name": "in ${localWorkspaceFoldr}"
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^""",
    "variable-without-name": """\
devcontainer.json:2:12: error: `${localEnv}` needs the name of an environment variable: `${localEnv:NAME}` \
[variable-without-name]
  "image": "${localEnv}"
           ^^^^^^^^^^^^^""",
    "variable-too-late": """\
devcontainer.json:2:28: warning: `${containerEnv:PATH}` stays as it is in `containerEnv`: there is no \
container yet; use `remoteEnv` [variable-too-late]
  "containerEnv": {"PATH": "/x:${containerEnv:PATH}"}
                           ^^^^^^^^^^^^^^^^^^^^^^^^^""",
}


@pytest.mark.parametrize("rule", SHOWN)
def test_a_mistake_is_shown_at_the_string_that_holds_the_variable(rule: str) -> None:
    assert shown("{\n" + SHOWN[rule].splitlines()[1] + "\n}") == [SHOWN[rule]]
    assert f" {RULES[rule].severity}: " in SHOWN[rule]


def test_every_rule_is_shown_here() -> None:
    assert set(SHOWN) == set(RULES)


STAYS = "which stays as it is"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("${localenv:HOME}", "; did you mean `${localEnv}`?"),
        ("${LocalEnv:HOME}", "; did you mean `${localEnv}`?"),
        ("${ localEnv:HOME}", "; did you mean `${localEnv}`?"),
        ("${containerenv:HOME}", "; did you mean `${containerEnv}`?"),
        ("${devcontainerID}", "; did you mean `${devcontainerId}`?"),
        ("${containerWorkspaceFolderBaseName}", "; did you mean `${containerWorkspaceFolderBasename}`?"),
        ("${HOME}", ""),
        ("${}", ""),
        ("${:x}", ""),
        ("${input:token}", ""),
    ],
)
def test_names_are_exact(written: str, hint: str) -> None:
    assert messages(json.dumps({"name": written})) == [
        f"no client knows the variable `{written}`, {STAYS}{hint}"
    ]


@pytest.mark.parametrize(
    "written",
    [
        "${localEnv:HOME}",
        "${localEnv:HOME:}",
        "${localEnv:HOME:a:b}",
        "${localEnv: HOME}",
        "${env:HOME}",
        "${localWorkspaceFolder}",
        # The reference client looks at no more than the name.
        "${localWorkspaceFolder:x}",
        "${localWorkspaceFolderBasename}",
        "${containerWorkspaceFolder}",
        "${containerWorkspaceFolderBasename}",
        "${devcontainerId}",
        "${containerEnv:HOME}",
        "${containerEnv:HOME:default}",
        # No variables at all.
        "$HOME",
        "$(id -u)",
        "${localEnv",
        "${a\nb}",
        "{localEnv}",
    ],
)
def test_what_clients_resolve_or_no_client_takes_for_a_variable_is_no_mistake(written: str) -> None:
    assert messages(json.dumps({"remoteEnv": {"A": written}})) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("${localEnv}", "localEnv"),
        ("${env}", "env"),
        ("${containerEnv}", "containerEnv"),
    ],
)
@pytest.mark.parametrize("place", ["remoteEnv", "mounts", "name"])
def test_an_environment_variable_has_a_name(written: str, name: str, place: str) -> None:
    assert messages(json.dumps({place: [written]})) == [
        f"`${{{name}}}` needs the name of an environment variable: `${{{name}:NAME}}`"
    ]


def test_every_variable_of_a_string_is_judged_for_itself() -> None:
    found = messages('{"name": "${a}${localEnv:B}${c} ${localEnv} ${a}"}')
    assert found == [
        f"no client knows the variable `${{a}}`, {STAYS}",
        f"no client knows the variable `${{c}}`, {STAYS}",
        "`${localEnv}` needs the name of an environment variable: `${localEnv:NAME}`",
        f"no client knows the variable `${{a}}`, {STAYS}",
    ]


def test_strings_are_looked_at_wherever_they_are() -> None:
    found = shown('{"a": [\n[\n{"b": "${x}"},\n"${y}"]],\n"c": {"d": {"e": ["${z}"]}}}')
    assert [line.split(": ")[0] for line in found] == [
        "devcontainer.json:3:7",
        "devcontainer.json:4:1",
        "devcontainer.json:5:19",
    ]


@pytest.mark.parametrize(
    "text",
    [
        # An editor's settings have variables of their own.
        '{"customizations": {"vscode": {"settings": {"a": "${workspaceFolder}/${x}"}}}}',
        '{"settings": {"python.path": "${workspaceFolder}"}}',
        # In a command, what no client knows is the shell's.
        '{"initializeCommand": "echo ${HOME:-/root}"}',
        '{"onCreateCommand": ["sh", "-c", "echo ${A}"]}',
        '{"updateContentCommand": {"a": "echo ${A}"}}',
        '{"postCreateCommand": "echo ${A}"}',
        '{"postStartCommand": "echo ${A} ${localEnv}"}',
        '{"postAttachCommand": {"a": ["sh", "-c", "echo ${A}"]}}',
        '{"secrets": {"A": {"description": "written as ${A}"}}}',
        # Keys are not resolved.
        '{"containerEnv": {"${nonsense}": "x"}}',
        # Where there are no properties, the model speaks.
        '["${x}"]',
        '"${x}"',
        "1",
    ],
)
def test_what_belongs_to_somebody_else_is_left_alone(text: str) -> None:
    assert messages(text) == []


@pytest.mark.parametrize(
    "place",
    [
        "build", "containerEnv", "mounts", "runArgs", "workspaceMount",
        # The container is made from these as well.
        "image", "dockerFile", "context", "dockerComposeFile", "service", "containerUser", "capAdd",
        "securityOpt", "features", "appPort", "workspaceFolder",
    ],
)  # fmt: skip
def test_before_there_is_a_container_its_environment_is_not_known(place: str) -> None:
    # devcontainers/cli resolves containerEnv when the container runs, for what it does in it.
    assert messages(json.dumps({place: ["${containerEnv:PATH:x}"]})) == [
        f"`${{containerEnv:PATH:x}}` stays as it is in `{place}`: there is no container yet; use `remoteEnv`"
    ]


@pytest.mark.parametrize("key", ["\x1b[31m", "\u202e"])
def test_a_variable_cannot_move_the_cursor_of_who_reads_the_sentence(key: str) -> None:
    for text in (f"${{{key}}}", f"${{containerEnv:{key}}}"):
        (message,) = messages(json.dumps({"mounts": [text]}))
        assert message.isprintable()


def test_a_sentence_has_an_end_however_long_a_variable_is() -> None:
    (message,) = messages(json.dumps({"name": "${" + "x" * 5000 + "}"}))
    assert len(message) < 300


def test_depth_is_no_obstacle() -> None:
    # Deeper than Python's own stack goes.
    assert messages('{"a": ' + "[" * 5000 + '"${x}"' + "]" * 5000 + "}") == [
        f"no client knows the variable `${{x}}`, {STAYS}"
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"foo": "bar", "baz": "qux"}, "1og6o4ofpm4echrl8crv0sf9g2btg2i0hgiq83563kvr5k3cfn27"),
        # Sorted before they are hashed.
        ({"baz": "qux", "foo": "bar"}, "1og6o4ofpm4echrl8crv0sf9g2btg2i0hgiq83563kvr5k3cfn27"),
    ],
)
def test_the_id_is_that_of_the_reference_client(labels: dict[str, str], expected: str) -> None:
    assert devcontainer_id(labels) == expected


def test_an_id_has_always_as_many_digits() -> None:
    ids = {devcontainer_id({"a": str(number)}) for number in range(200)}
    assert len(ids) == 200
    assert {len(one) for one in ids} == {52}
    # 256 bits are 51 digits of five and one of a single bit.
    assert {one[0] for one in ids} == {"0", "1"}
