"""The shell blocks of the documentation: what is typed, what is shown, and how a block wants to be run.

A comment before a block speaks to the tests: `<!-- needs: engine -->`, `<!-- exits: 0 3 -->` (the last
command, with one of these), or `<!-- not run: why -->`. Lines that begin with `$ ` are typed, one that begins
with `> ` goes on with the one above; the others are shown. `…` stands for any lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)(`{3,})([a-z]*) *$")
_MARK = re.compile(r"<!-- (needs|exits|not run): (.*?) -->")
SHELL = {"console", "sh", "bash", "shell"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that holds commands."""

    file: str
    line: int
    commands: tuple[str, ...]
    shown: tuple[str, ...]
    needs_engine: bool = False
    exits: tuple[int, ...] = (0,)
    reason: str = ""
    """Why it is not run; empty when it is."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def blocks(file: Path, root: Path) -> list[Block]:
    """The shell blocks of a Markdown file."""
    found: list[Block] = []
    marks: dict[str, str] = {}
    lines = file.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if not fence:
            kept = _MARK.findall(lines[number])
            marks = dict(kept) if kept else marks if not lines[number].strip() else {}
            number += 1
            continue
        end = next(end for end in range(number + 1, len(lines)) if lines[end].strip() == fence[2])
        if fence[3] in SHELL:
            body = [line[len(fence[1]) :] for line in lines[number + 1 : end]]
            name = str(file.relative_to(root))
            found.append(_block(name, number + 1, fence[3], body, marks))
        marks = {}
        number = end + 1
    return found


def _block(file: str, line: int, language: str, body: list[str], marks: dict[str, str]) -> Block:
    commands: list[str] = []
    shown: list[str] = []
    if language != "console":
        commands = ["\n".join(body)]
    for text in body if language == "console" else []:
        if text.startswith("$ "):
            commands.append(text[2:])
        elif text.startswith("> ") and commands and not shown:
            commands[-1] += f"\n{text[2:]}"
        else:
            shown.append(text)
    return Block(
        file,
        line,
        tuple(commands),
        tuple(shown),
        marks.get("needs") == "engine",
        tuple(map(int, marks.get("exits", "0").split())),
        marks.get("not run", ""),
    )


def alike(text: str) -> str:
    """The line without what differs from run to run: numbers, digests, spaces, the folder's name."""
    text = re.sub(r"nestproof/[a-z0-9-]+-[0-9a-f]{8}:", "nestproof/FOLDER:", text)
    text = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b", "H", text)
    text = re.sub(r"  \(\d+\.\d s\)$", "", text.rstrip())
    text = re.sub(r"\d+", "N", text)
    return " ".join(text.split())


def missing(block: Block, output: str) -> list[str]:
    """Lines that the block shows and a run of it did not print; side by side, lines come in any order."""
    printed = {alike(line) for line in output.splitlines()}
    return [line for line in block.shown if line.strip() not in {"", "…"} and not _printed(line, printed)]


def _printed(line: str, printed: set[str]) -> bool:
    wanted = alike(line)
    if wanted.endswith("…"):
        return any(text.startswith(wanted[:-1].rstrip()) for text in printed)
    return wanted in printed
