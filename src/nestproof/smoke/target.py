"""Prepare a target: build the image, merge its metadata, transfer it."""

from __future__ import annotations

from dataclasses import dataclass

from nestproof.build.base_image import make_bases, plan_bases
from nestproof.build.target import TargetBuilder
from nestproof.core.outcome import Outcome, Target
from nestproof.core.trust import UntrustedError, keep_trust
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.profile import Profile, with_image_metadata
from nestproof.engine.client import Engine, Image
from nestproof.lifecycle.commands import names_of
from nestproof.nodes.liveness import ping, watchdog
from nestproof.nodes.node import vm_node
from nestproof.nodes.node_pool import Placement
from nestproof.nodes.session import Session
from nestproof.nodes.transfer import give_image
from nestproof.nodes.vm import VirtualMachines
from nestproof.privileges.host_request import metadata_lines
from nestproof.privileges.lock import Reasons
from nestproof.privileges.lock_check import require_locked
from nestproof.privileges.reach import variables_of_label
from nestproof.probes.probe import Probe
from nestproof.smoke.plan import SmokeRun


@dataclass(frozen=True, slots=True)
class TargetJob:
    """A target, its nodes, and its expectations."""

    target: Target
    placement: Placement
    session: Session
    custom_probes: tuple[Probe, ...] = ()
    """Probes of the repository."""
    lock: Reasons | None = None
    machines: VirtualMachines | None = None
    """The virtual machines, if its containers run in one."""
    only: tuple[str, ...] = ()
    """Names of the probes to run; empty means all."""


@dataclass(frozen=True, slots=True)
class BuiltTarget:
    """A target after its build; `image` is None unless the outcome is a pass."""

    profile: Profile
    outcome: Outcome
    image: Image | None


def build_target(job: TargetJob) -> BuiltTarget:
    """Build the target's image; raises NestproofError when it cannot be planned or the builder is lost."""
    placement = job.placement
    with placement.at_work():
        profile, outcome, image = TargetBuilder(job.session, placement.builder).build(job.target)
        if image is None:
            ping(placement.builder, placement.builder_name)
    return BuiltTarget(profile, outcome, image)


def _require_trusted(session: Session, own: Profile, profile: Profile, label: str) -> None:
    """Raise UntrustedError for what the image asks for and nobody allowed; `nestproof trust` will show it."""
    session.passed |= set(variables_of_label(label))
    missing = session.trust.missing(metadata_lines(own, profile, label))
    if missing:
        seen = session.trust.seen | set(missing)
        trust = session.trust
        keep_trust(session.workspace, session.environment, allowed=trust.lines, seen=seen, given=trust.given)
        raise UntrustedError(missing, trust)


def _writes(job: TargetJob, profile: Profile) -> bool:
    """True if lifecycle commands would write into the workspace: they get a copy, unless told otherwise."""
    options = job.session.trust_options
    return options.lifecycle and not options.bind_workspace and any(names_of(profile))


def _stand_in_base(session: Session, engine: Engine, own: Image) -> str:
    """The base image on which the servers of a stand-in Internet are built: the repository's, or its own."""
    base, platform = session.config.base_image, engine.facts.platform
    if base is None:
        return own.id
    bases = plan_bases(engine, base, platform, session.environment)
    make_bases(engine, bases, workspace=session.workspace, say=session.say)
    return bases.variables.get(base.variable) or session.environment.get(base.variable) or base.image


def prepare_target(job: TargetJob, profile: Profile, image: Image) -> tuple[Engine, SmokeRun]:
    """Bring the image to the engine that runs it; returns that engine, and the run to start there.

    Raises LockRefusal before that when the profile, its image's metadata included, asks for more than the
    lock allows: what is started has it already.
    """
    placement, session = job.placement, job.session
    own, label = profile, image.labels.get(LABEL, "")
    profile = with_image_metadata(own, label)
    require_locked(profile, job.lock)
    _require_trusted(session, own, profile, label)
    node, engine = placement.node, placement.engine
    if job.machines is not None:
        engine = job.machines.open(job.target.platform)
        node = vm_node(engine.facts)
    with watchdog(engine, node.name):
        give_image(placement.builder, engine, image, lambda text: session.say(f"{job.target}: {text}"))
    return engine, SmokeRun(
        profile,
        node,
        image,
        job.lock,
        session.environment,
        job.custom_probes,
        only=job.only,
        copied=job.machines is not None
        or placement.remote
        or session.copies_workspace
        or _writes(job, profile),
        lifecycle=session.trust_options.lifecycle,
        agents=session.trust_options.agents,
        lifecycle_timeout=session.config.lifecycle_timeout,
        say=session.say,
        stand_in=_stand_in_base(session, engine, image) if session.trust_options.stand_in_internet else "",
        limits=session.limits,
    )
