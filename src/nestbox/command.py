"""The only place that starts a process: an argument vector, a timeout, bounded output."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nestbox.errors import CommandError

# Of each stream the end is kept: it is where a failing program says why.
KEPT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ran to its end; `seconds` is wall time."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    on_line: Callable[[str], None] | None = None,
    on_output: Callable[[str], None] | None = None,
) -> Completed:
    """Run a program to its end, whatever its exit status.

    `timeout` is in seconds; `env` is added to this process's environment, None taking a variable away;
    `on_line` gets each line of standard error as it comes, `on_output` each of standard output. The program
    and all that it started are killed when the time is over or this process is interrupted. Raises
    CommandError when it cannot be started or does not end in time.
    """
    begin = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={key: value for key, value in {**os.environ, **(env or {})}.items() if value is not None},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _unstarted(argv, error) from error
    kept = (bytearray(), bytearray())
    readers = [
        threading.Thread(target=_drain, args=(process.stdout, kept[0], on_output), daemon=True),
        threading.Thread(target=_drain, args=(process.stderr, kept[1], on_line), daemon=True),
    ]
    try:
        for reader in readers:
            reader.start()
        status = _wait(process, timeout)
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            f"{shlex.join(argv)} did not end within {timeout:g} s",
            why=_text(kept[1])[-400:].strip(),
            fix="run it by hand to see where it waits",
        ) from error
    finally:
        if process.poll() is None:
            _kill_group(process)
        for reader in readers:
            # A grandchild that kept the pipe open must not hold us.
            reader.join(timeout=2)
    return Completed(tuple(argv), status, _text(kept[0]), _text(kept[1]), time.monotonic() - begin)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int:
    # Popen.wait with a timeout looks only every 50 ms, a tenth of a cached build; this thread knows at once.
    waiter = threading.Thread(target=process.wait, daemon=True)
    waiter.start()
    waiter.join(timeout)
    if process.returncode is None:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return process.returncode


def run_interactive(argv: Sequence[str]) -> int:
    """Give the terminal to a program and return its exit status; no timeout: a person decides."""
    # Ctrl-C belongs to the program in front; it reaches the whole foreground group, us included.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(list(argv), check=False).returncode
    except (OSError, ValueError) as error:
        raise _unstarted(argv, error) from error
    finally:
        signal.signal(signal.SIGINT, previous)


def _unstarted(argv: Sequence[str], error: OSError | ValueError) -> CommandError:
    if isinstance(error, FileNotFoundError) and error.filename == argv[0]:
        return CommandError(f"{argv[0]} was not found", why=str(error), fix=f"install {argv[0]}")
    return CommandError(f"{argv[0]} could not be started", why=str(error))


def _drain(stream: IO[bytes], kept: bytearray, on_line: Callable[[str], None] | None) -> None:
    line = bytearray()
    while chunk := os.read(stream.fileno(), 1 << 16):
        kept += chunk
        if len(kept) > 2 * KEPT_BYTES:
            del kept[:-KEPT_BYTES]
        if on_line is not None:
            line += chunk
            *complete, rest = line.split(b"\n")
            for text in complete:
                on_line(_text(text))
            line = bytearray(rest[-KEPT_BYTES:])
    if on_line is not None and line:
        on_line(_text(line))
    stream.close()


def _text(raw: bytes | bytearray) -> str:
    return bytes(raw[-KEPT_BYTES:]).decode(errors="replace")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the program to end, then kill what is left of its group: a child may have ignored the asking."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5.0)
