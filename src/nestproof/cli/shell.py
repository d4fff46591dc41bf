"""A person's terminal in a container of a profile, started with the profile's own options."""

from __future__ import annotations

from collections.abc import Callable

from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Target
from nestproof.core.platforms import parse_platform
from nestproof.core.process import run_interactive
from nestproof.engine.container import started_container
from nestproof.engine.podman import client
from nestproof.nodes.session import Session
from nestproof.reports.terminal import details
from nestproof.smoke.plan import prepare_request
from nestproof.smoke.target import TargetJob, build_target, prepare_target

# bash is what clients open where it is there.
_SHELL = 'exec "$(command -v bash || echo sh)" -l'


def open_terminal(session: Session, target: Target, node: str, on_ready: Callable[[], None]) -> int:
    """Build, start, hand over the terminal; returns the shell's exit status, and leaves nothing behind.

    Without a platform the target is for the node's own; without a node, for the one that is asked first.
    """
    session.profiles.names([target.profile])
    nodes = session.open_nodes(node)
    platform = parse_platform(target.platform) if target.platform else nodes.own_platform(node)
    placement = nodes.place(platform, node)
    job = TargetJob(Target(target.profile, platform), placement, session, lock=session.lock)
    built = build_target(job)
    if not built.image:
        raise NestproofError(details([built.outcome]))
    engine, run = prepare_target(job, built.profile, built.image)
    request, prepare = prepare_request(run, engine)
    user = ["--user", run.profile.remote_user] if run.profile.remote_user else []
    folder = ["--workdir", run.profile.workspace_folder]
    with started_container(engine, request, platform, prepare) as container:
        on_ready()
        program = client(engine.facts.address) if engine.facts.is_podman else ("docker",)
        return run_interactive(
            [*program, "exec", "-it", *user, *folder, container.name, "/bin/sh", "-c", _SHELL],
            engine.variables,
        )
