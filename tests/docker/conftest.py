"""Fixtures that only the Docker tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nestbox.base_image import base_environment
from nestbox.config import load_config
from nestbox.engine import Engine
from tests.conftest import ROOT
from tests.docker.client import install_client


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """The tag of a base image that can be had here, with or without a registry."""
    made = base_environment(
        engine, load_config(ROOT).base_image, engine.facts.platform, os.environ, workspace=ROOT, say=print
    )
    return made.get("NESTBOX_BASE_IMAGE", "ubuntu:24.04")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reference client's program."""
    return install_client(tmp_path_factory.mktemp("client"))
