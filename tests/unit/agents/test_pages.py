"""The pages of docs/agents are what their table and the evidence make, and know every agent."""

from __future__ import annotations

import runpy
import tomllib

from nestproof.agents.table import DRIVEN_AGENTS
from nestproof.probes.known_agents import KNOWN_AGENTS
from tests.conftest import ROOT

FOLDER = ROOT / "docs/agents"


def test_the_pages_are_made_of_the_table_and_the_evidence() -> None:
    texts = runpy.run_path(str(ROOT / "docs/agent_pages.py"))["texts"]()
    written = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.md")}
    assert written == texts, "python docs/agent_pages.py writes them anew"


def test_the_table_of_the_threat_model_is_made_of_the_evidence() -> None:
    text = (ROOT / "docs/threat-model.md").read_text("utf-8")
    assert text == runpy.run_path(str(ROOT / "docs/agent_pages.py"))["with_table"](text)
    assert text.count("| in a sandbox | no | no | none | stays inside |") >= 2


def test_every_agent_that_is_known_has_a_page_and_no_other() -> None:
    table = tomllib.loads((FOLDER / "agents.toml").read_text("utf-8"))
    assert set(table) == {agent.program for agent in KNOWN_AGENTS}


def test_every_agent_that_can_be_driven_was_seen() -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    for agent in DRIVEN_AGENTS:
        (row,) = [line for line in text.splitlines() if f"({agent.program}.md)" in line]
        assert "not tried here" not in row
