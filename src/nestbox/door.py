"""What every way in shares: words to the terminal, signals, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from invoke.exceptions import Exit

from nestbox.errors import NestboxError, UsageError
from nestbox.interrupts import interrupt_on_signals
from nestbox.outcome import INTERRUPTED, Outcome, exit_code
from nestbox.validate import Request, Session, validate


def prove(
    steps: Sequence[str],
    profiles: Sequence[str],
    platforms: Sequence[str],
    as_json: bool,
    allow_unverified: bool,
) -> NoReturn:
    """Run the steps, show each outcome as it comes, end with the exit code of the whole."""
    from nestbox import evidence, report

    begin = time.monotonic()
    people = sys.stderr if as_json else sys.stdout
    progress = Progress()
    session = Session(say=progress.show)
    outcomes: list[Outcome] = []
    request = Request(Path.cwd(), tuple(profiles), tuple(platforms), tuple(steps))
    interrupted = False
    with exits():
        try:
            # Closed by hand: what is under way is cleaned up before anything else is said.
            with contextlib.closing(validate(request, session)) as coming:
                for outcome in coming:
                    progress.clear()
                    outcomes.append(outcome)
                    print(report.line(outcome, color=wants_color(people)), file=people, flush=True)
        except KeyboardInterrupt:
            interrupted = True
        progress.clear()
        seconds = time.monotonic() - begin
        if blocks := report.details(outcomes):
            print(f"\n{blocks}\n", file=people)
        if as_json:
            value = evidence.to_json(
                evidence.Evidence(tuple(outcomes), session.facts, seconds, interrupted),
                allow_unverified=allow_unverified,
            )
            print(json.dumps(value, indent=2))
        if interrupted:
            print("interrupted; containers and temporary files are removed", file=sys.stderr)
            raise Exit(code=INTERRUPTED)
        print(report.summary(outcomes, seconds, allow_unverified=allow_unverified), file=people)
    raise Exit(code=exit_code(outcomes, allow_unverified=allow_unverified))


def open_shell(name: str, platform: str) -> NoReturn:
    """Give a person a terminal in a container of the profile, and end with the shell's exit status."""
    from nestbox.shell import open_terminal

    with exits():
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("a shell needs a terminal", fix="nestbox smoke asks the probes without one")
        progress = Progress()
        status = open_terminal(Path.cwd(), Session(say=progress.show), name, platform, progress.clear)
    raise Exit(code=status)


@contextlib.contextmanager
def exits() -> Iterator[None]:
    """Turn errors and interruptions into exit codes; SIGTERM and SIGHUP clean up as Ctrl-C does."""
    interrupt_on_signals()
    try:
        yield
    except NestboxError as error:
        print(f"nestbox: {error}", file=sys.stderr)
        raise Exit(code=error.exit_code) from error
    except KeyboardInterrupt:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED) from None
    except BrokenPipeError:
        # The reader left (`| head`); Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=INTERRUPTED) from None


class Progress:
    """What goes on right now: one line that is written over on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        """Show what goes on."""
        if not self._live:
            print(f"… {text}"[:160], file=sys.stderr, flush=True)
            return
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        self._shown = True
        print(f"\r\x1b[K{f'… {text}'[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the live line away before something that stays is printed."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def wants_color(stream: object) -> bool:
    """Colour for terminals only, and not where NO_COLOR is set (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())
