"""Where an engine is looked for, held against the docker client, which needs no engine to say that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.errors import CommandError, EngineUnavailable
from nestproof.engine.client import connect
from nestproof.engine.docker_context import client_settings, client_variables, innermost_words

pytestmark = pytest.mark.skipif(not shutil.which("docker"), reason="there is no docker client")

_SELF_SIGNED = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1")


@pytest.fixture(scope="module")
def two_contexts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of the docker client with two contexts, `plain` and `keyed`; to copy."""
    folder = tmp_path_factory.mktemp("contexts")
    there = {"DOCKER_CONFIG": str(folder)}
    docker("context", "create", "plain", "--docker", "host=unix:///plain.sock", **there)
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [*_SELF_SIGNED, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    keyed = f"host=tcp://127.0.0.1:1,ca={certificate},cert={certificate},key={key}"
    docker("context", "create", "keyed", "--docker", keyed, **there)
    return folder


@pytest.fixture
def contexts(two_contexts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The docker client's configuration is one with two contexts; the default is current."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return shutil.copytree(two_contexts, tmp_path, dirs_exist_ok=True)


def docker(*arguments: str, **environment: str) -> str:
    completed = subprocess.run(
        ["docker", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return completed.stdout.strip()


def clients_choice(**environment: str) -> str:
    """The address that the docker client itself would use."""
    (context,) = json.loads(docker("context", "inspect", **environment))
    address: str = context["Endpoints"]["docker"]["Host"]
    return address


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": "plain"}, "unix:///plain.sock"),
        ({"DOCKER_CONTEXT": "default"}, "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": ""}, "unix:///var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///host.sock", "DOCKER_CONTEXT": "plain"}, "unix:///host.sock"),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "plain"}, "unix:///plain.sock"),
    ],
)
@pytest.mark.parametrize("current", ["default", "keyed"])
def test_the_engine_is_the_one_that_the_docker_client_would_take(
    contexts: Path, current: str, environment: dict[str, str], address: str
) -> None:
    docker("context", "use", current)
    unset = not any(environment.values())
    expected = "tcp://127.0.0.1:1" if unset and current == "keyed" else address
    assert clients_choice(**environment) == expected
    assert client_settings(environment)["base_url"] == expected


def test_the_keys_of_a_context_are_used(contexts: Path) -> None:
    settings: dict[str, Any] = client_settings({"DOCKER_CONTEXT": "keyed"})
    tls = settings["tls"]
    assert Path(tls.ca_cert).read_text() == (contexts / "cert.pem").read_text()
    assert [Path(file).name for file in tls.cert] == ["cert.pem", "key.pem"]
    assert tls.verify is True


def test_a_context_that_does_not_exist_is_named(contexts: Path) -> None:
    with pytest.raises(CommandError, match="no context 'gone'"):
        client_settings({"DOCKER_CONTEXT": "gone"})
    with pytest.raises(EngineUnavailable, match="no Docker Engine answers") as caught:
        connect({"DOCKER_CONTEXT": "gone"})
    assert 'context "gone": context not found' in caught.value.why


def test_a_child_is_given_the_same_engine_and_no_other() -> None:
    assert client_variables({"DOCKER_HOST": "ssh://there", "PATH": "/bin"}) == {
        "DOCKER_HOST": "ssh://there",
        "DOCKER_CONTEXT": None,
        "DOCKER_TLS": None,
        "DOCKER_TLS_VERIFY": None,
        "DOCKER_CERT_PATH": None,
    }


def test_ssh_that_fails_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\necho "Host key verification failed: $*" >&2\nexit 255\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineUnavailable, match="no Docker Engine answers at ssh://me@there:23") as caught:
        connect({"DOCKER_HOST": "ssh://me@there:23"})
    assert "Host key verification failed" in caught.value.why
    assert "-l me -p 23" in caught.value.why
    assert not caught.value.why.startswith("(")


def test_ssh_that_says_nothing_does_not_hold_us_and_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 300\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineUnavailable, match="ssh://there") as caught:
        connect({"DOCKER_HOST": "ssh://there"}, timeout=1)
    assert "timed out" in caught.value.why.lower()
    started = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not is_alive(started):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("ssh was left behind")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_first_words_are_found_in_what_wraps_them() -> None:
    assert innermost_words(OSError("a", ValueError("b", KeyError("c")))) == "'c'"
    assert innermost_words(TimeoutError()) == "TimeoutError"
