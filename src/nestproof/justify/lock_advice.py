"""Take reasons for the privilege lock from experiments, for entries without a person's reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nestproof.core.diagnostics import Diagnostic, Finding
from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.secrets import redacted
from nestproof.justify.justification import Justification, Need
from nestproof.justify.records import merge
from nestproof.privileges.locations import relaxation_locations
from nestproof.privileges.lock import LOCK_FILE, UNWRITTEN, Lock, read_lock, render_lock, write_lock
from nestproof.privileges.relaxations import relaxations_asked


def removable(profile: Profile, document: Document, made: Iterable[Justification]) -> Iterator[Finding]:
    """Relaxations that the evidence of all hosts shows to be removable."""
    asked = relaxations_asked(profile.run)
    of_it = [one for one in merge(made) if one.target.profile == profile.name and one.asked == asked]
    places = relaxation_locations(profile, document)
    for name in asked:
        rows = [(row, one) for one in of_it for row in one.rows if row.relaxation == name]
        shown = [one for row, one in rows if row.need is Need.REMOVABLE]
        if not shown or any(row.need in (Need.NEEDED, Need.ELSEWHERE) for row, _ in rows):
            continue
        newest = max(shown, key=lambda one: one.date)
        said = f"{name} is not needed: without it, every probe works on {newest.host} ({newest.date[:10]})"
        for place in places[name][:1]:
            diagnostic = Diagnostic("lock-removable", "warning", said, place.start, place.end)
            fix = f"remove it, or add a probe that shows what {profile.name} needs it for"
            yield Finding.of(redacted(document), diagnostic, fix)


def warned(outcome: Outcome, findings: Iterable[Finding]) -> Outcome:
    """The outcome with more findings, and their number in its summary."""
    more = tuple(findings)
    if not more:
        return outcome
    names = ", ".join(finding.diagnostic.message.partition(" ")[0] for finding in more)
    return replace(
        outcome,
        summary=f"{outcome.summary}; an experiment shows that {names} can go",
        findings=(*outcome.findings, *more),
    )


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
    """Write the reasons into the lock, and nothing else; raises UsageError if the lock is not sound."""
    lock = read_lock(workspace)
    if lock is None:
        said = f"there is no {LOCK_FILE} to fill; make it: nestproof privileges --update"
        return Outcome("justify.lock", Status.ERROR, said, made.target)
    reasons = reasons_shown(lock, made)
    profile = made.target.profile
    text = render_lock({**lock, profile: {**lock.get(profile, {}), **reasons}}, lock)
    if text != lock.source.text:
        write_lock(workspace, text)
    said = (
        f"{LOCK_FILE}: a reason for {', '.join(reasons)}" if reasons else f"{LOCK_FILE}: no reason is wanted"
    )
    return Outcome("justify.lock", Status.PASS, said, made.target)
