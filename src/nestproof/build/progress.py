"""Read the output of `docker buildx build`: the executed steps, the failed one, the last lines.

buildx from 0.13 on prints JSON (`--progress=rawjson`), older ones text (`--progress=plain`); both are read.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# How much of a failing step is evidence: its last lines.
SHOWN_LINES = 40
NO_RAWJSON = "invalid progress mode"
"""Printed by a buildx that does not know rawjson, before it does anything."""

# "#9 [codex 2/3] RUN apt-get update" begins step 9, "#9 0.271 text" is what it prints, "#9 CACHED" ends it at
# once, "#9 ERROR: …" ends the build, unless it is only a cache that could not be read. Steps that run at the
# same time are told apart by their numbers; "#9 ..." is where the printer turns to another one.
_LINE = re.compile(r"#(\d+) (.*)")
_IN_A_STAGE = re.compile(r"\[[^]]*\d+/\d+\] .*")
# When a step printed a line, in seconds of the step; the JSON form has no such word in the line.
_SECONDS = re.compile(r"^\d+\.\d+ ")
_ERROR = "ERROR: "
# A base that is there is resolved, each time.
_NOTHING_DONE = ("CACHED", "DONE 0.0s", "resolve ")


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed build: the step's name (empty when none began), its error, its last lines."""

    step: str
    error: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"failing step: {self.step}\n{self.error}" if self.step else self.error


@dataclass(slots=True)
class _Step:
    number: int
    name: str
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN_LINES))
    error: str = ""
    told: bool = False
    ended: bool = False
    partial: dict[int, bytes] = field(default_factory=dict)
    """Of each stream, the line that is not complete yet."""


class BuildxSteps:
    """Read a build's output line by line; `tell` gets each executed step of a stage, once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._steps: dict[str, _Step] = {}
        self._rest: deque[str] = deque(maxlen=SHOWN_LINES)
        self._shown: deque[str] = deque(maxlen=SHOWN_LINES)
        self._json: list[str] = []
        self.warnings: list[str] = []

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines of the output, as text, whichever form it came in."""
        return tuple(self._shown)

    def read(self, line: str) -> None:
        """Take the next line, of either form."""
        if self._json or line.startswith("{"):
            # One document fills a line, or many of which the last is its closing brace.
            self._json.append(line)
            if line == "}" or (len(self._json) == 1 and line.endswith("}")):
                text, self._json = "\n".join(self._json), []
                self._read_status(json.loads(text))
            return
        self._shown.append(line)
        if found := _LINE.fullmatch(line):
            self._read_text(*found.groups())
        else:
            self._rest.append(line)

    def _read_text(self, number: str, said: str) -> None:
        step = self._steps.get(number)
        if step is None:
            self._steps[number] = _Step(int(number), " ".join(said.split()))
        elif said.startswith(_ERROR):
            step.error = said.removeprefix(_ERROR)
        elif said != "..." and " ".join(said.split()) != step.name:
            step.lines.append(_SECONDS.sub("", said))
            if not said.startswith(_NOTHING_DONE):
                self._runs(step)

    def _read_status(self, status: dict[str, Any]) -> None:
        """A document of rawjson: moby/buildkit, client/graph.go, SolveStatus."""
        for vertex in status.get("vertexes") or ():
            step = self._steps.get(vertex["digest"])
            if step is None:
                step = _Step(len(self._steps) + 1, " ".join(vertex["name"].split()))
                self._steps[vertex["digest"]] = step
                self._shown.append(f"#{step.number} {step.name}")
            step.error = vertex.get("error") or step.error
            if not vertex.get("completed"):
                # A base is only resolved; a cached step starts and ends in one document.
                if vertex.get("started") and "] FROM " not in step.name:
                    self._runs(step)
            elif not step.ended:
                step.ended = True
                self._print(step, [text for text in step.partial.values() if text])
                end = "CACHED" if vertex.get("cached") else f"{_ERROR}{step.error}" if step.error else "DONE"
                self._shown.append(f"#{step.number} {end}")
        for entry in status.get("logs") or ():
            step = self._steps[entry["vertex"]]
            text = step.partial.get(entry["stream"], b"") + base64.b64decode(entry["data"])
            *whole, step.partial[entry["stream"]] = text.split(b"\n")
            self._print(step, whole)
            self._runs(step)
        for warning in status.get("warnings") or ():
            self.warnings.append(base64.b64decode(warning["short"]).decode(errors="replace"))
            self._shown.append(f"WARN: {self.warnings[-1]}")

    def _print(self, step: _Step, lines: list[bytes]) -> None:
        for line in lines:
            step.lines.append(line.decode(errors="replace").rstrip("\r"))
            self._shown.append(f"#{step.number} {step.lines[-1]}")

    def _runs(self, step: _Step) -> None:
        if not step.told:
            step.told = True
            if _IN_A_STAGE.fullmatch(step.name):
                self._tell(step.name)

    def failure(self) -> Failure:
        """The step that failed the build: the one whose error is the last word, or else the last to fail."""
        rest = [line for line in self._rest if line.strip()]
        last = next((line for line in reversed(rest) if line.startswith(_ERROR)), "").removeprefix(_ERROR)
        failed = [step for step in self._steps.values() if step.error]
        # A cache that cannot be read is an error too, and no build fails of it.
        named = [step for step in failed if step.error in last] or [
            step for step in failed if not step.name.startswith("importing cache")
        ]
        if named:
            return Failure(named[-1].name, named[-1].error, tuple(named[-1].lines))
        if not rest and self._steps:
            step = list(self._steps.values())[-1]
            return Failure(step.name, "the builder ended without a reason", tuple(step.lines))
        return Failure("", last or (rest[-1].strip() if rest else "it printed nothing"), tuple(rest))
