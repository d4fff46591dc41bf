"""What `docker buildx build --progress=plain` prints ─▶ the steps that run, and the one that failed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

# How much of a failing step is evidence: its last lines.
SHOWN_LINES = 40

# "#9 [codex 2/3] RUN apt-get update" begins step 9, "#9 0.271 text" is what it prints, "#9 CACHED" ends it at
# once, "#9 ERROR: …" ends the build, unless it is only a cache that could not be read. Steps that run at the
# same time are told apart by their numbers; "#9 ..." is where the printer turns to another one.
_LINE = re.compile(r"#(\d+) (.*)")
_IN_A_STAGE = re.compile(r"\[[^]]*\d+/\d+\] .*")
_ERROR = "ERROR: "
# A base that is there is resolved, each time.
_NOTHING_DONE = ("CACHED", "DONE 0.0s", "resolve ")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a build failed: the step's name (empty when none began), its error, its last lines."""

    step: str
    error: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"failing step: {self.step}\n{self.error}" if self.step else self.error


@dataclass(slots=True)
class _Step:
    name: str
    said: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN_LINES))
    error: str = ""
    told: bool = False


class BuildxSteps:
    """Reads a build's output line by line, and tells of each step of a stage that is really run, once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._steps: dict[str, _Step] = {}
        self._rest: deque[str] = deque(maxlen=SHOWN_LINES)

    def read(self, line: str) -> None:
        """Take the next line."""
        found = _LINE.fullmatch(line)
        if not found:
            self._rest.append(line)
            return
        number, said = found.groups()
        if number not in self._steps:
            self._steps[number] = _Step(" ".join(said.split()))
            return
        step = self._steps[number]
        if said == "..." or " ".join(said.split()) == step.name:
            return
        if said.startswith(_ERROR):
            step.error = said.removeprefix(_ERROR)
        else:
            step.said.append(said)
        if not step.told and not said.startswith(_NOTHING_DONE):
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
        if not named and not rest and self._steps:
            step = list(self._steps.values())[-1]
            return Failure(step.name, "the builder ended without a reason", tuple(step.said))
        if not named:
            error = last or (rest[-1].strip() if rest else "it printed nothing")
            return Failure("", error, tuple(rest))
        step = named[-1]
        return Failure(step.name, step.error, tuple(step.said))
