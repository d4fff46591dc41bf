"""Reasons for the privilege lock out of experiments, where no person has written one."""

from __future__ import annotations

from pathlib import Path

from nestproof.justify.justification import Justification, Need
from nestproof.lock import LOCK_FILE, UNWRITTEN, Lock, read_lock, with_reasons, write_lock
from nestproof.outcome import Outcome, Status


def reasons_shown(lock: Lock, made: Justification) -> dict[str, str]:
    """Relaxation to reason, for those that are needed and have only what stands in for a reason."""
    written = lock.get(made.target.profile, {})
    return {
        row.relaxation: f"{row.check or 'shown by experiment'}; without it: {row.said}"
        for row in made.rows
        if row.need is Need.NEEDED and not row.by_default
        if written.get(row.relaxation, "").startswith(UNWRITTEN)
    }


def fill_reasons(workspace: Path, made: Justification) -> Outcome:
    """Write them into the lock, and nothing else; raises UsageError when it is not sound."""
    lock = read_lock(workspace)
    if lock is None:
        said = f"there is no {LOCK_FILE} to fill; make it: nestproof privileges --update"
        return Outcome("justify.lock", Status.ERROR, said, made.target)
    reasons = reasons_shown(lock, made)
    text = with_reasons(lock, {made.target.profile: reasons})
    if text != lock.source.text:
        write_lock(workspace, text)
    said = (
        f"{LOCK_FILE}: a reason for {', '.join(reasons)}" if reasons else f"{LOCK_FILE}: no reason is wanted"
    )
    return Outcome("justify.lock", Status.PASS, said, made.target)
