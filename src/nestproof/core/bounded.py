"""Run a repository's own jq programs and patterns: no environment, no files, limits of time and memory."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nestproof.core import bounded_child
from nestproof.core.errors import CommandError
from nestproof.core.process import run

# The child's own limit is of processor time; a machine under load takes longer than that.
_TIMEOUT = 30.0
LIMITS = f"{bounded_child.CPU_SECONDS} s of processor time and {bounded_child.MEMORY >> 30} GiB of memory"


class LimitError(CommandError):
    """A program or a pattern of the repository did not end within the limits; `index` is its place."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__("it gave no answer within its limits", why=why)
        self.index = index


def run_jq(programs: Sequence[str], text: str) -> list[dict[str, Any]]:
    """The answers of jq programs to a JSON text: each has `results`, or jq's `error`.

    `$ENV` is empty there and nothing can be imported. Raises LimitError for the first program that takes too
    much, CommandError when there is no answer for another reason.
    """
    found = importlib.util.find_spec("jq")
    folder = str(Path(found.origin).parent) if found and found.origin else ""
    return _ask(len(programs), programs=list(programs), text=text, jq=folder)


def search(searches: Sequence[tuple[str, str]]) -> list[bool]:
    """True for each pattern that its text has a match of, `^` and `$` being those of a line.

    Raises LimitError for the first that takes too much, CommandError when there is no answer.
    """
    return [answer["found"] for answer in _ask(len(searches), searches=list(searches))] if searches else []


def _ask(number: int, **asked: Any) -> list[dict[str, Any]]:
    questions = {"programs": [], "searches": [], "text": "", **asked}
    completed = run(
        (sys.executable, "-I", bounded_child.__file__),
        timeout=_TIMEOUT,
        cwd=Path("/"),
        stdin=json.dumps(questions).encode(),
        inherit=False,
    )
    try:
        answers: list[dict[str, Any]] = list(map(json.loads, completed.stdout.splitlines()))
    except ValueError as error:
        raise LimitError(0, "its answer is too long") from error
    if len(answers) < number:
        said = completed.stderr.strip().splitlines()
        why = said[-1] if said else f"it has {LIMITS}"
        raise LimitError(len(answers), why if "MemoryError" not in why else f"it has {LIMITS}")
    return answers
