"""Lints of who works in the container."""

from __future__ import annotations

from collections.abc import Iterator

from nestbox.findings import Mistake
from nestbox.jsonc import Document
from nestbox.lints.options import text
from nestbox.lints.rules import report
from nestbox.profile import Profile

_ROOT = frozenset({"root", "0"})


def root_as_remote_user(profile: Profile, document: Document) -> Iterator[Mistake]:
    """Said outright only: without remoteUser the image decides, and it may well name somebody else."""
    user = text(document, "remoteUser")
    if user and user[0].partition(":")[0] in _ROOT:
        message = "tools and agents run as root in the container; name a user that is not root"
        yield report("root-remote-user", user[1], message)
