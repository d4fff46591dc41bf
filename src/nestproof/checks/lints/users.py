"""Lints of the users in the container."""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.checks.lints.docker_options import text
from nestproof.checks.lints.rules import report
from nestproof.core.diagnostics import Diagnostic
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile

_ROOT = frozenset({"root", "0"})


def root_as_remote_user(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Reported only for a written remoteUser: without one, the image decides."""
    user = text(document, "remoteUser")
    if user and user[0].partition(":")[0] in _ROOT:
        message = "tools and agents run as root in the container; name a user that is not root"
        yield report("root-remote-user", user[1], message)
