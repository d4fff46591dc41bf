"""The table of agents: what is found in a container, what is asked of it, what it survives."""

from __future__ import annotations

import pytest

from nestproof.probes.known_agents import (
    KNOWN_AGENTS,
    FoundAgent,
    not_asked,
    packs_of_agents,
    parse_agents,
    survived_by,
    unneeded,
)
from nestproof.probes.table import PACKS, PROBES

CODEX = FoundAgent("codex", "/usr/bin/codex", "codex-cli 0.120.0")
CLAUDE = FoundAgent("claude", "/usr/bin/claude", "2.1.197 (Claude Code)")
SETUID = FoundAgent("setuid-bwrap", "/usr/bin/bwrap", "")


@pytest.mark.parametrize(
    ("stdout", "found"),
    [
        ("path\t/usr/bin\ncodex\t/usr/bin/codex\tcodex-cli 0.120.0\n", (CODEX,)),
        ("setuid-bwrap\t/usr/bin/bwrap\t\n", (SETUID,)),
        ("unknown\t/usr/bin/unknown\t1\n", ()),
        ("codex\n", ()),
        ("codex\ta\tb\tc\n", ()),
        ("", ()),
    ],
)
def test_an_answer_is_read(stdout: str, found: tuple[FoundAgent, ...]) -> None:
    assert parse_agents(stdout) == found


def test_packs_follow_what_is_found() -> None:
    assert packs_of_agents((CODEX, CLAUDE, SETUID)) == ("setuid-bwrap", "codex")
    assert packs_of_agents((CLAUDE,)) == ()
    assert [known.name for known, _ in not_asked((CODEX, CLAUDE, SETUID))] == ["Claude Code"]
    assert {agent.pack for agent in KNOWN_AGENTS if agent.pack} <= set(PACKS)
    assert len({agent.program for agent in KNOWN_AGENTS}) == len(KNOWN_AGENTS)


def test_only_who_is_known_to_survive_survives() -> None:
    survived = survived_by(["codex"])
    assert survived.keys() == {"bwrap-proc", "contain-processes", "bwrap-two-masks"}
    assert survived.keys() <= {probe.name for probe in PROBES}
    assert survived_by(["claude", "setuid-bwrap"]) == {}


def test_a_declared_fallback_that_no_found_agent_needs_is_named() -> None:
    declared = ("bwrap-proc", "contain-processes", "a-probe-of-their-own")
    assert unneeded(declared, ["codex", "setuid-bwrap"]) == ()
    assert unneeded(declared, []) == unneeded(declared, ["setuid-bwrap"]) == declared[:2]
    # What an agent survives that was never asked, nobody knows.
    assert unneeded(declared, ["claude"]) == unneeded(declared, ["codex", "claude"]) == ()
