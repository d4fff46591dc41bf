"""Do what a client does once a container runs: its lifecycle commands, and those of another start."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nestproof.core.cancellation import POLL_SECONDS
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.variables import substitute
from nestproof.engine.client import engine_errors
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec
from nestproof.lifecycle.commands import names_of, plan_phases
from nestproof.lifecycle.environment import merge_environment, probe_environment
from nestproof.lifecycle.run import Place, not_run, run_phase
from nestproof.probes.probe import Probe
from nestproof.smoke.plan import SmokeRun

_START = "postStartCommand"
# Who may not be there after another start: what a sandbox is made of, and what confines it.
_ASKED_AGAIN = frozenset({"bubblewrap", "setuid-bwrap", "containment", "codex", "sandbox-runtime"})
_RESTART_SECONDS = 5
_SETTLED_SECONDS = 0.5
_NO_NETWORK = (
    "if it needs the network: containers of a repository that nobody trusts have none; --egress gives it, "
    "and `nestproof trust` too"
)


def environment_of(container: Container) -> dict[str, str]:
    """The container's own environment, as the engine has it."""
    return dict(entry.partition("=")[::2] for entry in container.inspection["Config"].get("Env") or ())


def remote_environment(profile: Profile, container: Container) -> dict[str, str]:
    """`remoteEnv`, which alone may speak of the container's own environment."""
    variables = replace(profile.variables, container=environment_of(container))
    resolved = substitute(dict(profile.config.remote_env), variables)
    return {name: value for name, value in resolved.items() if value is not None}


def run_lifecycle(run: SmokeRun, container: Container) -> Generator[Outcome, None, bool]:
    """Run the lifecycle commands of a container that is new; returns whether all succeeded."""
    profile = run.profile
    names = list(names_of(profile))
    if not names:
        return True
    if not run.lifecycle:
        yield Outcome(
            "lifecycle",
            Status.UNVERIFIED,
            f"left out: {', '.join(names)}",
            run.target,
            "people and agents work in a container in which they have run (--no-lifecycle)",
            "run it without --no-lifecycle",
        )
        return True
    if run.copied and profile.remote_user:
        _give_workspace(run, container)
    place = _place(run, container)
    failed = ""
    for phase, groups in plan_phases(profile):
        if failed:
            yield from (not_run(run.target, command, failed) for group in groups for command in group)
        elif not (yield from run_phase(place, groups, run.say)):
            failed = phase
    return not failed


def restarts(run: SmokeRun) -> bool:
    """True if another start of the container runs a command again."""
    return run.lifecycle and bool(plan_phases(run.profile, (_START,)))


def ask_after_restart(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """The probes whose answers another start of the container can change."""
    return tuple(probe for probe in probes if probe.pack in _ASKED_AGAIN or probe.text)


@dataclass(frozen=True, slots=True)
class Restarted:
    """A container that was started again, and has run what a client runs then."""

    container: Container
    seconds: float
    """From its start to the end of those commands."""


def start_again(run: SmokeRun, container: Container) -> list[Outcome]:
    """Run what a client runs at each start, in a container that has run it before."""
    place = _place(run, container)
    phases = plan_phases(run.profile, (_START,))
    return [one for _, groups in phases for one in run_phase(place, groups, run.say)]


def restart(
    run: SmokeRun, container: Container, ready: Callable[[Container], None] | None = None
) -> Generator[Outcome, None, Restarted | None]:
    """Stop and start the container, and run what a client runs then; returns it as it is now.

    What only an earlier command had set up is gone; people do not notice. None if it does not start again.
    `ready` is called before the commands are run.
    """
    try:
        with engine_errors("starting the container again"):
            container.api.restart(container.name, timeout=_RESTART_SECONDS)
            started = time.monotonic()
            again = replace(container, inspection=container.api.inspect_container(container.name))
        if ready is not None:
            ready(again)
        # They end by themselves where the container does: what it came to is looked at afterwards.
        outcomes = start_again(run, again)
        seconds = time.monotonic() - started
        with engine_errors("starting the container again"):
            inspection = _settled(container, started)
    except EngineError as error:
        yield Outcome("restart", Status.ERROR, error.what, run.target, error.why)
        return None
    if not inspection["State"]["Running"]:
        status = inspection["State"]["ExitCode"]
        said = f"the container ended with exit status {status} once it was started again"
        yield Outcome("restart", Status.FAIL, said, run.target, said, "look at its entry point")
        return None
    yield from map(after_restart, outcomes)
    return Restarted(replace(again, inspection=inspection), seconds)


def _settled(container: Container, started: float) -> dict[str, Any]:
    """The engine's inspection, once the container has run for a moment or has ended."""
    deadline = started + _SETTLED_SECONDS
    while True:
        inspection: dict[str, Any] = container.api.inspect_container(container.name)
        if not inspection["State"]["Running"] or time.monotonic() > deadline:
            return inspection
        time.sleep(POLL_SECONDS)


def after_restart(outcome: Outcome) -> Outcome:
    """The outcome of a probe that was asked again, by a name of its own."""
    name = outcome.id.removeprefix("smoke.").removeprefix("lifecycle.")
    return replace(outcome, id=f"restart.{name}", summary=f"after a restart: {outcome.summary}")


def _place(run: SmokeRun, container: Container) -> Place:
    profile = run.profile
    probed = probe_environment(container, profile.remote_user, profile.config.user_env_probe)
    return Place(
        container,
        run.target,
        profile.remote_user,
        profile.workspace_folder,
        merge_environment(probed, remote_environment(profile, container)),
        run.lifecycle_timeout * run.node.timeout_factor,
        _NO_NETWORK if run.limits is not None and not run.limits.network else "",
    )


def _give_workspace(run: SmokeRun, container: Container) -> None:
    """Make the copy of the workspace the remote user's, as the folder itself is its owner's."""
    argv = ["chown", "-R", run.profile.remote_user, "--", run.profile.workspace_folder]
    with engine_errors("giving the copy of the workspace to its user"):
        for _ in Exec(container, argv, user="root", environment={}, timeout=120):
            pass
