"""What came of one session of an agent with the scripted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestproof.agents.model.server import Request
from nestproof.agents.state import State
from nestproof.agents.table import DrivenAgent, Mode

_QUOTED = 300


@dataclass(frozen=True, slots=True)
class Session:
    """What came of one session."""

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
    """How many connections to the abstract socket were made during the session."""
    token: str
    """The word of the first command; a way's is `token-WAY`, and the control's `token-control`."""
    exit_status: int | None
    said: str
    """The end of what the agent itself printed."""
    seconds: float

    def words(self, way: str = "") -> str:
        """The begin of the result that the agent sent for the first command, or for a way, on one line."""
        number = 1 + self.asked.index(way) if way else 0
        text = self.results[number] if number < len(self.results) else ""
        return " ".join(text.split())[:_QUOTED]
