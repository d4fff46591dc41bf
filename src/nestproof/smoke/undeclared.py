"""Say of a profile that declares nothing which sandboxes are in its image, and why they cannot start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nestproof.core.outcome import Outcome, Status
from nestproof.engine.container import Container
from nestproof.nodes.node import Fidelity
from nestproof.probes.facts import SandboxFacts
from nestproof.probes.known_agents import KNOWN_AGENTS
from nestproof.probes.runner_protocol import Record
from nestproof.probes.table import PROBES, text_of
from nestproof.probes.verdicts import Context
from nestproof.smoke.agents import Agents
from nestproof.smoke.ask import Script, ask_all, observed
from nestproof.smoke.defaults import lets_a_sandbox_in
from nestproof.smoke.plan import SmokeRun

_DECLARE = (
    'declare that the container is the sandbox: "customizations": {"nestproof": {"sandbox": "container"}}'
)
# Of each program that makes a sandbox, the probe that starts one as it does.
_STARTS = {"codex": "codex-sandbox", "srt": "srt-sandbox", "bwrap": "bwrap-codex-start"}


def ask_undeclared(
    run: SmokeRun, container: Container, agents: Agents, context: Context, environment: Mapping[str, str]
) -> Iterator[Outcome]:
    """One outcome for the sandboxes in the image of a profile that neither lets one in nor says why."""
    declared = run.profile.declarations
    if run.only or declared.packs is not None or declared.sandbox or lets_a_sandbox_in(run.profile):
        return
    named = _found(agents, context.facts)
    if not named or run.node.fidelity is Fidelity.EMULATED:
        return
    probes = {probe.name: probe for probe in PROBES if probe.name in {_STARTS[name] for name in named}}
    scripts = [Script(p.name, p.timeout * run.node.timeout_factor, text_of(p)) for p in probes.values()]
    refused = []
    for answer in ask_all(container, {run.profile.remote_user: scripts}, environment):
        if isinstance(answer, Record):
            probe = probes[answer.name]
            judged = probe.judged(observed(probe, answer), context)
            refused += [judged] if judged.status is Status.FAIL else []
    if refused:
        yield Outcome(
            "agents.sandbox",
            Status.UNVERIFIED,
            f"{', '.join(named.values())}: no sandbox can start here: {refused[0].summary}",
            run.target,
            f"{refused[0].cause}; the profile does not say if one must",
            f"{refused[0].fix}; or {_DECLARE}" if refused[0].fix else _DECLARE,
        )


def _found(agents: Agents, facts: SandboxFacts | None) -> dict[str, str]:
    """Program to how it calls itself: the agents that make a sandbox or, without any, bubblewrap."""
    names = {known.program: known.name for known in KNOWN_AGENTS}
    found = {
        agent.program: f"{names[agent.program]} ({agent.version})" if agent.version else names[agent.program]
        for agent in agents.found
        if agent.program in _STARTS
    }
    if not found and facts is not None and "bwrap" in facts.found:
        found["bwrap"] = facts.found.get("bwrap-version", "bubblewrap")
    return found
