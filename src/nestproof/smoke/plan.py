"""Plan a smoke run: its probes and containers. Reads only this process's environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nestproof.core.errors import UsageError
from nestproof.core.outcome import Target, TargetFacts
from nestproof.core.text import instead
from nestproof.devcontainer.compose_service import alone
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, Image
from nestproof.engine.create_request import create_request
from nestproof.engine.labels import new_run_labels
from nestproof.engine.limits import Limits, limit
from nestproof.lifecycle.commands import names_of, plan_phases
from nestproof.nodes.node import Node
from nestproof.nodes.transfer import Prepare, adapt_workspace, with_own_volumes
from nestproof.privileges.lock import Reasons, allowed_by
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.privileges.risks import walls_taken_down
from nestproof.probes.probe import Probe
from nestproof.probes.table import PACKS, PROBES
from nestproof.smoke.defaults import packs_of

AGENTS = "agents"
"""The name by which the agents' sessions are asked for alone, as a probe is."""


def _ignore(_: TargetFacts) -> None:
    """Ignore the facts of a target, for a run without evidence."""


def _say_nothing(_: str) -> None:
    """Take a line of progress that nobody is to see."""


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """A smoke run: profile, node, image and lock."""

    profile: Profile
    node: Node
    image: Image
    lock: Reasons | None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    custom_probes: tuple[Probe, ...] = ()
    """Probes of the repository."""
    learn: Callable[[TargetFacts], None] = _ignore
    """Called with the facts of the target."""
    only: tuple[str, ...] = ()
    """Names of the probes to run; empty means all."""
    copied: bool = False
    """The workspace is copied into a volume instead of bound."""
    lifecycle: bool = True
    """The lifecycle commands run before the probes are asked."""
    agents: bool = True
    """The agents that are found are driven with a scripted model."""
    lifecycle_timeout: float = 600
    """Seconds for each of them."""
    say: Callable[[str], None] = _say_nothing
    """Called with a line of progress."""
    stand_in: str = ""
    """The base image of a stand-in Internet on which the container is put; empty for its own network."""
    limits: Limits | None = None
    """The limits of the container, for a repository that nobody trusts."""

    @property
    def target(self) -> Target:
        return Target(self.profile.name, self.node.platform)

    @property
    def asks_agents(self) -> bool:
        """True if its agents are looked for, and asked."""
        return not self.only or AGENTS in self.only

    @property
    def protects(self) -> bool:
        """True if its commands could change folders of this machine, of which they get a copy."""
        return self.copied and self.lifecycle and any(names_of(self.profile))

    @property
    def allowed(self) -> frozenset[str]:
        """The relaxations that it may have: none where the container is all that confines an agent."""
        if self.profile.declarations.container_is_sandbox:
            return frozenset()
        return allowed_by(self.lock, self.profile.name, relaxations_asked(self.profile.run))

    @property
    def walls(self) -> tuple[str, ...]:
        """Its grave relaxations: those by which root leaves the container, on some hosts or on all."""
        return walls_taken_down(relaxations_asked(self.profile.run))


def request_container(profile: Profile, image: Image, environment: Mapping[str, str]) -> dict[str, Any]:
    """The create request for a container of the profile, as `docker run` would send it."""
    own = (*image.entrypoint, *image.command)
    if profile.service is not None:
        own = profile.service.own_command(image.entrypoint, image.command)
    return create_request(
        alone(profile.run),
        image=image.id,
        labels=new_run_labels(),
        environment=environment,
        entrypoints=profile.entrypoints,
        own_command=own if profile.keeps_command else (),
    )


def prepare_request(run: SmokeRun, engine: Engine) -> tuple[dict[str, Any], Prepare | None]:
    """The request for the run's container, and what fills its volumes before the start."""
    request = request_container(run.profile, run.image, run.environment)
    if run.limits is not None:
        request = limit(request, run.limits, engine)
    request = with_own_volumes(request)
    return adapt_workspace(request, run.profile.workspace, copied=run.copied, writes=run.protects)


def plan_probes(profile: Profile) -> tuple[Probe, ...]:
    """The probes of the profile's packs; raises UsageError where there is none.

    Where the profile names none, they are inferred; see `packs_of`.
    """
    packs = packs_of(profile).names
    probes = tuple(p for p in PROBES if p.pack in packs and _concerns(p, profile, packs))
    if not probes:
        raise UsageError(
            f"{profile.file.name}: customizations.nestproof.packs: there is no probe to ask",
            why="an empty run proves nothing",
            fix=f"name some of: {', '.join(PACKS)}",
        )
    return probes


def _concerns(probe: Probe, profile: Profile, packs: Sequence[str]) -> bool:
    """True if there is something in the profile for the probe to ask about."""
    match probe.name:
        case "users":
            return bool(users_of(profile))
        case "egress-proxy":
            return profile.declarations.egress is not None and bool(profile.declarations.egress.proxy)
        case "egress-sandbox":
            return bool({"bubblewrap", "codex", "sandbox-runtime"}.intersection(packs))
        case "egress-rerun":
            return bool(plan_phases(profile, ("postStartCommand",)))
        case _:
            return True


def users_of(profile: Profile) -> tuple[str, ...]:
    """Those who must be there: the declared ones, and the remote user."""
    return tuple(dict.fromkeys(filter(None, (*profile.declarations.users, profile.remote_user))))


def chosen_probes(run: SmokeRun) -> tuple[Probe, ...]:
    """The probes of the run; raises UsageError for an unknown one."""
    probes = (*plan_probes(run.profile), *run.custom_probes)
    known = [*(probe.name for probe in probes), AGENTS]
    # As a line of the run prints them, too.
    only = [name.removeprefix("smoke.").removeprefix("restart.") for name in run.only]
    for name in only:
        if name not in known:
            raise UsageError(
                f"the profile {run.profile.name} has no probe {name!r}", fix=instead(name, known)
            )
    return tuple(probe for probe in probes if not only or probe.name in only)
