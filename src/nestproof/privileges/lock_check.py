"""Compare a profile with the privilege lock: missing entries, unused entries, missing reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from nestproof.core.diagnostics import Diagnostic, Finding, Related, Rule, Severity
from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Outcome, Status
from nestproof.core.source import quoted
from nestproof.core.text import plural
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.secrets import redacted
from nestproof.privileges.locations import Location, relaxation_locations
from nestproof.privileges.lock import LOCK_FILE, UNWRITTEN, Lock, Reasons, allowed_by
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.privileges.risks import risk_of

UPDATE = "nestproof privileges --update"

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "lock-relaxation": Rule("error", "A profile asks for a relaxation that the privilege lock lacks."),
        "lock-reason": Rule("error", "The privilege lock has a relaxation without a reason by a person."),
        "lock-unused": Rule("warning", "The privilege lock has what no profile asks for."),
        "lock-removable": Rule("warning", "An experiment shows that a relaxation is not needed."),
    }
)


def check_lock(name: str, profile: Profile, document: Document, lock: Lock | None) -> Outcome:
    """Check that the lock has every relaxation of the profile, with a reason."""
    asked = relaxations_asked(profile.run)
    count = plural(len(asked), "relaxation", none="no")
    if lock is None:
        summary = f"{document.name}: {count}, and no {LOCK_FILE} yet; {UPDATE} writes one"
        return Outcome("check.lock", Status.PASS, summary)
    extra = [relaxation for relaxation in asked if relaxation not in lock.get(name, {})]
    findings = (*_not_allowed(name, profile, document, extra), *_in_the_lock(name, document, asked, lock))
    errors = [finding for finding in findings if finding.diagnostic.severity == "error"]
    if extra:
        return Outcome(
            "check.lock",
            Status.FAIL,
            f"{_at(errors[0])}: asks for {', '.join(extra)}, which the lock does not have for {name}",
            None,
            "\n".join(f"{relaxation}: {risk_of(relaxation).allows}" for relaxation in extra),
            f"remove what is not needed; for the rest write a line with its reason into the lock: {UPDATE}",
            findings=findings,
        )
    if errors:
        return Outcome(
            "check.lock",
            Status.FAIL,
            f"{_at(errors[0])}: {errors[0].diagnostic.message}",
            None,
            "a relaxation that nobody gives a reason for is one that nobody has weighed",
            errors[0].fix,
            findings=findings,
        )
    warned = f" ({plural(len(findings), 'warning')})" if findings else ""
    held = f"{count}, {'each in the lock' if asked else 'as the lock has it'}"
    return Outcome("check.lock", Status.PASS, f"{document.name}: {held}{warned}", findings=findings)


class LockRefusal(NestproofError):
    """A profile asks for more than the privilege lock allows, so no container is started."""

    exit_code = 1


def require_locked(profile: Profile, lock: Reasons | None) -> None:
    """Raise LockRefusal unless the lock has every relaxation of the profile, its image's part included.

    Without a lock, a profile may have what it asks for.
    """
    asked = relaxations_asked(profile.run)
    extra = [name for name in asked if name not in allowed_by(lock, profile.name, asked)]
    if extra:
        raise LockRefusal(
            f"no container is started: {profile.name} may not have {', '.join(extra)} (privilege lock)",
            why="\n".join(f"{name}: {risk_of(name).allows}" for name in extra),
            fix=f"remove it from the profile or its image, or allow it in {LOCK_FILE}: {UPDATE}",
        )


def check_sections(names: Iterable[str], lock: Lock | None) -> Outcome | None:
    """Check that the lock names only profiles that exist; empty without a lock."""
    if lock is None:
        return None
    places, gone = lock.places(), sorted(set(lock) - set(names))
    findings = tuple(
        Finding.of(
            lock.source,
            Diagnostic("lock-unused", "warning", f"there is no profile {quoted(name)}", *places[(name,)]),
            f"remove its lines: {UPDATE}",
        )
        for name in gone
    )
    said = (
        f"names {', '.join(map(quoted, gone))}: no such profile" if gone else "names only profiles that exist"
    )
    return Outcome("check.lock", Status.PASS, f"{LOCK_FILE}: {said}", findings=findings)


def _not_allowed(name: str, profile: Profile, document: Document, extra: list[str]) -> Iterator[Finding]:
    places = relaxation_locations(profile, document)
    start = document.source.position(0)
    for relaxation in extra:
        first, *others = places[relaxation] or (Location("the profile", start, start),)
        said = f"{first.path} asks for {relaxation}, which the lock does not have for {name}"
        also = tuple(Related(place.start, f"{place.path} asks for it too") for place in others)
        message = f"{said}: {risk_of(relaxation).allows}"
        yield Finding.of(
            redacted(document),
            Diagnostic("lock-relaxation", "error", message, first.start, first.end, also),
            f'remove it, or add to [{name}] in {LOCK_FILE}: "{relaxation}" = "why {name} needs it"',
        )


def _in_the_lock(name: str, document: Document, asked: tuple[str, ...], lock: Lock) -> Iterator[Finding]:
    places = lock.places()
    for relaxation, reason in lock.get(name, {}).items():
        severity: Severity = "warning"
        rule, fix = "lock-reason", f"write why {name} needs it"
        if relaxation not in asked:
            rule, fix = "lock-unused", f"remove the line: {UPDATE}"
            message = f"the lock has {relaxation} for {name}, and {document.name} does not ask for it"
        elif not reason.strip():
            severity, message = "error", f"{relaxation} has no reason"
        elif reason.startswith(UNWRITTEN):
            message = f"the reason for {relaxation} is the one that nestproof filled in"
        else:
            continue
        yield Finding.of(lock.source, Diagnostic(rule, severity, message, *places[(name, relaxation)]), fix)


def _at(finding: Finding) -> str:
    return f"{finding.file}:{finding.diagnostic.start.line}:{finding.diagnostic.start.column}"
