"""Where this nestbox came from, as pip would get it again.

Never its bare name: on the Python package index that is another project's.
"""

from __future__ import annotations

import json
from importlib.metadata import Distribution
from typing import Any

from nestbox import __version__
from nestbox.errors import UsageError

UNKNOWN = f"nestbox @ https://example.invalid/nestbox-{__version__}-py3-none-any.whl"
"""A requirement that nothing answers; whoever reads it replaces it."""


def requirement(source: str = "") -> str:
    """The requirement for `source`, or without one for where pip had this nestbox from; else UNKNOWN.

    Raises UsageError for a source that cannot stand in quotes.
    """
    if unquotable := {c for c in source if c in '"\\' or not c.isprintable()}:
        raise UsageError(f"a source cannot hold {', '.join(map(repr, sorted(unquotable)))}")
    if source:
        return f"nestbox @ {source}" if "://" in source else source
    try:
        recorded = Distribution.from_name("nestbox").read_text("direct_url.json")
    except ModuleNotFoundError:
        return UNKNOWN
    return from_record(json.loads(recorded)) if recorded else UNKNOWN


def from_record(record: dict[str, Any]) -> str:
    """The requirement for what pip recorded of an installation (PEP 610); a local folder is UNKNOWN."""
    url = str(record.get("url", ""))
    if not url.startswith("https://"):
        return UNKNOWN
    if vcs := record.get("vcs_info"):
        return f"nestbox @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    hashes = (record.get("archive_info") or {}).get("hashes") or {}
    return f"nestbox @ {url}" + (f"#sha256={hashes['sha256']}" if "sha256" in hashes else "")
