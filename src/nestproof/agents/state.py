"""The answers of a command that an agent ran, and of the same command outside of its sandbox. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACES = ("mnt", "pid", "net", "user")
_NAMESPACE = re.compile(r"[a-z]+:\[\d+\]")


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
        return tuple(
            name for name, *both in pairs if all(map(_NAMESPACE.fullmatch, both)) and len({*both}) > 1
        )


def read_state(text: str, token: str) -> State:
    """The answers after the token: anything else is an agent's own text.

    A result that an agent wraps in JSON, once or twice, has the same: no answer holds a quote or backslash.
    """
    values: dict[str, list[str]] = {}
    # The token must be a word of its own: those of the ways are longer.
    for found in re.finditer(rf"{re.escape(token)} ([A-Za-z-]+):? ([^\"\\\r\n]*)", text):
        values.setdefault(found[1], []).append(found[2].strip())
    return State({key: tuple(every) for key, every in values.items()})


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
