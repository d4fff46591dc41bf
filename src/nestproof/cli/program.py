"""The same tasks as a `nestproof` program, for other repositories."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from nestproof import __version__
from nestproof.cli.tasks import ns
from nestproof.core.errors import UsageError
from nestproof.core.outcome import INTERRUPTED
from nestproof.core.trust import ask_from_now_on


class _Program(Program):
    """Invoke's program, with 2 instead of 1 as the exit code for a command line that it cannot read."""

    def parse_core(self, argv: list[str] | None) -> None:
        with _usage_errors():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        with _usage_errors():
            super().parse_tasks()


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        raise Exit(message=f"nestproof: {error}", code=UsageError.exit_code) from error


def run() -> None:
    """Run the task that the command line names, and end with its exit code."""
    ask_from_now_on()
    try:
        try:
            _Program(namespace=ns, version=__version__, name="nestproof", binary="nestproof").run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of --list or --help left; Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERRUPTED)
