"""The static checks: what can be known of the files without an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from nestbox.command import run
from nestbox.errors import CommandError
from nestbox.outcome import Observation, Outcome, Status

GIT_TIMEOUT = 60.0
# `git diff --check` exits 2 when it found something (git-diff documentation, --check).
_GIT_FOUND = 2


def check_json(files: Mapping[str, Path], workspace: Path) -> Iterator[Outcome]:
    """Each file is one JSON value once its comments are blanked, by our own reader and by jq."""
    import jq

    from nestbox import jsonc

    for file in files.values():
        shown = str(file.relative_to(workspace))
        try:
            document = jsonc.parse(file.read_bytes(), name=shown)
        except OSError as error:
            yield Outcome("check.json", Status.FAIL, f"{shown} cannot be read", None, str(error))
            continue
        errors = [mistake for mistake in document.mistakes if mistake.severity == "error"]
        if errors:
            rendered = "\n".join(jsonc.render(document, mistake) for mistake in errors)
            place = f"{shown}:{errors[0].start.line}:{errors[0].start.column}"
            observation = Observation(("nestbox", "check.json", shown), 1, "", rendered)
            yield Outcome(
                "check.json", Status.FAIL, f"{place}: {errors[0].message}", None, "", "", observation
            )
            continue
        try:
            jq.compile("empty").input_text(jsonc.to_json(document)).all()
        except ValueError as error:
            yield Outcome("check.json", Status.FAIL, f"{shown}: jq rejects it", None, str(error))
            continue
        warnings = len(document.mistakes)
        said = f" ({warnings} warning{'s' if warnings > 1 else ''})" if warnings else ""
        yield Outcome("check.json", Status.PASS, f"{shown}: one JSON value, jq agrees{said}")


def check_diff(workspace: Path) -> Iterator[Outcome]:
    """`git diff --check` of the working tree and of what is staged."""
    for name, argv in (
        ("the working tree", ("git", "diff", "--check", "--no-ext-diff")),
        ("what is staged", ("git", "diff", "--cached", "--check", "--no-ext-diff")),
    ):
        yield _diff(name, argv, workspace)


def _diff(name: str, argv: tuple[str, ...], workspace: Path) -> Outcome:
    # Inside a hook, git's variables point at the index of the commit in the making.
    scrubbed = {key: None for key in os.environ if key.startswith("GIT_")}
    try:
        completed = run(argv, timeout=GIT_TIMEOUT, cwd=workspace, env=scrubbed)
    except CommandError as error:
        return Outcome("check.diff", Status.ERROR, error.what, None, error.why, error.fix)
    observation = Observation(argv, completed.status, completed.stdout, completed.stderr, completed.seconds)
    if completed.status == 0 and not completed.stderr:
        return Outcome(
            "check.diff",
            Status.PASS,
            f"{name}: no white-space error, no conflict marker",
            None,
            "",
            "",
            observation,
        )
    if completed.status == _GIT_FOUND and completed.stdout:
        first = completed.stdout.splitlines()[0]
        return Outcome(
            "check.diff", Status.FAIL, f"{name}: {first}", None, "git diff --check objects", "", observation
        )
    if "not a git repository" in completed.stderr.lower():
        return Outcome(
            "check.diff",
            Status.UNVERIFIED,
            f"{name}: this is not a git repository",
            None,
            "",
            "git init",
            observation,
        )
    said = completed.stderr.strip().splitlines()
    return Outcome(
        "check.diff",
        Status.ERROR,
        f"{name}: {said[-1] if said else 'git failed'}",
        None,
        "git could not answer",
        "",
        observation,
    )
