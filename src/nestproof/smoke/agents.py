"""Find the agents of a container, and ask the sandbox of those that have a pack of probes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from nestproof.agents.table import DRIVEN_AGENTS
from nestproof.core.diagnostics import Diagnostic, Finding
from nestproof.core.outcome import Outcome, Status
from nestproof.core.source import Position
from nestproof.core.text import plural
from nestproof.probes.known_agents import (
    PROGRAMS,
    RULES,
    SETUID_BWRAP,
    FoundAgent,
    not_asked,
    packs_of_agents,
    parse_agents,
    unneeded,
)
from nestproof.probes.probe import Probe
from nestproof.probes.runner_protocol import Record
from nestproof.probes.table import PROBES, script
from nestproof.smoke.ask import Answer, Script
from nestproof.smoke.defaults import lets_a_sandbox_in
from nestproof.smoke.plan import SmokeRun

DRIVEN = frozenset(agent.program for agent in DRIVEN_AGENTS)
"""The programs of agents that are driven with a scripted model."""
QUESTION = Script("agents", 60, script("agents"))
ENVIRONMENT = {"NESTPROOF_AGENTS": PROGRAMS}


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents that were found, and the PATH on which they are."""

    found: tuple[FoundAgent, ...] = ()
    path: str = ""
    starts: tuple[str, ...] = ()
    """The lines of aliases that start one."""


def read_agents(answer: Answer) -> Agents:
    """Read the answer to the question; nothing where there is none."""
    return parse_found(answer.stdout) if isinstance(answer, Record) else Agents()


def parse_found(stdout: str) -> Agents:
    """Read the output of agents.sh."""
    lines = stdout.splitlines()
    path = next((line.removeprefix("path\t") for line in lines if line.startswith("path\t")), "")
    starts = tuple(line.removeprefix("start\t") for line in lines if line.startswith("start\t"))
    return Agents(parse_agents(stdout), path, starts)


def probes_for(run: SmokeRun, agents: Agents) -> tuple[Probe, ...]:
    """The probes of what was found, where the profile lets a sandbox in and does not say what to ask."""
    if run.only or run.profile.declarations.packs is not None or not lets_a_sandbox_in(run.profile):
        return ()
    packs = packs_of_agents(agents.found)
    return tuple(probe for probe in PROBES if probe.pack in packs)


def tell_agents(run: SmokeRun, agents: Agents) -> Iterator[Outcome]:
    """Name the agents; the sandbox of one without a pack is unverified, with what is known of it."""
    programs = [agent for agent in agents.found if agent.program != SETUID_BWRAP]
    findings = tuple(_unneeded(run, agents))
    if not run.asks_agents or not (programs or findings):
        return
    named = ", ".join(f"{agent.version or agent.program} ({agent.file})" for agent in programs) or "none"
    open_ = lets_a_sandbox_in(run.profile)
    more = "" if open_ else f"; {_why_not_asked(run)}"
    more += f" ({plural(len(findings), 'warning')})" if findings else ""
    yield Outcome("agents", Status.PASS, f"found: {named}{more}", run.target, findings=findings)
    for known, agent in not_asked(agents.found) if open_ else ():
        if agent.program in DRIVEN:
            continue
        yield Outcome(
            f"agents.{agent.program}",
            Status.UNVERIFIED,
            f"{known.name} {agent.version}: no probe asks its sandbox".replace(" :", ":"),
            run.target,
            f"what is known of it: {known.sandbox}",
            f"nestproof shell --profile {run.target.profile} opens such a container, to ask it by hand",
        )


def _why_not_asked(run: SmokeRun) -> str:
    if run.profile.declarations.container_is_sandbox:
        return "the container is their sandbox, as the profile declares"
    return "nothing in the profile lets a sandbox in, so theirs is not asked"


def _unneeded(run: SmokeRun, agents: Agents) -> Iterator[Finding]:
    """A warning for each declared fallback by which no agent survives that was found."""
    start = Position(0, 1, 1)
    for name in unneeded(run.profile.declarations.degradations, (agent.program for agent in agents.found)):
        said = f"degradations declares {name}, and no agent in the container is known to need that"
        rule = "degradation-unneeded"
        file = os.path.relpath(run.profile.file, run.profile.workspace)
        yield Finding(
            file,
            Diagnostic(rule, RULES[rule].severity, said, start, start),
            fix=f"remove {name} from customizations.nestproof.degradations: the fallback is then a fail",
        )
