"""The addresses on which a model is reached, and what else has come there. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Listener:
    """The addresses that are listened on, and what has come there beside connections."""

    tcp: int
    udp: int
    unix: str
    """The name of the abstract socket; empty if there is none."""
    datagrams: list[str] = field(default_factory=list)
    unix_connections: list[str] = field(default_factory=list)
