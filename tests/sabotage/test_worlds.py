"""Every world made for real, and asked: what is broken is caught with its cause, what is good stays green."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nestproof.agents import drive
from nestproof.core.outcome import Outcome
from nestproof.engine.client import Engine, find_image
from nestproof.probes.probe import Probe
from nestproof.probes.table import PROBES, script
from tests.conftest import ROOT, Repository, own_containers
from tests.sabotage import abroad_worlds, agent_worlds, container_worlds, worlds
from tests.sabotage.world import (
    World,
    check,
    judge,
    load_secure,
    make_image,
    outcomes_of,
    two_at_a_time,
    worlds_of,
)

pytestmark = pytest.mark.docker

BAD = (*worlds.BAD, *container_worlds.BAD, *agent_worlds.BAD, *abroad_worlds.BAD)
GOOD = (*worlds.GOOD, *container_worlds.GOOD, *agent_worlds.GOOD, *abroad_worlds.GOOD)

# The others are asked beside the other tests of the engine: see test_worlds_beside.py.
WITH_AGENTS = [world for world in (*BAD, *GOOD) if world.agents]

SECURE = [argument for argument in load_secure().config.run_args if not argument.startswith("--platform")]


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """The id of the secure image."""
    built = Repository(ROOT).nestproof("build", "--profile", "secure", "--json", timeout=1800)
    assert built.status == 0, built.stderr
    tag = built.outcome("build")["summary"].split()[0]
    found = find_image(engine, tag)
    assert found is not None
    return str(tag)


def ask(engine: Engine, folder: Path, base: str, world: World) -> list[Outcome]:
    image = make_image(folder, base, world, engine.facts.platform)
    return outcomes_of(engine, folder, image, world, SECURE, base=base)


@pytest.fixture(scope="session")
def answers(
    request: pytest.FixtureRequest, engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[World], list[Outcome]]]:
    """Asks a world; where one process has them all, those that follow are made beside it, two at a time."""
    before = own_containers(engine)
    chosen = worlds_of(request.session.items, __name__)
    # Not in a thread, where pytest makes no fixture.
    agents = request.getfixturevalue("agents_image") if any(world.agents for world in chosen) else ""

    def made(world: World) -> list[Outcome]:
        return ask(engine, tmp_path_factory.mktemp("world"), agents if world.agents else base, world)

    # One that hangs is waited for to the end.
    drive.SESSION_SECONDS = 30
    with two_at_a_time(request.config, chosen, made) as answer:
        yield answer
    assert own_containers(engine) == before


@pytest.mark.parametrize("world", WITH_AGENTS, ids=lambda world: world.name)
def test_a_world_comes_out_as_it_is(
    answers: Callable[[World], list[Outcome]], record_property: Callable[[str, object], None], world: World
) -> None:
    check(world, answers(world), record_property)


def test_there_are_enough_worlds() -> None:
    assert len(BAD) >= 60
    assert len(GOOD) >= 25
    assert len({world.name for world in (*BAD, *GOOD)}) == len(BAD) + len(GOOD)


def test_an_image_of_the_wrong_architecture(engine: Engine, repository: Repository, tmp_path: Path) -> None:
    other = "linux/arm64" if engine.facts.platform == "linux/amd64" else "linux/amd64"
    tag = "nestproof-test-other-architecture:1"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    build = ["docker", "buildx", "build", "--platform", other, "--provenance=false", "--load", "--tag", tag]
    subprocess.run([*build, str(tmp_path)], check=True, capture_output=True)
    try:
        (repository.path / ".devcontainer/other").mkdir()
        (repository.path / ".devcontainer/other/devcontainer.json").write_text(json.dumps({"image": tag}))
        done = repository.nestproof("smoke", "--profile", "other", "--json")
    finally:
        engine.api.remove_image(tag, force=True)
    assert done.status == 1
    assert done.outcome("build")["cause"] == f"the image is for {other}, not for {engine.facts.platform}"


# A probe without its control: what it then takes for confinement.


def weakened(probe: Probe, control: str) -> Probe:
    """The probe without one of its controls, in its table and in its script."""
    assert control in probe.control
    kept = tuple(line for line in probe.control if line != control)
    text = script(probe.name).replace(f'echo "{control}"', ":")
    return replace(probe, control=kept, text=text)


def test_a_probe_without_its_control_loses_points(
    engine: Engine, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = next(world for world in BAD if world.name == "bwrap binds nothing writable")
    whole = judge(world, ask(engine, tmp_path, base, world))
    control = "control: inside, the writable folder takes a file"
    weak = tuple(weakened(probe, control) if probe.name == "contain-write" else probe for probe in PROBES)
    monkeypatch.setattr("nestproof.smoke.plan.PROBES", weak)
    without = judge(world, ask(engine, tmp_path, base, world))
    assert (whole.verdict, whole.cause) == (True, True)
    assert (without.verdict, without.cause) == (False, False)
    assert "pass smoke.contain-write" in without.said
