"""Hold sessions of this machine's own agents, or of those of the container in which nestproof runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nestproof.agents.here import place_here
from nestproof.agents.proof import plan, prove
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Outcome
from nestproof.core.process import run
from nestproof.probes.facts import parse_facts
from nestproof.probes.table import script
from nestproof.smoke.agents import DRIVEN, ENVIRONMENT, parse_found
from nestproof.smoke.host import Account

_SECONDS = 30


def examine_agents(
    account: Account, folder: Path, names: Sequence[str], say: Callable[[str], None]
) -> Iterator[Outcome]:
    """Drive these agents, or each that is found; raises UsageError for one that is not there."""
    if unknown := [name for name in names if name not in DRIVEN]:
        raise UsageError(
            f"there is no agent {unknown[0]!r} that can be driven", fix=f"one of: {', '.join(sorted(DRIVEN))}"
        )
    said = run(["/bin/sh", "-c", script("agents")], timeout=_SECONDS, env=ENVIRONMENT).stdout
    agents = parse_found(said)
    found = [agent.program for agent in agents.found if agent.program in DRIVEN]
    if absent := [name for name in names if name not in found]:
        raise UsageError(f"{absent[0]} is not installed here", fix="run this where the agent is")
    if not found:
        raise UsageError(
            "no agent that can be driven is installed here",
            fix=f"one of: {', '.join(sorted(DRIVEN))}; or name a profile: nestproof agents --profile NAME",
        )
    facts = parse_facts(run(["/bin/sh", "-c", script("facts")], timeout=_SECONDS).stdout)
    planned = plan(names or found, agents.starts, {})
    yield from prove(
        place_here(folder),
        planned,
        account.target,
        walls_are_down=True,
        declared={},
        facts=facts,
        say=say,
    )
