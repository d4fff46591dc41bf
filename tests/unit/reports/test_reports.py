"""Reports drawn from evidence: true to it, valid in their formats, and safe whatever a container printed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.checks.checks import RULES
from nestproof.core.outcome import Outcome, Status
from nestproof.reports.evidence import Evidence
from nestproof.reports.formats import FORMATS, draw
from nestproof.reports.html import to_html
from nestproof.reports.junit import to_junit
from nestproof.reports.markdown import LIMIT, cell, code, quoted, to_markdown
from tests.conftest import ROOT
from tests.samples import CUT_SHORT, EVERYTHING, NASTY, OUTCOMES, SECURE, TWO_MACHINES, a_run, observed

JUNIT = xmlschema.XMLSchema(ROOT / "tests/recorded/junit.xsd")
NOTHING = Evidence(runs=())
EMPTY = Evidence(runs=(a_run(),))


def nasty(text: str) -> Evidence:
    """A run in which everything that can be somebody else's words is this text."""
    seen = observed(text, text, 1)
    return Evidence(runs=(a_run(Outcome("smoke.own", Status.FAIL, text, SECURE, text, text, seen)),))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("document", [EVERYTHING, TWO_MACHINES, NOTHING, EMPTY, CUT_SHORT])
def test_every_format_draws_everything(form: str, document: Evidence) -> None:
    text = draw(document, form, ROOT, RULES)
    assert text.endswith("\n") or form == "terminal"
    text.encode("utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_that_moves_hides_or_reorders_is_in_any_report(form: str) -> None:
    text = draw(EVERYTHING, form, ROOT, RULES)
    assert not [c for c in text if not c.isprintable() and c != "\n"]


# The formats that have words of their own; a pass has none in them.
WORDS = {
    "junit": {
        Status.FAIL: "<failure",
        Status.ERROR: "<error",
        Status.UNVERIFIED: "<skipped",
        Status.DEGRADED: "degraded: declared",
    },
    "sarif": {
        # The level of a result, and that of a notification, which stands deeper.
        Status.FAIL: '\n          "level": "error",',
        Status.ERROR: '\n              "level": "error",',
        Status.UNVERIFIED: '"id": "unverified"',
        Status.DEGRADED: '"level": "note"',
    },
}


def drawn(form: str, status: Status) -> str:
    """A report of one outcome, in which nothing but the status differs."""
    outcome = Outcome("smoke.users", status, "said", SECURE, "declared: why", observation=observed())
    return draw(Evidence(runs=(a_run(outcome),)), form, ROOT, RULES)


@pytest.mark.parametrize(
    ("form", "status"),
    [(form, status) for form in FORMATS for status in Status if status in WORDS.get(form, list(Status))],
)
def test_every_report_tells_each_verdict(form: str, status: Status) -> None:
    # A page without any outcome holds the words too: in its style sheet and its legend.
    word = WORDS.get(form, {}).get(status, status.value)
    counts = {other: drawn(form, other).count(word) for other in Status}
    assert all(counts[status] > counts[other] for other in Status if other is not status)


@pytest.mark.parametrize("status", Status)
def test_a_page_tells_a_verdict_in_its_matrix_and_at_the_outcome(status: Status) -> None:
    page, word = drawn("html", status), status.value
    assert f'<span class="hidden">{word}: smoke.users' in page
    assert re.search(rf'<summary><span class="verdict {word}">\S+ {word}</span> <span[^>]*>smoke.users', page)


# Markdown


def test_an_item_is_a_command_with_its_result() -> None:
    lines = to_markdown(EVERYTHING).splitlines()
    assert (
        "- ✅ pass: `nestproof check.json --profile default` → "
        "`.devcontainer/devcontainer.json: one JSON value, jq agrees`" in lines
    )
    assert "- ✅ pass: `codex --version` → `codex-cli 0.120.0`" in lines
    assert "  - why: `declared: Codex retries without --proc`" in lines
    assert "  - what would help: `run this on a host with AppArmor`" in lines


def blocks_of(markdown: str) -> tuple[list[str], list[str]]:
    """The lines outside of fenced blocks, and those inside, as CommonMark tells them apart."""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        found = re.match(r"^ {0,3}(`{3,})([^`]*)$", line)
        if not fence and found:
            fence = found[1]
        elif fence and re.match(rf"^ {{0,3}}`{{{len(fence)},}} *$", line):
            fence = ""
        else:
            (inside if fence else outside).append(line)
    assert not fence, "a fence is left open"
    return outside, inside


def without_code_spans(line: str) -> str:
    """A line without its code spans, by CommonMark's rule: as many backticks end it as began it."""
    kept, rest = "", line
    while found := re.search(r"(?<!`)(`+)(?!`)", rest):
        end = re.search(rf"(?<!`){found[1]}(?!`)", rest[found.end() :])
        if not end:
            return kept + rest
        kept, rest = kept + rest[: found.start()], rest[found.end() + end.end() :]
    return kept + rest


@pytest.mark.parametrize(
    "text", [NASTY, "```\n````\n```````` x", "`a``b```c", "~~~\n</details>\n```", "\n" * 5, "`"]
)
def test_what_a_container_says_is_code_and_nothing_else(text: str) -> None:
    outside, _ = blocks_of(to_markdown(nasty(text)))
    left = "\n".join(without_code_spans(line) for line in outside)
    assert not re.search(r"script|img|@everyone|heading|::error|</pre>|a``b", left), left
    assert left.count("<details>") == left.count("</details>") > 0


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_any_text_stays_in_its_code_span(text: str) -> None:
    span = code(f"{text}<b>@x")
    assert without_code_spans(f"a {span} z") == "a  z"
    assert len(span.splitlines()) == 1
    assert "|" not in cell(text)


def test_a_long_run_still_fits_into_a_comment() -> None:
    text = "x" * 200 + "\n"
    many = [
        Outcome("smoke.users", Status.PASS, "fine", SECURE, observation=observed(text * 60))
        for _ in range(100)
    ]
    failed = Outcome("smoke.seccomp", Status.FAIL, "no", SECURE, observation=observed("the reason\n"))
    drawn = to_markdown(Evidence(runs=(a_run(*many, failed),)))
    assert len(drawn) <= LIMIT
    # What failed keeps its details for longest.
    assert "the reason" in drawn
    endless = to_markdown(Evidence(runs=(a_run(*many * 20),)))
    assert len(endless) <= LIMIT
    assert endless.endswith("There is more: `nestproof report` shows it.\n")
    blocks_of(endless)


def test_a_command_line_can_be_pasted() -> None:
    assert quoted(("a b", "~/x y", "$(id)", "--flag=~/z")) == "'a b' ~/'x y' '$(id)' '--flag=~/z'"


def test_two_machines_are_told_apart_and_their_differences_named() -> None:
    text = to_markdown(TWO_MACHINES)
    assert text.count("## Validation") == 2
    here, there = (run.fingerprint for run in TWO_MACHINES.runs)
    assert f"- `default linux/amd64 smoke.apparmor`: unverified on `{here}`, pass on `{there}`" in text


def test_a_run_that_was_cut_short_says_so_first() -> None:
    lines = to_markdown(CUT_SHORT).splitlines()
    assert lines[4].startswith("**This run was cut short: `the engine was lost`.**")


# JUnit


@pytest.mark.parametrize(
    "document", [EVERYTHING, TWO_MACHINES, NOTHING, EMPTY, CUT_SHORT, nasty(NASTY), nasty("]]>\x00")]
)
def test_junit_is_valid(document: Evidence) -> None:
    JUNIT.validate(to_junit(document))


def test_the_schema_of_junit_refuses_what_is_none() -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        JUNIT.validate(to_junit(EVERYTHING).replace('name="secure linux/amd64"', ""))


def test_junit_counts_as_the_run_does() -> None:
    root = ET.fromstring(to_junit(EVERYTHING))  # noqa: S314 # made here
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("11", "3", "1")
    assert [suite.get("name") for suite in root] == [
        "files", "default linux/amd64", "secure linux/amd64", "secure linux/arm64"
    ]  # fmt: skip
    assert sum(int(suite.get("skipped", "0")) for suite in root) == 1
    failure = root.find(".//testcase[@name='smoke.bwrap-pidns']/failure")
    assert failure is not None
    assert failure.get("message") == "bwrap: pivot_root: Operation not permitted"
    assert failure.text is not None
    assert "fix: add" in failure.text


@pytest.mark.parametrize("document", [EMPTY, CUT_SHORT])
def test_a_run_that_is_not_whole_is_no_success_in_junit(document: Evidence) -> None:
    assert "<error" in to_junit(document)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_valid_junit(text: str) -> None:
    root = ET.fromstring(to_junit(nasty(text)))  # noqa: S314 # made here
    assert len(root.findall(".//testcase")) == 1


# SARIF


def test_sarif_has_a_run_for_each_run() -> None:
    log = json.loads(draw(TWO_MACHINES, "sarif", ROOT, RULES))
    assert len(log["runs"]) == 2
    first = [result["ruleId"] for result in log["runs"][0]["results"]]
    assert "privileged" in first
    assert "smoke.bwrap-pidns" in first
    place = log["runs"][0]["results"][first.index("privileged")]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == ".devcontainer/devcontainer.json"
    assert place["region"]["startLine"] == 2


# HTML


class Page(HTMLParser):
    """What a browser would make of a page: elements, the names of attributes, identifiers and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in ("meta", "br", "link", "img"):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.mark.parametrize(
    "document", [EVERYTHING, TWO_MACHINES, NOTHING, EMPTY, CUT_SHORT, nasty('"onmouseover=x" \'')]
)
def test_the_page_is_well_formed_and_needs_nothing_else(document: Evidence) -> None:
    page = Page(to_html(document))
    assert page.stack == []
    assert not {"script", "link", "img", "iframe", "object", "form", "base", "svg"} & set(page.tags)
    assert not {name for name in page.attributes if name.startswith("on")}
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert all(link.startswith("#") for link in page.links)


def test_every_cell_of_the_matrix_leads_to_its_evidence() -> None:
    text = to_html(EVERYTHING)
    cells = re.findall(r'class="cell (\w+)" href="#([\w-]+)"', text)
    assert sorted(status for status, _ in cells) == sorted(outcome.status.value for outcome in OUTCOMES)
    for status, anchor in cells:
        # Inside of the details, not on it: a browser opens what holds the target of a link.
        assert re.search(
            rf'<details class="outcome {status}"[^>]*>\s*<summary>.*</summary>\s*<div id="{anchor}">', text
        )


def test_the_page_speaks_to_everybody() -> None:
    text = to_html(EVERYTHING)
    tags = Page(text).tags
    assert '<html lang="en">' in text
    for landmark in ("header", "nav", "main", "footer"):
        assert tags.count(landmark) == 1
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption") == 5
    assert "th" in tags
    assert text.count('scope="') == tags.count("th")
    # A verdict is a sign and a word, never a colour alone.
    for status in Status:
        assert f'<span class="hidden">{status.value}: ' in text


def test_the_page_shows_privileges_timeline_and_justification() -> None:
    text = to_html(EVERYTHING)
    assert "setuid bwrap demands it, for unshare, mount and pivot_root" in text
    assert text.count('class="bar"') == len(OUTCOMES)
    assert "What each relaxation of secure linux/amd64 is there for" in text
    assert "bwrap-userns, bwrap-slave, bwrap-pivot, bwrap-pidns and 1 more" in text
    assert "with bwrap not setuid: security-opt=seccomp=unconfined" in text
    assert "with bwrap not setuid: none at all" in text
    assert "What can be done in secure linux/amd64, by trying" in text
    assert "is there for" not in to_html(TWO_MACHINES)


def test_a_pull_request_shows_what_each_relaxation_is_there_for() -> None:
    text = to_markdown(EVERYTHING)
    assert "| `cap-add=SYS_ADMIN` | `needed` | `bwrap: capset failed: Operation not permitted` |" in text
    assert "| `mount a tmpfs` | `can` | `cannot` | `SYS_ADMIN` |" in text
    assert "is there for" not in to_markdown(TWO_MACHINES)


@pytest.mark.parametrize("odd", [{}, {"profiles": 1}, {"profiles": ["x", {}]}, {"residual": [{}]}])
def test_a_justification_of_another_form_breaks_no_report(odd: Any) -> None:
    document = Evidence(runs=(a_run(*OUTCOMES, justification=odd),))
    assert to_html(document)
    assert to_markdown(document)


def test_hostile_words_of_an_experiment_are_text() -> None:
    row = {"relaxation": "a|b", "need": "needed", "error": "</td><script>`|\x1b[2J", "probes": ["<b>"]}
    odd: Any = {"profiles": [{"profile": "<i>", "platform": "x", "relaxations": [row]}]}
    document = Evidence(runs=(a_run(*OUTCOMES, justification=odd),))
    page, text = to_html(document), to_markdown(document)
    assert "<script>" not in page
    assert "\x1b" not in page + text
    (line,) = [line for line in text.splitlines() if line.startswith("| `a¦b`")]
    assert line.replace("\\|", "").count("|") == 6


def test_bars_stand_where_their_outcomes_were() -> None:
    bars = re.findall(r'class="bar" style="left:([\d.]+)%;width:([\d.]+)%"', to_html(EVERYTHING))
    lefts = [float(left) for left, _ in bars]
    assert lefts == sorted(lefts)
    assert all(float(left) + float(width) <= 100 for left, width in bars)


def test_hostile_output_is_text_in_the_page() -> None:
    text = to_html(nasty(NASTY))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "<script>" not in text


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_any_text_makes_the_same_page(text: str) -> None:
    tags = Page(to_html(nasty(f"a{text}"))).tags
    assert tags == Page(to_html(nasty("plain"))).tags


# Contrast: WCAG 2.2, success criterion 1.4.3, and its definition of relative luminance


def palettes() -> list[dict[str, str]]:
    css = Path(ROOT / "src/nestproof/reports/page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", part)) for part in (light, dark)]


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_standard_has_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_every_text_has_enough_contrast(palette: dict[str, str]) -> None:
    assert len(palette) == 12
    pairs = [(text, surface) for text in ("text", "quiet", "link") for surface in ("ground", "raised")]
    pairs += [("on", status.value) for status in Status]
    for text, surface in pairs:
        assert contrast(palette[text], palette[surface]) >= 4.5, (text, surface)
    # A bar is told from its track by 3:1 (1.4.11).
    for status in Status:
        assert contrast(palette[status.value], palette["raised"]) >= 3
