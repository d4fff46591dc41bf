"""Hold a started container, as the engine has it, against the lock; say what of the profile is not there."""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.core.outcome import Observation, Outcome, Status
from nestproof.devcontainer.compose_service import shared_with_services
from nestproof.engine.container import Container, ContainerEnded
from nestproof.privileges.relaxations import relaxations_in_force
from nestproof.smoke.plan import SmokeRun


def services_beside(run: SmokeRun) -> Iterator[Outcome]:
    """A namespace that belongs to a service that is not started cannot be shown."""
    shared = shared_with_services(run.profile.run)
    if shared:
        named = ", ".join(f"the {namespace} namespace of {other}" for namespace, other in shared.items())
        yield Outcome(
            "smoke.services",
            Status.UNVERIFIED,
            f"{named} is not shared here: it has one of its own",
            run.target,
            "nestproof starts no service beside the profile's own",
            "devcontainer up starts them all",
        )


def does_not_stay(run: SmokeRun, ended: ContainerEnded) -> Outcome:
    """The one outcome for a container that ends by itself."""
    fix = ""
    if run.profile.keeps_command:
        setting = "set overrideCommand to true, so that the client keeps the container running"
        fix = f'{setting}, or have its ENTRYPOINT end with exec "$@" and its CMD stay'
    said = f"its own command said: {ended.why}" if ended.why else "its own command said nothing"
    return Outcome("smoke.container", Status.ERROR, ended.what, run.target, said, fix)


def inspect(run: SmokeRun, container: Container) -> Outcome:
    """Compare the engine's granted options with the lock; the file is not read here."""
    asked = run.profile.run
    in_force = relaxations_in_force(container.inspection, asked.root, asked.home, cgroupns=asked.cgroupns)
    extra = [relaxation for relaxation in in_force if relaxation not in run.allowed]
    observation = Observation(("docker", "inspect", container.name), 0, "\n".join(in_force))
    if not extra:
        summary = f"in force: {', '.join(in_force)}" if in_force else "no relaxation is in force"
        return Outcome("smoke.relaxations", Status.PASS, summary, run.target, observation=observation)
    is_sandbox = run.profile.declarations.container_is_sandbox
    rule = "its container is the sandbox" if is_sandbox else "privilege lock"
    or_allow = "" if is_sandbox else ", or allow it in the lock"
    return Outcome(
        "smoke.relaxations",
        Status.FAIL,
        f"in force: {', '.join(extra)}",
        run.target,
        f"the profile {run.profile.name} may not have {', '.join(extra)} ({rule})",
        f"remove {' '.join(f'--{name}' for name in extra)} from the profile{or_allow}",
        observation,
    )
