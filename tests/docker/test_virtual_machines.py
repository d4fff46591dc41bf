"""A smoke run on an engine that is not this machine's, as far as one engine can show it.

The guest here is a stand-in: its command gives the address of the engine that runs the other tests. A real
one is in tests/vm.
"""

from __future__ import annotations

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository, own_containers

pytestmark = pytest.mark.docker


def test_the_workspace_is_copied_where_it_cannot_be_bound(repository: Repository, engine: Engine) -> None:
    script = repository.path / "scripts/vm"
    script.write_text(f"#!/bin/sh\necho 'DOCKER_HOST={engine.facts.address}'\n")
    script.chmod(0o755)
    (repository.path / "untracked").write_text("too\n")
    repository.edit(
        "pyproject.toml",
        'guest = ["scripts/vm"]\n',
        'guest = ["scripts/vm"]\n\n[[tool.nestproof.probe]]\nname = "workspace"\nstdout = "^too$"\n'
        'command = "cd /workspaces/copy && test -s .devcontainer/devcontainer.json && cat untracked"\n',
    )
    before = own_containers(engine)
    done = repository.nestproof("smoke", "--profile", "default", "--vm", "--json", timeout=1200)
    assert done.status in (0, 3), done.stdout + done.stderr
    assert done.outcome("smoke.workspace")["status"] == "pass"
    (target,) = done.evidence["targets"]
    assert target["facts"]["workspace"] == "copied into a volume"
    assert target["facts"]["node"].startswith("virtual: a virtual machine's own ")
    assert own_containers(engine) == before
    assert not [
        v for v in engine.api.volumes()["Volumes"] or () if "dev.nestproof.run" in (v["Labels"] or {})
    ]
