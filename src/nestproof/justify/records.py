"""A justification as plain JSON values, and back; keys are stable within a schema version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Status, Target
from nestproof.justify.justification import Justification, Minimum, Need, Row
from nestproof.justify.search import Set
from nestproof.justify.trials import Answer, BwrapVariant, ExperimentHost, Trial

SCHEMA_VERSION = 1


class RecordError(NestproofError):
    """A record is none that this nestproof can read."""


def to_json(made: Justification) -> dict[str, Any]:
    """All of a justification."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "date": made.date,
        "profile": made.target.profile,
        "platform": made.target.platform,
        "host": asdict(made.host) | {"lsms": list(made.host.lsms)},
        "asked": list(made.asked),
        "relaxations": [_row_json(row) for row in made.rows],
        "minimal": [
            {
                "bwrap": one.way.value,
                "sets": [sorted(options) for options in one.sets],
                "complete": one.complete,
            }
            for one in made.minima
        ],
        "noCapabilityAtAll": made.none_at_all,
        "otherDefaultsIdle": made.others_idle,
        "contradictions": [[sorted(small), sorted(large)] for small, large in made.contradictions],
        "trials": [_trial_json(trial) for trial in made.trials],
    }


def from_json(value: Any) -> Justification:
    """The justification that `to_json` wrote; raises RecordError for anything else."""
    try:
        if value["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"its schema version is {value['schemaVersion']}, not {SCHEMA_VERSION}")
        host = ExperimentHost(**{**value["host"], "lsms": tuple(value["host"]["lsms"])})
        return Justification(
            Target(value["profile"], value["platform"]),
            host,
            tuple(value["asked"]),
            tuple(_row(row) for row in value["relaxations"]),
            tuple(
                Minimum(BwrapVariant(one["bwrap"]), tuple(map(frozenset, one["sets"])), one["complete"])
                for one in value["minimal"]
            ),
            tuple(_trial(trial) for trial in value["trials"]),
            value["noCapabilityAtAll"],
            value["otherDefaultsIdle"],
            tuple((_set(small), _set(large)) for small, large in value["contradictions"]),
            value["date"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError("a justification cannot be read", why=f"{type(error).__name__}: {error}") from error


def merge(records: Iterable[Justification]) -> tuple[Justification, ...]:
    """Those of several hosts together: of each host and profile the newest, in a fixed order."""
    newest: dict[tuple[Target, ExperimentHost], Justification] = {}
    for one in records:
        key = (one.target, one.host)
        if key not in newest or newest[key].date <= one.date:
            newest[key] = one
    return tuple(sorted(newest.values(), key=lambda one: (str(one.target), str(one.host), one.host.image)))


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "relaxation": row.relaxation,
        "need": row.need.value,
        "probes": list(row.probes),
        "error": row.said,
        "cause": row.cause,
        "check": row.check,
        "source": row.source,
        "neededOn": row.hosts,
        "byDefault": row.by_default,
        "copyDoesWithout": row.copy_does_without,
    }


def _row(value: Mapping[str, Any]) -> Row:
    return Row(
        value["relaxation"],
        Need(value["need"]),
        tuple(value["probes"]),
        value["error"],
        value["cause"],
        value["check"],
        value["source"],
        value["neededOn"],
        value["byDefault"],
        value["copyDoesWithout"],
    )


def _trial_json(trial: Trial) -> dict[str, Any]:
    answers = {
        answer.probe: {"status": answer.status.value, "error": answer.said, "cause": answer.cause}
        for answer in trial.answers
    }
    return {"options": sorted(trial.options), "bwrap": trial.way.value, "answers": answers}


def _trial(value: Mapping[str, Any]) -> Trial:
    answers = (
        Answer(probe, Status(answer["status"]), answer["error"], answer["cause"])
        for probe, answer in value["answers"].items()
    )
    return Trial(_set(value["options"]), BwrapVariant(value["bwrap"]), tuple(answers))


def _set(names: Iterable[str]) -> Set:
    return frozenset(names)
