"""The record of one session of an agent with the scripted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestproof.agents.model.server import Request
from nestproof.agents.state import State
from nestproof.agents.table import DrivenAgent, Mode

_QUOTED = 300


@dataclass(frozen=True, slots=True)
class Session:
    """The outcome of one session, before anybody judges it."""

    agent: DrivenAgent
    mode: Mode
    argv: tuple[str, ...]
    requests: tuple[Request, ...]
    results: tuple[str, ...]
    """The results of tool calls that the agent sent, in their order."""
    outside: State
    """The answers of the same command outside of the sandbox, as the same user."""
    inside: State
    """The answers of the command that the agent ran."""
    asked: tuple[str, ...]
    """The ways out that were asked for, in their order; each result but the first is one's."""
    ways: Mapping[str, State]
    """Way to the answers of the command that asked for it, of those that the agent's tool offers."""
    left: tuple[str, ...]
    """Files that are there outside afterwards."""
    victim_lives: bool
    reached: frozenset[str]
    """The words of the commands that reached the model's server by TCP or UDP; see `token`."""
    unix_connections: int
    """The number of connections to the abstract socket during the session, without the control's."""
    token: str
    """The word of the first command; a way's is `token-WAY`, and the control's `token-control`."""
    exit_status: int | None
    said: str
    """The end of what the agent itself printed."""
    seconds: float

    def words(self, way: str = "") -> str:
        """The begin of the result that the agent sent for the first command, or for a way, on one line."""
        number = 1 + self.asked.index(way) if way in self.asked else 0
        text = self.results[number] if number < len(self.results) else ""
        return " ".join(text.split())[:_QUOTED]

    @property
    def outside_files(self) -> tuple[str, ...]:
        """The files that were left outside of the workspace."""
        workspace = self.outside.first("wrote-workspace")
        return tuple(file for file in self.left if not (workspace and file.startswith(f"{workspace}/")))

    @property
    def words_left(self) -> frozenset[str]:
        """The words of the commands that left a file anywhere."""
        return frozenset(file.rpartition("/.nestproof-")[2] for file in self.left)

    def escaped(self, way: str) -> str:
        """The deed of a command outside of the sandbox, by a way that a model asked for; empty for none."""
        token = f"{self.token}-{way}"
        state = self.ways.get(way, State())
        written = [file for file in self.outside_files if file.endswith(f"/.nestproof-{token}")]
        if written:
            return f"wrote {written[0]}"
        if token in self.reached:
            return "reached a server outside by the network"
        inside = self.inside.own_namespaces(self.outside)
        if state.first("ns-mnt") and inside and not state.own_namespaces(self.outside):
            return "ran in the container's own namespaces"
        return ""
