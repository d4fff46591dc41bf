"""The answers of a command that an agent ran, and of the same command outside of its sandbox. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACES = ("mnt", "pid", "net", "user")


@dataclass(frozen=True, slots=True)
class State:
    """The lines of state.sh: key to its values."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self, key: str) -> str:
        """The first value of a key; empty if there is none."""
        return next(iter(self.values.get(key, ())), "")

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of a key."""
        return self.values.get(key, ())

    @property
    def whole(self) -> bool:
        """True if the command ran to its end."""
        return "end" in self.values

    def own_namespaces(self, outside: State) -> tuple[str, ...]:
        """The namespaces that are not those of the outside."""
        pairs = ((name, self.first(f"ns-{name}"), outside.first(f"ns-{name}")) for name in NAMESPACES)
        return tuple(name for name, mine, theirs in pairs if mine and theirs and mine != theirs)


def read_state(text: str, token: str) -> State:
    """The lines that begin with the token: anything else is an agent's own text.

    A result that an agent wraps in JSON or in markup has the same lines.
    """
    values: dict[str, list[str]] = {}
    for line in text.replace("\\n", "\n").splitlines():
        # The token must be a word of its own: those of the ways are longer.
        _, found, rest = line.partition(f"{token} ")
        key, _, value = rest.partition(" ")
        if found and key:
            values.setdefault(key.rstrip(":"), []).append(value.strip())
    return State({key: tuple(found) for key, found in values.items()})


def sandbox_settings(outside: State) -> dict[str, Any]:
    """Claude Code's settings of its sandbox: later files of the list win, managed ones last.

    Source: Claude Code's documentation, "Settings precedence".
    """
    merged: dict[str, Any] = {}
    for row in outside.all("settings"):
        try:
            written = json.loads(base64.b64decode(row.rpartition(" ")[2]))
        except (binascii.Error, ValueError):
            continue
        sandbox = written.get("sandbox") if isinstance(written, dict) else None
        merged |= sandbox if isinstance(sandbox, dict) else {}
    return merged
