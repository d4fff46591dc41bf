"""Run options with other relaxations than the profile's own: what each experiment starts a container with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from nestproof.relaxations import relaxations_asked
from nestproof.runargs import RunOptions, parse_run_args

DROP_ALL = "cap-drop=ALL"
"""Stands in a set of options for a container that starts without Docker's own capabilities."""

# What may be given more than once; the others have one value or none.
_LISTS = ("cap_add", "security_opt", "devices", "mounts", "volumes")
_MODES = ("network", "pid", "ipc", "uts", "userns", "cgroupns")


def with_only(options: RunOptions, kept: Iterable[str]) -> RunOptions:
    """The options with exactly these relaxations, by their names; what relaxes nothing stays as it is.

    Raises UsageError for a name that is no option of docker run.
    """
    names = frozenset(kept)

    def stays(field: str, value: object) -> bool:
        # Asked for alone, so that the name is the one that the lock and the reports have.
        alone: dict[str, Any] = {field: value}
        return names.issuperset(relaxations_asked(RunOptions(**alone)))

    reduced: dict[str, Any] = {
        field: tuple(value for value in getattr(options, field) if stays(field, (value,))) for field in _LISTS
    }
    reduced |= {field: "" for field in _MODES if not stays(field, getattr(options, field))}
    reduced["privileged"] = options.privileged and "privileged" in names
    left = replace(options, **reduced)
    more = names - frozenset(relaxations_asked(left))
    return parse_run_args([f"--{name}" for name in sorted(more)], left)


def without(options: RunOptions, relaxation: str) -> RunOptions:
    """The options without one of their relaxations."""
    return with_only(options, set(relaxations_asked(options)) - {relaxation})
