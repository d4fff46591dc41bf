"""A justification as plain JSON values, and back; its schema is that of the dataclasses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Target
from nestproof.justify.justification import Justification
from nestproof.justify.trials import ExperimentHost


class RecordError(NestproofError):
    """A record that this version of nestproof cannot read."""


@cache
def _adapter() -> TypeAdapter[Justification]:
    return TypeAdapter(Justification)


def to_json(made: Justification) -> dict[str, Any]:
    """All of a justification."""
    value: dict[str, Any] = _adapter().dump_python(made, mode="json", by_alias=True)
    return value


def from_json(value: Any) -> Justification:
    """The justification that `to_json` wrote; raises RecordError for anything else."""
    try:
        return _adapter().validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise RecordError("a justification cannot be read", why=why) from error


def merge(records: Iterable[Justification]) -> tuple[Justification, ...]:
    """Those of several hosts together: of each host and profile the newest, in a fixed order."""
    newest: dict[tuple[Target, ExperimentHost], Justification] = {}
    for one in records:
        key = (one.target, one.host)
        if key not in newest or newest[key].date <= one.date:
            newest[key] = one
    return tuple(sorted(newest.values(), key=lambda one: (str(one.target), str(one.host), one.host.image)))
