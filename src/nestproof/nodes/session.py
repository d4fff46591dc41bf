"""One run of a command: its messages, environment and collected facts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from nestproof.core.outcome import TargetFacts
from nestproof.engine.client import EngineFacts


@dataclass(slots=True)
class Session:
    """Where a run's words go, what its environment is, and what it learns for the evidence."""

    say: Callable[[str], None]
    tell: Callable[[str], None] = print
    """Words that stay."""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    facts: EngineFacts | None = None
    targets: list[TargetFacts] = field(default_factory=list)
