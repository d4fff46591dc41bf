"""Drive the agents of a container with a scripted model, as far as they can be driven."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nestproof.agents.in_container import place_in
from nestproof.agents.proof import plan, prove
from nestproof.core.outcome import Outcome, Status
from nestproof.core.source import safe
from nestproof.engine.client import Engine
from nestproof.engine.container import Container
from nestproof.lifecycle.environment import merge_environment
from nestproof.nodes.node import Fidelity
from nestproof.probes.facts import SandboxFacts
from nestproof.smoke.after_start import remote_environment
from nestproof.smoke.agents import DRIVEN, Agents
from nestproof.smoke.defaults import lets_a_sandbox_in
from nestproof.smoke.plan import SmokeRun


def hold_sessions(
    engine: Engine, run: SmokeRun, container: Container, agents: Agents, facts: SandboxFacts | None
) -> Iterator[Outcome]:
    """Drive each agent that was found, in each mode that the profile makes easy."""
    declared = run.profile.declarations.agents
    programs = [agent.program for agent in agents.found if agent.program in DRIVEN]
    for name in declared if run.asks_agents else ():
        if name not in programs:
            said = f"customizations.nestproof.agents declares {name}, which is not found, or cannot be driven"
            fix = f"some of: {', '.join(sorted(DRIVEN))}"
            yield Outcome(f"agent.{safe(name)}", Status.UNVERIFIED, said, run.target, "", fix)
    if not run.asks_agents or not programs:
        return
    if not run.agents:
        yield _left_out(run, programs, "people let them run what a model asks for (--no-agents)", "")
        return
    if run.node.fidelity is Fidelity.EMULATED:
        yield _left_out(run, programs, run.node.reason, run.node.remedy)
        return
    starts = (*agents.starts, json.dumps(run.profile.config.post_attach_command))
    place = place_in(
        engine,
        container,
        run.image.id,
        user=run.profile.remote_user,
        folder=run.profile.workspace_folder,
        environment=merge_environment({"PATH": agents.path}, remote_environment(run.profile, container)),
        timeout_factor=run.node.timeout_factor,
    )
    yield from prove(
        place,
        plan(programs, starts, {program: tuple(one.args) for program, one in declared.items()}),
        run.target,
        walls_are_down=bool(lets_a_sandbox_in(run.profile)),
        declared=_promises(run, programs),
        facts=facts,
        say=run.say,
    )


def _promises(run: SmokeRun, programs: list[str]) -> dict[str, bool]:
    """The agents of which the profile says if they promise a sandbox."""
    declarations = run.profile.declarations
    said = dict.fromkeys(programs, False) if declarations.container_is_sandbox else {}
    return said | {name: one.sandbox for name, one in declarations.agents.items() if one.sandbox is not None}


def _left_out(run: SmokeRun, programs: list[str], why: str, fix: str) -> Outcome:
    said = f"not driven by a model: {', '.join(programs)}"
    return Outcome("agent", Status.UNVERIFIED, said, run.target, why, fix or "run it without --no-agents")
