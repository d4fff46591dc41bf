"""A Compose project of a stranger: `docker compose config` is asked, and connects to nobody."""

from __future__ import annotations

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
