"""The proof on a newer engine with containerd's image store, beside the same on the first engine."""

from __future__ import annotations

import re
import subprocess

import pytest

from nestbox.engine import Engine, connect
from tests.conftest import Finished, Repository
from tests.docker.beside import Second, running_engine

pytestmark = pytest.mark.docker


def verdicts(finished: Finished) -> dict[tuple[str, str], str]:
    found = {
        (outcome["profile"], outcome["id"]): outcome["status"] for outcome in finished.evidence["outcomes"]
    }
    assert len(found) == len(finished.evidence["outcomes"])
    return found


def give_images(second: Second, tags: list[str]) -> None:
    with subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE) as save:
        subprocess.run(
            ["docker", "--host", second.host, "load"], stdin=save.stdout, check=True, capture_output=True
        )


def test_both_engines_give_the_same_verdicts(repository: Repository, engine: Engine) -> None:
    built = repository.nestbox("build", "--json")
    assert built.status == 0, built.stderr
    tags = [outcome["summary"].partition(" is ")[0] for outcome in built.evidence["outcomes"]]
    for file, tag in zip(("devcontainer.json", "devcontainer.secure.json"), tags, strict=True):
        path = repository.path / ".devcontainer" / file
        text, often = re.subn(
            r'^  "build": \{.*?^  \},$', f'  "image": "{tag}",', path.read_text(), flags=re.M | re.S
        )
        assert often == 1
        path.write_text(text)
    # The bases of what is built already.
    (repository.path / "pyproject.toml").unlink()
    first = repository.nestbox("smoke", "--json", "--allow-unverified")
    assert first.status == 0, first.stdout + first.stderr
    with running_engine(bridge=True) as second:
        newer = connect({"DOCKER_HOST": second.host})
        assert newer.facts.several_platforms
        assert newer.facts.version != engine.facts.version or engine.facts.several_platforms
        give_images(second, tags)
        then = repository.nestbox("smoke", "--json", "--allow-unverified", DOCKER_HOST=second.host)
        assert then.status == 0, then.stdout + then.stderr
        assert newer.api.containers(all=True) == []
        # Red there too, and for the right reason.
        repository.edit(".devcontainer/devcontainer.secure.json", '"--cap-add=SYS_PTRACE",', "")
        red = repository.nestbox("smoke", "--profile", "secure", "--json", DOCKER_HOST=second.host)
    assert verdicts(then) == verdicts(first)
    assert set(verdicts(then).values()) <= {"pass", "degraded", "unverified"}
    assert red.status == 1
    assert red.outcome("smoke.bwrap-userns")["cause"].startswith(
        "setuid bwrap demands capabilities that the container withholds: SYS_PTRACE"
    )
