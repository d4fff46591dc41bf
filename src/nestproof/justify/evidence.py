"""The justifications that are kept in a workspace."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from nestproof.justify.justification import Justification
from nestproof.justify.records import RecordError, from_json

FOLDER = ".nestproof/justify"


def evidence(workspace: Path) -> Iterator[Justification]:
    """Every justification that is kept in the workspace and can be read."""
    for file in sorted((workspace / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecordError):
            yield from_json(json.loads(file.read_text("utf-8")))
