"""Smoke one target: start a container with the profile's options, run its probes, judge, remove it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from nestproof.core.cancellation import beside
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status, TargetFacts
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, ContainerEnded, started_container
from nestproof.nodes.node import Fidelity
from nestproof.probes.probe import Probe
from nestproof.probes.table import TERMINAL, text_of
from nestproof.probes.verdicts import Judgement
from nestproof.smoke import egress
from nestproof.smoke.after_start import (
    after_restart,
    ask_after_restart,
    restart,
    restarts,
    run_lifecycle,
    start_again,
)
from nestproof.smoke.container_state import does_not_stay, inspect, services_beside
from nestproof.smoke.plan import AGENTS, SmokeRun, chosen_probes, prepare_request
from nestproof.smoke.probes import ask_probes, context_of, judge, outcome_of
from nestproof.smoke.sessions import hold_sessions
from nestproof.smoke.tty import converse

_UNVERIFIED = 3
"""The exit code of an error that shows nothing either way."""


def smoke(engine: Engine, run: SmokeRun) -> Generator[Outcome]:
    """Start the container, run every probe, yield each outcome, and leave nothing behind."""
    yield from services_beside(run)
    probes = chosen_probes(run)
    emulated = run.node.fidelity is Fidelity.EMULATED
    for probe in probes:
        if emulated and probe.needs_namespaces:
            yield outcome_of(run, probe, Judgement(Status.UNVERIFIED, run.node.reason, "", run.node.remedy))
    asked = [probe for probe in probes if not (emulated and probe.needs_namespaces)]
    request, prepare = prepare_request(run, engine)
    try:
        with egress.internet_for(engine, run) as internet:
            request = internet.place(request) if internet else request
            run_args = tuple(run.profile.config.run_args)
            run.learn(TargetFacts(run.target, run.image.id, {}, run_args, request))
            with started_container(engine, request, run.node.platform, prepare) as container:
                if internet is not None:
                    internet.attach(container)
                    internet.trust(container)
                yield inspect(run, container)
                yield from _ask_after_commands(egress.Scene(engine, run, container, request, internet), asked)
    except ContainerEnded as ended:
        yield does_not_stay(run, ended)
    except EngineError as error:
        status = Status.UNVERIFIED if error.exit_code == _UNVERIFIED else Status.ERROR
        yield Outcome("smoke.container", status, error.what, run.target, error.why, error.fix)


def _ask_after_commands(scene: egress.Scene, asked: Sequence[Probe]) -> Iterator[Outcome]:
    """Run the lifecycle commands, ask the probes, and once more after another start if that can matter."""
    engine, run, container = scene.engine, scene.run, scene.container
    ended: list[Outcome] = []
    succeeded = yield from _kept(run_lifecycle(run, container), ended)
    firewall = yield from egress.begin(scene, asked, ended)
    probes = [probe for probe in asked if probe is not TERMINAL and not egress.is_one(probe)]
    with firewall as begun:
        if TERMINAL in asked:
            # It waits for most of its time, so it costs little at the side of the others.
            with beside(partial(_converse, engine, run, scene.request)) as conversed:
                agents, facts = yield from ask_probes(engine, run, container, probes)
                yield conversed()
        else:
            agents, facts = yield from ask_probes(engine, run, container, probes)
        proof = begun()
        yield from proof.ask()
        yield from hold_sessions(engine, run, container, agents, facts)
        yield from proof.rerun(partial(start_again, run, container))
        restarted = None
        wanted = restarts(run) and (not run.only or ask_after_restart(asked))
        if succeeded and AGENTS not in run.only and (wanted or proof.wants_restart):
            restarted = yield from restart(run, container, scene.internet.attach if scene.internet else None)
        yield from proof.after_restart(restarted)
        if restarted is not None:
            yield from _ask_again(engine, run, restarted.container, asked)
        yield from proof.tamper()


def _kept(outcomes: Generator[Outcome, None, bool], kept: list[Outcome]) -> Generator[Outcome, None, bool]:
    """Pass the outcomes on, and keep them."""
    while True:
        try:
            outcome = next(outcomes)
        except StopIteration as end:
            return bool(end.value)
        kept.append(outcome)
        yield outcome


def _ask_again(
    engine: Engine, run: SmokeRun, container: Container, asked: Sequence[Probe]
) -> Iterator[Outcome]:
    """Ask the probes whose answers another start can change."""
    again = ask_after_restart(asked)
    for outcome in ask_probes(engine, run, container, again) if again else ():
        if not outcome.id.startswith("agents"):
            yield after_restart(outcome)


def _converse(engine: Engine, run: SmokeRun, request: Mapping[str, Any]) -> Outcome:
    """Run the terminal probe in a container of its own, started with a terminal."""
    request = {**request, "User": run.profile.remote_user or request["User"]}
    seen = converse(
        engine, request, run.node.platform, text_of(TERMINAL), TERMINAL.timeout * run.node.timeout_factor
    )
    return judge(run, TERMINAL, seen, context_of(engine, run, None))
