"""Turn the experiments in the evidence into rows that every report can draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nestproof.reports.evidence import Run

_SHOWN_PROBES = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """A relaxation: is it needed on that host, what is said without it, what breaks, what asks for it."""

    relaxation: str
    need: str
    said: str
    breaks: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class Justified:
    """A profile on a host."""

    title: str
    reasons: tuple[Reason, ...]
    minimal: tuple[str, ...]
    """Each smallest set that still works, in words."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action that a relaxation may allow, and the users who could do it."""

    what: str
    takes: str
    could: tuple[tuple[str, str], ...]
    """The user or process, and its result."""


def justified(run: Run) -> tuple[Justified, ...]:
    """The profiles whose relaxations were tested one by one."""
    return tuple(_profile(one) for one in _list(run, "profiles"))


def attempted(run: Run) -> tuple[tuple[str, tuple[Action, ...]], ...]:
    """List each target with the actions that its relaxations allow."""
    return tuple((_title(one), tuple(_attempted(one))) for one in _list(run, "residual"))


def _list(run: Run, key: str) -> list[dict[str, Any]]:
    found = (run.justification or {}).get(key) or []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _title(one: dict[str, Any]) -> str:
    return f"{one.get('profile', '')} {one.get('platform', '')}".strip()


def _profile(one: dict[str, Any]) -> Justified:
    reasons = tuple(_reason(row) for row in one.get("relaxations") or ())
    minimal = [
        f"with bwrap {way.get('bwrap', '')}: {', '.join(options) if options else 'none at all'}"
        for way in one.get("minimal") or ()
        for options in way.get("sets") or ()
    ]
    return Justified(_title(one), reasons, tuple(minimal))


def _reason(row: dict[str, Any]) -> Reason:
    probes = [str(name) for name in row.get("probes") or ()]
    more = f" and {len(probes) - _SHOWN_PROBES} more" if len(probes) > _SHOWN_PROBES else ""
    asked_by = ": ".join(str(row[key]) for key in ("check", "source") if row.get(key))
    return Reason(
        str(row.get("relaxation", "")),
        str(row.get("need", "")),
        str(row.get("error") or ""),
        ", ".join(probes[:_SHOWN_PROBES]) + more,
        asked_by,
    )


def _attempted(one: dict[str, Any]) -> Iterator[Action]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for attempt in one.get("attempts") or ():
        rows.setdefault(str(attempt.get("what", "")), []).append(attempt)
    for what, attempts in rows.items():
        could = tuple((str(a.get("who", "")), str(a.get("could", ""))) for a in attempts)
        yield Action(what, str(attempts[0].get("takes", "")), could)
