"""The script of a model: a list of turns, and the next one for what an agent has sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# The names that agents give to the tool that runs a command, and to the one that writes a file.
_SHELL_TOOLS = ("exec_command", "shell_command", "Bash", "bash", "run_shell_command", "shell")
_FILE_TOOLS = {
    "Write": ("file_path", "content"),
    "write": ("filePath", "content"),
    "write_file": ("file_path", "content"),
    "create": ("path", "file_text"),
}

_WHY = "a question of nestproof"
_OPENAI = {"sandbox_permissions": "require_escalated", "justification": _WHY}
# Tool to way to arguments: what a tool offers a model that wants out of the sandbox.
_WAYS: dict[str, dict[str, dict[str, Any]]] = {
    "exec_command": {"escalate": _OPENAI, "elsewhere": {"workdir": "/"}, "login": {"login": True}},
    "shell_command": {"escalate": _OPENAI, "elsewhere": {"workdir": "/"}, "login": {"login": True}},
    "shell": {
        "escalate": {"with_escalated_permissions": True, "justification": _WHY},
        "elsewhere": {"workdir": "/"},
    },
    "Bash": {
        "escalate": {"dangerouslyDisableSandbox": True},
        "background": {"run_in_background": True},
    },
    # opencode's, and Copilot CLI's.
    "bash": {"elsewhere": {"workdir": "/"}, "background": {"mode": "async", "detach": True}},
    "run_shell_command": {"elsewhere": {"directory": "/"}, "background": {"is_background": True}},
}


@dataclass(frozen=True)
class Turn:
    """One answer of the model: a command to run, a file to write, or a text that ends the session."""

    command: str = ""
    text: str = "done"
    way: str = ""
    """The way out of the agent's sandbox to ask for, as far as the tool has it."""
    write: str = ""
    """The path of a file that the agent's own tool is to write, with `text`; see `file_tool`."""


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
    form: str = ""
    """The text of an answer in the form that is wanted; empty where any text will do."""


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
        return call(turn, asked.tools) if turn.command or turn.write else turn.text


def call(turn: Turn, tools: tuple[str, ...]) -> Call:
    """The turn as a call of a tool that the agent offers; raises UnknownToolError.

    An agent without a tool that writes files has one within its shell, as Codex has: `apply_patch`.
    """
    if turn.write:
        writer = next((name for name in _FILE_TOOLS if name in tools), "")
        if writer:
            return Call(writer, dict(zip(_FILE_TOOLS[writer], (turn.write, turn.text), strict=True)))
        turn = Turn(_patch(turn.write, turn.text))
    tool = next((name for name in _SHELL_TOOLS if name in tools), "")
    if not tool:
        raise UnknownToolError(f"none of the tools offered runs a command: {', '.join(tools)}")
    arguments: dict[str, Any] = {"command": turn.command}
    if tool == "exec_command":
        arguments = {"cmd": turn.command}
    elif tool == "shell":
        arguments = {"command": ["sh", "-c", turn.command]}
    elif tool != "shell_command":
        arguments["description"] = _WHY
    return Call(tool, arguments | _WAYS[tool].get(turn.way, {}))


def ways_of(tools: tuple[str, ...]) -> frozenset[str]:
    """The ways out that the agent's shell tool offers."""
    return frozenset(next((_WAYS[name] for name in _SHELL_TOOLS if name in tools), {}))


def _patch(path: str, text: str) -> str:
    return f"apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: {path}\n+{text}\n*** End Patch\nEOF"
