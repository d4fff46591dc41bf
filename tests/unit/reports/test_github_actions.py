"""In GitHub Actions: summary and annotations come by themselves, and nobody else's words are a command."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.outcome import Outcome, Status
from nestproof.reports.evidence import Evidence
from nestproof.reports.github_actions import SHOWN, commands, inert, json_text
from tests.conftest import Repository
from tests.samples import EVERYTHING, NASTY, SECURE, a_run, observed

INJECTIONS = [
    "::error::x",
    "  \t::add-mask::x",
    "a\n::stop-commands::x",
    "a\r::error::x",
    "a\r\n::error::x",
    "\x0b\x0c::error::x",
    "\u2003::error::x",
    "##[error]x",
    "a ##[add-mask]x",
    "##[##[error]x",
    ":::error::x",
]


def obeyed(text: str) -> list[str]:
    """The commands that the runner would find, by the rules of its ActionCommand.cs."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        bare = line.lstrip()
        if bare.startswith("::") and "::" in bare[2:]:
            found.append(bare[2:].partition("::")[0].partition(" ")[0])
        elif "##[" in line and "]" in line.partition("##[")[2]:
            found.append(line.partition("##[")[2].partition("]")[0])
    return found


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_would_be_a_command_is_none_any_more(text: str) -> None:
    assert obeyed(text), "the test's own rule does not see it"
    assert not obeyed(inert(text))
    assert "x" in inert(text)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(list(":#[]x \t\n\r\x0b\u2003e"))))
def test_no_text_is_a_command(text: str) -> None:
    assert not obeyed(inert(text))


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_json_text_has_no_command_and_means_the_same(text: str) -> None:
    printed = json_text({"a": text})
    assert not obeyed(printed)
    assert json.loads(printed) == {"a": text}


def test_each_annotation_has_its_place_and_is_escaped_as_the_runner_wants() -> None:
    drawn = list(commands(EVERYTHING, "sub,folder"))
    assert drawn[0] == (
        "::error file=sub%2Cfolder/.devcontainer/devcontainer.json,line=2,col=15,endLine=2,endColumn=29,"
        "title=privileged::a lint, with words%0Atake it out"
    )
    assert drawn[1] == (
        "::warning title=default linux/amd64 smoke.apparmor%3A unverified::"
        "this kernel has no AppArmor%0Arun this on a host with AppArmor"
    )
    assert drawn[2].startswith("::error title=secure linux/amd64 smoke.bwrap-pidns::bwrap: pivot_root: ")
    assert len(drawn) == 5
    # One line each, and each is one command: its own.
    assert [obeyed(one) for one in drawn] == [["error"], ["warning"], ["error"], ["error"], ["error"]]
    assert "100%25" in next(commands(Evidence(runs=(a_run(Outcome("build", Status.FAIL, "100%", SECURE)),))))


def test_what_passed_or_was_declared_is_not_annotated() -> None:
    good = Outcome("build", Status.PASS, "fine", SECURE), Outcome("smoke.x", Status.DEGRADED, "fine", SECURE)
    assert not list(commands(Evidence(runs=(a_run(*good),))))


def test_no_more_annotations_than_the_page_shows() -> None:
    many = [Outcome(f"smoke.x{number}", Status.FAIL, "no", SECURE) for number in range(30)]
    unverified = Outcome("smoke.y", Status.UNVERIFIED, "why", SECURE)
    drawn = list(commands(Evidence(runs=(a_run(*many, unverified),))))
    assert len(drawn) == SHOWN + 1
    assert drawn[-1].startswith("::warning ")


def in_actions(repository: Repository, *arguments: str, **more: str) -> tuple[int, str, str]:
    summary = repository.path / "summary.md"
    summary.write_text("before\n")
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(repository.path.parent),
    }
    finished = repository.ask(*arguments, **{**environment, **more})
    return finished.status, finished.stdout + finished.stderr, summary.read_text()


def test_a_run_writes_its_summary_and_its_annotations_by_itself(repository: Repository) -> None:
    repository.edit(".devcontainer/devcontainer.json", '"remoteUser": "vscode"', '"remoteUser": 1')
    status, printed, summary = in_actions(repository, "check")
    assert status == 1
    assert [name for name in obeyed(printed) if name == "error"]
    folder = repository.path.name
    assert re.search(
        rf"^::error file={folder}/\.devcontainer/devcontainer\.json,line=\d+,col=17,", printed, re.M
    )
    assert summary.startswith("before\n## Validation\n")
    assert "- ❌ fail: `nestproof check.model --profile default`" in summary


def test_elsewhere_nothing_of_the_kind_is_written(repository: Repository) -> None:
    _, printed, summary = in_actions(repository, "check", GITHUB_ACTIONS="")
    assert not obeyed(printed)
    assert summary == "before\n"


@pytest.mark.parametrize("arguments", [["check"], ["check", "--json"], ["check", "--sarif"]])
def test_a_hostile_file_runs_no_command(repository: Repository, arguments: list[str]) -> None:
    # In a comment, a line of its own, in which something is wrong: it is quoted with a caret under it.
    hostile = '{\n::add-mask::x ##[error]y\n"image": "##[add-mask]z", "::stop-commands::q": 1}\n'
    (repository.path / ".devcontainer/devcontainer.json").write_text(hostile)
    status, printed, _ = in_actions(repository, *arguments)
    assert status == 1
    assert "add-mask" in printed
    assert set(obeyed(printed)) <= {"error", "warning"}
    own = [line for line in printed.splitlines() if obeyed(line)]
    assert all(re.match(r"::(error|warning) (file|title)=", line) for line in own), own


def test_the_report_of_hostile_evidence_runs_no_command(repository: Repository) -> None:
    seen = observed(NASTY, "\n".join(INJECTIONS))
    document = Evidence(runs=(a_run(Outcome("smoke.own", Status.FAIL, NASTY, SECURE, NASTY, NASTY, seen)),))
    (repository.path / "e.json").write_text(document.model_dump_json(by_alias=True))
    for form in ("terminal", "markdown", "html", "junit", "sarif", "json"):
        status, printed, _ = in_actions(repository, "report", "--merge", "e.json", "--format", form)
        assert status == 0, printed
        assert not obeyed(printed), form


def test_a_summary_that_cannot_be_written_changes_no_verdict(repository: Repository) -> None:
    status, printed, _ = in_actions(repository, "check", GITHUB_STEP_SUMMARY="/nowhere/summary.md")
    assert status == 0
    assert "the summary page could not be written: " in printed
    assert "Traceback" not in printed
