"""The same tasks as a `nestbox` program, for other repositories."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from nestbox import __version__
from nestbox.errors import UsageError
from nestbox.outcome import INTERRUPTED
from nestbox.tasks import ns


class _Program(Program):
    """Invoke's program with our exit codes, where it says 1 for everything.

    Those are 2 for a command line that it cannot read, and 130 for an interruption, also in the moments
    before a task begins and after it ends.
    """

    def parse_core(self, argv: list[str] | None) -> None:
        with _own_exit_codes():
            super().parse_core(argv)

    def parse_collection(self) -> None:
        with _own_exit_codes():
            super().parse_collection()

    def parse_tasks(self) -> None:
        with _own_exit_codes():
            super().parse_tasks()

    def execute(self) -> None:
        with _own_exit_codes():
            super().execute()


@contextlib.contextmanager
def _own_exit_codes() -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        raise Exit(message=f"nestbox: {error}", code=UsageError.exit_code) from error
    except KeyboardInterrupt:
        raise Exit(code=INTERRUPTED) from None


def main() -> None:
    """The console script."""
    _Program(namespace=ns, version=__version__, name="nestbox", binary="nestbox").run()
