"""The diff check, on real git repositories in every state that one meets."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nestproof.checks.git_diff import check_diff
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Outcome, Status


def git(folder: Path, *arguments: str) -> str:
    completed = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return completed.stdout.strip()


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a git of our own first on the PATH; it finds the real one as `$GIT`."""
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "git"
    program.write_text(f"#!/bin/sh\nGIT={shutil.which('git')}\n{script}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def forget_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    # Without maintenance, a commit starts one program and not two.
    (home / ".gitconfig").write_text(
        "[user]\n\tname = nobody\n\temail = nobody@example.org\n[maintenance]\n\tauto = false\n"
    )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git as it is anywhere: without the settings of whoever runs the tests."""
    forget_settings(tmp_path / "home", monkeypatch)


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one committed file, `notes.txt`; to copy."""
    folder = tmp_path_factory.mktemp("committed") / "repository"
    with pytest.MonkeyPatch.context() as monkeypatch:
        forget_settings(folder.parent / "home", monkeypatch)
        start(folder)
        (folder / "notes.txt").write_text("one\n")
        commit(folder, "one")
    return folder


@pytest.fixture
def worktree(tmp_path: Path, committed: Path) -> Path:
    """A repository of the test's own with one committed file, `notes.txt`."""
    return shutil.copytree(committed, tmp_path / "repository")


def start(folder: Path, *arguments: str) -> None:
    # The template is a dozen example hooks, which nobody here needs.
    git(folder.parent, "init", "--quiet", "--initial-branch=main", "--template=", *arguments, str(folder))


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")


def working(folder: Path) -> Outcome:
    outcome, _ = check_diff(folder)
    assert outcome.id == "check.diff"
    return outcome


def staged(folder: Path) -> Outcome:
    (outcome,) = check_diff(folder, staged=True)
    assert outcome.id == "check.diff"
    return outcome


def since(folder: Path, base: str) -> Outcome:
    (outcome,) = check_diff(folder, base=base)
    assert outcome.id == "check.diff"
    return outcome


def places(outcome: Outcome) -> list[tuple[str, int, str]]:
    return [(found.file, found.diagnostic.start.line, found.diagnostic.rule) for found in outcome.findings]


# What is compared

CLEAN = "no white-space error, no conflict marker"


def test_a_clean_repository_passes_twice(worktree: Path) -> None:
    outcomes = list(check_diff(worktree))
    assert [outcome.status for outcome in outcomes] == [Status.PASS, Status.PASS]
    assert [outcome.summary for outcome in outcomes] == [
        f"the working tree: {CLEAN}",
        f"what is staged: {CLEAN}",
    ]
    for outcome in outcomes:
        assert outcome.observation is not None
        assert outcome.observation.exit_status == 0
        assert {"--no-pager", "--no-ext-diff", "--no-color", "--check"} < set(outcome.observation.command)
        assert outcome.findings == ()


def test_unstaged_white_space_fails_in_the_working_tree_alone(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("one\ntwo \n")
    outcome = working(worktree)
    assert (outcome.status, outcome.summary) == (
        Status.FAIL,
        "the working tree: notes.txt:2: trailing whitespace.",
    )
    assert outcome.cause == "git diff --check objects to 1 line in 1 file"
    assert outcome.fix == "remove the white space at the end of the line"
    assert outcome.observation is not None
    assert outcome.observation.exit_status == 2
    assert outcome.observation.stdout == "notes.txt:2: trailing whitespace.\n+two \n"
    (found,) = outcome.findings
    assert str(found) == "notes.txt:2:4: error: trailing whitespace\ntwo \n   ^"
    assert staged(worktree).status is Status.PASS


def test_staged_white_space_fails_in_what_is_staged_alone(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("one\ntwo \n")
    git(worktree, "add", ".")
    assert working(worktree).status is Status.PASS
    outcome = staged(worktree)
    assert (outcome.status, outcome.summary) == (
        Status.FAIL,
        "what is staged: notes.txt:2: trailing whitespace.",
    )


def test_white_space_that_is_staged_and_undone_again_still_fails(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("one\ntwo \n")
    git(worktree, "add", ".")
    (worktree / "notes.txt").write_text("one\ntwo\n")
    assert staged(worktree).status is Status.FAIL


def test_white_space_that_was_there_before_is_not_reported(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("one \n")
    commit(worktree, "sloppy")
    (worktree / "notes.txt").write_text("one \ntwo\n")
    assert working(worktree).status is Status.PASS


def test_a_file_that_git_does_not_know_is_not_checked(worktree: Path) -> None:
    (worktree / "new.txt").write_text("one \n")
    assert working(worktree).status is Status.PASS
    git(worktree, "add", "--intent-to-add", "new.txt")
    assert working(worktree).status is Status.FAIL


def test_a_base_shows_what_changed_since_the_two_parted(worktree: Path) -> None:
    git(worktree, "switch", "--quiet", "--create", "topic")
    (worktree / "committed.txt").write_text("one \n")
    commit(worktree, "topic")
    (worktree / "added.txt").write_text("two \n")
    git(worktree, "add", ".")
    (worktree / "notes.txt").write_text("three \n")
    git(worktree, "switch", "--quiet", "main")
    # What main got since is not ours to answer for.
    (worktree / "later.txt").write_text("four \n")
    git(worktree, "add", "later.txt")
    git(worktree, "commit", "--quiet", "--message=later", "later.txt")
    git(worktree, "switch", "--quiet", "topic")
    outcome = since(worktree, "main")
    assert outcome.status is Status.FAIL
    assert outcome.summary == ("everything since the merge base with main: added.txt:1: trailing whitespace.")
    assert outcome.cause == "git diff --check objects to 3 lines in 3 files"
    assert [file for file, _, _ in places(outcome)] == ["added.txt", "committed.txt", "notes.txt"]


@pytest.mark.parametrize("base", ["main", "HEAD", "HEAD~1", "v1", ":/one", "@{-1}", "main^{commit}"])
def test_a_base_can_be_any_name_of_a_commit(worktree: Path, base: str) -> None:
    git(worktree, "tag", "--annotate", "--message=one", "v1")
    (worktree / "notes.txt").write_text("two\n")
    commit(worktree, "two")
    git(worktree, "switch", "--quiet", "--create", "topic")
    outcome = since(worktree, base)
    assert (outcome.status, outcome.summary) == (
        Status.PASS,
        f"everything since the merge base with {base}: {CLEAN}",
    )


def test_a_folder_of_a_repository_stands_for_all_of_it(worktree: Path, tmp_path: Path) -> None:
    folder = worktree / "folder" / "deep"
    folder.mkdir(parents=True)
    (folder / "here.txt").write_text("here \n")
    (worktree / "notes.txt").write_text("<<<<<<< ours\n")
    git(worktree, "add", ".")
    git(worktree, "config", "diff.relative", "true")
    link = tmp_path / "link"
    link.symlink_to(folder)
    for workspace in (folder, link):
        outcome = staged(workspace)
        # As every other check names them: as seen from the workspace.
        assert outcome.summary == "what is staged: here.txt:1: trailing whitespace."
        assert [found.file for found in outcome.findings] == ["here.txt", "../../notes.txt"]
        assert "<<<<<<< ours" in outcome.findings[1].excerpt


def test_a_file_that_is_called_like_the_base_is_no_obstacle(worktree: Path) -> None:
    (worktree / git(worktree, "rev-parse", "HEAD")).write_text("one \n")
    git(worktree, "add", ".")
    assert since(worktree, "HEAD").status is Status.FAIL


# What git objects to


def test_every_kind_of_white_space_has_its_rule(worktree: Path) -> None:
    (worktree / ".gitattributes").write_text(
        "spaces.txt whitespace=indent-with-non-tab\ntabs.txt whitespace=tab-in-indent\n"
    )
    (worktree / "notes.txt").write_text("one \n \ttwo\n \tthree \nfour\n\n\n")
    (worktree / "spaces.txt").write_text("        eight\n")
    (worktree / "tabs.txt").write_text("\ttab\n")
    git(worktree, "add", ".")
    outcome = staged(worktree)
    assert places(outcome) == [
        ("notes.txt", 1, "diff-trailing-whitespace"),
        ("notes.txt", 2, "diff-space-before-tab"),
        ("notes.txt", 3, "diff-trailing-whitespace"),
        ("notes.txt", 3, "diff-space-before-tab"),
        ("notes.txt", 5, "diff-blank-at-eof"),
        ("spaces.txt", 1, "diff-indent"),
        ("tabs.txt", 1, "diff-tab-in-indent"),
    ]
    assert outcome.cause == "git diff --check objects to 6 lines in 3 files"


def test_conflict_markers_are_shown_as_the_working_tree_has_them(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("<<<<<<< ours\none\n=======\ntwo\n>>>>>>> theirs\n")
    outcome = working(worktree)
    assert outcome.summary == "the working tree: notes.txt:1: leftover conflict marker"
    assert outcome.fix == "resolve the conflict and remove its markers"
    assert [str(found).splitlines()[1:] for found in outcome.findings] == [
        ["<<<<<<< ours", "^^^^^^^"],
        ["=======", "^^^^^^^"],
        [">>>>>>> theirs", "^^^^^^^"],
    ]


def test_conflict_markers_are_shown_as_they_are_staged(worktree: Path) -> None:
    (worktree / "notes.txt").write_text("one\n>>>>>>> staged\n")
    git(worktree, "add", ".")
    (worktree / "notes.txt").write_text("one\n<<<<<<< working tree\n")
    (found,) = staged(worktree).findings
    assert found.excerpt.splitlines()[1:] == [">>>>>>> staged", "^^^^^^^"]


def test_the_size_of_markers_is_what_the_repository_says(worktree: Path) -> None:
    (worktree / ".gitattributes").write_text("*.txt conflict-marker-size=4\n")
    (worktree / "notes.txt").write_text("<<<< ours\n")
    (found,) = working(worktree).findings
    assert found.excerpt.splitlines()[1:] == ["<<<< ours", "^^^^"]


def test_an_unfinished_merge_fails(worktree: Path) -> None:
    git(worktree, "switch", "--quiet", "--create", "other")
    (worktree / "notes.txt").write_text("theirs\n")
    commit(worktree, "theirs")
    git(worktree, "switch", "--quiet", "main")
    (worktree / "notes.txt").write_text("ours\n")
    commit(worktree, "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git(worktree, "merge", "other")
    outcome = working(worktree)
    assert places(outcome) == [("notes.txt", line, "diff-conflict-marker") for line in (1, 3, 5)]
    assert staged(worktree).status is Status.PASS


NAMES = [
    "with space.txt",
    " ",
    "ünïcödé.txt",
    "-dash.txt",
    "--output=x",
    "+plus",
    "a'b.txt",
    'a"b.txt',
    "back\\slash",
    "tab\there",
    "line\nbreak:3: trailing whitespace.",
    "a:1: trailing whitespace.\n+b",
    ":(exclude)*",
    "0:stage",
    "bell\a\x1b[2J",
    "caf\udce9.txt",
]


@pytest.mark.parametrize("quoting", ["true", "false"])
def test_any_file_name_is_reported(worktree: Path, quoting: str) -> None:
    git(worktree, "config", "core.quotePath", quoting)
    for name in NAMES:
        # macOS knows no names that are not UTF-8.
        with contextlib.suppress(OSError):
            (worktree / name).write_text("one \n=======\n")
    git(worktree, "add", ".")
    for outcome in (staged(worktree), since(worktree, "HEAD")):
        assert outcome.status is Status.FAIL
        assert outcome.summary.isprintable()
        expected = {name for name in os.listdir(worktree) if name in NAMES}  # noqa: PTH208 # the names alone
        assert len(expected) >= len(NAMES) - 1
        assert sorted(places(outcome)) == sorted(
            (name, *hit)
            for name in expected
            for hit in ((1, "diff-trailing-whitespace"), (2, "diff-conflict-marker"))
        )
        for found in outcome.findings:
            assert found.excerpt.splitlines()[1:] in (["one ", "   ^"], ["=======", "^^^^^^^"])


# Entries that are no plain change of a text


def test_a_binary_file_is_not_checked(worktree: Path) -> None:
    (worktree / "image.bin").write_bytes(b"\0 \n")
    git(worktree, "add", ".")
    assert staged(worktree).status is Status.PASS


def test_a_deleted_file_is_not_checked(worktree: Path) -> None:
    (worktree / "sloppy.txt").write_text("one \n")
    commit(worktree, "sloppy")
    (worktree / "sloppy.txt").unlink()
    assert working(worktree).status is Status.PASS
    git(worktree, "add", "--all")
    assert staged(worktree).status is Status.PASS


def test_of_a_renamed_file_only_the_changed_lines_are_checked(worktree: Path) -> None:
    old = "old line \n" * 20
    (worktree / "old.txt").write_text(old)
    commit(worktree, "sloppy")
    (worktree / "old.txt").rename(worktree / "new.txt")
    (worktree / "new.txt").write_text(old + "new line \n")
    git(worktree, "add", "--all")
    assert places(staged(worktree)) == [("new.txt", 21, "diff-trailing-whitespace")]


def test_a_file_that_became_a_link_is_checked_as_the_link(worktree: Path) -> None:
    (worktree / "notes.txt").unlink()
    (worktree / "notes.txt").symlink_to("<<<<<<< /nowhere ")
    outcome = working(worktree)
    # git reads a link as a file that holds the link's target.
    assert places(outcome) == [
        ("notes.txt", 1, "diff-conflict-marker"),
        ("notes.txt", 1, "diff-trailing-whitespace"),
    ]


def test_a_link_is_never_followed_to_show_a_line(worktree: Path, tmp_path: Path) -> None:
    (tmp_path / "<<<<<<< secret").write_text("<<<<<<< of another folder\n")
    (worktree / "notes.txt").unlink()
    (worktree / "notes.txt").symlink_to("../<<<<<<< secret")
    (worktree / "link").symlink_to("<<<<<<< x")
    (worktree / "<<<<<<< x").write_text("<<<<<<< what the link leads to\n")
    git(worktree, "add", "--intent-to-add", "link")
    assert [found.excerpt for found in working(worktree).findings] == [
        "link:1:1: error: leftover conflict marker"
    ]


@pytest.fixture
def module(worktree: Path, tmp_path: Path) -> Path:
    """A repository within the repository, committed as a submodule."""
    origin = tmp_path / "origin"
    start(origin)
    (origin / "lib.txt").write_text("one\n")
    commit(origin, "one")
    git(worktree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin), "module")
    commit(worktree, "with a submodule")
    return worktree / "module"


def test_a_submodule_that_moved_or_is_changed_is_not_checked(worktree: Path, module: Path) -> None:
    (module / "lib.txt").write_text("one \n")
    assert working(worktree).status is Status.PASS
    commit(module, "sloppy")
    git(worktree, "add", "module")
    assert staged(worktree).status is Status.PASS


def test_a_broken_submodule_hides_nothing(worktree: Path, module: Path) -> None:
    shutil.rmtree(worktree / ".git" / "modules" / "module" / "objects")
    # What git says of it when nobody keeps it out.
    plain = subprocess.run(["git", "diff", "--check"], cwd=worktree, check=False, capture_output=True)
    assert plain.returncode == 128
    (worktree / "notes.txt").write_text("one \n")
    assert places(working(worktree)) == [("notes.txt", 1, "diff-trailing-whitespace")]


def test_a_file_in_the_place_of_a_submodule_is_checked(worktree: Path, module: Path) -> None:
    git(worktree, "rm", "--quiet", "--cached", "module")
    shutil.rmtree(module)
    module.write_text("one \n")
    git(worktree, "add", "--all")
    assert places(staged(worktree)) == [("module", 1, "diff-trailing-whitespace")]


# Line ends


def test_carriage_returns_fail_where_the_repository_does_not_allow_them(worktree: Path) -> None:
    (worktree / "notes.txt").write_bytes(b"one\r\n")
    outcome = working(worktree)
    assert places(outcome) == [("notes.txt", 1, "diff-trailing-whitespace")]
    assert outcome.findings[0].excerpt.splitlines()[1:] == [r"one\u000d", "   ^^^^^^"]
    assert "cr-at-eol" in outcome.fix


def test_carriage_returns_pass_where_the_repository_allows_them(worktree: Path) -> None:
    git(worktree, "config", "core.whitespace", "cr-at-eol")
    (worktree / "notes.txt").write_bytes(b"one\r\ntwo\r\n")
    assert working(worktree).status is Status.PASS
    (worktree / "notes.txt").write_bytes(b"one\r\ntwo \r\n")
    assert places(working(worktree)) == [("notes.txt", 2, "diff-trailing-whitespace")]


@pytest.mark.parametrize(("convert", "text"), [("true", b"one\ntwo\n"), ("input", b"one\r\ntwo\r\n")])
def test_a_warning_of_a_conversion_to_come_is_no_error(worktree: Path, convert: str, text: bytes) -> None:
    git(worktree, "config", "core.autocrlf", convert)
    (worktree / "notes.txt").write_bytes(text)
    plain = subprocess.run(["git", "diff", "--check"], cwd=worktree, check=False, capture_output=True)
    assert b"will be replaced by" in plain.stderr
    assert working(worktree).status is Status.PASS


# Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("diff.external", "false"),
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.submodule", "log"),
        ("diff.wsErrorHighlight", "all"),
        ("core.pager", "false"),
        ("alias.diff", "status"),
    ],
)
def test_settings_of_a_user_change_nothing(worktree: Path, name: str, value: str) -> None:
    git(worktree, "config", name, value)
    assert working(worktree).status is Status.PASS
    (worktree / "notes.txt").write_text("one \n")
    assert working(worktree).summary == "the working tree: notes.txt:1: trailing whitespace."


def test_no_program_that_the_settings_name_is_started(worktree: Path, tmp_path: Path) -> None:
    trace = tmp_path / "started"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0\" >> '{trace}'\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "core.pager"):
        git(worktree, "config", name, str(program))
    (worktree / "notes.txt").write_text("one \n")
    assert working(worktree).status is Status.FAIL
    assert not trace.exists()
    # The control: asked plainly, git starts it.
    subprocess.run(["git", "diff", "--check"], cwd=worktree, check=False, capture_output=True)
    assert trace.exists()


def test_nothing_is_written(worktree: Path) -> None:
    index = worktree / ".git" / "index"
    os.utime(worktree / "notes.txt", (1, 1))
    before = index.read_bytes()
    assert working(worktree).status is Status.PASS
    assert index.read_bytes() == before
    # The control: asked plainly, git refreshes the index.
    git(worktree, "diff", "--check")
    assert index.read_bytes() != before


def test_the_variables_of_a_hook_are_not_taken_over(
    worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (worktree / "notes.txt").write_text("one \n")
    start(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert working(worktree).status is Status.FAIL


def test_git_is_asked_in_a_language_that_we_understand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = "Schwerwiegend: Kein Git-Repository (oder irgendein Elternverzeichnis): .git"
    script = f'[ "$LC_ALL" = C ] && exec "$GIT" "$@"\necho "{german}" >&2\nexit 128\n'
    stand_in(tmp_path, monkeypatch, script)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert [outcome.status for outcome in check_diff(tmp_path)] == [Status.UNVERIFIED, Status.UNVERIFIED]


def test_an_answer_of_any_length_is_read_in_full(worktree: Path) -> None:
    (worktree / "notes.txt").write_text(("x" * 2000 + " \n") * 600)
    outcome = working(worktree)
    assert outcome.summary == "the working tree: notes.txt:1: trailing whitespace."
    assert [line for _, line, _ in places(outcome)] == list(range(1, 601))
    assert outcome.observation is not None
    assert len(outcome.observation.stdout) == 1 << 20


# States of a repository in which there is no answer, or none yet


def test_no_repository_is_unverified_twice(tmp_path: Path) -> None:
    outcomes = list(check_diff(tmp_path))
    fix = "ask in a clone of it, or start one: git init"
    assert [(outcome.status, outcome.summary, outcome.fix) for outcome in outcomes] == [
        (Status.UNVERIFIED, "the working tree: this is not a git repository", fix),
        (Status.UNVERIFIED, "what is staged: this is not a git repository", fix),
    ]


def test_a_repository_without_a_commit_can_be_checked(tmp_path: Path) -> None:
    start(tmp_path)
    (tmp_path / "notes.txt").write_text("one \n")
    git(tmp_path, "add", "notes.txt")
    assert working(tmp_path).status is Status.PASS
    assert places(staged(tmp_path)) == [("notes.txt", 1, "diff-trailing-whitespace")]


def test_a_repository_without_a_commit_has_no_merge_base(tmp_path: Path) -> None:
    start(tmp_path)
    outcome = since(tmp_path, "main")
    assert (outcome.status, outcome.summary, outcome.fix) == (
        Status.UNVERIFIED,
        "everything since the merge base with main: HEAD has no commit yet",
        "commit something, or leave the base out",
    )


@pytest.mark.parametrize("place", ["bare", "repository/.git"])
def test_a_place_without_a_working_tree_is_unverified(worktree: Path, tmp_path: Path, place: str) -> None:
    # There `git diff --cached --check` exits 0, and the folder's own configuration counts.
    start(tmp_path / "bare", "--bare")
    outcome = staged(tmp_path / place)
    assert (outcome.status, outcome.summary) == (
        Status.UNVERIFIED,
        "what is staged: git takes this folder for a bare repository, which is not entered",
    )


def test_a_linked_worktree_is_checked_as_any_other(worktree: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(worktree, "worktree", "add", "--quiet", str(linked))
    (linked / "notes.txt").write_text("=======\n")
    (found,) = working(linked).findings
    assert found.excerpt.splitlines()[1:] == ["=======", "^^^^^^^"]


def test_a_worktree_without_its_repository_is_unverified(worktree: Path, tmp_path: Path) -> None:
    # As it is in a container into which only the worktree is mounted.
    linked = tmp_path / "linked"
    git(worktree, "worktree", "add", "--quiet", str(linked))
    worktree.rename(tmp_path / "elsewhere")
    outcome = working(linked)
    assert (outcome.status, outcome.summary) == (
        Status.UNVERIFIED,
        "the working tree: the repository that this worktree belongs to is not here",
    )
    assert str(worktree) in outcome.cause
    assert "mount it too" in outcome.fix


@pytest.mark.parametrize("depth", ["1", "2"])
def test_a_shallow_clone_asks_for_more_history(worktree: Path, tmp_path: Path, depth: str) -> None:
    git(worktree, "branch", "topic")
    for branch in ("main", "topic"):
        git(worktree, "switch", "--quiet", branch)
        for number in range(3):
            (worktree / f"{branch}.txt").write_text(f"{number}\n")
            commit(worktree, f"{branch} {number}")
    git(tmp_path, "clone", "--quiet", f"--depth={depth}", "--no-single-branch", worktree.as_uri(), "shallow")
    outcome = since(tmp_path / "shallow", "origin/main")
    assert (outcome.status, outcome.cause, outcome.fix) == (
        Status.UNVERIFIED,
        "this clone is shallow",
        "fetch more history: git fetch --unshallow",
    )
    assert outcome.summary == (
        "everything since the merge base with origin/main: "
        'the history here ends before HEAD and "origin/main" meet'
    )
    git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    assert since(tmp_path / "shallow", "origin/main").status is Status.PASS


def test_histories_without_a_common_commit_have_no_merge_base(worktree: Path) -> None:
    git(worktree, "switch", "--quiet", "--orphan", "other")
    git(worktree, "commit", "--quiet", "--allow-empty", "--message=other")
    outcome = since(worktree, "main")
    assert (outcome.status, outcome.summary, outcome.fix) == (
        Status.UNVERIFIED,
        'everything since the merge base with main: HEAD and "main" have no commit in common',
        "name another base",
    )


@pytest.mark.parametrize(
    "base",
    [
        "nope",
        "origin/main",
        "-x",
        "--all",
        "--since=now",
        "main..main",
        "^main",
        "HEAD:notes.txt",
        "HEAD@{99}",
        "1" * 40,
        " ",
    ],
)
def test_a_base_that_names_no_commit_is_a_usage_error(worktree: Path, base: str) -> None:
    with pytest.raises(UsageError, match="names no commit of this repository") as caught:
        list(check_diff(worktree, base=base))
    assert caught.value.what.startswith(f'"{base}' if len(base) < 40 else f'"{base[:39]}')
    assert "git fetch origin" in caught.value.fix


def test_a_base_is_never_taken_for_an_option(
    worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    stand_in(tmp_path, monkeypatch, f'echo "$@" >> "{log}"\nexec "$GIT" "$@"\n')
    with pytest.raises(UsageError):
        list(check_diff(worktree, base="--since=now"))
    assert "rev-parse" in log.read_text()
    assert "--since" not in log.read_text()


def test_a_base_that_names_two_things_is_a_usage_error(worktree: Path) -> None:
    git(worktree, "tag", "main")
    with pytest.raises(UsageError) as caught:
        list(check_diff(worktree, base="main"))
    assert caught.value.why == "warning: refname 'main' is ambiguous."


def test_what_is_staged_has_no_base(worktree: Path) -> None:
    with pytest.raises(UsageError, match="what is staged cannot be checked against a base"):
        list(check_diff(worktree, staged=True, base="main"))


# Errors: git could not be asked, or what it said cannot be trusted


def test_a_missing_git_is_an_error(worktree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(worktree))
    outcomes = list(check_diff(worktree))
    assert [(outcome.status, outcome.summary, outcome.fix) for outcome in outcomes] == [
        (Status.ERROR, "git was not found", "install git")
    ] * 2


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    outcome = staged(tmp_path / "nowhere")
    assert (outcome.status, outcome.summary) == (Status.ERROR, "git could not be started")
    assert "nowhere" in outcome.cause


def test_a_git_that_does_not_end_is_an_error(
    worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nestproof.core.git.GIT_TIMEOUT", 0.2)
    stand_in(tmp_path, monkeypatch, "exec sleep 60\n")
    outcome = staged(worktree)
    assert outcome.status is Status.ERROR
    assert outcome.summary.endswith("did not end within 0.2 s")


def test_a_repository_of_another_user_is_not_taken_for_none(
    worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # git's own tests pretend so: to give a file away takes root.
    script = 'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "$GIT" "$@"\n'
    stand_in(tmp_path, monkeypatch, script)
    outcome = staged(worktree)
    assert (outcome.status, outcome.summary, outcome.fix) == (
        Status.ERROR,
        "git does not trust this repository: another user owns it",
        f"git config --global --add safe.directory {worktree}",
    )


@pytest.mark.parametrize(
    "content", ["this is no index", "", "this is an index neither, but it is long enough"]
)
def test_a_broken_index_is_an_error(worktree: Path, content: str) -> None:
    (worktree / ".git" / "index").write_text(content)
    for outcome in check_diff(worktree):
        assert outcome.status is Status.ERROR
        assert "fatal: " in outcome.summary
        assert "index" in outcome.summary
        assert outcome.fix.startswith("rebuild the index: ")
    # The fix does what it says.
    command = outcome.fix.removeprefix("rebuild the index: ")
    subprocess.run(["sh", "-c", command], cwd=worktree, check=True, capture_output=True)
    assert staged(worktree).status is Status.PASS


def test_a_broken_configuration_is_an_error(worktree: Path) -> None:
    with (worktree / ".git" / "config").open("a") as config:
        config.write("[broken\n")
    outcome = staged(worktree)
    assert (outcome.status, outcome.summary) == (Status.ERROR, "git cannot read this repository")
    assert "bad config line" in outcome.cause


def test_a_contradiction_in_the_settings_is_an_error(worktree: Path) -> None:
    git(worktree, "config", "core.whitespace", "tab-in-indent,indent-with-non-tab")
    outcome = staged(worktree)
    assert (outcome.status, outcome.summary) == (Status.ERROR, "git cannot read this repository")
    assert outcome.cause == "fatal: cannot enforce both tab-in-indent and indent-with-non-tab"


def test_a_lost_object_is_an_error(worktree: Path) -> None:
    blob = git(worktree, "rev-parse", "HEAD:notes.txt")
    (worktree / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (worktree / "notes.txt").write_text("two\n")
    outcome = working(worktree)
    assert (outcome.status, outcome.summary, outcome.cause) == (
        Status.ERROR,
        f"the working tree: fatal: unable to read {blob}",
        "git could not answer: it exited 128",
    )


@pytest.mark.parametrize(
    ("attribute", "warning"),
    [
        ("*.txt x!y", "x!y is not a valid attribute name: .gitattributes:1"),
        # It has a second line, which says less.
        ("!*.md text", "warning: Negative patterns are ignored in git attributes"),
    ],
)
@pytest.mark.parametrize(("text", "status"), [("two\n", 0), ("two \n", 2)])
def test_a_warning_is_an_error_and_never_clean(
    worktree: Path, attribute: str, warning: str, text: str, status: int
) -> None:
    (worktree / ".gitattributes").write_text(f"{attribute}\n")
    (worktree / "notes.txt").write_text(text)
    outcome = working(worktree)
    assert (outcome.status, outcome.summary) == (Status.ERROR, f"the working tree: {warning}")
    assert outcome.cause == "git warned, so what it did not name is not known to be clean"
    assert outcome.observation is not None
    assert outcome.observation.exit_status == status
    assert warning in outcome.observation.stderr
    assert len(outcome.findings) == (1 if status else 0)


OUTPUT = 'for word in "$@"; do case "$word" in --output=*) file="${word#--output=}" ;; esac; done\n'


@pytest.mark.parametrize(
    ("script", "summary"),
    [
        ("exit 1", "what is staged: git said nothing"),
        ("exit 3", "what is staged: git said nothing"),
        ("echo no >&2; exit 3", "what is staged: no"),
        ("exit 2", "what is staged: git exited 2 and named nothing"),
        ('echo "f:1: trailing whitespace." > "$file"', "what is staged: git exited 0 and named something"),
        ('echo "f:1: glaring." > "$file"; exit 2', "git diff --check said what nestproof cannot read"),
        (
            'printf "f\\n:1: trailing whitespace.\n+f" > "$file"; exit 2',
            "git diff --check said what nestproof",
        ),
        ('rm -r "${file%/*}"; exit 2', "what is staged: git exited 2 and named nothing"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(
    worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, summary: str
) -> None:
    (worktree / "f").write_text("one \n")
    git(worktree, "add", ".")
    real = 'case "$*" in *--check*) ;; *) exec "$GIT" "$@" ;; esac\n'
    stand_in(tmp_path, monkeypatch, real + OUTPUT + script + "\n")
    outcome = staged(worktree)
    assert outcome.status is Status.ERROR
    assert outcome.summary.startswith(summary)


def test_no_room_for_the_answer_is_an_error(worktree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(worktree / "nowhere"))
    outcome = staged(worktree)
    assert (outcome.status, outcome.summary) == (
        Status.ERROR,
        "what is staged: git's answer could not be kept",
    )
