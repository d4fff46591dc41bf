"""`${…}` gives what the reference client gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestbox.variables import Variables, substitute

VARIABLES = Variables(
    "/home/me/project",
    "/workspaces/inside",
    {"USER": "me", "EMPTY": "", "TRICKY": "${localEnv:USER}", "LAST": "\\1"},
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
