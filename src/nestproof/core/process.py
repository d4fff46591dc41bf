"""The only place that starts a process: an argument vector, a timeout, bounded output."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nestproof.core.cancellation import POLL_SECONDS, check_cancelled
from nestproof.core.errors import CommandError
from nestproof.core.signals import interrupts_deferred

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
    stdin: bytes = b"",
    inherit: bool = True,
) -> Completed:
    """Run a program to its end, whatever its exit status.

    `timeout` is in seconds; `env` is added to this process's environment, None taking a variable away, or is
    all that the program gets without `inherit`; `stdin` is what the program can read;
    `on_line` gets each line of standard error as it comes, `on_output` each of standard output. The program
    and all that it started are killed when the time is over, this process is interrupted, or this thread is
    cancelled. Raises CommandError when it cannot be started or does not end in time.
    """
    begin = time.monotonic()
    kept = (bytearray(), bytearray())
    process: subprocess.Popen[bytes] | None = None
    readers: list[threading.Thread] = []
    try:
        # An interruption must find either nothing, or a program to kill and readers to wait for.
        with interrupts_deferred():
            process = _start(argv, cwd, _environment(env, inherit=inherit), stdin)
            for reader in (
                threading.Thread(target=_drain, args=(process.stdout, kept[0], on_output), daemon=True),
                threading.Thread(target=_drain, args=(process.stderr, kept[1], on_line), daemon=True),
            ):
                reader.start()
                readers.append(reader)
        status = _wait(process, timeout)
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            f"{shlex.join(argv)} did not end within {timeout:g} s",
            why=_text(kept[1])[-400:].strip(),
            fix="run it by hand to see where it waits",
        ) from error
    finally:
        if process is not None and process.poll() is None:
            _kill_group(process)
        for reader in readers:
            # A grandchild that kept the pipe open must not hold us.
            reader.join(timeout=2)
    return Completed(tuple(argv), status, _text(kept[0]), _text(kept[1]), time.monotonic() - begin)


def _start(
    argv: Sequence[str], cwd: Path | None, env: Mapping[str, str], stdin: bytes
) -> subprocess.Popen[bytes]:
    try:
        with tempfile.TemporaryFile() if stdin else contextlib.nullcontext() as given:
            if given is not None:
                # A file, and not a pipe: whoever does not read it keeps nobody waiting.
                given.write(stdin)
                given.seek(0)
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL if given is None else given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise _unstarted(argv, error) from error


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int:
    # Popen.wait with a timeout looks only every 50 ms, a tenth of a cached build; this thread knows at once.
    waiter = threading.Thread(target=process.wait, daemon=True)
    waiter.start()
    deadline = time.monotonic() + timeout
    while process.returncode is None and (left := deadline - time.monotonic()) > 0:
        waiter.join(min(left, POLL_SECONDS))
        check_cancelled()
    if process.returncode is None:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return process.returncode


def run_interactive(argv: Sequence[str], env: Mapping[str, str | None] | None = None) -> int:
    """Give the terminal to a program and return its exit status; no timeout: a person decides.

    `env` is added to this process's environment, as in `run`.
    """
    # Ctrl-C belongs to the program in front; it reaches the whole foreground group, us included.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(list(argv), check=False, env=_environment(env)).returncode
    except (OSError, ValueError) as error:
        raise _unstarted(argv, error) from error
    finally:
        signal.signal(signal.SIGINT, previous)


class _End(socket.socket):
    """Our end of a dialog; `on_close` runs when nothing holds it open any more."""

    on_close: Callable[[], None] | None = None

    # Where ssl, too, learns of it: close() alone may leave a file of it open, as http.client does.
    def _real_close(self, *arguments: Any) -> None:
        super()._real_close(*arguments)  # type: ignore[misc] # typeshed leaves it out
        if self.on_close:
            self.on_close()


class SocketProcess:
    """A program that talks through `socket`; when that is closed, the program is killed.

    Raises CommandError when it cannot be started.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str | None] | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.socket = _End(fileno=ours.detach())
        self._said = bytearray()
        with theirs:
            try:
                # In a session of its own it has no terminal, so it fails where it would ask for a password.
                self._process = subprocess.Popen(
                    list(argv),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    env=_environment(env),
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                self.socket.close()
                raise _unstarted(argv, error) from error
        self.socket.on_close = self._kill
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None  # it is a pipe
        _drain(self._process.stderr, self._said, None)
        self._process.wait()

    def said(self, timeout: float) -> str:
        """Its standard error, in full if the program ends within that many seconds."""
        self._reader.join(timeout)
        return _text(self._said)

    def _kill(self) -> None:
        # It has nothing to save, and what it talks to sees it go.
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _environment(added: Mapping[str, str | None] | None, *, inherit: bool = True) -> dict[str, str]:
    own = os.environ if inherit else {}
    return {key: value for key, value in {**own, **(added or {})}.items() if value is not None}


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
    """Terminate the program, then kill the rest of its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5.0)
