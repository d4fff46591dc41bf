"""A person's terminal in a container of a profile, started with the profile's own options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nestproof.build.target import TargetBuilder
from nestproof.core.config import load_config
from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Target
from nestproof.core.platforms import parse_platform
from nestproof.core.process import run_interactive
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.profile import discover, select, with_image_metadata
from nestproof.engine.client import started_container
from nestproof.engine.podman import client
from nestproof.nodes.node_pool import NodePool, require_node
from nestproof.nodes.session import Session
from nestproof.nodes.transfer import adapt_for_remote, give_image
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
    node_pool = NodePool(config.node, workspace, session.say)
    platform = parse_platform(target.platform) if target.platform else node_pool.own_platform(node)
    target, place = Target(target.profile, platform), node_pool.place(platform, node)
    target_builder = TargetBuilder(workspace, session, place.builder, config)
    profile = target_builder.profile(target, file)
    outcome, image = target_builder.build(profile, target)
    if not image:
        raise NestproofError(details([outcome]))
    profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
    give_image(place.builder, place.engine, image, session.say)
    request, prepare = adapt_for_remote(
        request_container(profile, image, session.environment), workspace, remote=place.remote
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
