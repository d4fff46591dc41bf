"""Every firewall made for real, and asked on a stand-in Internet: a leak is caught, what holds is green."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from nestproof.engine.labels import OWNER_LABEL, owner_of
from tests.sabotage.egress_worlds import BAD, GOOD
from tests.sabotage.score import PROPERTY
from tests.sabotage.world import Verdict, World, judge, load_secure, make_image, outcomes_of

# They look at nothing that other tests leave on the engine.
pytestmark = [pytest.mark.docker, pytest.mark.beside]
SECURE = [argument for argument in load_secure().config.run_args if not argument.startswith("--platform")]


@pytest.mark.parametrize("world", [*BAD, *GOOD], ids=lambda world: world.name)
def test_a_firewall_comes_out_as_it_is(
    engine: Engine,
    secure_image: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    world: World,
) -> None:
    image = make_image(tmp_path, secure_image, world, engine.facts.platform)
    score = judge(world, outcomes_of(engine, tmp_path, image, world, SECURE, base=secure_image))
    record_property(PROPERTY, json.dumps([score.verdict, score.cause]))
    assert score == Verdict(True, True, score.said), score.said


def test_nothing_of_theirs_is_left(engine: Engine) -> None:
    """Neither a container nor a network of this process's."""
    label = f"{OWNER_LABEL}={owner_of(os.getpid())}"
    assert engine.api.containers(all=True, filters={"label": label}) == []
    assert engine.api.networks(filters={"label": label}) == []


def test_a_third_of_them_are_good() -> None:
    assert len(BAD) + len(GOOD) >= 24
    assert len(GOOD) * 3 >= len(BAD) + len(GOOD)
    assert len({world.name for world in (*BAD, *GOOD)}) == len(BAD) + len(GOOD)
