"""git's configuration and attributes are the repository's: no program that they name is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nestproof.core.git import run_git
from tests.conftest import Repository


@pytest.fixture
def alarm(tmp_path: Path) -> Path:
    """A program that leaves a trace when it is started; it passes its input on."""
    program = tmp_path / "alarm"
    program.write_text('#!/bin/sh\ntouch "$0.rang"\nexec cat\n')
    program.chmod(0o755)
    return program


def rang(alarm: Path) -> bool:
    return alarm.with_name("alarm.rang").exists()


@pytest.fixture
def archive(repository: Repository) -> Repository:
    """A repository as it comes in an archive, with its .git, and with a changed file for git to compare."""
    (repository.path / "notes.txt").write_text("one\n")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Notes")
    (repository.path / "notes.txt").write_text("two\n")
    return repository


@pytest.mark.parametrize("name", ["ours", "a=b", "a.b", "Größe", "x y"])
@pytest.mark.parametrize("key", ["clean", "process"])
def test_no_filter_runs(archive: Repository, alarm: Path, name: str, key: str) -> None:
    archive.git("config", f"filter.{name}.{key}", str(alarm))
    archive.git("config", f"filter.{name}.required", "true")
    # Attributes cannot name a filter with a space in it; the others are in use.
    if " " not in name:
        (archive.path / ".gitattributes").write_text(f"notes.txt filter={name}\n")
        subprocess.run(
            ["git", "diff", "--check", "notes.txt"], cwd=archive.path, capture_output=True, check=False
        )
        assert rang(alarm), "git itself starts it, so that the test below means something"
        alarm.with_name("alarm.rang").unlink()
    finished = archive.ask("check")
    assert not rang(alarm)
    assert finished.status == 0, finished.stdout
    assert "the working tree: no white-space error, no conflict marker" in finished.stdout


@pytest.mark.parametrize(
    "key", ["diff.ours.textconv", "diff.ours.command", "core.fsmonitor", "diff.external"]
)
def test_no_other_program_of_the_configuration_runs(archive: Repository, alarm: Path, key: str) -> None:
    archive.git("config", key, str(alarm))
    (archive.path / ".gitattributes").write_text("notes.txt diff=ours\n")
    assert archive.ask("check").status == 0
    assert archive.ask("check.diff", "--base", "HEAD").status == 0
    assert not rang(alarm)


@pytest.mark.parametrize("protocol", ["ext", "file", "ssh"])
def test_a_missing_object_is_fetched_from_nowhere(
    archive: Repository, alarm: Path, tmp_path: Path, protocol: str
) -> None:
    address = {"ext": f"ext::{alarm}", "file": f"file://{tmp_path}", "ssh": "ssh://127.0.0.1/x"}[protocol]
    for key, value in {
        "remote.origin.url": address,
        "remote.origin.promisor": "true",
        "remote.origin.partialCloneFilter": "blob:none",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        f"protocol.{protocol}.allow": "always",
        "remote.origin.uploadpack": str(alarm),
        "core.sshCommand": str(alarm),
    }.items():
        archive.git("config", key, value)
    blob = archive.git("rev-parse", "HEAD:notes.txt").strip()
    (archive.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    finished = archive.ask("check.diff")
    assert not rang(alarm)
    assert finished.status == 4
    assert "git could not answer" in finished.stdout


def test_a_bare_repository_in_a_folder_is_not_entered(archive: Repository, alarm: Path) -> None:
    """It can be committed, and be there after a normal clone."""
    folder = archive.path / "docs"
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    for key, value in {
        "core.bare": "false",
        "core.worktree": str(archive.path),
        "core.fsmonitor": str(alarm),
        "filter.ours.clean": str(alarm),
    }.items():
        subprocess.run(["git", "config", "--file", str(folder / "config"), key, value], check=True)
    (archive.path / ".gitattributes").write_text("* filter=ours\n")
    (folder / ".devcontainer.json").write_text('{"image": "debian:12"}\n')
    finished = Repository(folder).ask("check")
    assert not rang(alarm)
    assert finished.status == 3
    assert "git takes this folder for a bare repository, which is not entered" in finished.stdout


def test_a_submodule_is_not_entered(archive: Repository, alarm: Path) -> None:
    inner = archive.path / "inner"
    subprocess.run(["git", "clone", "--quiet", str(archive.path), str(inner)], check=True)
    archive.git("add", "inner")
    archive.git("config", "submodule.recurse", "true")
    Repository(inner).git("config", "filter.ours.clean", str(alarm))
    (inner / ".gitattributes").write_text("* filter=ours\n")
    (inner / "notes.txt").write_text("three\n")
    assert archive.ask("check.diff").status == 0
    assert not rang(alarm)


def test_nothing_of_how_git_is_held_back_is_inherited(
    archive: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "alias.hello")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "rev-parse HEAD")
    assert run_git(archive.path, "hello").status != 0
