"""A person's terminal in a container of a profile, started with the profile's own options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nestproof.build.target import Workshop
from nestproof.core.config import load_config
from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Target
from nestproof.core.platforms import parse_platform
from nestproof.core.process import run_interactive
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.profile import discover, select, with_image_metadata
from nestproof.engine.client import started_container
from nestproof.engine.podman import client
from nestproof.nodes.node_pool import Fleet, require_node
from nestproof.nodes.session import Session
from nestproof.nodes.transfer import at_place, give_image
from nestproof.reports.terminal import details
from nestproof.smoke.plan import request_container

# bash is what clients open where it is there.
_SHELL = 'exec "$(command -v bash || echo sh)" -l'


def open_terminal(
    workspace: Path, session: Session, target: Target, node: str, on_ready: Callable[[], None]
) -> int:
    """Build, start, hand over the terminal; returns the shell's exit status, and leaves nothing behind.

    Without a platform the target is for the node's own; without a node, for the one that is asked first.
    """
    file = select(discover(workspace), [target.profile])[target.profile]
    config = load_config(workspace)
    if node:
        require_node(config, node)
    fleet = Fleet(config.node, workspace, session.say)
    platform = parse_platform(target.platform) if target.platform else fleet.own_platform(node)
    target, place = Target(target.profile, platform), fleet.place(platform, node)
    workshop = Workshop(workspace, session, place.builder, config)
    profile = workshop.profile(target, file)
    outcome, image = workshop.build(profile, target)
    if not image:
        raise NestproofError(details([outcome]))
    profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
    give_image(place.builder, place.engine, image, session.say)
    request, prepare = at_place(
        request_container(profile, image, session.environment), workspace, elsewhere=place.elsewhere
    )
    user = ["--user", profile.remote_user] if profile.remote_user else []
    folder = ["--workdir", profile.workspace_folder]
    with started_container(place.engine, request, target.platform, prepare) as container:
        on_ready()
        facts = place.engine.facts
        program = client(facts.address) if facts.is_podman else ("docker",)
        return run_interactive(
            [*program, "exec", "-it", *user, *folder, container.name, "/bin/sh", "-c", _SHELL],
            place.engine.variables,
        )
