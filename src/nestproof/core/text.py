"""Sentences: plurals, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def plural(number: int, noun: str, *, none: str = "0") -> str:
    """`1 warning`, `3 warnings`; `none` stands for 0."""
    return f"{number or none} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, known: Collection[str], cutoff: float = 0.7) -> str:
    """The known name that is most like `name`, whatever their case; empty when none is like it."""
    folded = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""
