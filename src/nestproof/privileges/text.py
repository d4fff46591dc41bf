"""Print the privileges as text and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nestproof.core.source import safe
from nestproof.core.text import plural
from nestproof.privileges.comparison import Change, Comparison
from nestproof.privileges.inventory import LockStatus, Privilege, ProfilePrivileges, Shown, Updated
from nestproof.privileges.lock import LOCK_FILE, UNWRITTEN
from nestproof.privileges.lock_check import UPDATE
from nestproof.privileges.risks import risk_of

Answer = Shown | Updated | Comparison

NARROWEST, WIDEST = 80, 120
_INDENT = 12
"""The column of the relaxations' names and of their text."""
_COMMIT = 12


def text(answer: Answer, width: int = 100) -> str:
    """The answer in plain text, within the width of a terminal as far as that is between 80 and 120."""
    width = max(NARROWEST, min(width, WIDEST))
    match answer:
        case Shown():
            lines = _shown(answer, width)
        case Updated():
            lines = _updated(answer, width)
        case Comparison():
            lines = _compared(answer, width)
    return "\n".join(lines)


def to_json(answer: Answer) -> dict[str, Any]:
    """The answer as JSON; keys are only ever added."""
    value: dict[str, Any] = {"schemaVersion": 1, "exitCode": answer.exit_code}
    match answer:
        case Shown():
            value["lock"] = LOCK_FILE if answer.has_lock else None
            value["profiles"] = [_holder_json(holder) for holder in answer.holders]
        case Updated():
            value |= {"lock": LOCK_FILE, "written": answer.written}
            for name in ("added", "removed", "unwritten"):
                pairs = getattr(answer, name)
                value[name] = [{"profile": profile, "relaxation": item} for profile, item in pairs]
        case Comparison():
            value |= {"base": answer.base, "mergeBase": answer.commit}
            value["profiles"] = [_change_json(change) for change in answer.changes]
    return value


def _shown(shown: Shown, width: int) -> Iterator[str]:
    seen: Counter[LockStatus] = Counter()
    for holder in shown.holders:
        yield _title(holder.name, holder.file or f"no such profile; only {LOCK_FILE} names it")
        if holder.trouble:
            yield from _trouble("it cannot be read:", holder.trouble)
        elif not holder.privileges:
            yield "  no relaxation"
        yield from _rows(holder.privileges, width)
        yield ""
        seen.update(privilege.standing for privilege in holder.privileges)
    counts = ", ".join(f"{seen[standing]} {standing}" for standing in LockStatus if seen[standing])
    yield f"{plural(seen.total(), 'relaxation')}{f': {counts}' if counts else ''}"
    if not shown.has_lock:
        yield f"there is no {LOCK_FILE}; this writes it: {UPDATE}"


def _updated(updated: Updated, width: int) -> Iterator[str]:
    yield f"{LOCK_FILE}: {'written' if updated.written else 'holds what the profiles ask for'}"
    pairs = [("+", *pair) for pair in updated.added] + [("-", *pair) for pair in updated.removed]
    for sign, profile, relaxation in pairs:
        yield f"  {sign} {safe(profile)}  {safe(relaxation)}"
    if updated.unwritten:
        wanted = plural(len(updated.unwritten), "reason")
        yield from _wrap(f"{wanted} for a person to write: what starts with {UNWRITTEN}", width, 0)


def _compared(comparison: Comparison, width: int) -> Iterator[str]:
    since = f"since {comparison.commit[:_COMMIT]}, its merge base with {safe(comparison.base)}"
    yield from _wrap(f"what the working tree adds and removes {since}", width, 0)
    renamed = {change.renamed_from: change.name for change in comparison.changes if change.renamed_from}
    for change in comparison.changes:
        here = change.after or change.before
        yield ""
        yield _title(change.name, here.file if here else "", *_story(change, renamed))
        for said, side in (
            ("it could not be read there, so all that it asks for counts as added:", change.before),
            ("it cannot be read now, so what it adds is not known:", change.after),
        ):
            if side and side.trouble:
                yield from _trouble(said, side.trouble)
        yield from _rows(change.added, width, "+")
        for relaxation in change.removed:
            yield f"- {risk_of(relaxation).rank!s:<8}  {safe(relaxation)}"
        yield f"  {len(change.added)} added, {len(change.removed)} removed, {change.kept} kept"
    added, removed = (sum(len(getattr(c, name)) for c in comparison.changes) for name in ("added", "removed"))
    yield ""
    yield f"{added} added, {removed} removed (exit {comparison.exit_code})"


def _story(change: Change, renamed: dict[str, str]) -> Iterator[str]:
    before, after = change.before, change.after
    if after is None:
        to = renamed.get(change.name)
        yield f"gone: renamed to {safe(to)}" if to else "gone"
    elif before is None:
        origin = change.renamed_from
        yield f"new: renamed from {safe(origin)}" if origin else "new"
    elif before.file != after.file:
        yield f"moved from {safe(before.file)}"


def _rows(privileges: Sequence[Privilege], width: int, sign: str = " ") -> Iterator[str]:
    widest = max((len(safe(privilege.relaxation)) for privilege in privileges), default=0)
    for privilege in privileges:
        risk, name = risk_of(privilege.relaxation), safe(privilege.relaxation)
        row = f"{sign} {risk.rank!s:<8}  {name:<{widest}}  {privilege.standing}"
        if len(row) <= width:
            yield row
        else:
            first, *more = _wrap(name, width, _INDENT)
            yield f"{sign} {risk.rank!s:<8}  {first.lstrip()}"
            yield from [*more, f"{' ' * _INDENT}{privilege.standing}"]
        if privilege.standing in (LockStatus.LOCKED, LockStatus.UNUSED):
            yield from _wrap(f"why:    {privilege.reason.strip() or '(none)'}", width, _INDENT, 8)
        yield from _wrap(f"allows: {risk.allows}", width, _INDENT, 8)


def _title(name: str, file: str, *notes: str) -> str:
    return f"{safe(name)}  ({', '.join([safe(file), *notes])})"


def _trouble(said: str, trouble: str) -> Iterator[str]:
    yield f"  {said}"
    yield from (f"    {line}" for line in trouble.splitlines())


def _wrap(line: str, width: int, indent: int, hanging: int = 0) -> list[str]:
    return textwrap.wrap(
        safe(line),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_on_hyphens=False,
    )


def _holder_json(holder: ProfilePrivileges) -> dict[str, Any]:
    return {
        "name": holder.name,
        "file": holder.file or None,
        "trouble": holder.trouble or None,
        "relaxations": [_privilege_json(privilege) for privilege in holder.privileges],
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "fileBefore": change.before.file if change.before else None,
        "fileAfter": change.after.file if change.after else None,
        "troubleBefore": (change.before.trouble or None) if change.before else None,
        "troubleAfter": (change.after.trouble or None) if change.after else None,
        "renamedFrom": change.renamed_from or None,
        "added": [_privilege_json(privilege) for privilege in change.added],
        "removed": _risks_json(change.removed),
        "kept": change.kept,
    }


def _privilege_json(privilege: Privilege) -> dict[str, Any]:
    (value,) = _risks_json([privilege.relaxation])
    return {**value, "standing": privilege.standing.value, "reason": privilege.reason or None}


def _risks_json(relaxations: Iterable[str]) -> list[dict[str, Any]]:
    risks = [(name, risk_of(name)) for name in relaxations]
    return [
        {"relaxation": name, "rank": str(risk.rank), "allows": risk.allows, "source": risk.source}
        for name, risk in risks
    ]
