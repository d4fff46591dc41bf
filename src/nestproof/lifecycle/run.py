"""Run lifecycle commands in a container: side by side where they are written so, each an outcome."""

from __future__ import annotations

import queue
import re
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nestproof.core.cancellation import get_cancellable
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.source import safe, short
from nestproof.engine.client import engine_errors
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec
from nestproof.lifecycle.commands import Command, Group

_KEPT = 64 << 10
"""Bytes of each stream that are kept, its end."""
_SHOWN_LINES = 12
_TOKEN = "NESTPROOF_COMMAND"  # noqa: S105 # the name of a variable
# Whatever still runs of a command is known by its environment.
_END = (
    "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -qx \"$1\" "
    '&& kill -9 "${p#/proc/}" 2>/dev/null; done; true'
)
_IN_A_TERMINAL = "postAttachCommand"
# The words of Codex, Claude Code, of Python's and Node's libraries and of the C library.
_WANTS_A_TERMINAL = re.compile(
    r"not a (terminal|tty)|no tty|Inappropriate ioctl for device|Input must be provided", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of commands: the container, the user, the folder, the environment, the time."""

    container: Container
    target: Target
    user: str
    folder: str
    environment: Mapping[str, str]
    timeout: float
    """Seconds for each command."""
    hint: str = ""
    """A fix for a command that failed, beside what it says itself."""


@dataclass(slots=True)
class _Run:
    """A command under way."""

    command: Command
    begin: float = field(default_factory=time.monotonic)
    streams: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    left_out: list[int] = field(default_factory=lambda: [0, 0])
    trouble: str = ""

    def take(self, kind: int, data: bytes) -> None:
        index = 0 if kind == 1 else 1
        kept = self.streams[index]
        kept += data
        if len(kept) > _KEPT:
            self.left_out[index] += len(kept) - _KEPT
            del kept[: len(kept) - _KEPT]

    def observation(self, status: int | None) -> Observation:
        out, err = (bytes(stream).decode(errors="replace") for stream in self.streams)
        seconds = round(time.monotonic() - self.begin, 2)
        return Observation(self.command.argv, status, out, err, seconds, *self.left_out)


def run_phase(
    place: Place, groups: Sequence[Group], say: Callable[[str], None]
) -> Generator[Outcome, None, bool]:
    """Run the groups one after the other; yields an outcome for each command, returns whether all succeeded.

    After a group that failed the rest is not run, as the reference client stops there.
    """
    failed = ""
    for group in groups:
        if failed:
            yield from (not_run(place.target, command, failed) for command in group)
            continue
        for run, status in _side_by_side(place, group, say):
            outcome = _outcome(place, run, status)
            if outcome.status is not Status.PASS:
                failed = failed or run.command.id.removeprefix("lifecycle.")
            yield outcome
    return not failed


def not_run(target: Target, command: Command, failed: str) -> Outcome:
    """The outcome of a command that the client would not have reached."""
    return Outcome(
        command.id,
        Status.UNVERIFIED,
        f"not run: the client stops after {failed} failed",
        target,
        "people work in such a container nevertheless, so the probes are asked",
        f"mend {failed}",
    )


def _side_by_side(
    place: Place, group: Group, say: Callable[[str], None]
) -> Iterator[tuple[_Run, int | None]]:
    done: queue.SimpleQueue[tuple[_Run, int | None]] = queue.SimpleQueue()
    for command in group:
        run = _Run(command)
        threading.Thread(target=_follow, args=(place, run, say, done.put), daemon=True).start()
    for _ in group:
        yield get_cancellable(done)


def _follow(
    place: Place, run: _Run, say: Callable[[str], None], done: Callable[[tuple[_Run, int | None]], None]
) -> None:
    """Run a command to its end, and tell so in any case: somebody waits for it."""
    status: int | None = None
    run.trouble = "nestproof itself failed"
    token = f"{_TOKEN}={secrets.token_hex(8)}"
    name = run.command.id.removeprefix("lifecycle.")
    try:
        started = Exec(
            place.container,
            run.command.argv,
            user=place.user,
            environment={**place.environment, **dict([token.split("=")])},
            timeout=place.timeout,
            folder=place.folder,
        )
        say(f"{place.target}: {name}: {short(run.command.text)}")
        for kind, data in started:
            run.take(kind, data)
            if line := _last_line(data):
                say(f"{place.target}: {name}: {line}")
        status, run.trouble = started.exit_status, ""
    except EngineError as error:
        run.trouble = error.what
        if time.monotonic() - run.begin >= place.timeout:
            run.trouble = f"it did not end within {place.timeout:g} s, and was ended"
            _end(place.container, token)
    finally:
        done((run, status))


def _end(container: Container, token: str) -> None:
    """End what is left of a command, so that it does not disturb what comes after it."""
    try:
        ended = Exec(
            container,
            ["/bin/sh", "-c", _END, "nestproof", token],
            user="root",
            environment={},
            timeout=20,
        )
        with engine_errors("ending a command"):
            for _ in ended:
                pass
    except EngineError:
        return  # the container goes, and the command with it


def _outcome(place: Place, run: _Run, status: int | None) -> Outcome:
    command, seen = run.command, run.observation(status)
    named = _named(command)
    if status == 0:
        as_whom = f"as {place.user}" if place.user else "as the container's user"
        return Outcome(command.id, Status.PASS, f"{named} succeeds {as_whom}", place.target, observation=seen)
    said = _last_lines(f"{seen.stdout.rstrip()}\n{seen.stderr}")
    how = run.trouble or f"exit status {status}"
    if _IN_A_TERMINAL in command.id and _WANTS_A_TERMINAL.search(said):
        return Outcome(
            command.id,
            Status.UNVERIFIED,
            f"{named} wants a terminal, in which editors run it",
            place.target,
            said,
            "nestproof shell opens a container with one; the agents that it has are driven all the same",
            seen,
        )
    return Outcome(
        command.id,
        Status.FAIL,
        f"{named} fails: {how}",
        place.target,
        said or how,
        place.hint or f"nestproof shell --profile {place.target.profile} opens such a container, to try it",
        seen,
    )


def _named(command: Command) -> str:
    of = "" if command.origin == "the profile" else f"{command.origin}'s "
    return f"{of}`{short(command.text)}`"


def _last_line(data: bytes) -> str:
    lines = data.decode(errors="replace").strip().splitlines()
    return short(safe(lines[-1].strip())) if lines else ""


def _last_lines(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_SHOWN_LINES:])
