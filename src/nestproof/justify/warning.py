"""Evidence that a relaxation is not needed ─▶ a warning at its place in the profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from nestproof.asked import places_asked
from nestproof.findings import Finding, Mistake
from nestproof.jsonc import Document
from nestproof.justify.justification import Justification, Need
from nestproof.justify.records import merge
from nestproof.lints import redacted
from nestproof.outcome import Outcome
from nestproof.profile import Profile
from nestproof.relaxations import relaxations_asked


def removable(profile: Profile, document: Document, made: Iterable[Justification]) -> Iterator[Finding]:
    """What the evidence of all hosts says of the profile as it is now: nothing of one that a host needs."""
    asked = relaxations_asked(profile.run)
    of_it = [one for one in merge(made) if one.target.profile == profile.name and one.asked == asked]
    places = places_asked(profile, document)
    for name in asked:
        rows = [(row, one) for one in of_it for row in one.rows if row.relaxation == name]
        shown = [one for row, one in rows if row.need is Need.REMOVABLE]
        if not shown or any(row.need in (Need.NEEDED, Need.ELSEWHERE) for row, _ in rows):
            continue
        newest = max(shown, key=lambda one: one.date)
        said = f"{name} is not needed: without it, every probe works on {newest.host} ({newest.date[:10]})"
        for place in places[name][:1]:
            mistake = Mistake("lock-removable", "warning", said, place.start, place.end)
            fix = f"remove it, or add a probe that shows what {profile.name} needs it for"
            yield Finding.of(redacted(document), mistake, fix)


def warned(outcome: Outcome, findings: Iterable[Finding]) -> Outcome:
    """The outcome with more findings, and their number in its summary."""
    more = tuple(findings)
    if not more:
        return outcome
    names = ", ".join(finding.mistake.message.partition(" ")[0] for finding in more)
    return replace(
        outcome,
        summary=f"{outcome.summary}; an experiment shows that {names} can go",
        findings=(*outcome.findings, *more),
    )
