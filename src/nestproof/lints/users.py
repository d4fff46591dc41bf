"""Lints of who works in the container."""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.findings import Mistake
from nestproof.jsonc import Document
from nestproof.lints.options import text
from nestproof.lints.rules import report
from nestproof.profile import Profile

_ROOT = frozenset({"root", "0"})


def root_as_remote_user(profile: Profile, document: Document) -> Iterator[Mistake]:
    """Said outright only: without remoteUser the image decides, and it may well name somebody else."""
    user = text(document, "remoteUser")
    if user and user[0].partition(":")[0] in _ROOT:
        message = "tools and agents run as root in the container; name a user that is not root"
        yield report("root-remote-user", user[1], message)
