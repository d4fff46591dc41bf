"""The table of coding agents: how each is found, how it sandboxes, and what it is known to survive.

To add one: a line here. One whose sandbox is asked has a pack of probes, too (agents.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestproof.core.diagnostics import Rule

RULES: Mapping[str, Rule] = MappingProxyType(
    {"degradation-unneeded": Rule("warning", "No agent in the container survives by a declared fallback.")}
)


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent by the program that starts it."""

    program: str
    name: str
    sandbox: str
    """Its way to confine the commands that it runs, in words without a full stop."""
    pack: str = ""
    """The probes that ask its sandbox, if there are any."""


KNOWN_AGENTS = (
    KnownAgent("codex", "Codex", "bubblewrap; its Landlock way is gone (0.171.0)", "codex"),
    KnownAgent("srt", "the sandbox runtime", "bubblewrap and a proxy", "sandbox-runtime"),
    KnownAgent("claude", "Claude Code", "bubblewrap and a proxy, once its settings enable the sandbox"),
    KnownAgent("gemini", "Gemini CLI", "a container of Docker or Podman with --sandbox, and none by default"),
    KnownAgent("opencode", "opencode", "none of its own: rules that ask for permission"),
    KnownAgent("cursor-agent", "Cursor's agent", "one of its own on Linux, which is not asked here"),
    KnownAgent("copilot", "Copilot CLI", "none of its own: it asks before it runs a command"),
    KnownAgent("aider", "aider", "none of its own: it asks before it runs a command"),
    KnownAgent("qwen", "Qwen Code", "a container of Docker or Podman with --sandbox, and none by default"),
    KnownAgent("crush", "crush", "none of its own: it asks before it runs a command"),
    KnownAgent("amp", "Amp", "none of its own: rules that ask for permission"),
    KnownAgent("goose", "goose", "none of its own, unless an extension runs commands elsewhere"),
)
SETUID_BWRAP = "setuid-bwrap"
"""The name under which a setuid bwrap is found, and its pack."""
PROGRAMS = " ".join(agent.program for agent in KNOWN_AGENTS)

_SOURCE = "openai/codex, codex-rs/linux-sandbox; tried with 0.120 to 0.171"
# Agent to probe to the reason for which it goes on without.
_SURVIVES: Mapping[str, Mapping[str, str]] = {
    "codex": {
        "bwrap-proc": f"Codex goes on without a /proc of the sandbox's own ({_SOURCE})",
        "contain-processes": "without it, outer processes are named in /proc, and none can be signalled "
        f"({_SOURCE})",
        "bwrap-two-masks": "Codex needs it only for two unreadable files, and no bubblewrap takes it "
        f"({_SOURCE})",
    }
}


@dataclass(frozen=True, slots=True)
class FoundAgent:
    """An agent in a container; `version` is what it says of itself."""

    program: str
    file: str
    version: str


def parse_agents(stdout: str) -> tuple[FoundAgent, ...]:
    """Read the answer of agents.sh."""
    rows = (line.split("\t") for line in stdout.splitlines())
    known = {agent.program for agent in KNOWN_AGENTS} | {SETUID_BWRAP}
    return tuple(
        FoundAgent(*row) for row in rows if len(row) == len(FoundAgent.__slots__) and row[0] in known
    )


def packs_of_agents(found: tuple[FoundAgent, ...]) -> tuple[str, ...]:
    """The packs that ask what was found."""
    programs = {agent.program for agent in found}
    packs = [agent.pack for agent in KNOWN_AGENTS if agent.pack and agent.program in programs]
    return (*([SETUID_BWRAP] if SETUID_BWRAP in programs else []), *packs)


def survived_by(programs: Iterable[str]) -> dict[str, str]:
    """Probe to reason: what one of these agents is known to survive."""
    reasons: dict[str, str] = {}
    for program in programs:
        reasons |= _SURVIVES.get(program, {})
    return reasons


def unneeded(declared: Iterable[str], programs: Iterable[str]) -> tuple[str, ...]:
    """The declared fallbacks of bubblewrap's probes by which no agent there is known to survive.

    None where an agent is there of which that is not known.
    """
    asked = [_SURVIVES.get(program) for program in programs if program != SETUID_BWRAP]
    if None in asked:
        return ()
    of_somebody = {name for reasons in _SURVIVES.values() for name in reasons}
    needed = {name for reasons in asked if reasons for name in reasons}
    return tuple(name for name in declared if name in of_somebody - needed)


def not_asked(found: tuple[FoundAgent, ...]) -> Iterator[tuple[KnownAgent, FoundAgent]]:
    """The agents whose sandbox no probe asks."""
    by_program = {agent.program: agent for agent in KNOWN_AGENTS}
    for agent in found:
        known = by_program.get(agent.program)
        if known is not None and not known.pack:
            yield known, agent
