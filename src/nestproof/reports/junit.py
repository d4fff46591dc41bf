"""Evidence ─▶ JUnit XML, in the form that Jenkins' junit-10.xsd describes and CI systems read.

What the format has no word for: `unverified` is skipped, since nothing failed and nothing was shown;
`degraded` passes, with its reason in `system-out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from nestproof.core.outcome import Status
from nestproof.core.source import safe
from nestproof.reports.common import by_target, describe_run
from nestproof.reports.evidence import Evidence, Outcome, Run

_ELEMENTS = {Status.FAIL: "failure", Status.ERROR: "error", Status.UNVERIFIED: "skipped"}


def to_junit(evidence: Evidence) -> str:
    """The document: a suite for each target of each run, and one for its files."""
    root = ET.Element("testsuites", name="nestproof")
    for run in evidence.runs:
        for (profile, platform), outcomes in by_target(run.outcomes).items():
            root.append(_suite(run, f"{profile} {platform}".strip() or "files", outcomes))
        if not run.outcomes or run.interrupted:
            root.append(_unfinished(run))
    _count(root, [outcome for run in evidence.runs for outcome in run.outcomes])
    root.set("time", _time(sum(run.seconds for run in evidence.runs)))
    root.attrib.pop("skipped")  # which a suite may have, and their collection not
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(run: Run, name: str, outcomes: Sequence[Outcome]) -> ET.Element:
    suite = ET.Element("testsuite", name=_line(name), timestamp=run.began.removesuffix("+00:00"))
    _count(suite, outcomes)
    suite.set("time", _time(sum(outcome.seconds for outcome in outcomes)))
    suite.set("id", f"{run.fingerprint} {_line(name)}")
    properties = ET.SubElement(suite, "properties")
    for key, value in describe_run(run):
        ET.SubElement(properties, "property", name=key, value=_line(value))
    for outcome in outcomes:
        suite.append(_case(name, outcome))
    return suite


def _unfinished(run: Run) -> ET.Element:
    """A run that was cut short, or asked nothing, must not look like one that passed."""
    suite = ET.Element("testsuite", name="run", tests="1", failures="0", errors="1", skipped="0")
    case = ET.SubElement(suite, "testcase", name="the run came to its end", classname="nestproof.run")
    message = _line(run.trouble or ("interrupted" if run.interrupted else "nothing was asked"))
    ET.SubElement(case, "error", type="error", message=message)
    return suite


def _case(suite: str, outcome: Outcome) -> ET.Element:
    case = ET.Element("testcase", name=_name(outcome), time=_time(outcome.seconds))
    case.set("classname", f"nestproof.{_line(suite).replace('.', '_').replace(' ', '.')}")
    if outcome.status in _ELEMENTS:
        element = ET.SubElement(case, _ELEMENTS[outcome.status], type=outcome.status.value)
        element.set("message", _line(outcome.summary))
        said = [("cause: ", outcome.cause), ("fix: ", outcome.fix)]
        said += [("", finding.excerpt or finding.message) for finding in outcome.findings]
        element.text = _lines("\n".join(label + text for label, text in said if text))
    seen = outcome.observation
    note = "" if outcome.status is Status.PASS else f"{outcome.status.value}: {outcome.cause}\n"
    if seen and (note or seen.stdout):
        ET.SubElement(case, "system-out").text = _lines(note + seen.stdout)
    if seen and seen.stderr:
        ET.SubElement(case, "system-err").text = _lines(seen.stderr)
    return case


def _name(outcome: Outcome) -> str:
    """A check asks the same of several files: their names tell the cases apart."""
    of = f" {outcome.summary.split(':')[0]}" if outcome.profile is None else ""
    return _line(f"{outcome.id}{of}")


def _count(element: ET.Element, outcomes: Sequence[Outcome]) -> None:
    statuses = [outcome.status for outcome in outcomes]
    element.set("tests", str(len(statuses)))
    element.set("failures", str(statuses.count(Status.FAIL)))
    element.set("errors", str(statuses.count(Status.ERROR)))
    element.set("skipped", str(statuses.count(Status.UNVERIFIED)))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _line(text: str) -> str:
    """XML 1.0 has no way to write most control characters: they are shown escaped."""
    return safe(" ".join(text.split()))


def _lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.splitlines())
