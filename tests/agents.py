"""An image with every agent that can be driven, each of its pinned release, in /opt/agents."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
# On no PATH but that of who asks for one: what is found is driven.
_DOCKERFILE = """
FROM {secure}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends socat ripgrep \\
    python3-minimal libpython3-stdlib
COPY codex /opt/codex-new
COPY gemini /opt/gemini
COPY --chmod=755 programs /opt/agents
USER vscode
"""
_TAG = "nestproof-test-agents:1"


def _program(name: str) -> Path:
    done = subprocess.run([ROOT / "scripts/agent", name], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def build_agents_image(secure: str, folder: Path) -> str:
    """Build it on the secure image, which has bubblewrap and Codex 0.120.0; returns its tag."""
    (folder / "programs").mkdir()
    for name in ("node", "opencode", "copilot", "claude"):
        shutil.copy(_program(name), folder / "programs" / name)
    ignored = shutil.ignore_patterns("voice")
    shutil.copytree(_program("codex").parent.parent, folder / "codex", ignore=ignored)
    shutil.copytree(_program("gemini").parent.parent, folder / "gemini")
    for name, start in (
        ("gemini", "/opt/agents/node /opt/gemini/bundle/gemini.js"),
        ("codex-new", "/opt/codex-new/bin/codex"),
    ):
        (folder / "programs" / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(secure=secure))
    build = ["docker", "buildx", "build", "--quiet", "--load", "--tag", _TAG, str(folder)]
    subprocess.run(build, check=True, capture_output=True, timeout=1200)
    return _TAG
