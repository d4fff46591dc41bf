"""Repositories of other people, in the five layouts that there are; small, and built from a local base."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Repository, noted

_DOCKERFILE = "FROM {base}\nRUN useradd --create-home dev\n"
_COMPOSE = """\
services:
  app:
    build:
      context: .
      args: {{NOTE: "costs $$5"}}
    command: sleep infinity
    network_mode: service:db
    cap_add: [SYS_PTRACE]
    security_opt: ["seccomp:unconfined"]
    volumes:
      - ..:/workspaces/code:cached
      - data:/data
      - /var/run/docker.sock:/var/run/docker.sock
    environment: {{GREETING: "$$HOME stays"}}
  db:
    image: {base}
    command: sleep infinity
volumes:
  data: {{}}
"""
_OF_COMPOSE = {
    "dockerComposeFile": "compose.yaml",
    "service": "app",
    "workspaceFolder": "/workspaces/code",
    "remoteUser": "dev",
}

LAYOUTS: dict[str, dict[str, str]] = {
    "image": {".devcontainer.json": '{{"image": "{base}"}}\n'},
    "dockerfile": {
        ".devcontainer/devcontainer.json": '{{\n  // Ours.\n  "build": {{"dockerfile": "Dockerfile"}},\n'
        '  "remoteUser": "dev"\n}}\n',
        ".devcontainer/Dockerfile": _DOCKERFILE,
    },
    "compose": {
        ".devcontainer/devcontainer.json": json.dumps(_OF_COMPOSE).replace("{", "{{").replace("}", "}}"),
        ".devcontainer/Dockerfile": _DOCKERFILE,
        ".devcontainer/compose.yaml": _COMPOSE,
    },
    "folder": {
        ".devcontainer/api/devcontainer.json": '{{"image": "{base}", "runArgs": ["--cap-add=SYS_PTRACE"]}}\n'
    },
    "none": {"README.md": "# Somebody's\n"},
}


def make(layout: str, folder: Path, base: str) -> Repository:
    """The layout as a committed git repository in the folder."""
    for name, text in LAYOUTS[layout].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(base=base))
    made = noted(Repository(folder))
    made.git("init", "--quiet", "--initial-branch", "main", "--template=")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Start")
    return made
