"""`${…}` gives what the reference client gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.devcontainer.jsonc import parse
from nestproof.devcontainer.variables import Variables, check_variables, devcontainer_id, substitute

DEVCONTAINER_ID = "08gg43bc8cqpnnlfcbede7f5p6p4m2v0950sfd2gtlqr4jk4lr6l"

VARIABLES = Variables(
    "/home/me/project",
    "/workspaces/inside",
    environment={"USER": "me", "EMPTY": "", "TRICKY": "${localEnv:USER}", "LAST": "\\1"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${localEnv:USER}", "me"),
        ("${env:USER}", "me"),
        ("a ${localEnv:USER} b ${localEnv:USER}", "a me b me"),
        ("${localEnv:UNSET}", ""),
        ("${localEnv:UNSET:default}", "default"),
        ("${localEnv:USER:default}", "me"),
        ("${localEnv:EMPTY:default}", ""),
        ("${localEnv:IMAGE:ubuntu:24.04}", "ubuntu"),
        ("${localWorkspaceFolder}/x", "/home/me/project/x"),
        ("${localWorkspaceFolderBasename}", "project"),
        ("${containerWorkspaceFolder}", "/workspaces/inside"),
        ("${containerWorkspaceFolderBasename}", "inside"),
    ],
)
def test_a_variable_is_resolved(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "${devcontainerId}",
        "${containerEnv:PATH}",
        "${localEnv}",
        "${}",
        "${localenv:USER}",
        "$USER",
        "${USER",
    ],
)
def test_what_is_not_known_stays_as_it_is_written(text: str) -> None:
    assert substitute(text, VARIABLES) == text


def test_the_id_of_a_container_is_resolved_where_it_is_known() -> None:
    assert substitute("x-${devcontainerId}", Variables("/p", devcontainer_id="0abc")) == "x-0abc"


def test_the_id_is_the_hash_of_the_labels_as_the_reference_client_has_it() -> None:
    # sha256 of {"devcontainer.config_file":"/p/c.json","devcontainer.local_folder":"/p"} in base 32.
    labels = {"devcontainer.local_folder": "/p", "devcontainer.config_file": "/p/c.json"}
    assert devcontainer_id(labels) == DEVCONTAINER_ID
    assert devcontainer_id(dict(reversed(labels.items()))) == DEVCONTAINER_ID


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${containerEnv:PATH}", "/bin"),
        ("${containerEnv:UNSET}", ""),
        ("${containerEnv:UNSET:default}", "default"),
        ("${containerEnv}", "${containerEnv}"),
    ],
)
def test_the_containers_environment_is_resolved_once_it_is_known(text: str, expected: str) -> None:
    assert substitute(text, Variables("/p", container={"PATH": "/bin"})) == expected


def test_a_value_is_not_resolved_again() -> None:
    assert substitute("${localEnv:TRICKY}", VARIABLES) == "${localEnv:USER}"


def test_a_value_is_no_replacement_pattern() -> None:
    assert substitute("${localEnv:LAST}", VARIABLES) == "\\1"


def test_strings_are_resolved_wherever_they_are_but_keys_are_not() -> None:
    value = {"${localEnv:USER}": ["${localEnv:USER}", {"deep": "${localEnv:USER}"}, 1, True, None, 1.5]}
    assert substitute(value, VARIABLES) == {"${localEnv:USER}": ["me", {"deep": "me"}, 1, True, None, 1.5]}


def test_the_value_that_is_given_is_not_changed() -> None:
    value = {"a": ["${localEnv:USER}"]}
    substitute(value, VARIABLES)
    assert value == {"a": ["${localEnv:USER}"]}


@settings(deadline=None)
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(substitute(text, VARIABLES), str)


@settings(deadline=None)
@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_a_variable_stays(text: str) -> None:
    assert substitute(text, VARIABLES) == text


def diagnostics(text: str) -> list[tuple[str, int, str]]:
    """Rule, column and sentence of each."""
    root = parse(text, name="x").root
    assert root is not None
    return [(found.rule, found.start.column, found.message) for found in check_variables(root)]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "${localWorkspaceFolderBasename}", "image": "${localEnv:A:b}${env:C}"}',
        '{"mounts": ["source=${localWorkspaceFolder},target=${containerWorkspaceFolder}"]}',
        '{"name": "${devcontainerId} ${containerWorkspaceFolderBasename}"}',
        '{"remoteEnv": {"PATH": "${containerEnv:PATH}:/x"}}',
        '{"name": "$HOME $(id) {x} ${"}',
        '{"${nonsense}": 1}',
    ],
)
def test_known_variables_are_no_mistake(text: str) -> None:
    assert diagnostics(text) == []


def test_an_unknown_variable_is_a_warning_with_the_nearest_known() -> None:
    ((rule, column, message),) = diagnostics('{"a": [{"b": "${localWorkspaceFolderBaseName}"}]}')
    assert (rule, column) == ("variable-unknown", 14)
    assert message.endswith("did you mean `${localWorkspaceFolderBasename}`?")


def test_an_unknown_variable_that_is_near_none_is_a_warning_all_the_same() -> None:
    ((rule, _, message),) = diagnostics('{"a": "${xyz:1}"}')
    assert rule == "variable-unknown"
    assert message == "no client knows the variable `${xyz:1}`, which stays as it is"


@pytest.mark.parametrize("name", ["localEnv", "env", "containerEnv"])
def test_a_variable_of_the_environment_needs_a_name(name: str) -> None:
    ((rule, _, message),) = diagnostics(f'{{"a": "${{{name}}}"}}')
    assert rule == "variable-without-name"
    assert message.endswith(f"`${{{name}:NAME}}`")


@pytest.mark.parametrize("place", ["build", "containerEnv", "mounts", "runArgs", "workspaceMount"])
def test_the_containers_environment_is_not_known_before_the_container(place: str) -> None:
    ((rule, _, message),) = diagnostics(f'{{"{place}": ["${{containerEnv:PATH}}"]}}')
    assert rule == "variable-too-late"
    assert f"in `{place}`" in message


def test_mistakes_come_in_the_order_of_the_file() -> None:
    found = diagnostics('{"a": "${x}", "b": ["${y}", {"c": "${z}"}], "d": "${w}"}')
    assert [column for _, column, _ in found] == sorted(column for _, column, _ in found)
    assert len(found) == 4
