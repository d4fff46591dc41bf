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
from nestproof.privileges.lock import LOCK_FILE, OF_THE_CONTAINER, UNWRITTEN, Lock, Reasons, allowed_by
from nestproof.privileges.reach import reaches_of, words_of
from nestproof.privileges.relaxations import known_since, relaxations_asked
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


def asked_by(profile: Profile, document: Document) -> tuple[str, ...]:
    """The words that the lock must have for a profile: relaxations, and what else it takes of the machine."""
    return (*relaxations_asked(profile.run), *words_of(profile, document))


def check_lock(name: str, profile: Profile, document: Document, lock: Lock | None) -> Outcome:
    """Check that the lock has every relaxation of the profile, with a reason."""
    asked = asked_by(profile, document)
    taken = len(words_of(profile, document))
    count = plural(len(asked) - taken, "relaxation", none="no")
    count += f" and {plural(taken, 'resource')} of the host" if taken else ""
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
            "\n".join(map(_weighed, extra)),
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
    if profile.unread_features:
        named = ", ".join(map(quoted, profile.unread_features))
        return Outcome(
            "check.lock",
            Status.UNVERIFIED,
            f"{document.name}: {count}, and what the features ask for that are not in the repository",
            None,
            f"{named}: nothing here says which relaxations they bring",
            "nestproof smoke builds the image, and holds its metadata against the lock before it starts one",
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
    _require("no container is started", profile.name, relaxations_asked(profile.run), lock)


def require_build_locked(profile: Profile, document: Document, lock: Reasons | None) -> None:
    """Raise LockRefusal, before a build, unless the lock has all that the profile takes of the machine."""
    _require("nothing is built", profile.name, words_of(profile, document), lock)


def _require(nothing: str, name: str, asked: tuple[str, ...], lock: Reasons | None) -> None:
    extra = [word for word in asked if word not in allowed_by(lock, name, asked)]
    if extra:
        raise LockRefusal(
            f"{nothing}: {name} may not have {', '.join(extra)} (privilege lock)",
            why="\n".join(map(_weighed, extra)),
            fix=f"remove it from the profile or its image, or allow it in {LOCK_FILE}: {UPDATE}",
        )


def _weighed(word: str) -> str:
    """Say what a word allows, and since when the lock has it: a lock that is older cannot name it."""
    version = known_since(word)
    since = f" (in the lock since nestproof {version})" if version else ""
    # What follows the name of a variable and a colon would be taken for its value, and hidden.
    colon = " means:" if word.startswith("local-env=") else ":"
    return f"{word}{colon} {risk_of(word).allows}{since}"


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
    for reach in reaches_of(profile, document):
        places[reach.word] = (*places.get(reach.word, ()), *([reach.place] if reach.place else []))
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
        if relaxation not in asked and not relaxation.startswith(OF_THE_CONTAINER):
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
