"""docs/rules.md: a section for every rule and for nothing else, and each example says what it says there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from nestproof.checks.checks import RULES
from nestproof.checks.lints import lint
from nestproof.checks.suppressions import apply_silences
from nestproof.core.diagnostics import Diagnostic
from nestproof.devcontainer.loading import read_profile

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text("utf-8")
# Invisible characters, ten thousand brackets, or what takes more than one file or another program.
WITHOUT_EXAMPLE = {
    "json-control-character", "json-deep-nesting", "json-invalid-utf8", "json-jq-disagrees",
    "json-white-space", "compose-file", "feature-lock", "feature-not-locked", "feature-unreadable",
    "degradation-unneeded",
    *(rule for rule in RULES if rule.startswith(("diff-", "lock-"))),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """What the page has on one rule."""

    rule: str
    text: str

    def blocks(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)\n```$", self.text, re.DOTALL | re.MULTILINE)

    @property
    def said(self) -> list[str]:
        """The sentences that nestproof says of the example, with their places."""
        return re.findall(r"^> `(.*)`$", self.text, re.MULTILINE)


SECTIONS = [Section(*part.split("\n", 1)) for part in PAGE.split("\n## ")[1:]]
EXAMPLES = [section for section in SECTIONS if section.blocks("jsonc")]
NAMES = [section.rule for section in EXAMPLES]


def find(workspace: Path, text: str, rule: str, other: str | None) -> list[Diagnostic]:
    """What a rule finds in a text that is this workspace's devcontainer.json, and that is not silenced."""

    def read(file: Path) -> bytes:
        if other is None:
            raise FileNotFoundError(2, "No such file or directory")
        return other.encode()

    file = workspace / "devcontainer.json"
    file.write_text(text)
    reading = read_profile("default", file, workspace, {})
    found = [*reading.document.diagnostics, *reading.diagnostics]
    if reading.profile is not None:
        found += lint(reading.profile, reading.document, read=read)
    return [m for m in apply_silences(reading.document, found, RULES) if m.rule == rule]


def test_every_rule_has_its_section_and_no_section_is_left_over() -> None:
    assert sorted(section.rule for section in SECTIONS) == sorted(RULES)


@pytest.mark.parametrize("section", SECTIONS, ids=[section.rule for section in SECTIONS])
def test_a_section_says_how_grave_its_rule_is_and_what_it_means(section: Section) -> None:
    rule = RULES[section.rule]
    start = " ".join(f"**{rule.severity.capitalize()}.** {rule.meaning}".split())
    assert " ".join(section.text.split()).startswith(start)
    assert bool(section.blocks("jsonc")) == (section.rule not in WITHOUT_EXAMPLE)


@pytest.mark.parametrize("section", EXAMPLES, ids=NAMES)
def test_an_example_is_red_and_its_fix_is_not(section: Section, tmp_path: Path) -> None:
    example, fix = section.blocks("jsonc")
    other = next(iter(section.blocks("json")), None)
    found = find(tmp_path, example, section.rule, other)
    assert found
    if section.said:
        said = [f"{m.start.line}:{m.start.column}: {m.message}" for m in found]
        assert said == section.said
    assert find(tmp_path, fix, section.rule, other) == []


@pytest.mark.parametrize("section", EXAMPLES, ids=NAMES)
def test_a_rule_can_be_silenced_where_its_section_says_so(section: Section, tmp_path: Path) -> None:
    example = section.blocks("jsonc")[0]
    other = next(iter(section.blocks("json")), None)
    line = find(tmp_path, example, section.rule, other)[0].start.line - 1
    lines = example.split("\n")
    lines[line] += f" // nestproof: allow {section.rule} because this is a test"
    silenced = not find(tmp_path, "\n".join(lines), section.rule, other)
    assert silenced == (f"**Silence:** `// nestproof: allow {section.rule} because …`" in section.text)
