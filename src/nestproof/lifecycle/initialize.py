"""Run a profile's `initializeCommand`, on this machine: only if somebody asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nestproof.core.errors import CommandError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.process import run
from nestproof.core.source import short
from nestproof.devcontainer.jsonc import Document
from nestproof.lifecycle.commands import INITIALIZE, Command, Group, read_command


def initialize_commands(document: Document) -> Group:
    """The commands of a configuration for this machine, as they are written."""
    node = document.root.at(INITIALIZE) if document.root else None
    value: Any = node.to_python() if node else None
    return read_command(INITIALIZE, value, "the profile")


def initialize_lines(document: Document) -> Iterator[str]:
    """List them as lines of a request for trust."""
    yield from (f"run on this machine: {command.text}" for command in initialize_commands(document))


def initialize(
    target: Target,
    document: Document,
    workspace: Path,
    *,
    wanted: bool,
    timeout: float,
    say: Callable[[str], None],
) -> Iterator[Outcome]:
    """An outcome for each command: `unverified` unless it is `wanted`; after one that fails, no more."""
    for command in initialize_commands(document):
        if not wanted:
            yield Outcome(
                command.id,
                Status.UNVERIFIED,
                "not run: it is a command for this machine, not for the container",
                target,
                f"`{short(command.text)}` may make what the build or the container needs",
                "--initialize runs it here, as a client does",
            )
            continue
        outcome = _run(target, command, workspace, timeout, say)
        yield outcome
        if outcome.status is not Status.PASS:
            return


def _run(
    target: Target, command: Command, workspace: Path, timeout: float, say: Callable[[str], None]
) -> Outcome:
    say(f"{target}: {INITIALIZE}: {short(command.text)}")
    try:
        done = run(command.argv, timeout=timeout, cwd=workspace, on_line=say, on_output=say)
    except CommandError as error:
        return Outcome(command.id, Status.FAIL, error.what, target, error.why, error.fix)
    seen = Observation(command.argv, done.status, done.stdout, done.stderr, done.seconds)
    named = f"`{short(command.text)}`"
    if done.status == 0:
        return Outcome(command.id, Status.PASS, f"{named} succeeds on this machine", target, observation=seen)
    said = (done.stderr.strip() or done.stdout.strip())[-800:]
    what = f"{named} fails on this machine: exit status {done.status}"
    return Outcome(command.id, Status.FAIL, what, target, said, "run it by hand", seen)
