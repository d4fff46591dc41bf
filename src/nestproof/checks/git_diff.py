"""The diff check: `git diff --check`, independent of a person's git configuration."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nestproof.checks.git_diff_output import RULES, Hit, findings, read_hits, with_line
from nestproof.core.diagnostics import Finding
from nestproof.core.errors import CommandError, UsageError
from nestproof.core.files import read_file
from nestproof.core.git import UnanswerableError, find_merge_base, find_top, run_git
from nestproof.core.outcome import Observation, Outcome, Status
from nestproof.core.process import KEPT_BYTES, Completed
from nestproof.core.source import safe
from nestproof.core.text import plural

__all__ = ["RULES", "check_diff"]

# `git diff --check` exits 2 when it found something (git-diff documentation, --check).
_FOUND = 2
# Only what was staged is lost; the files stay as they are.
_REBUILD_INDEX = 'rebuild the index: rm "$(git rev-parse --git-path index)" && git reset'
# A submodule's entry has no lines, but to compare it git would go into the submodule, which may be broken.
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")


@dataclass(frozen=True, slots=True)
class _Scope:
    """The compared states: in words, and as git is asked for them."""

    name: str
    arguments: tuple[str, ...] = ()
    base: str = ""


_WORKING_TREE = _Scope("the working tree")
_STAGED = _Scope("what is staged", ("--cached",))


def check_diff(workspace: Path, *, staged: bool = False, base: str = "") -> Iterator[Outcome]:
    """White-space errors and conflict markers in the working tree and in what is staged; or in the latter
    alone; or in all that changed since the merge base of `base` and HEAD, the working tree included.

    All of the repository is checked, wherever in it `workspace` is. Files are named as seen from `workspace`,
    a name that is not UTF-8 as `os.fsdecode` gives it. Raises UsageError when `base` is no commit.
    """
    if staged and base:
        raise UsageError("what is staged cannot be checked against a base", fix="choose one of the two")
    everything = _Scope(f"everything since the merge base with {safe(base)}", base=base)
    for scope in (everything,) if base else (_STAGED,) if staged else (_WORKING_TREE, _STAGED):
        try:
            outcome = _ask(workspace, scope)
        except UnanswerableError as error:
            outcome = _outcome(scope, Status.UNVERIFIED, error.what, why=error.why, fix=error.fix)
        except CommandError as error:
            outcome = Outcome("check.diff", Status.ERROR, error.what, None, error.why, error.fix)
        except OSError as error:
            outcome = _outcome(scope, Status.ERROR, "git's answer could not be kept", why=str(error))
        yield outcome


def _ask(workspace: Path, scope: _Scope) -> Outcome:
    top = find_top(workspace)
    if scope.base:
        scope = replace(scope, arguments=(find_merge_base(workspace, scope.base),))
    completed, output = _diff(workspace, "--check", *scope.arguments)
    shown = output[:KEPT_BYTES].decode(errors="replace")
    seen = Observation(completed.argv, completed.status, shown, completed.stderr, completed.seconds)
    if completed.status not in (0, _FOUND):
        fix = _REBUILD_INDEX if "index file" in completed.stderr else ""
        why = f"git could not answer: it exited {completed.status}"
        return _outcome(scope, Status.ERROR, _line(completed.stderr, -1), why=why, fix=fix, seen=seen)
    if (completed.status == _FOUND) != bool(output):
        what = f"git exited {completed.status} and named {'something' if output else 'nothing'}"
        return _outcome(scope, Status.ERROR, what, why=completed.stderr.strip(), seen=seen)
    return _judge(scope, seen, _read(workspace, top, scope, output) if output else [])


def _judge(scope: _Scope, seen: Observation, hits: list[Hit]) -> Outcome:
    found = tuple(finding for hit in hits for finding in findings(hit))
    if seen.stderr:
        why = "git warned, so what it did not name is not known to be clean"
        return _outcome(scope, Status.ERROR, _line(seen.stderr, 0), why=why, seen=seen, found=found)
    if not hits:
        return _outcome(scope, Status.PASS, "no white-space error, no conflict marker", seen=seen)
    lines, files = len({(hit.file, hit.line) for hit in hits}), len({hit.file for hit in hits})
    why = f"git diff --check objects to {plural(lines, 'line')} in {plural(files, 'file')}"
    return _outcome(scope, Status.FAIL, str(hits[0]), why=why, fix=found[0].fix, seen=seen, found=found)


def _read(workspace: Path, top: Path, scope: _Scope, output: bytes) -> list[Hit]:
    """Read the hits, and the lines that git did not show.

    The names come from a second call for everything, not from a call for each file: given one side of a
    rename, git takes it for a new file and objects to lines that nobody touched.
    """
    _, names = _diff(workspace, "--name-only", "-z", *scope.arguments)
    hits = read_hits(output, frozenset(names.split(b"\0")[:-1]))
    bare = {hit.file for hit in hits if hit.text is None}
    lines = {file: _read_lines(workspace, top, scope, file) for file in bare}
    here = workspace.resolve()
    return [
        replace(with_line(hit, lines.get(hit.file, [])), file=os.path.relpath(top / hit.file, here))
        for hit in hits
    ]


def _read_lines(workspace: Path, top: Path, scope: _Scope, file: str) -> list[str]:
    """The lines of a file on the side of the comparison that may be wrong; none if they cannot be had."""
    if scope is _STAGED:
        text = run_git(workspace, "cat-file", "blob", f":0:{file}").stdout
        # Of a longer one the start was dropped, and with it the count of lines.
        return text.split("\n") if len(text.encode()) < KEPT_BYTES else []
    path = top / file
    with contextlib.suppress(OSError):
        if not path.is_symlink():
            return read_file(path, below=top).decode(errors="replace").split("\n")
    return []


def _diff(workspace: Path, *arguments: str) -> tuple[Completed, bytes]:
    """`git diff`, its output through a file: all of it, and each byte as it was."""
    with TemporaryDirectory(prefix="nestproof-") as folder:
        file = Path(folder) / "output"
        completed = run_git(workspace, *_DIFF, f"--output={file}", *arguments, "--")
        output = file.read_bytes() if file.exists() else b""
    argv = tuple(argument for argument in completed.argv if not argument.startswith("--output="))
    return replace(completed, argv=argv), output


def _line(stderr: str, which: int) -> str:
    """The first of what git warned of, or the last: when it gives up, it says so at the end."""
    said = stderr.strip().splitlines()
    return safe(said[which]) if said else "git said nothing"


def _outcome(
    scope: _Scope,
    status: Status,
    what: str,
    *,
    why: str = "",
    fix: str = "",
    seen: Observation | None = None,
    found: tuple[Finding, ...] = (),
) -> Outcome:
    return Outcome("check.diff", status, f"{scope.name}: {what}", None, why, fix, seen, found)
