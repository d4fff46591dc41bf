"""Answer questions with a repository's own jq programs and patterns, in a process of its own with limits.

Started by core/bounded.py as a script, with the questions on standard input, and one line of JSON on standard
output for each. It imports nothing of nestproof, so that it starts fast.
"""

from __future__ import annotations

import itertools
import json
import re
import resource
import sys
from typing import Any

CPU_SECONDS = 2
MEMORY = 1 << 30
"""Bytes of address space."""
ANSWERS = 1000
"""At most so many are taken from one program."""


def main() -> None:
    """Read the questions, give up everything else, and answer."""
    asked = json.loads(sys.stdin.buffer.read())
    if asked["programs"]:
        sys.path.append(asked["jq"])
        import jq
    _restrict()
    for program in asked["programs"]:
        try:
            results = iter(jq.compile(program).input_text(asked["text"]))
            answer: dict[str, Any] = {"results": list(itertools.islice(results, ANSWERS))}
        except ValueError as error:
            answer = {"error": str(error)}
        _answer(answer)
    for pattern, text in asked["searches"]:
        _answer({"found": re.search(pattern, text, re.MULTILINE) is not None})


def _restrict() -> None:
    """Open no file any more, start no program, and end when too much is taken."""
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (value, value))


def _answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
