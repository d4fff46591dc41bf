"""The privilege lock is a gate for whatever a profile takes of the machine, not for capabilities alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nestproof.privileges.relaxations import known_since
from nestproof.privileges.risks import UNKNOWN, risk_of
from tests.conftest import Repository

BUILD = {"dockerfile": "Dockerfile"}
WORDS = [
    ({"containerEnv": {"A": "${localEnv:API_TOKEN}"}}, "local-env=API_TOKEN"),
    ({"runArgs": ["-e", "API_TOKEN"]}, "local-env=API_TOKEN"),
    ({"image": "${localEnv:API_TOKEN:debian}"}, "local-env=API_TOKEN"),
    ({"runArgs": ["--env-file=/etc/environment"]}, "env-file=../../../../../etc/environment"),
    ({"build": {**BUILD, "options": ["--secret", "id=k,src=/k"]}}, "build-secret=id=k,src=/k"),
    ({"build": {**BUILD, "options": ["--ssh=default"]}}, "build-ssh=default"),
    ({"build": {**BUILD, "options": ["--build-context=a=/b"]}}, "build-build-context=a=/b"),
    ({"build": {**BUILD, "context": "../.."}}, "build-file=.."),
    ({"runArgs": ["-v", "/srv/data:/data"]}, "mount=/srv/data"),
    ({"runArgs": ["--device-cgroup-rule=c 10:200 rwm"]}, "device-cgroup-rule=c 10:200 rwm"),
    ({"runArgs": ["--sysctl=net.ipv4.ip_forward=1"]}, "sysctl=net.ipv4.ip_forward=1"),
    ({"runArgs": ["--group-add=docker"]}, "group-add=docker"),
    ({"runArgs": ["--runtime=other"]}, "runtime=other"),
    ({"runArgs": ["--add-host=a:host-gateway"]}, "add-host=a:host-gateway"),
]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A folder whose depth below the root is known, with a Dockerfile and an empty lock."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    made = Repository(tmp_path / "repository")
    (made.path / ".devcontainer").mkdir(parents=True)
    (made.path / ".devcontainer/Dockerfile").write_text("FROM debian:12\n")
    (made.path / ".devcontainer/privileges.lock").write_text("[default]\n")
    return made


def write(repository: Repository, properties: dict[str, object]) -> None:
    source = {} if "image" in properties else {"build": BUILD}
    text = json.dumps({**source, **properties})
    (repository.path / ".devcontainer/devcontainer.json").write_text(text)


@pytest.mark.parametrize(("properties", "word"), WORDS)
def test_an_empty_lock_allows_none_of_it(
    repository: Repository, properties: dict[str, object], word: str
) -> None:
    write(repository, properties)
    if word.startswith("env-file="):
        depth = len(repository.path.resolve().parts) - 1
        word = f"env-file={'../' * depth}etc/environment"
    finished = repository.ask("check")
    assert finished.status == 1
    assert f"asks for {word}, which the lock does not have for default" in finished.stdout
    since = f": {risk_of(word).allows} (in the lock since nestproof 0.2.0)"
    assert since in finished.stdout, "an older lock could not have it: that is told"
    assert risk_of(word) is not UNKNOWN
    # It writes the word, with a reason to replace; then the lock has all of it.
    assert repository.ask("privileges", "--update").status == 0
    assert re.search(r"1 (relaxation|resource of the host), each in the lock", repository.ask("check").stdout)


def test_an_old_word_says_no_version() -> None:
    for word in ("cap-add=SYS_ADMIN", "privileged", "mount=/", "mount=/var/run/docker.sock", "pid=host"):
        assert not known_since(word)


@pytest.mark.parametrize("name", ["HOME", "USER", "TZ", "NESTPROOF_BASE_IMAGE", "DOCKER_DEFAULT_PLATFORM"])
def test_a_variable_that_says_nothing_needs_no_line(repository: Repository, name: str) -> None:
    write(repository, {"remoteEnv": {"A": f"${{localEnv:{name}}}"}})
    assert "no relaxations, as the lock has it" in repository.ask("check").stdout


@pytest.mark.docker
@pytest.mark.parametrize("command", ["build", "smoke", "validate", "justify"])
def test_nothing_is_built_with_what_the_lock_does_not_have(
    repository: Repository, base: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    (repository.path / ".devcontainer/Dockerfile").write_text(f"FROM {base}\nRUN exit 7\n")
    write(repository, {"build": {**BUILD, "options": ["--secret=id=k,src=/etc/hostname"]}})
    finished = repository.ask(command)
    assert finished.status == 1
    said = "nothing is built: default may not have build-secret=id=k,src=/etc/hostname (privilege lock)"
    assert said in finished.stdout
    # The control: with the line in the lock, the build is tried.
    repository.ask("privileges", "--update")
    assert said not in (after := repository.ask(command)).stdout
    assert "RUN exit 7" in after.stdout
