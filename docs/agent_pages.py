"""Writes the pages of docs/agents, and a table of threat-model.md, from agents.toml and evidence.json.

Usage: python docs/agent_pages.py
The evidence is written by NESTPROOF_WRITE_AGENTS=1 pytest tests/docker/test_driven_agents.py.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nestproof.agents.verdicts import QUESTIONS
from nestproof.probes.known_agents import KNOWN_AGENTS, KnownAgent

FOLDER = Path(__file__).parent / "agents"
NOT_TRIED = "not tried here"
_BEGIN = """\
# Agents

How the agents that people run in devcontainers confine, on Linux, what a model tells them to run.
`nestproof agents` asks those of a profile, or of the machine that it runs on. These pages are made by
`python docs/agent_pages.py` from a table and from what was seen; tests hold them against both, and against
running agents.

| agent | its sandbox | where that cannot start | tried |
| --- | --- | --- | --- |
"""


def texts() -> dict[str, str]:
    """File name to text."""
    pages = tomllib.loads((FOLDER / "agents.toml").read_text("utf-8"))
    seen = json.loads((FOLDER / "evidence.json").read_text("utf-8"))
    known = {agent.program: agent for agent in KNOWN_AGENTS}
    made = {"README.md": _BEGIN + "".join(_row(known[name], page, seen) for name, page in pages.items())}
    for name, page in pages.items():
        made[f"{name}.md"] = "\n".join(_page(known[name], page, seen)) + "\n"
    return made


def _row(agent: KnownAgent, page: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    versions = dict.fromkeys(session["version"] for session in _of(agent, seen))
    tried = ", ".join(versions) or NOT_TRIED
    return f"| [{agent.name}]({agent.program}.md) | {agent.sandbox} | {page['without']} | {tried} |\n"


def _page(agent: KnownAgent, page: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"# {agent.name}", "")
    yield f"- **Its sandbox on Linux:** {agent.sandbox}."
    yield f"- **Its needs of the container:** {page['needs']}."
    yield f"- **Where the sandbox cannot start:** {page['without']}."
    yield from (f"- **Source:** {page['source']}.", "")
    yield from ("| setting | for the sandbox |", "| --- | --- |")
    yield from (f"| {setting} | {meaning} |" for setting, meaning in page["settings"].items())
    yield from ("", "## What was seen", "")
    sessions = _of(agent, seen)
    if not sessions:
        yield f"{page.get('tried', NOT_TRIED.capitalize())}."
        return
    yield f"With a scripted model, on {seen['engine']}, Linux {seen['kernel']}, {seen['date']}."
    for session in sessions:
        yield from ("", f"### {session['version']}, {session['where']}", "")
        yield from ("| question | verdict | what was seen |", "| --- | --- | --- |")
        for question, (status, said) in session["answers"].items():
            yield f"| {QUESTIONS[question]} | {status} | {said.replace('|', '/')} |"


def _of(agent: KnownAgent, seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [session for session in seen["sessions"] if session["agent"] == agent.program]


def threat_table() -> str:
    """The rows of threat-model.md: what a model could do in each session that was seen."""
    seen = json.loads((FOLDER / "evidence.json").read_text("utf-8"))
    names = {agent.program: agent.name for agent in KNOWN_AGENTS}
    lines = [
        "| agent | where | its commands run | write elsewhere | reach a server | ways out | its file tool |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for session in seen["sessions"]:
        row = [
            f"{names[session['agent']]} {session['version']}",
            session["where"],
            *_could(session["answers"]),
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _could(answers: Mapping[str, tuple[str, str]]) -> list[str]:
    said = answers["sandbox"][1]
    if "refused" in said or "offers a model no tool" in said:
        return ["not at all", "no", "no", "none", "not asked"]
    if "write" not in answers:
        return ["bare", "yes", "yes", "none needed", "not asked"]
    out = [name for name, (status, _) in answers.items() if status == "fail"]
    by_file = "file" in answers and "nobody promises" in answers["file"][1]
    no = {name: "no" if answers[name][0] == "pass" else "yes" for name in ("write", "network")}
    file = "writes anywhere" if by_file else "stays inside"
    return ["in a sandbox", no["write"], no["network"], ", ".join(out) or "none", file]


def with_table(text: str) -> str:
    """The threat model with the table that the evidence makes."""
    begin, end = "<!-- agents: made from agents/evidence.json -->\n", "<!-- end -->"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{threat_table()}{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    for name, text in texts().items():
        (FOLDER / name).write_text(text, "utf-8")
    page = FOLDER.parent / "threat-model.md"
    page.write_text(with_table(page.read_text("utf-8")), "utf-8")
