"""Sentences: plurals, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def plural(number: int, noun: str, *, none: str = "0") -> str:
    """`1 warning`, `3 warnings`; `none` stands for 0."""
    return f"{number or none} {noun}{'' if number == 1 else 's'}"


def instead(name: str, known: Collection[str]) -> str:
    """A fix for a name that is not known: the nearest one, or else all."""
    near = nearest(name, known, 0.6)
    return f"did you mean {near}? there are: {', '.join(known)}" if near else f"one of: {', '.join(known)}"


def nearest(name: str, known: Collection[str], cutoff: float = 0.7) -> str:
    """The known name that is most like `name`, whatever their case; empty when none is like it."""
    folded = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""
