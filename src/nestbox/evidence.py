"""Everything observed in a run, as one JSON value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nestbox import __version__
from nestbox.engine import EngineFacts
from nestbox.findings import Finding
from nestbox.outcome import INTERRUPTED, Outcome, Status, TargetFacts, count, exit_code

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run: what was asked of which engine, and what came out."""

    outcomes: tuple[Outcome, ...]
    engine: EngineFacts | None
    seconds: float
    interrupted: bool = False
    targets: tuple[TargetFacts, ...] = ()
    binfmt: Mapping[str, str] = field(default_factory=dict)
    """The flags of this machine's qemu handlers."""


def to_json(evidence: Evidence, *, allow_unverified: bool = False) -> dict[str, Any]:
    """The evidence as plain JSON values; keys are stable within a schema version."""
    seen = count(evidence.outcomes)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "nestbox": __version__,
        "exitCode": INTERRUPTED
        if evidence.interrupted
        else exit_code(evidence.outcomes, allow_unverified=allow_unverified),
        "interrupted": evidence.interrupted,
        "seconds": round(evidence.seconds, 3),
        "counts": {status.value: seen[status] for status in Status},
        "engine": _camel(asdict(evidence.engine)) if evidence.engine else None,
        "binfmt": dict(evidence.binfmt),
        "targets": [_target(target) for target in evidence.targets],
        "outcomes": [_outcome(outcome) for outcome in evidence.outcomes],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "status": outcome.status.value,
        "profile": outcome.target.profile if outcome.target else None,
        "platform": outcome.target.platform if outcome.target else None,
        "summary": outcome.summary,
        "cause": outcome.cause,
        "fix": outcome.fix,
        "findings": [_finding(finding) for finding in outcome.findings],
        "observation": _camel(asdict(outcome.observation)) if outcome.observation else None,
    }


def _target(facts: TargetFacts) -> dict[str, Any]:
    return {
        "profile": facts.target.profile,
        "platform": facts.target.platform,
        "image": facts.image,
        "facts": dict(facts.found),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    mistake = finding.mistake
    return {
        "rule": mistake.rule,
        "severity": mistake.severity,
        "message": mistake.message,
        "file": finding.file,
        "line": mistake.start.line,
        "column": mistake.start.column,
        "endLine": mistake.end.line,
        "endColumn": mistake.end.column,
        "excerpt": finding.excerpt,
        "fix": finding.fix,
    }


def _camel(fields: Sequence[tuple[str, Any]] | dict[str, Any]) -> dict[str, Any]:
    return {_camel_name(key): value for key, value in dict(fields).items()}


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
