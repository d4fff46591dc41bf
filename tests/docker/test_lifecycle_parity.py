"""The reference client and nestproof run the same commands: order, user, folder, environment, files made."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository, noted
from tests.docker.client import run_client

pytestmark = pytest.mark.docker

IMAGE = "nestproof-test/lifecycle"
# Each command leaves a line: its name, who ran it, where, with what.
NOTE = 'echo "{} $(whoami) $PWD [$A] [$B] [$SHELL_ONLY] [$LOGIN_ONLY]" >>/tmp/log'
PHASES = (
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
)
ALL = {phase: NOTE.format(phase) for phase in PHASES}


def feature(**more: Any) -> dict[str, Any]:
    return {"id": "x", "version": "1.0.0", "name": "X", **more}


ONE = feature(postCreateCommand=NOTE.format("feature-one"), onCreateCommand=NOTE.format("feature-one-early"))
TWO = feature(postCreateCommand={"a": NOTE.format("feature-two")}, postStartCommand=NOTE.format("two-starts"))
ENTRY = feature(entrypoint="echo entered >>/tmp/entry;", init=True)
Case = tuple[dict[str, Any], dict[str, dict[str, Any]]]
CASES: dict[str, Case] = {
    "every phase": (ALL, {}),
    "phases in another order in the file": (dict(reversed(ALL.items())), {}),
    "a list": ({"postCreateCommand": ["/bin/sh", "-c", NOTE.format("list")]}, {}),
    "a list is no shell": ({"postCreateCommand": ["touch", "/tmp/$A", "/tmp/a b"]}, {}),
    "side by side": ({"postCreateCommand": {"a": NOTE.format("a"), "b": ["touch", "/tmp/b"]}}, {}),
    "a phase waits for all side by side": (
        {"onCreateCommand": {"a": f"sleep 1; {NOTE.format('a')}"}, "postCreateCommand": NOTE.format("then")},
        {},
    ),
    "a file in the workspace": (
        {"postCreateCommand": f"touch made; ls -A | sort >>/tmp/log; {NOTE.format('x')}"},
        {},
    ),
    "remote user": ({**ALL, "remoteUser": "tester"}, {}),
    "container user": ({**ALL, "containerUser": "tester"}, {}),
    "remote environment": ({**ALL, "remoteEnv": {"A": "1", "B": "${containerEnv:PATH}"}}, {}),
    "remote environment over the shell's": ({**ALL, "remoteEnv": {"SHELL_ONLY": "remote"}}, {}),
    "container environment": ({**ALL, "containerEnv": {"A": "of the container"}}, {}),
    "no shell is asked": ({**ALL, "userEnvProbe": "none", "remoteUser": "tester"}, {}),
    "a login shell": ({**ALL, "userEnvProbe": "loginShell", "remoteUser": "tester"}, {}),
    "an interactive shell": ({**ALL, "userEnvProbe": "interactiveShell", "remoteUser": "tester"}, {}),
    "both": ({**ALL, "userEnvProbe": "loginInteractiveShell", "remoteUser": "tester"}, {}),
    "another folder": ({**ALL, "workspaceFolder": "/tmp"}, {}),
    "variables": (
        {"postCreateCommand": NOTE.format("${containerWorkspaceFolder}-${localWorkspaceFolderBasename}")},
        {},
    ),
    "a variable of the host": ({"postCreateCommand": NOTE.format("${localEnv:NOT_SET:default}")}, {}),
    "empty commands": ({**ALL, "onCreateCommand": "", "postCreateCommand": {}}, {}),
    "a feature with commands": ({**ALL}, {"one": ONE}),
    "two features with commands": ({**ALL}, {"one": ONE, "two": TWO}),
    "a feature with an entry point": ({"postCreateCommand": "cat /tmp/entry >>/tmp/log"}, {"entry": ENTRY}),
    "a feature's commands alone": ({"remoteUser": "tester"}, {"two": TWO}),
}


@pytest.fixture(scope="module")
def image(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A base with a user whose shells set variables."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nRUN useradd --create-home --shell /bin/bash tester\n"
        "RUN echo 'export LOGIN_ONLY=login' >>/home/tester/.profile\n"
        "RUN echo 'export SHELL_ONLY=interactive' >/home/tester/.bashrc\n"
        "RUN cp /home/tester/.profile /home/tester/.bashrc /root/\n"
    )
    subprocess.run(["docker", "build", "--tag", IMAGE, str(folder)], check=True, capture_output=True)
    yield IMAGE
    engine.api.remove_image(IMAGE, force=True)


@pytest.mark.parametrize("name", CASES)
def test_the_same_commands_are_run(
    tmp_path: Path, client: Path, engine: Engine, image: str, name: str
) -> None:
    config, features = CASES[name]
    repository = noted(Repository(tmp_path / "workspace"))
    folder = repository.path / ".devcontainer"
    folder.mkdir(parents=True)
    for one, metadata in features.items():
        (folder / one).mkdir()
        (folder / one / "devcontainer-feature.json").write_text(json.dumps({**metadata, "id": one}))
        (folder / one / "install.sh").write_text("#!/bin/sh\ntrue\n")
    own = {"image": image, **config, "features": {f"./{one}": {} for one in features}}
    (folder / "devcontainer.json").write_text(json.dumps(own))
    (repository.path / "nestproof.toml").write_text(
        f'devcontainer = ["{client}/devcontainer"]\n'
        "[[probe]]\nname = 'log'\ncommand = 'cat /tmp/log; ls -d /tmp/[$]A \"/tmp/a b\" /tmp/b; exit 0'\n"
    )
    with ThreadPoolExecutor() as pool:
        coming = pool.submit(by_the_client, repository.path, client, engine)
        finished = repository.nestproof("smoke", "--probe", "log", "--json")
        theirs = coming.result()
    assert finished.outcome("smoke.log")["observation"]["stdout"] == theirs, finished.stdout
    assert theirs


def by_the_client(folder: Path, client: Path, engine: Engine) -> str:
    """What the log says in a container of the reference client's."""
    copy = folder.with_name("copy") / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".nestproof"))
    command = (
        "devcontainer up --workspace-folder . --update-remote-user-uid-default never --buildkit never "
        "--no-lockfile"
    )
    result = run_client(command, client, copy, {})
    name = result["containerId"]
    try:
        show = 'cat /tmp/log; ls -d /tmp/[$]A "/tmp/a b" /tmp/b; exit 0'
        done = subprocess.run(
            ["docker", "exec", name, "sh", "-c", show], capture_output=True, text=True, check=True
        )
        return done.stdout
    finally:
        engine.api.remove_container(name, force=True, v=True)
