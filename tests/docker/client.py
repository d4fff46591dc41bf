"""The reference client, `devcontainer`, as the tests use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail

VERSION = "0.89.0"


def install_client(folder: Path) -> Path:
    """The folder of the `devcontainer` program, from its npm package."""
    if not shutil.which("npm"):
        skip_or_fail("npm is not installed")
    install = ["npm", "install", "--silent", "--prefix", str(folder), f"@devcontainers/cli@{VERSION}"]
    subprocess.run(install, check=True, timeout=300, capture_output=True)
    return folder / "node_modules/.bin"


def run_client(command: str, client: Path, folder: Path, environment: dict[str, str]) -> Any:
    """What a command line that starts with `devcontainer` says when all is well."""
    completed = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **environment, "PATH": f"{client}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr[-4000:]
    return json.loads(completed.stdout)
