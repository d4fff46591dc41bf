"""A Compose project of a stranger: `docker compose config` is asked, and connects to nobody."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestproof.devcontainer.compose_config import ComposeUnavailable
from nestproof.engine.client import Engine
from tests.conftest import Repository


@pytest.fixture
def visitors() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine that stands for the Internet, and who connected to it."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    came.append("somebody")
                    connection.close()
            except OSError:
                return

        threading.Thread(target=wait, daemon=True).start()
        yield server.getsockname()[1], came


@pytest.mark.docker  # the engine is not asked; its machine has the compose plugin
@pytest.mark.parametrize(
    "scheme", ["https://127.0.0.1:{}/x.git", "git://127.0.0.1:{}/x.git", "oci://127.0.0.1:{}/x"]
)
def test_nothing_is_fetched_whatever_the_project_turns_on(
    tmp_path: Path, engine: Engine, visitors: tuple[int, list[str]], scheme: str
) -> None:
    port, came = visitors
    repository = Repository(tmp_path)
    (tmp_path / ".env").write_text(
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE=true\nCOMPOSE_EXPERIMENTAL_OCI_REMOTE=true\nGIT_SSL_NO_VERIFY=1\n"
    )
    (tmp_path / "compose.yaml").write_text(
        f"include:\n  - {scheme.format(port)}\nservices:\n  one:\n    image: debian:12\n"
    )
    (tmp_path / ".devcontainer.json").write_text('{"dockerComposeFile": "compose.yaml", "service": "one"}')
    finished = repository.ask("check")
    assert ComposeUnavailable.__name__ not in finished.stdout
    assert finished.status in (1, 3), finished.stdout
    assert "Compose objects" in finished.stdout
    assert came == []


SERVICE = "services:\n  one:\n    image: debian:12\n"
OF_THE_HOST = "hunter2-of-the-host"
NAMED = [
    ("env_file", SERVICE + "    env_file: {}\n"),
    ("env_file", SERVICE + "    env_file:\n      - path: {}\n        required: false\n"),
    ("label_file", SERVICE + "    label_file:\n      - {}\n"),
    ("extends", "services:\n  one:\n    extends:\n      file: {}\n      service: one\n"),
    ("include", "include:\n  - {}\n" + SERVICE),
    ("include", "include:\n  - path:\n      - {}\n" + SERVICE),
    ("include", "include:\n  - path: inside.yaml\n    env_file: {}\n" + SERVICE),
    ("merge", "x-all: &all\n  env_file: {}\nservices:\n  one:\n    <<: *all\n    image: debian:12\n"),
    ("behind", "include: [behind.yaml]\n" + SERVICE),
    # Read as a file of variables first, and followed all the same.
    ("twice", "include: [behind.yaml]\n" + SERVICE + "    env_file: behind.yaml\n"),
]


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    """A repository with a Compose project, and a file of the host beside it."""
    (tmp_path / "host.yaml").write_text(f"services:\n  one:\n    image: {OF_THE_HOST}\nA: ${{SECRET_NAME}}\n")
    made = Repository(tmp_path / "theirs")
    made.path.mkdir()
    (made.path / "inside.yaml").write_text("services: {}\n")
    (made.path / "behind.yaml").write_text("services:\n  two:\n    env_file: ../host.yaml\n")
    (made.path / ".devcontainer.json").write_text('{"dockerComposeFile": "compose.yaml", "service": "one"}')
    return made


@pytest.mark.parametrize("way", ["path", "link", "variable", "default"])
@pytest.mark.parametrize(("key", "text"), NAMED)
def test_no_file_of_the_host_is_read_for_a_project(
    project: Repository, key: str, text: str, way: str
) -> None:
    (project.path / "link").symlink_to("../host.yaml")
    (project.path / ".env").write_text("PLACE=..\n")
    named = {"path": "../host.yaml", "link": "link", "variable": "${PLACE}/host.yaml"}
    (project.path / "compose.yaml").write_text(text.format(named.get(way, "${UNSET:-..}/host.yaml")))
    finished = project.ask("check")
    assert finished.status == 1
    assert "is not read, and Compose is not asked: it leads out of the repository" in finished.stdout
    assert OF_THE_HOST not in finished.stdout + finished.stderr


@pytest.mark.parametrize("name", ["~/host.yaml", "~host.yaml"])
def test_a_name_at_home_is_a_file_of_the_host_as_compose_reads_it(
    project: Repository, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Compose knows no other user's home, and nobody here is named host.yaml."""
    monkeypatch.setenv("HOME", str(project.path.parent))
    (project.path / "compose.yaml").write_text(f"{SERVICE}    env_file: {name}\n")
    finished = project.ask("check")
    assert finished.status == 1
    assert "is not read, and Compose is not asked: it leads out of the repository" in finished.stdout


@pytest.mark.parametrize("name", [".env", "compose.yaml"])
def test_the_projects_own_files_are_no_links_to_the_host(project: Repository, name: str) -> None:
    (project.path / "compose.yaml").write_text(SERVICE)
    (project.path / name).unlink(missing_ok=True)
    (project.path / name).symlink_to("../host.yaml")
    finished = project.ask("check")
    assert finished.status == 1
    assert f"{name} is not read, and Compose is not asked: it leads out of the repository" in finished.stdout
    assert OF_THE_HOST not in finished.stdout + finished.stderr


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB + SERVICE, "its aliases stand for too many values"),
        ("a: &a [*a]\n" + SERVICE, "its aliases stand for too many values"),
        ("a: " + "[" * 50_000, "it is nested too deeply"),
        ("services: [\n", "compose.yaml is no YAML: while parsing a flow node"),
        (SERVICE + "    env_file: ${A:+b}\n", "${A:+b} is not understood"),
        ("x: y\n" * 300_000, "it is larger than 1,048,576 bytes"),
    ],
)
def test_a_project_that_takes_too_much_is_refused_in_words(project: Repository, text: str, said: str) -> None:
    (project.path / "compose.yaml").write_text(text)
    finished = project.ask("check")
    assert finished.status == 1
    assert said in finished.stdout


def test_an_error_of_compose_has_no_escape_sequence(
    project: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client stands in for docker, and says what the real one repeats of a file."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase "$*" in *version*) echo "Docker Compose version 2.26.1";; '
        "*) printf 'services.\\033]0;title\\007\\033[2Jone is wrong\\n' >&2; exit 15;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (project.path / "compose.yaml").write_text(SERVICE)
    for options in ((), ("--json",), ("--sarif",)):
        finished = project.ask("check", *options)
        assert finished.status == 1
        assert "is wrong" in finished.stdout
        assert "\x1b" not in finished.stdout + finished.stderr
        assert "\x07" not in finished.stdout + finished.stderr


def test_a_variable_of_an_included_file_is_asked_about(
    project: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NESTPROOF_TRUST")
    monkeypatch.setenv("XDG_STATE_HOME", str(project.path.parent / "state"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    (project.path / "compose.yaml").write_text("include: [more.yaml]\n" + SERVICE)
    (project.path / "more.yaml").write_text("services:\n  two:\n    image: ${TOKEN_OF_MINE:-x}\n")
    finished = project.ask("smoke")
    if "unverified" not in finished.stdout:  # without a compose plugin nothing is known of the project
        assert finished.status == 2, finished.stdout
        assert "this machine's variable TOKEN_OF_MINE" in finished.stderr
