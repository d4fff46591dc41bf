"""The terminal: lasting and temporary lines, colours, signals, exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from invoke.exceptions import Exit

from nestproof.core.errors import NestproofError
from nestproof.core.outcome import INTERRUPTED
from nestproof.core.redaction import Redactor
from nestproof.core.signals import interrupted_by_signals
from nestproof.core.source import safe, safe_lines
from nestproof.reports.github_actions import in_actions, inert


@contextlib.contextmanager
def exits(hide: Callable[[str], str] | None = None) -> Iterator[None]:
    """Turn errors and interruptions into exit codes; SIGTERM and SIGHUP clean up as Ctrl-C does.

    `hide` takes what is secret out of an error's words; by default, the secrets of the environment.
    """
    try:
        with interrupted_by_signals():
            yield
    except NestproofError as error:
        hide = hide or Redactor.of(os.environ).text
        tell(f"nestproof: {safe_lines(hide(str(error)))}", sys.stderr)
        raise Exit(code=error.exit_code) from error
    except KeyboardInterrupt:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED) from None
    except BrokenPipeError:
        # The reader left (`| head`); Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=INTERRUPTED) from None


def tell(text: str, stream: TextIO, end: str = "\n") -> None:
    """Print a line; in GitHub Actions, no printed line can become a workflow command."""
    print(inert(text) if in_actions() else text, file=stream, end=end, flush=True)


class Progress:
    """Show the work in progress: one line that is overwritten on a terminal, plain lines elsewhere.

    Several threads tell it; each line stays whole.
    """

    def __init__(self) -> None:
        # An interruption may come while it is held, and what is cleaned up then is told, too.
        self._lock = threading.RLock()
        # A log is read afterwards, also where CI gives it a terminal.
        self._live = sys.stderr.isatty() and not os.environ.get("CI")
        self._shown = False

    def show(self, text: str) -> None:
        """Show the current work."""
        text = safe(text)
        with self._lock:
            if not self._live:
                tell(f"… {text}"[:160], sys.stderr)
                return
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            self._shown = True
            print(f"\r\x1b[K{f'… {text}'[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def say(self, text: str, stream: TextIO) -> None:
        """Print a line that stays."""
        with self._lock:
            self.clear()
            tell(text, stream)

    def clear(self) -> None:
        """Remove the temporary line before a lasting one is printed."""
        with self._lock:
            if self._shown:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                self._shown = False


def wants_color(stream: object) -> bool:
    """True for a terminal without NO_COLOR (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())
