"""Name this installation's source as pip would install it again."""

from __future__ import annotations

import json
from importlib.metadata import Distribution
from typing import Any

from nestproof import __version__
from nestproof.core.errors import UsageError

UNKNOWN = f"nestproof @ https://example.invalid/nestproof-{__version__}-py3-none-any.whl"
"""A placeholder for a requirement that the reader has to write."""


def requirement(source: str = "") -> str:
    """The requirement for `source`, or without one for where pip had this nestproof from; else UNKNOWN.

    Raises UsageError for a source that cannot stand in quotes.
    """
    if unquotable := {c for c in source if c in '"\\' or not c.isprintable()}:
        raise UsageError(f"a source cannot hold {', '.join(map(repr, sorted(unquotable)))}")
    if source:
        return f"nestproof @ {source}" if "://" in source else source
    try:
        recorded = Distribution.from_name("nestproof").read_text("direct_url.json")
    except ModuleNotFoundError:
        return UNKNOWN
    return from_record(json.loads(recorded)) if recorded else f"nestproof=={__version__}"


def from_record(record: dict[str, Any]) -> str:
    """The requirement for an installation's record of pip (PEP 610); UNKNOWN for a local folder."""
    url = str(record.get("url", ""))
    if not url.startswith("https://"):
        return UNKNOWN
    if vcs := record.get("vcs_info"):
        return f"nestproof @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    hashes = (record.get("archive_info") or {}).get("hashes") or {}
    return f"nestproof @ {url}" + (f"#sha256={hashes['sha256']}" if "sha256" in hashes else "")
