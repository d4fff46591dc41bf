"""Values of `docker run` options, read as the docker client reads them."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from nestproof.core.errors import UsageError
from nestproof.engine.docker_flags import FALSE, TRUE


def mount_fields(mount: str) -> dict[str, str]:
    """The fields of a `--mount`, which the docker client reads as one line of CSV (opts/mount.go).

    What is no such line has no fields, and so no target: nothing is started with it.
    """
    try:
        rows = list(csv.reader([mount]))
    except csv.Error:
        return {}
    return dict(part.partition("=")[::2] for part in (rows[0] if rows else []))


def go_bool(value: str, what: str) -> bool:
    """Read a switch as the docker client does (Go's strconv.ParseBool); raises UsageError about `what`."""
    if value in TRUE | FALSE:
        return value in TRUE
    raise UsageError(f"{what} is neither true nor false")


def mount_source(fields: Mapping[str, str]) -> str:
    """The host path of a `--mount`; empty for a mount that is no bind."""
    return fields.get("source", fields.get("src", "")) if fields.get("type", "").lower() == "bind" else ""


def mount_target(fields: Mapping[str, str]) -> str:
    """The path of a `--mount` in the container; empty when it names none."""
    return fields.get("target") or fields.get("dst") or fields.get("destination") or ""


def split_security_option(value: str) -> tuple[str, str, str]:
    """Name, separator and value, as the docker client splits them (opts.go, parseSecurityOpts)."""
    return value.partition("=" if "=" in value else ":")
