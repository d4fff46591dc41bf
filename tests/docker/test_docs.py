"""The blocks of the documentation that need an engine do what they show."""

from __future__ import annotations

import os

import pytest

from nestproof.engine.client import Engine
from tests.blocks import Block
from tests.conftest import Repository
from tests.unit.repository.test_docs import BLOCKS, run_block

pytestmark = pytest.mark.docker

ON_AN_ENGINE = [block for block in BLOCKS if not block.reason and block.needs_engine]


@pytest.mark.parametrize("block", ON_AN_ENGINE, ids=str)
def test_a_block_does_what_it_shows(block: Block, checkout: Repository, engine: Engine) -> None:
    run_block(block, checkout.path, dict(os.environ))
