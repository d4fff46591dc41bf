"""Ask the probes of a smoke run in its container, and judge their answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace

from nestproof.core.capabilities import of_dockers_default
from nestproof.core.outcome import Observation, Outcome, Status, TargetFacts
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, check_running
from nestproof.nodes.node import Fidelity
from nestproof.probes.facts import SandboxFacts
from nestproof.probes.known_agents import SETUID_BWRAP, survived_by
from nestproof.probes.probe import ANYONE, REMOTE, ROOT, Probe
from nestproof.probes.runner_protocol import Record
from nestproof.probes.table import script, text_of
from nestproof.probes.verdicts import Context, Judgement, degraded_as_declared
from nestproof.smoke.after_start import (
    remote_environment,
)
from nestproof.smoke.agents import ENVIRONMENT, QUESTION, Agents, probes_for, read_agents, tell_agents
from nestproof.smoke.ask import Answer, NoAnswer, Script, ask_all, observed
from nestproof.smoke.defaults import downgrade_if_undeclared
from nestproof.smoke.facts import NOT_ASKED, facts_for_evidence, read_facts, takes_no_file, tell_facts
from nestproof.smoke.plan import SmokeRun, users_of
from nestproof.smoke.undeclared import ask_undeclared

_FACTS = Script("facts", 10, script("facts"))


def context_of(
    engine: Engine, run: SmokeRun, facts: SandboxFacts | None, agents: Agents | None = None
) -> Context:
    declared = run.profile.declarations
    return Context(
        users=users_of(run.profile),
        codex_version=declared.codex_version or "",
        degradations=declared.degradations,
        survived=survived_by(agent.program for agent in agents.found) if agents else {},
        allowed=run.allowed,
        walls=run.walls,
        engine_has_seccomp=engine.facts.confines_with("seccomp"),
        engine_has_apparmor=engine.facts.confines_with("apparmor"),
        engine=engine.facts.product,
        default_capabilities=frozenset(engine.facts.default_capabilities),
        asked_capabilities=of_dockers_default(run.profile.run.cap_add),
        container_is_sandbox=declared.container_is_sandbox,
        setuid_wanted=SETUID_BWRAP in (declared.packs or ()),
        facts=facts,
    )


def ask_probes(
    engine: Engine, run: SmokeRun, container: Container, probes: Sequence[Probe], *, more: bool = True
) -> Generator[Outcome, None, tuple[Agents, SandboxFacts | None]]:
    """Run each probe; verdicts wait until the container's own facts are known. Returns agents and facts.

    `more` also names the agents that are found, and asks their probes.
    """
    by_name = {probe.name: probe for probe in probes}
    known: dict[str, Answer] = {}
    held: list[Answer] = []
    context: Context | None = None
    agents = Agents()
    for answer in _answers(run, container, by_name):
        if isinstance(answer, NoAnswer):
            check_running(container)
        held.append(answer)
        known |= {name: answer for name in _names(answer) if name in (_FACTS.name, QUESTION.name)}
        if context is None and len(known) > 1:
            agents = read_agents(known[QUESTION.name])
            facts = known[_FACTS.name]
            found = read_facts(run, facts.stdout) if isinstance(facts, Record) else None
            run.learn(TargetFacts(run.target, run.image.id, facts_for_evidence(engine, run, found)))
            context = context_of(engine, run, found, agents)
            yield from tell_facts(run, found)
        if context is not None:
            for one in held:
                yield from _judged(run, by_name, one, context)
            held.clear()
    if more and context is not None:
        yield from tell_agents(run, agents)
        environment = {**_probe_environment(run, container), "PATH": agents.path}
        yield from ask_undeclared(run, container, agents, context, environment)
        yield from _ask_agents(run, container, agents, by_name, context)
    return agents, context.facts if context else None


def _ask_agents(
    run: SmokeRun, container: Container, agents: Agents, asked: Mapping[str, Probe], context: Context
) -> Iterator[Outcome]:
    """Ask the probes of the agents that were found, on the PATH on which they are."""
    probes = {probe.name: probe for probe in probes_for(run, agents) if probe.name not in asked}
    emulated = run.node.fidelity is Fidelity.EMULATED
    for probe in [probe for probe in probes.values() if emulated and probe.needs_namespaces]:
        yield outcome_of(run, probe, Judgement(Status.UNVERIFIED, run.node.reason, "", run.node.remedy))
        del probes[probe.name]
    scripts = [Script(p.name, p.timeout * run.node.timeout_factor, text_of(p)) for p in probes.values()]
    if scripts:
        environment = {**_probe_environment(run, container), "PATH": agents.path}
        for answer in ask_all(container, {run.profile.remote_user: scripts}, environment):
            yield from _judged(run, probes, answer, context)


def _answers(run: SmokeRun, container: Container, probes: Mapping[str, Probe]) -> Iterator[Answer]:
    """Collect the answers of every probe; each user's command runs beside the others."""
    remote = run.profile.remote_user
    environment = _probe_environment(run, container)
    first = [replace(one, timeout=one.timeout * run.node.timeout_factor) for one in (_FACTS, QUESTION)]
    questions: dict[str, list[Script]] = {remote: first}
    for probe in probes.values():
        user = remote if probe.user in (REMOTE, ANYONE) else probe.user
        seconds = probe.timeout * run.node.timeout_factor
        questions.setdefault(user, []).append(Script(probe.name, seconds, text_of(probe)))
    again: list[Script] = []
    for answer in ask_all(container, questions, environment):
        if isinstance(answer, NoAnswer):
            left = {name for name in answer.names if name in probes and probes[name].user == ANYONE}
            again += [question for question in questions[remote] if question.name in left]
            yield replace(answer, names=tuple(name for name in answer.names if name not in left))
        else:
            yield answer
    if again:
        yield from ask_all(container, {ROOT: again}, environment)


def _probe_environment(run: SmokeRun, container: Container) -> dict[str, str]:
    return {
        **remote_environment(run.profile, container),
        **ENVIRONMENT,
        "NESTPROOF_USERS": " ".join(users_of(run.profile)),
        "NESTPROOF_FOLDER": run.profile.workspace_folder,
    }


def _names(answer: Answer) -> tuple[str, ...]:
    return answer.names if isinstance(answer, NoAnswer) else (answer.name,)


def _judged(
    run: SmokeRun, probes: Mapping[str, Probe], answer: Answer, context: Context
) -> Iterator[Outcome]:
    if isinstance(answer, NoAnswer):
        judgement = Judgement(Status.ERROR, f"not asked: {answer.why}")
        yield from [outcome_of(run, probes[name], judgement) for name in answer.names if name in probes]
    elif probe := probes.get(answer.name):
        if context.facts is not None and takes_no_file(context.facts, probe):
            yield outcome_of(run, probe, NOT_ASKED)
            return
        yield judge(run, probe, observed(probe, answer), context)


def judge(run: SmokeRun, probe: Probe, observation: Observation, context: Context) -> Outcome:
    judgement = degraded_as_declared(probe.name, probe.judged(observation, context), context)
    if judgement.status not in probe.verdicts | {Status.ERROR}:
        raise AssertionError(f"{probe.name} may not say {judgement.status}")
    if not probe.text:
        judgement = downgrade_if_undeclared(run.profile, judgement)
    return outcome_of(run, probe, judgement, observation)


def outcome_of(
    run: SmokeRun, probe: Probe, judgement: Judgement, observation: Observation | None = None
) -> Outcome:
    return Outcome(
        f"smoke.{probe.name}",
        judgement.status,
        judgement.summary,
        run.target,
        judgement.cause,
        judgement.fix,
        observation,
    )
