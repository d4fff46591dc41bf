"""The plan of lifecycle commands, and the environment that they get: no container is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile, with_image_metadata
from nestproof.lifecycle.commands import PHASES, names_of, plan_phases, read_command
from nestproof.lifecycle.environment import merge_environment, parse_environment


def profile(folder: Path, **properties: Any) -> Profile:
    file = folder / ".devcontainer.json"
    file.write_text(json.dumps({"image": "debian:12", **properties}))
    return load_profile("default", file, folder, {"HOST": "of the host"})


def texts(profile: Profile) -> list[tuple[str, str, str]]:
    return [
        (phase, command.origin, command.text)
        for phase, groups in plan_phases(profile)
        for group in groups
        for command in group
    ]


@pytest.mark.parametrize(
    ("value", "argvs"),
    [
        ("a && b", [("/bin/sh", "-c", "a && b")]),
        (["a", "b c"], [("a", "b c")]),
        ({"x": "a", "y": ["b"]}, [("/bin/sh", "-c", "a"), ("b",)]),
        ("", []),
        ("  ", []),
        ([], []),
        ({}, []),
        ({"x": ""}, []),
        (None, []),
    ],
)
def test_a_command_is_read_as_the_specification_writes_it(value: Any, argvs: list[tuple[str, ...]]) -> None:
    assert [command.argv for command in read_command("postCreateCommand", value, "the profile")] == argvs


def test_the_phases_come_in_the_clients_order_whatever_the_file_says(tmp_path: Path) -> None:
    written = {phase: phase[:6] for phase in reversed(PHASES)}
    assert [phase for phase, _, _ in texts(profile(tmp_path, **written))] == list(PHASES)
    assert list(names_of(profile(tmp_path, **written))) == list(PHASES)


def test_within_a_phase_the_image_and_its_features_come_first(tmp_path: Path) -> None:
    label = [
        {"postCreateCommand": "of the base"},
        {"id": "./one", "postCreateCommand": {"a": "x", "b": ["y", "z"]}, "onCreateCommand": "early"},
    ]
    merged = with_image_metadata(profile(tmp_path, postCreateCommand="own"), json.dumps(label))
    assert texts(merged) == [
        ("onCreateCommand", "the feature ./one", "early"),
        ("postCreateCommand", "the image", "of the base"),
        ("postCreateCommand", "the feature ./one", "x"),
        ("postCreateCommand", "the feature ./one", "y z"),
        ("postCreateCommand", "the profile", "own"),
    ]
    (phase, groups), *_ = plan_phases(merged, ("postCreateCommand",))
    assert phase == "postCreateCommand"
    assert [len(group) for group in groups] == [1, 2, 1]
    assert list(names_of(merged))[2] == "postCreateCommand.a"


def test_variables_are_filled_in_but_not_those_of_the_container(tmp_path: Path) -> None:
    """The reference client leaves them to the shell, which does not know the form."""
    own = "echo ${localEnv:HOST} ${containerEnv:THERE} ${containerWorkspaceFolder}"
    made = profile(tmp_path, postStartCommand=own, workspaceFolder="/work")
    assert texts(made)[0][2] == "echo of the host ${containerEnv:THERE} /work"


MARK = b"nestproof-environment-7d3f"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"Welcome!\n" + MARK + b"A=1\0PATH=/x:/y\0PWD=/\0SHLVL=1\0_=x\0B=a\nb\0" + MARK, {"A", "PATH", "B"}),
        (b"no mark A=1\0", set()),
        (MARK + b"A=1\0", set()),
        (b"", set()),
        (MARK + b"\xff=\xfe\0=x\0C\0" + MARK, {"\ufffd", ""}),
    ],
)
def test_the_shells_environment_stands_between_the_marks(said: bytes, found: set[str]) -> None:
    assert parse_environment(said).keys() == found


def test_remote_env_counts_more_than_the_shell() -> None:
    assert merge_environment({"A": "shell", "B": "shell"}, {"A": "remote"}) == {"A": "remote", "B": "shell"}
