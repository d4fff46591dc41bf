"""Every world without a scripted model made for real, and asked, beside the other tests of the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from nestproof.core.outcome import Outcome
from nestproof.engine.client import Engine
from nestproof.engine.labels import OWNER_LABEL, owner_of
from tests.sabotage import abroad_worlds, agent_worlds, container_worlds, egress_worlds, worlds
from tests.sabotage.world import World, check, load_secure, make_image, outcomes_of, two_at_a_time, worlds_of

# They look at nothing that other tests leave on the engine.
pytestmark = [pytest.mark.docker, pytest.mark.beside]
MODULES = (worlds, container_worlds, agent_worlds, abroad_worlds, egress_worlds)
WORLDS = [world for one in MODULES for world in (*one.BAD, *one.GOOD) if not world.agents]
SECURE = [argument for argument in load_secure().config.run_args if not argument.startswith("--platform")]


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest,
    engine: Engine,
    secure_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[World], list[Outcome]]]:
    """Asks a world; those that follow are made beside it, two at a time."""

    def made(world: World) -> list[Outcome]:
        folder = tmp_path_factory.mktemp("world")
        image = make_image(folder, secure_image, world, engine.facts.platform)
        return outcomes_of(engine, folder, image, world, SECURE, base=secure_image)

    chosen = worlds_of(request.session.items, __name__)
    with two_at_a_time(request.config, chosen, made) as answer:
        yield answer
    label = f"{OWNER_LABEL}={owner_of(os.getpid())}"
    assert engine.api.containers(all=True, filters={"label": label}) == []
    assert engine.api.networks(filters={"label": label}) == []


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_comes_out_as_it_is(
    answers: Callable[[World], list[Outcome]], record_property: Callable[[str, object], None], world: World
) -> None:
    check(world, answers(world), record_property)


def test_a_third_of_the_firewalls_are_good() -> None:
    bad, good = egress_worlds.BAD, egress_worlds.GOOD
    assert len(bad) + len(good) >= 24
    assert len(good) * 3 >= len(bad) + len(good)
    assert len({world.name for world in WORLDS}) == len(WORLDS)
