"""Tell a file that this user's own runs wrote from one that came with a repository."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

from nestproof.core.errors import UsageError
from nestproof.core.files import read_file, replace_file
from nestproof.core.trust import is_asking, read_trust, state_folder


def remember(file: Path, text: str, environment: Mapping[str, str]) -> None:
    """Keep the digest of a file that a run writes, in the user's own folder; raises OSError."""
    kept = _kept(file, environment)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(kept, hashlib.sha256(text.encode()).hexdigest(), private=True)


def require_own(file: Path, content: bytes, environment: Mapping[str, str]) -> None:
    """Raise UsageError for a file that is not as the user's last run wrote it, unless all is trusted."""
    if not is_asking() or read_trust(file.parent.parent, environment).everything:
        return
    with contextlib.suppress(OSError):
        if read_file(_kept(file, environment)).decode() == hashlib.sha256(content).hexdigest():
            return
    raise UsageError(
        f"{file.name} was not written by a run of yours in this folder",
        why="it came with the repository, or was changed since",
        fix="nestproof validate writes it anew; "
        f"nestproof report --merge {file.parent.name}/{file.name} --format terminal draws it all the same",
    )


def _kept(file: Path, environment: Mapping[str, str]) -> Path:
    return state_folder(environment) / "written" / hashlib.sha256(bytes(file.resolve())).hexdigest()[:32]
