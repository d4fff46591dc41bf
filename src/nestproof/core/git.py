"""The only place that starts git, so that its answer depends on the repository alone; and the questions
that more than one module asks: where is the top, and where did two histories part?
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nestproof.core.errors import CommandError, NestproofError, UsageError
from nestproof.core.process import Completed, run
from nestproof.core.source import quoted

GIT_TIMEOUT = 60.0
_GIT = (
    "git",
    "--no-pager",
    # git warns of line ends that it would convert if it wrote; we ask it to write nothing, and any warning
    # is an error to us.
    *("-c", "core.safecrlf=false"),
    # A check writes nothing: not the index either, which `git diff` refreshes even under --no-optional-locks.
    *("-c", "diff.autoRefreshIndex=false"),
    # A monitor of files is a program that git would start, or leave running.
    *("-c", "core.fsmonitor=false"),
    # --no-relative, in a form that git before 2.28 knows too.
    *("-c", "diff.relative=false"),
    # A folder of the repository that looks like a bare repository has a configuration, with programs in it
    # (git-config(1), safe.bareRepository; git before 2.38 does not know it).
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "submodule.recurse=false"),
    *("-c", "log.showSignature=false"),
)
_OBJECTS_ONLY = frozenset({"cat-file", "ls-tree", "merge-base", "rev-parse"})
"""Commands that look at no file of the working tree, and so at no filter."""
# An allow-list without a protocol counts more than any configuration (git(1), GIT_ALLOW_PROTOCOL), so that an
# object that is missing here is fetched by no program of the repository's choice, and from nowhere.
_OFFLINE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


class UnanswerableError(NestproofError):
    """The repository as it is here holds no answer, so the question is unverified."""

    exit_code = 3


def run_git(workspace: Path, *arguments: str) -> Completed:
    """Run git in `workspace`, whatever its exit status; raises CommandError when it does not start or end.

    No program that a configuration names is started, no connection is made, and no submodule is entered.
    """
    return _run(workspace, arguments, () if arguments[0] in _OBJECTS_ONLY else _without_filters(workspace))


def _run(workspace: Path, arguments: Sequence[str], settings: Sequence[tuple[str, str]] = ()) -> Completed:
    # Inside a hook, git's variables point at the index of the commit in the making.
    environment = {**{key: None for key in os.environ if key.startswith("GIT_")}, **_OFFLINE, "LC_ALL": "C"}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return run((*_GIT, *arguments), timeout=GIT_TIMEOUT, cwd=workspace, env=environment)


def _without_filters(workspace: Path) -> list[tuple[str, str]]:
    """Settings that switch off each configured filter: a filter is a program (gitattributes(5)).

    Not as `-c` options, which end the key of a filter with an equals sign in its name too early.
    """
    listed = _run(workspace, ("config", "--null", "--name-only", "--get-regexp", r"^filter\..*\."))
    filters = dict.fromkeys(key.rpartition(".")[0] for key in listed.stdout.split("\0") if key)
    off = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    return [(f"{name}.{key}", value) for name in filters for key, value in off]


def find_top(workspace: Path) -> Path:
    """The top of the working tree. `git diff` itself answers 0 in a bare repository, and takes one that it
    does not trust for none. Raises UnanswerableError where there is no working tree.
    """
    completed = run_git(workspace, "rev-parse", "--is-inside-work-tree", "--show-cdup")
    said = completed.stderr.strip()
    if completed.status != 0 or said:
        raise _unreadable(said)
    inside, _, up = completed.stdout.partition("\n")
    if inside == "true":
        return (workspace / up.strip("\n")).resolve()
    raise UnanswerableError(
        "there is no working tree here", why="the repository is bare, or this is its .git"
    )


def find_merge_base(workspace: Path, base: str) -> str:
    """The commit from which HEAD and `base` went their own ways.

    Raises UsageError when `base` is no commit, UnanswerableError where there is no repository or its history
    does not reach that far, CommandError when git cannot read it.
    """
    head = run_git(workspace, "rev-parse", "--verify", "--quiet", "HEAD")
    # Of a HEAD without a commit --quiet says nothing.
    if head.status != 0 and head.stderr:
        raise _unreadable(head.stderr.strip())
    if head.status != 0:
        raise UnanswerableError("HEAD has no commit yet", fix="commit something, or leave the base out")
    revision = find_revision(workspace, base)
    completed = run_git(workspace, "merge-base", "HEAD", revision)
    if completed.status == 0 and not completed.stderr:
        return completed.stdout.strip()
    if revision in completed.stderr:
        raise _unknown(base, completed)
    if completed.status != 1 or completed.stderr:
        raise CommandError(f"git finds no merge base with {quoted(base)}", why=completed.stderr.strip())
    if run_git(workspace, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        what = f"the history here ends before HEAD and {quoted(base)} meet"
        fix = "fetch more history: git fetch --unshallow"
        raise UnanswerableError(what, why="this clone is shallow", fix=fix)
    raise UnanswerableError(f"HEAD and {quoted(base)} have no commit in common", fix="name another base")


def find_revision(workspace: Path, name: str) -> str:
    """The id of the one object that `name` stands for, commit or not; raises UsageError if there is none."""
    # git makes no branch or tag whose name starts with a dash, and rev-parse before 2.30 misreads
    # --end-of-options.
    if name.startswith("-"):
        raise _unknown(name)
    completed = run_git(workspace, "rev-parse", "--verify", name)
    if completed.status != 0 or completed.stderr:
        raise _unknown(name, completed)
    return completed.stdout.strip()


def _unreadable(said: str) -> NestproofError:
    if "cannot use bare repository" in said:
        why = "a folder that is part of a repository can look like one, and name programs to start"
        return UnanswerableError("git takes this folder for a bare repository, which is not entered", why=why)
    if "not a git repository (or any" in said:
        fix = "ask in a clone of it, or start one: git init"
        return UnanswerableError("this is not a git repository", why=said, fix=fix)
    if "not a git repository: " in said:
        fix = "put the repository of this worktree where its .git file says: in a container, mount it too"
        return UnanswerableError(
            "the repository that this worktree belongs to is not here", why=said, fix=fix
        )
    if "safe.directory" in said:
        fix = next((line.strip() for line in said.splitlines() if "git config" in line), "")
        return CommandError("git does not trust this repository: another user owns it", why=said, fix=fix)
    return CommandError("git cannot read this repository", why=said)


def _unknown(name: str, completed: Completed | None = None) -> UsageError:
    return UsageError(
        f"{quoted(name)} names no commit of this repository, or more than one",
        why=completed.stderr.strip() if completed else "",
        fix="name another, or fetch it first: git fetch origin",
    )
