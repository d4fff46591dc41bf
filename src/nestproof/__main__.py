"""The console script, and `python -m nestproof`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the program. Until a task begins, and after it has ended, a signal just ends it.

    An exception that a handler raises within an import can come out as another one (a class's
    `__set_name__` makes it a RuntimeError in Python 3.11); there is nothing to clean up yet.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from nestproof.cli.program import run

    run()


if __name__ == "__main__":
    main()
