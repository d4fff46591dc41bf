"""A person's terminal in a container of a profile, started with the profile's own options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nestbox.command import run_interactive
from nestbox.engine import started_container
from nestbox.errors import NestboxError
from nestbox.metadata import LABEL
from nestbox.outcome import Target
from nestbox.platforms import parse_platform
from nestbox.podman import client
from nestbox.profile import discover, select, with_image_metadata
from nestbox.report import details
from nestbox.smoke import request_container
from nestbox.validate import Session, open_workshop

# bash is what clients open where it is there.
_SHELL = 'exec "$(command -v bash || echo sh)" -l'


def open_terminal(
    workspace: Path, session: Session, name: str, platform: str, on_ready: Callable[[], None]
) -> int:
    """Build, start, hand over the terminal; returns the shell's exit status, and leaves nothing behind."""
    file = select(discover(workspace), [name])[name]
    workshop = open_workshop(workspace, session)
    target = Target(name, parse_platform(platform) if platform else workshop.engine.facts.platform)
    profile = workshop.profile(target, file)
    outcome, image = workshop.build(profile, target)
    if not image:
        raise NestboxError(details([outcome]))
    profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
    request = request_container(profile, image, session.environment)
    user = ["--user", profile.remote_user] if profile.remote_user else []
    place = ["--workdir", profile.workspace_folder]
    with started_container(workshop.engine, request, target.platform) as container:
        on_ready()
        facts = workshop.engine.facts
        program = client(facts.address) if facts.is_podman else ("docker",)
        return run_interactive(
            [*program, "exec", "-it", *user, *place, container.name, "/bin/sh", "-c", _SHELL]
        )
