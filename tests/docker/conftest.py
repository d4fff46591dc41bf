"""Fixtures that only the Docker tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.client import install_client


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reference client's program."""
    return install_client(tmp_path_factory.mktemp("client"))
