"""Limits for the containers of a repository that nobody trusts: memory, processors, processes, no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nestproof.engine.client import Engine

_GIB = 1 << 30
_NANO = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that such a container may use; the probes need a fraction of it."""

    memory: int = 4 * _GIB
    """Bytes."""
    processors: int = 2
    processes: int = 2048
    network: bool = False
    """True if the container has the network of its profile."""

    def __str__(self) -> str:
        network = "its network" if self.network else "no network"
        return (
            f"{network}, at most {self.memory // _GIB} GiB of memory, {self.processors} processors and "
            f"{self.processes} processes"
        )


def limit(request: Mapping[str, Any], limits: Limits, engine: Engine) -> dict[str, Any]:
    """The create request with the limits; what the profile sets itself counts where it is less."""
    host = dict(request["HostConfig"])
    host["Memory"] = _least(host.get("Memory"), limits.memory)
    host["PidsLimit"] = _least(host.get("PidsLimit"), limits.processes)
    # The engine refuses more processors than it has, and any limit where its kernel has no quota.
    if engine.limits_processors and engine.cpus > limits.processors:
        host["NanoCpus"] = _least(host.get("NanoCpus"), limits.processors * _NANO)
    if not limits.network:
        host["NetworkMode"] = "none"
    return {**request, "HostConfig": host}


def _least(own: int | None, most: int) -> int:
    """The profile's own number where it is one, and less; the engine takes -1 for no limit."""
    return min(own, most) if own and own > 0 else most
