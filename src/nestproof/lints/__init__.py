"""Lints: what a configuration says is read for what it means. docs/rules.md has a section for each rule.

To add one: a function of a profile and its document in the module that its idea belongs to, a line in the
table below, a line in rules.py, a section in docs/rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from nestproof.findings import Mistake
from nestproof.jsonc import Document
from nestproof.lints import mounts, pins, repetition, secrets, security, users, walls
from nestproof.lints.rules import RULES
from nestproof.lints.seccomp import Read, lint_seccomp, read_file
from nestproof.lints.secrets import redacted
from nestproof.profile import Profile

__all__ = ["LINTS", "RULES", "Lint", "lint", "redacted"]

Lint: TypeAlias = Callable[[Profile, Document], Iterator[Mistake]]

LINTS: tuple[Lint, ...] = (
    security.unknown_capability,
    security.unknown_security_option,
    security.old_separator,
    security.refused_security_value,
    walls.privileged,
    walls.overridden_by_privileged,
    walls.host_namespace,
    walls.mapped_device,
    walls.setuid_bwrap_without_new_privileges,
    walls.relaxed_although_strict,
    repetition.repeated_option,
    repetition.conflicting_options,
    repetition.platforms_disagree,
    mounts.mounted_socket,
    mounts.mounted_home,
    mounts.mounted_credentials,
    mounts.mounted_system,
    users.root_as_remote_user,
    pins.unpinned_image,
    pins.unpinned_feature,
    secrets.written_secrets,
)


def lint(profile: Profile, document: Document, *, read: Read = read_file) -> Iterator[Mistake]:
    """All that the lints find, lint by lint; `read` is for the seccomp profiles that are named."""
    for one in LINTS:
        yield from one(profile, document)
    yield from lint_seccomp(profile, document, read)
