"""Write a streamed answer: server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def events(parts: Iterable[dict[str, Any]], *, named: bool = True, end: str = "") -> str:
    """Each part as an event, by the name in its `type` if they are named."""
    lines = []
    for part in parts:
        name = f"event: {part['type']}\n" if named else ""
        lines.append(f"{name}data: {json.dumps(part)}\n\n")
    return "".join(lines) + (f"data: {end}\n\n" if end else "")
