"""Spans of a text: found in what is left of it, and joined."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

Span = tuple[int, int]


def found_without(
    hidden_parts: re.Pattern[str], text: str, spans: Callable[[str], Iterable[Span]]
) -> Iterator[Span]:
    """Spans of `text` for what is found in it once the hidden parts are taken out."""
    kept: list[str] = []
    places: list[int] = []
    done = 0
    for hidden in hidden_parts.finditer(text):
        kept.append(text[done : hidden.start()])
        places.extend(range(done, hidden.start()))
        done = hidden.end()
    kept.append(text[done:])
    places.extend(range(done, len(text)))
    for start, end in spans("".join(kept)):
        if start < end:
            yield places[start], places[end - 1] + 1


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap as one, the last first, so that cutting one moves no other."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined[::-1]
