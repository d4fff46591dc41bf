"""Outcomes ─▶ SARIF 2.1.0, for code hosts and editors. Sections are those of the OASIS standard.

What it leaves open, decided:
- A finding is a result, and so is what failed (`error`) or fell back (`note`) without an error to point at.
  What passed is not listed: not every reader looks at `kind`, and the others would show a problem.
- `error` and `unverified` are notifications. They are about the run and not about the files (§3.58.1), and
  "the analysis might be incomplete" is what a `warning` there means (§3.58.6). Kind `open` would say that the
  question was asked, `notApplicable` that it does not apply (§3.27.9); neither is true.
- A fix is words, in the message and raw in the property bag: `fixes` must hold replacements (§3.55.3).
- A rule has `help` and no `helpUri`, which must be absolute (§3.49.12).
- SRCROOT has no address, which can hold a user's name (§3.14.14).
- Every result names a file, if need be its profile's or the root: GitHub rejects a log with one without.

`partialFingerprints` has one key. `ruleFileAndLine/v1` hashes rule, file, target, the text of the line (or
the message, where there is no line), and how many alike stand before it: it survives what moves the line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nestproof import __version__
from nestproof.core.diagnostics import Finding, Rule
from nestproof.core.outcome import Outcome, Status
from nestproof.core.source import safe

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT_ID = "SRCROOT"
LONGEST = 1000
"""At most this many characters of a summary, a cause or a fix are repeated."""
FINGERPRINT = "ruleFileAndLine/v1"

_RESULT_LEVELS = {Status.FAIL: "error", Status.DEGRADED: "note"}
_NOTIFICATIONS = {
    Status.ERROR: ("error", "nestproof itself could not ask: a timeout, a lost engine, a bad image."),
    Status.UNVERIFIED: ("warning", "This machine cannot answer; the message says why, and what would."),
}
_NOTHING_ASKED = {
    "descriptor": {"id": "error", "index": 0},
    "level": "error",
    "message": {"text": "Nothing was asked, which is never a pass."},
}


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """A result or a notification before it is written down. The order of the fields sorts the log."""

    uri: str
    region: tuple[int, ...]
    rule: str
    target: tuple[str, ...]
    level: str
    text: str
    line: str
    fix: str = ""
    related: tuple[tuple[Any, ...], ...] = ()


def to_sarif(
    outcomes: Sequence[Outcome],
    rules: Mapping[str, Rule],
    *,
    root: Path,
    profiles: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """The outcomes as a SARIF log; `profiles` names the file of each, for what has no better place."""
    files = profiles or {}
    results = _sorted(_results(outcomes, root, files))
    notified = {
        status: _sorted(_of(outcome, "", root, files) for outcome in outcomes if outcome.status is status)
        for status in _NOTIFICATIONS
    }
    used = {entry.rule for entries in (results, *notified.values()) for entry in entries}
    index = {name: number for number, name in enumerate(sorted({*rules, *used}))}
    notifications = [_notification(s, entry, index) for s, entries in notified.items() for entry in entries]
    driver = {
        "name": "nestproof",
        "version": __version__,
        "rules": [_rule(name, rules.get(name)) for name in index],
        "notifications": [
            _descriptor(status.value, meaning, level) for status, (level, meaning) in _NOTIFICATIONS.items()
        ],
    }
    invocation = {
        # §3.20.21: a notification of level error means that the run failed.
        "executionSuccessful": bool(outcomes) and not notified[Status.ERROR],
        "toolExecutionNotifications": notifications if outcomes else [_NOTHING_ASKED],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "originalUriBaseIds": {ROOT_ID: {"description": {"text": "The root of the repository."}}},
        # §3.14.26, §3.14.27: as nestproof.core.source counts lines and columns.
        "newlineSequences": ["\r\n", "\n", "\r"],
        "columnKind": "unicodeCodePoints",
        "results": list(_written(results, index)),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _sorted(entries: Iterable[_Entry]) -> list[_Entry]:
    # What two profiles share is found once for each of them, and said once.
    return sorted(set(entries))


def _results(outcomes: Sequence[Outcome], root: Path, files: Mapping[str, Path]) -> Iterator[_Entry]:
    for outcome in outcomes:
        for finding in outcome.findings:
            yield _found(finding, root)
        explained = any(finding.diagnostic.severity == "error" for finding in outcome.findings)
        if outcome.status in _RESULT_LEVELS and not (explained and outcome.status is Status.FAIL):
            yield _of(outcome, _RESULT_LEVELS[outcome.status], root, files)


def _found(finding: Finding, root: Path) -> _Entry:
    diagnostic = finding.diagnostic
    start, end = diagnostic.start, diagnostic.end
    # An excerpt is a headline, the line, and its carets; the headline says where, which may change.
    line = next(iter(finding.excerpt.split("\n")[1:2]), diagnostic.message).strip()
    return _Entry(
        _uri(finding.file, root),
        (start.line, start.column, end.line, end.column),
        diagnostic.rule,
        (),
        diagnostic.severity,
        _message(diagnostic.message, ("Fix: ", finding.fix)),
        line,
        _lines(finding.fix),
        tuple((note.position.line, note.position.column, _message(note.note)) for note in diagnostic.related),
    )


def _of(outcome: Outcome, level: str, root: Path, files: Mapping[str, Path]) -> _Entry:
    target = outcome.target
    where = f"{target}: " if target else ""
    return _Entry(
        _uri(str(files[target.profile]) if target and target.profile in files else "", root),
        (),
        outcome.id,
        (safe(target.profile), safe(target.platform)) if target else (),
        level,
        _message(where + outcome.summary, ("Cause: ", outcome.cause), ("Fix: ", outcome.fix)),
        # What a target answers may differ from run to run; it is the same question all the same.
        "" if target else outcome.summary,
        _lines(outcome.fix),
    )


def _written(entries: Sequence[_Entry], index: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    seen: Counter[tuple[Any, ...]] = Counter()
    for entry in entries:
        identity = (entry.rule, entry.uri, entry.target, entry.line)
        digest = hashlib.sha256(json.dumps([*identity, seen[identity]]).encode())
        seen[identity] += 1
        result: dict[str, Any] = {
            "ruleId": entry.rule,
            "ruleIndex": index[entry.rule],
            "level": entry.level,
            "message": {"text": entry.text},
            "locations": [_location(entry.uri, entry.region)],
            "partialFingerprints": {FINGERPRINT: digest.hexdigest()},
        }
        if entry.related:
            result["relatedLocations"] = [
                {"id": number, "message": {"text": text}, **_location(entry.uri, (*place, *place))}
                for number, (*place, text) in enumerate(entry.related, 1)
            ]
        properties = dict(zip(("profile", "platform"), entry.target, strict=False))
        properties |= {"fix": entry.fix} if entry.fix else {}
        if properties:
            result["properties"] = properties
        yield result


def _notification(status: Status, entry: _Entry, index: Mapping[str, int]) -> dict[str, Any]:
    return {
        "descriptor": {"id": status.value, "index": list(_NOTIFICATIONS).index(status)},
        "associatedRule": {"id": entry.rule, "index": index[entry.rule]},
        "level": _NOTIFICATIONS[status][0],
        "message": {"text": entry.text},
        "locations": [_location(entry.uri, ())],
    }


def _rule(name: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return _descriptor(name, f"The answer to {name}.", "error")
    page = f"docs/rules.md in nestproof's repository says more, under {name}."
    return _descriptor(name, _message(rule.meaning), rule.severity, page)


def _descriptor(name: str, meaning: str, level: str, page: str = "") -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": meaning},
        # GitHub's code scanning requires this and help, although the standard does not.
        "fullDescription": {"text": meaning},
        "help": {"text": f"{meaning}\n{page}".strip()},
        "defaultConfiguration": {"level": level},
    }


def _location(uri: str, region: tuple[int, ...]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": ROOT_ID}}
    if region:
        # §3.30.2: equal ends are an insertion point, as where something is missing.
        place["region"] = dict(zip(("startLine", "startColumn", "endLine", "endColumn"), region, strict=True))
    return {"physicalLocation": place}


def _uri(file: str, root: Path) -> str:
    """`file` relative to the root; a colon is encoded too, or what is before it would be a scheme."""
    name = os.path.relpath(root / file, root)
    try:
        encoded = name.encode("utf-8", "surrogateescape")  # the bytes that the name has on disk
    except UnicodeEncodeError:
        encoded = name.encode("utf-8", "surrogatepass")
    return "./" if name == "." else quote(encoded)


def _message(first: str, *more: tuple[str, str]) -> str:
    """Plain text (§3.11.3): no placeholder (§3.11.5: braces are doubled), and no link (§3.11.6)."""
    parts = [first, *(label + text for label, text in more if text)]
    text = "\n".join(filter(None, map(_lines, parts)))
    return text.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _lines(text: str) -> str:
    """`text` cut, without blank lines, and without what a terminal or a browser would obey."""
    bare = text.strip()
    cut = bare if len(bare) <= LONGEST else bare[: LONGEST - 1] + "…"
    return "\n".join(safe(line).strip() for line in cut.splitlines() if line.strip())
