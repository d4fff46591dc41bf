"""Lints of settings by which a coding agent goes without its sandbox."""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.checks.lints.docker_options import named
from nestproof.checks.lints.rules import report
from nestproof.core.diagnostics import Diagnostic
from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.devcontainer.profile import Profile
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.privileges.risks import walls_taken_down

OFF = ("CODEX_UNSAFE_ALLOW_NO_SANDBOX",)
"""Variables by which an agent runs commands without its sandbox, whatever their value, unless it is empty."""


def sandbox_switched_off(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Docker's walls are taken down for a sandbox, and a variable lets the agent go without it."""
    walls = walls_taken_down(relaxations_asked(profile.run))
    for name, node in _variables(document) if walls else ():
        message = f"{name} lets an agent go without its sandbox, and {', '.join(walls)} are there for it"
        yield report("agent-sandbox-off", node, message)


def _variables(document: Document) -> Iterator[tuple[str, JsonNode]]:
    for table in ("containerEnv", "remoteEnv"):
        node = document.root.at(table) if document.root else None
        for name, member in node.members.items() if node else ():
            # What a variable of the host brings in, the container shows.
            if name in OFF and member.value.value and "${" not in str(member.value.value):
                yield name, member.key
    for option in named(document, "env"):
        name, equals, value = option.value.partition("=")
        if name in OFF and (value or not equals):
            yield name, option.node
