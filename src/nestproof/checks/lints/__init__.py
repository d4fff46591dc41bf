"""Lints: what a configuration says is read for what it means. docs/rules.md has a section for each rule.

To add one: a function of a profile and its document in the module that its idea belongs to, a line in the
table below, a line in rules.py, a section in docs/rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from nestproof.checks.lints import (
    agents,
    conflicts,
    isolation,
    mounts,
    pinning,
    secrets,
    security_options,
    users,
)
from nestproof.checks.lints.rules import RULES
from nestproof.checks.lints.seccomp import Read, lint_seccomp
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.files import read_file
from nestproof.core.source import short
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile

__all__ = ["LINTS", "RULES", "Lint", "lint"]

Lint: TypeAlias = Callable[[Profile, Document], Iterator[Diagnostic]]

LINTS: tuple[Lint, ...] = (
    security_options.unknown_capability,
    security_options.unknown_security_option,
    security_options.old_separator,
    security_options.refused_security_value,
    isolation.privileged,
    isolation.overridden_by_privileged,
    isolation.host_namespace,
    isolation.mapped_device,
    isolation.setuid_bwrap_without_new_privileges,
    isolation.relaxed_although_strict,
    conflicts.repeated_option,
    conflicts.option_of_podman,
    conflicts.conflicting_options,
    conflicts.platforms_disagree,
    mounts.mounted_socket,
    mounts.mounted_home,
    mounts.mounted_credentials,
    mounts.mounted_system,
    users.root_as_remote_user,
    pinning.unpinned_image,
    pinning.unpinned_feature,
    pinning.locked_features,
    secrets.written_secrets,
    agents.sandbox_switched_off,
)

OF_FEATURES: tuple[Lint, ...] = (
    security_options.unknown_capability,
    security_options.unknown_security_option,
    security_options.old_separator,
    security_options.refused_security_value,
    isolation.privileged,
    mounts.mounted_socket,
    mounts.mounted_home,
    mounts.mounted_credentials,
    mounts.mounted_system,
)
"""Those of options that a feature can bring."""


def lint(profile: Profile, document: Document, *, read: Read | None = None) -> Iterator[Diagnostic]:
    """All that the lints find, lint by lint; `read` opens the seccomp profiles that are named."""
    for one in LINTS:
        yield from one(profile, document)
    for feature, metadata in [(f, f.document) for f in profile.features if f.document is not None]:
        for one in OF_FEATURES:
            for found in one(profile, metadata):
                said = f"the feature {short(feature.name)}: {found.message}"
                yield replace(found, message=said, start=feature.key.start, end=feature.key.end, related=())
    yield from lint_seccomp(profile, document, read or partial(read_file, below=profile.workspace))
