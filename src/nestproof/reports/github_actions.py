"""GitHub Actions: the summary page, annotations, and output in which nothing is a workflow command.

Its runner takes commands from stdout and stderr alike: `::name …::` after white space at the begin of a line,
and the older `##[name]` anywhere in one (actions/runner, ActionCommand.cs).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from nestproof.core.outcome import Status
from nestproof.core.source import safe
from nestproof.reports.evidence import Evidence, Outcome

SHOWN = 10
"""So many annotations of a kind the page shows for a step; the summary has the rest."""
SUMMARY_LIMIT = 1_000_000
"""Characters; the page takes 1 MiB from a step."""

_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)


def in_actions() -> bool:
    """True if this process runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def inert(text: str) -> str:
    """`text` without workflow commands: what would be one is still there to read."""
    return _COMMAND.sub(r"\1: ", text.replace("\r", "\n")).replace("##[", "# #[")


def json_text(value: object) -> str:
    """A JSON value for stdout; the older form of a command could stand in a string, and is escaped there."""
    return json.dumps(value, indent=2).replace("##[", r"#\u0023[")


def commands(evidence: Evidence, folder: str = "") -> Iterator[str]:
    """A command for each thing to look at; `folder` is where the workspace is in the repository."""
    left = {"error": SHOWN, "warning": SHOWN, "notice": SHOWN}
    for run in evidence.runs:
        for outcome in run.outcomes:
            for level, command in _of(outcome, folder):
                left[level] -= 1
                if left[level] >= 0:
                    yield command


def _of(outcome: Outcome, folder: str) -> Iterator[tuple[str, str]]:
    where = f"{outcome.profile} {outcome.platform} " if outcome.profile else ""
    for finding in outcome.findings:
        place = {
            "file": os.path.normpath(os.path.join(folder, finding.file)),  # noqa: PTH118 # a name, not a file
            "line": str(finding.line),
            "col": str(finding.column),
            "endLine": str(finding.end_line),
            "endColumn": str(finding.end_column),
            "title": finding.rule,
        }
        level = "notice" if finding.severity == "note" else finding.severity
        yield level, _command(level, place, finding.message, finding.fix)
    explained = any(finding.severity == "error" for finding in outcome.findings)
    if outcome.status in (Status.FAIL, Status.ERROR) and not explained:
        title = {"title": f"{where}{outcome.id}"}
        yield "error", _command("error", title, outcome.summary, outcome.cause, outcome.fix)
    if outcome.status is Status.UNVERIFIED:
        title = {"title": f"{where}{outcome.id}: unverified"}
        yield "warning", _command("warning", title, outcome.summary, outcome.fix)


def _command(level: str, properties: dict[str, str], *words: str) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = "\n".join(safe(line) for part in words for line in part.splitlines() if line)
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace("##[", "# #[")


def _property(text: str) -> str:
    return _data(safe(text)).replace(":", "%3A").replace(",", "%2C")


def tell_actions(evidence: Evidence, workspace: Path, stream: TextIO) -> None:
    """Write the summary page and the annotations of a run."""
    from nestproof.reports.markdown import to_markdown

    root = os.environ.get("GITHUB_WORKSPACE", "")
    folder = os.path.relpath(workspace, root) if root else ""
    for command in commands(evidence, "" if folder.startswith("..") else folder):
        print(command, file=stream, flush=True)
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(page).open("a", encoding="utf-8") as summary:
                summary.write(to_markdown(evidence, SUMMARY_LIMIT))
        except OSError as error:
            print(inert(f"the summary page could not be written: {error}"), file=stream, flush=True)
