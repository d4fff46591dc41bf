"""Begin the proof of a container's firewall, on its own network or a stand-in Internet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from nestproof.core.cancellation import beside
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status, unasked
from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress import proof
from nestproof.egress.meant import firewall_commands, gateway_of, looks_meant
from nestproof.egress.stand_in.internet import Internet, stand_in
from nestproof.egress.stand_in.names import plan_names
from nestproof.engine.client import Engine
from nestproof.engine.container import Container
from nestproof.lifecycle.commands import AT_EACH_START, plan_phases
from nestproof.nodes.node import Fidelity
from nestproof.probes.egress import PACK
from nestproof.probes.probe import Probe
from nestproof.smoke.after_start import remote_environment
from nestproof.smoke.firewall_proof import (
    FirewallProof,
    NothingAsked,
    Proof,
    aborted_of,
    no_firewall_is_declared,
)
from nestproof.smoke.plan import SmokeRun


@dataclass(frozen=True, slots=True)
class Scene:
    """A container of a smoke run: how it was asked for, and what its network leads to."""

    engine: Engine
    run: SmokeRun
    container: Container
    request: Mapping[str, Any]
    internet: Internet | None = None


@contextlib.contextmanager
def internet_for(engine: Engine, run: SmokeRun) -> Iterator[Internet | None]:
    """The stand-in of the run, if it wants one; raises EngineError."""
    if not run.stand_in or not _has_own_network(run):
        yield None
        return
    plan = plan_names(run.profile.declarations.egress or EgressDeclaration())
    own_network = run.profile.run.network not in ("", "bridge", "default") or run.profile.service is not None

    def say(text: str) -> None:
        run.say(f"{run.target}: {text}")

    with stand_in(engine, run.stand_in, plan, say, keeps_resolver=own_network) as internet:
        yield internet


def _has_own_network(run: SmokeRun) -> bool:
    """False where the container shares a namespace, or has no network, whose place nothing can take."""
    return not run.profile.run.network.startswith(("host", "none", "container:"))


def is_one(probe: Probe) -> bool:
    """True for a probe of the firewall."""
    return probe.pack == PACK


def begin(
    scene: Scene, asked: Sequence[Probe], outcomes: Sequence[Outcome]
) -> Generator[Outcome, None, AbstractContextManager[Callable[[], Proof]]]:
    """A context that makes the attempts beside its block, which then waits for the proof.

    `outcomes` are those of the lifecycle commands. Yields why nothing is asked, where something should be.
    """
    run = scene.run
    names = tuple(probe.name for probe in asked if is_one(probe))
    if not names and (run.only or not looks_meant(run.profile)):
        return contextlib.nullcontext(NothingAsked)
    if why := why_not(scene):
        declared = run.profile.declarations.egress is not None
        what = "the firewall is not asked" if declared else no_firewall_is_declared(run)
        yield Outcome("egress", Status.UNVERIFIED, what, run.target, *why)
        return contextlib.nullcontext(NothingAsked)
    return _proving(scene, names, outcomes)


@contextlib.contextmanager
def _proving(
    scene: Scene, names: tuple[str, ...], outcomes: Sequence[Outcome]
) -> Iterator[Callable[[], Proof]]:
    place = _place(scene)
    ids = {command.id for command in place.commands}
    failed = [one for one in outcomes if one.status is Status.FAIL and one.id in ids]

    def prove() -> Proof:
        try:
            with proof.controls(place) as control:
                if scene.internet is not None and place.declared.stand_in.changing:
                    scene.internet.change()
                seen = proof.ask(place, control, aborted_of(failed))
        except EngineError as error:
            return NothingAsked(unasked("egress", scene.run.target, error))
        return FirewallProof(scene.run, place, names, seen)

    with beside(prove) as begun:
        yield begun


def _place(scene: Scene) -> proof.Place:
    profile = scene.run.profile
    declares = profile.declarations.egress is not None or PACK in (profile.declarations.packs or ())
    commands = firewall_commands(profile)
    if declares and not commands:
        # Whichever of them sets it up, it is among them.
        commands = tuple(c for _, groups in plan_phases(profile) for group in groups for c in group)
    return proof.Place(
        engine=scene.engine,
        container=scene.container,
        request=scene.request,
        image=scene.run.image.id,
        user=profile.remote_user,
        environment=remote_environment(profile, scene.container),
        declared=profile.declarations.egress or EgressDeclaration(),
        declares=declares,
        commands=commands,
        at_each_start=not commands or any(command.phase in AT_EACH_START for command in commands),
        folder=profile.workspace_folder,
        trusted=scene.run.limits is None,
        internet=scene.internet,
        timeout_factor=scene.run.node.timeout_factor,
    )


def why_not(scene: Scene) -> tuple[str, str] | None:
    """The reason for which no connection can be tried, and what would help; None where one can."""
    run = scene.run
    if gateway := gateway_of(run.profile):
        return (
            f"the service {gateway} stands between the container and the network, and is not started",
            "start the project, and try by hand: docs/egress.md has the commands",
        )
    network = run.profile.run.network
    if network.startswith(("host", "container:")):
        return (
            f"the container has the network of another ({network}), which is not the profile's to close",
            "give it a network of its own",
        )
    if run.node.fidelity is Fidelity.EMULATED:
        return run.node.reason, run.node.remedy
    if scene.internet is None and run.limits is not None and not run.limits.network:
        return (
            "containers of a repository that nobody trusts have no network",
            "--egress gives it, and `nestproof trust` too",
        )
    if not run.lifecycle:
        return "its lifecycle commands are left out (--no-lifecycle)", "run it without --no-lifecycle"
    return None
