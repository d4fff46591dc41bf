"""The proof on engines of other kinds, beside the same on the first one: the verdicts are the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestproof.engine.client import Engine, connect
from tests.conftest import Finished, Repository, noted, skip_or_fail
from tests.docker.beside import CONTAINERD, Second, program, running_engine

pytestmark = pytest.mark.docker

# Docker looks for the subordinate ids of `userns-remap` under the user's name and the group's (subuid(5)).
IDS = "nobody:1000000:65536\nnogroup:1000000:65536\n"
# What root can do in a container with the secure profile's capabilities, unless these are a namespace's own.
LOST = {"can-devtmpfs", "can-mknod", "can-sysctl", "can-cgroup"}


def verdicts(finished: Finished) -> dict[tuple[str, str], str]:
    outcomes = finished.evidence["outcomes"]
    found = {(outcome["profile"], outcome["id"]): outcome["status"] for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


@pytest.fixture(scope="module")
def built(
    pristine: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Repository, list[str]]:
    """A repository whose profiles name the images that were built for it; and these."""
    path = tmp_path_factory.mktemp("built") / "copy"
    repository = noted(Repository(shutil.copytree(pristine, path)))
    made = repository.nestproof("build", "--json", timeout=1800)
    assert made.status == 0, made.stderr
    tags = [outcome["summary"].partition(" is ")[0] for outcome in made.evidence["outcomes"]]
    for name, tag in zip(("devcontainer.json", "devcontainer.secure.json"), tags, strict=True):
        file = path / ".devcontainer" / name
        text, often = re.subn(
            r'^  "build": \{.*?^  \},$', f'  "image": "{tag}",', file.read_text(), flags=re.M | re.S
        )
        assert often == 1
        file.write_text(text)
    # It says of what the images are built.
    (path / "pyproject.toml").unlink()
    return repository, tags


@pytest.fixture(scope="module")
def first(built: tuple[Repository, list[str]]) -> dict[tuple[str, str], str]:
    """The verdicts of the first engine."""
    finished = built[0].nestproof("smoke", "--json", "--allow-unverified")
    assert finished.status == 0, finished.stdout + finished.stderr
    return verdicts(finished)


def give_images(second: Second, tags: list[str]) -> None:
    with subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE) as save:
        load = ["docker", "--host", second.host, "load"]
        subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)
    assert save.returncode == 0


def prove(second: Second, repository: Repository, first: dict[tuple[str, str], str]) -> None:
    """The same verdicts, nothing left, and red for the right reason when a capability is missing."""
    then = repository.nestproof("smoke", "--json", "--allow-unverified", DOCKER_HOST=second.host)
    assert then.status == 0, then.stdout + then.stderr
    assert verdicts(then) == first
    assert set(first.values()) <= {"pass", "degraded", "unverified"}
    assert connect({"DOCKER_HOST": second.host}).api.containers(all=True) == []
    file = repository.path / ".devcontainer/devcontainer.secure.json"
    whole = file.read_text()
    repository.edit(".devcontainer/devcontainer.secure.json", '"--cap-add=SYS_PTRACE",', "")
    red = repository.nestproof("smoke", "--profile", "secure", "--json", DOCKER_HOST=second.host)
    file.write_text(whole)
    assert red.status == 1
    assert red.outcome("smoke.bwrap-userns")["cause"].startswith(
        "setuid bwrap demands capabilities that the container withholds: SYS_PTRACE"
    )


def test_a_newer_engine_with_containerds_store(
    built: tuple[Repository, list[str]], first: dict[tuple[str, str], str], engine: Engine
) -> None:
    repository, tags = built
    with running_engine(program("dockerd"), bridge=True, features=CONTAINERD) as second:
        facts = connect({"DOCKER_HOST": second.host}).facts
        assert facts.several_platforms
        assert facts.version != engine.facts.version or engine.facts.several_platforms
        give_images(second, tags)
        prove(second, repository, first)


@pytest.fixture(scope="module")
def remapped() -> Iterator[Second]:
    """An engine that maps root to a user of its own."""
    own = shutil.which("dockerd")
    if not own:
        skip_or_fail("there is no dockerd here")
    files = {"/etc/subuid": IDS, "/etc/subgid": IDS}
    config = {"userns-remap": "nobody:nogroup"}
    with running_engine(own, bridge=True, files=files, **config) as second:
        yield second


def test_an_engine_that_maps_root(
    remapped: Second, built: tuple[Repository, list[str]], first: dict[tuple[str, str], str]
) -> None:
    repository, tags = built
    give_images(remapped, tags)
    assert connect({"DOCKER_HOST": remapped.host}).facts.maps_root
    prove(remapped, repository, first)


def could(finished: Finished) -> dict[str, str]:
    """What came of each action of root in the secure profile."""
    attempts = finished.evidence["justification"]["residual"][0]["attempts"]
    return {one["deed"]: one["could"] for one in attempts if one["who"] == "root, secure"}


def test_where_root_is_mapped_its_capabilities_do_less(
    remapped: Second, built: tuple[Repository, list[str]], first: dict[tuple[str, str], str]
) -> None:
    repository, tags = built
    give_images(remapped, tags)
    asked = ("justify", "--residual", "--profile", "secure")
    here = could(repository.nestproof(*asked, "--json"))
    there = could(repository.nestproof(*asked, "--json", DOCKER_HOST=remapped.host))
    assert {action for action, word in here.items() if there[action] != word} == LOST
    assert {there[action] for action in LOST} == {"no"}
    said = "This engine maps root to another user of the host"
    assert said in repository.nestproof(*asked, DOCKER_HOST=remapped.host).stdout
    assert said not in repository.nestproof(*asked).stdout
