"""The form in which runs are kept: one JSON document with a version; its schema is made from these classes.

A document holds a list of runs, so that what several machines found stands side by side.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from nestproof.core.diagnostics import Severity
from nestproof.core.errors import UsageError
from nestproof.core.files import read_file
from nestproof.core.outcome import Observation, Status
from nestproof.core.signals import interrupts_deferred
from nestproof.engine.client import EngineFacts

SCHEMA_VERSION: Literal[1] = 1
LARGEST = 64 << 20
"""Of a document, in bytes: a run of this repository's own profiles takes a quarter of a MiB."""
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Place = Annotated[int, Field(ge=1)]


class _Record(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Host(_Record):
    """The machine that nestproof ran on."""

    kernel: str
    operating_system: str
    machine: str
    lsms: tuple[str, ...]
    """The kernel's security modules, as it lists them; empty where they cannot be read."""
    python: str


class Revision(_Record):
    """The revision of the repository."""

    commit: str
    changed: bool
    """The working tree differs from the commit."""


class Relaxation(_Record):
    """Something in a profile that weakens Docker's defaults."""

    relaxation: str
    rank: str
    """The gravity: low, medium, high or critical."""
    allows: str
    """The abilities that it gives to an attacker inside the container."""
    source: str
    standing: str
    """The relation to the privilege lock."""
    reason: str | None
    """The lock's own words."""


class Profile(_Record):
    """A profile with what it may have."""

    name: str
    file: str | None
    trouble: str | None
    relaxations: tuple[Relaxation, ...]


class Target(_Record):
    """A profile on a platform: what was built, how its container was started, and what was found there."""

    profile: str
    platform: str
    image: str
    """The image's digest."""
    run_args: tuple[str, ...]
    """The run arguments as the profile's file has them, variables filled in."""
    create: dict[str, JsonValue] | None
    """The create request that was computed from them; the values of environment variables are not kept."""
    facts: dict[str, str]
    """The container's facts (probes/scripts/facts.sh), and its node."""


class Related(_Record):
    """A second place that a finding is about."""

    line: Place
    column: Place
    note: str


class Finding(_Record):
    """A mistake in a file; lines and columns count from 1, `endColumn` is the first one after it."""

    rule: str
    severity: Severity
    message: str
    file: str
    line: Place
    column: Place
    end_line: Place
    end_column: Place
    excerpt: str
    fix: str
    related: tuple[Related, ...] = ()


class Outcome(_Record):
    """One question with its verdict."""

    id: str
    status: Status
    profile: str | None
    platform: str | None
    summary: str
    cause: str
    fix: str
    question: str
    """The question in words; empty if the id says it."""
    by_hand: str
    """The command to type in the container for the same result; empty if there is none so short."""
    again: tuple[str, ...]
    """The command that asks it again."""
    script: str
    """The script for the container's shell."""
    begin: Seconds
    """Seconds since the begin of the run."""
    seconds: Seconds
    """The duration."""
    findings: tuple[Finding, ...]
    observation: Observation | None


class Run(_Record):
    """One run of nestproof on one machine."""

    nestproof: str
    """Its version."""
    began: str
    """Date and time, UTC, as in RFC 3339."""
    seconds: Seconds
    interrupted: bool
    """True if the run was cut short; the outcomes that are here are complete."""
    trouble: str | None
    """The error that ended the run, if one did."""
    exit_code: int
    counts: dict[Status, Count]
    fingerprint: str
    """A digest of kernel, security modules, engine and platform: equal machines must answer alike."""
    host: Host
    engine: EngineFacts | None
    binfmt: dict[str, str]
    """The flags of the machine's qemu handlers."""
    revision: Revision | None
    profiles: tuple[Profile, ...]
    targets: tuple[Target, ...]
    outcomes: tuple[Outcome, ...]
    justification: dict[str, JsonValue] | None = None
    """The relaxations that each probe needs, where that was tried; its form may still change."""


class Evidence(_Record):
    """All that is known: the runs, each as its machine saw it."""

    schema_version: Literal[1] = SCHEMA_VERSION
    runs: tuple[Run, ...]


def fingerprint(host: Host, engine: EngineFacts | None) -> str:
    """A short digest of the facts that decide about a sandbox, beside the profile."""
    decisive: list[Any] = [list(host.lsms), engine.kernel if engine else host.kernel]
    if engine:
        decisive += [engine.platform, engine.version, engine.operating_system, list(engine.security_options)]
    else:
        decisive += [host.machine]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:12]


def schema() -> dict[str, Any]:
    """The JSON schema of a document."""
    made = Evidence.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def to_json(evidence: Evidence) -> dict[str, Any]:
    """The document as plain JSON values; keys are stable within a schema version."""
    # An interrupt within pydantic's serializer would come out as an error of the serializer.
    with interrupts_deferred():
        value: dict[str, Any] = evidence.model_dump(mode="json", by_alias=True)
    return value


def read_evidence(path: Path) -> Evidence:
    """Read a document; raises UsageError if it holds no evidence."""
    try:
        text = read_file(path, limit=LARGEST)
    except OSError as error:
        fix = "nestproof validate writes it" if isinstance(error, FileNotFoundError) else ""
        raise UsageError(f"the evidence {path} cannot be read", why=str(error), fix=fix) from error
    try:
        return Evidence.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        why = f"{where}: {first['msg']}" if where else first["msg"]
        fix = f"nestproof of the version that wrote it reads it; this one reads version {SCHEMA_VERSION}"
        raise UsageError(f"{path} is not evidence that this nestproof can read", why=why, fix=fix) from error
