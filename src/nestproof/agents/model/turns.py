"""The script of a model: a list of turns, and the next one for what an agent has sent. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# The arguments of a call, by the names that agents give to the tool that runs a command.
_SHELL_TOOLS = ("exec_command", "shell_command", "Bash", "bash", "run_shell_command", "shell")


@dataclass(frozen=True)
class Turn:
    """One answer of the model: a command to run, or a text that ends the session."""

    command: str = ""
    text: str = "done"
    escalate: bool = False
    """Ask, in the tool's own way, to run the command outside of the agent's sandbox."""


@dataclass(frozen=True)
class Call:
    """A tool call, as an agent is given it."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """The content of a request: the tools that the agent offers, and the results that it has sent so far."""

    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    model: str = ""
    streamed: bool = True


class UnknownToolError(Exception):
    """No tool that the agent offers is known to run a command."""


@dataclass
class Script:
    """The turns of a session."""

    turns: tuple[Turn, ...]
    end: Turn = field(default_factory=Turn)

    def answer(self, asked: Asked) -> Call | str:
        """The call or the text that follows on what was asked; raises UnknownToolError.

        An agent asks for other things beside its session, such as a title: without tools it gets a text.
        """
        done = len(asked.results)
        turn = self.turns[done] if asked.tools and done < len(self.turns) else self.end
        return call(turn, asked.tools) if turn.command else turn.text


def call(turn: Turn, tools: tuple[str, ...]) -> Call:
    """The turn as a call of the tool that the agent offers; raises UnknownToolError."""
    tool = next((name for name in _SHELL_TOOLS if name in tools), "")
    if not tool:
        raise UnknownToolError(f"none of the tools offered runs a command: {', '.join(tools)}")
    arguments: dict[str, Any] = {"command": turn.command}
    if tool == "exec_command":
        arguments = {"cmd": turn.command}
    elif tool == "shell":
        arguments = {"command": ["sh", "-c", turn.command]}
    elif tool != "shell_command":
        arguments["description"] = "a question of nestproof"
    if turn.escalate:
        arguments |= _escalation(tool)
    return Call(tool, arguments)


def _escalation(tool: str) -> dict[str, Any]:
    if tool in ("Bash", "bash"):
        return {"dangerouslyDisableSandbox": True}
    if tool == "shell":
        return {"with_escalated_permissions": True, "justification": "a question of nestproof"}
    return {"sandbox_permissions": "require_escalated", "justification": "a question of nestproof"}


def read_script(text: str) -> Script:
    """Read a script from JSON: a list of objects with the fields of a turn."""
    return Script(tuple(Turn(**one) for one in json.loads(text)))
