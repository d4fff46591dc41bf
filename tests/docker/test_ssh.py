"""A node over ssh, by the docker client; ssh is a stand-in that goes no further than this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository, own_containers
from tests.docker.test_clean_up import marked_processes

pytestmark = pytest.mark.docker

# What sshd does there with what the docker client asks of it.
SSH = """\
#!/bin/sh
while [ "$1" != docker ]; do shift; done
unset DOCKER_CONTEXT
DOCKER_HOST={address} exec "$@"
"""
NODE = """
[[tool.nestproof.node]]
name = "nearby"
host = "ssh://nearby"

[[tool.nestproof.probe]]
name = "untracked"
command = "cat /workspaces/copy/untracked"
stdout = "^copied, too$"
"""


def test_everything_is_asked_over_ssh_and_no_process_stays(
    repository: Repository, engine: Engine, tmp_path: Path
) -> None:
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH.format(address=engine.facts.address))
    ssh.chmod(0o755)
    with (repository.path / "pyproject.toml").open("a") as file:
        file.write(NODE)
    (repository.path / "untracked").write_text("copied, too\n")
    mark = f"ssh-{os.getpid()}"
    done = repository.nestproof(
        *("smoke", "--profile", "default", "--node", "nearby", "--json"),
        PATH=f"{ssh.parent}:{os.environ['PATH']}",
        NESTPROOF_TEST_MARK=mark,
        timeout=1200,
    )
    assert done.status in (0, 3), done.stdout + done.stderr
    assert done.outcome("smoke.untracked")["status"] == "pass"
    assert done.outcome("smoke.tty")["status"] == "pass"
    (target,) = done.evidence["targets"]
    assert target["facts"]["engine"] == "ssh://nearby"
    assert target["facts"]["workspace"] == "copied into a volume"
    assert own_containers(engine) == []
    deadline = time.monotonic() + 5
    while marked_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked_processes(mark) == []
