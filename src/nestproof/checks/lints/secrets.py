"""Lints of secrets in a configuration file.

A secret is never repeated in a message. Whoever shows lines of a file takes them from `redacted`.
"""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.checks.lints.rules import RULES
from nestproof.core.diagnostics import Diagnostic
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.secrets import find_secrets


def written_secrets(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A secret in a committed file is known to everybody who ever has the repository."""
    place = document.source.position
    for secret in find_secrets(document):
        severity = RULES[secret.rule].severity
        yield Diagnostic(secret.rule, severity, secret.message, place(secret.start), place(secret.end))
