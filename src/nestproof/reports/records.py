"""Convert a run to its bounded form in the evidence, and back for the reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nestproof.agents.verdicts import question_of
from nestproof.core.diagnostics import Diagnostic, Finding, Related
from nestproof.core.outcome import Observation, Outcome, Target, TargetFacts
from nestproof.core.redaction import Redactor, hide_value
from nestproof.core.source import Position
from nestproof.engine.client import EngineFacts
from nestproof.probes.probe import Probe
from nestproof.probes.table import PROBES, text_of
from nestproof.reports import evidence

KEPT_CHARACTERS = 16_384
"""Of each output its end is kept: where a failing program says why."""
_LONGEST = 4_000
"""Characters of a sentence, such as a summary or a cause."""

_USER = re.compile(r"^([a-z_][a-z0-9_-]*): (?:exists|is |does not)", re.MULTILINE)
_PROBES = {f"{where}{probe.name}": probe for probe in PROBES for where in ("smoke.", "doctor.")}


def outcome_record(
    outcome: Outcome, begin: float, seconds: float, files: Mapping[str, str]
) -> evidence.Outcome:
    """An outcome that began at `begin`, in seconds of its run; `files` are the profiles' own."""
    probe = _PROBES.get(outcome.id)
    return evidence.Outcome(
        id=outcome.id,
        status=outcome.status,
        profile=clean(outcome.target.profile) if outcome.target else None,
        platform=outcome.target.platform if outcome.target else None,
        summary=_short(outcome.summary),
        cause=_short(outcome.cause),
        fix=_short(outcome.fix),
        question=probe.question if probe else question_of(outcome.id),
        by_hand=_by_hand(outcome, probe.by_hand) if probe else "",
        again=clean(_again(outcome, probe, files)),
        script=_script(outcome, probe),
        begin=round(begin, 3),
        seconds=round(seconds, 3),
        findings=tuple(map(_finding, outcome.findings)),
        observation=_observation(outcome.observation) if outcome.observation else None,
    )


def _again(outcome: Outcome, probe: Probe | None, files: Mapping[str, str]) -> tuple[str, ...]:
    step, _, name = outcome.id.partition(".")
    target = outcome.target
    if step == "doctor":
        return ("nestproof", "doctor")
    if target:
        step = "smoke" if step == "agent" else step
        asked = ("--probe", name) if step == "smoke" and name not in ("", "container", "relaxations") else ()
        return ("nestproof", step, "--profile", target.profile, "--platform", target.platform, *asked)
    # A check names the file that it is about first.
    of = [name for name, file in files.items() if outcome.summary.startswith(f"{file}:")]
    return ("nestproof", outcome.id, *(("--profile", of[0]) if of and outcome.id != "check.diff" else ()))


def _by_hand(outcome: Outcome, typed: str) -> str:
    if "{user}" not in typed:
        return typed
    users = _USER.findall(outcome.observation.stdout) if outcome.observation else []
    return " && ".join(typed.format(user=user) for user in users)


def _script(outcome: Outcome, probe: Probe | None) -> str:
    if probe:
        return text_of(probe)
    command = outcome.observation.command if outcome.observation else ()
    return _text(command[2]) if outcome.id.startswith("smoke.") and command[:2] == ("sh", "-c") else ""


def engine_record(facts: EngineFacts, redactor: Redactor) -> EngineFacts:
    """The facts without secrets."""
    known: dict[str, Any] = redactor.value(clean(asdict(facts)))
    known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return EngineFacts(**known)


def target_record(facts: TargetFacts, redactor: Redactor) -> evidence.Target:
    """The record of a target, without secrets and without the values of its environment."""
    create = clean(facts.create or {})
    create["Env"] = [hide_value(entry) for entry in create.get("Env") or ()]
    create["Labels"] = {name: v for name, v in (create.get("Labels") or {}).items() if not _is_own(name)}
    for mount in create.get("HostConfig", {}).get("Mounts", ()):
        mount.get("VolumeOptions", {}).pop("Labels", None)
    return evidence.Target(
        profile=clean(facts.target.profile),
        platform=facts.target.platform,
        image=facts.image,
        run_args=redactor.arguments(facts.run_args),
        create=redactor.value(create) if facts.create else None,
        facts={clean(name): _short(redactor.text(value)) for name, value in facts.found.items()},
    )


def _is_own(label: str) -> bool:
    return label.startswith("dev.nestproof.")


def _observation(seen: Observation) -> Observation:
    stdout, out = _end(seen.stdout)
    stderr, err = _end(seen.stderr)
    return Observation(
        clean(seen.command), seen.exit_status, stdout, stderr, round(seen.seconds, 3), out, err
    )


def _end(text: str) -> tuple[str, int]:
    """The end of an output, from the begin of a line on, and how much was before it."""
    if len(text) <= KEPT_CHARACTERS:
        return clean(text), 0
    kept = text[-KEPT_CHARACTERS:]
    _, newline, whole = kept.partition("\n")
    kept = whole if newline and whole else kept
    return clean(kept), len(text) - len(kept)


def _finding(finding: Finding) -> evidence.Finding:
    diagnostic = finding.diagnostic
    return evidence.Finding(
        rule=diagnostic.rule,
        severity=diagnostic.severity,
        message=_short(diagnostic.message),
        file=clean(finding.file),
        line=diagnostic.start.line,
        column=diagnostic.start.column,
        end_line=diagnostic.end.line,
        end_column=diagnostic.end.column,
        excerpt=_short(finding.excerpt),
        fix=_short(finding.fix),
        related=tuple(
            evidence.Related(line=r.position.line, column=r.position.column, note=_short(r.note))
            for r in diagnostic.related
        ),
    )


def restored(record: evidence.Outcome) -> Outcome:
    """The outcome of a record; offsets in files are lost, and 0."""
    return Outcome(
        record.id,
        record.status,
        record.summary,
        Target(record.profile, record.platform) if record.profile and record.platform else None,
        record.cause,
        record.fix,
        record.observation,
        tuple(map(_restored_finding, record.findings)),
    )


def _restored_finding(record: evidence.Finding) -> Finding:
    diagnostic = Diagnostic(
        record.rule,
        record.severity,
        record.message,
        Position(0, record.line, record.column),
        Position(0, record.end_line, record.end_column),
        tuple(Related(Position(0, r.line, r.column), r.note) for r in record.related),
    )
    return Finding(record.file, diagnostic, record.excerpt, record.fix)


def _short(text: str) -> str:
    return _text(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def clean(value: Any) -> Any:
    """A JSON value that every encoding can take: half a character, as in a file's name, is replaced."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {clean(key): clean(below) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(clean, value))
    return value


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
