"""The same tasks as a `nestbox` program, for other repositories."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from nestbox import __version__
from nestbox.errors import UsageError
from nestbox.tasks import ns


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
        raise Exit(message=f"nestbox: {error}", code=UsageError.exit_code) from error


def main() -> None:
    """The console script."""
    _Program(namespace=ns, version=__version__, name="nestbox", binary="nestbox").run()
