"""`nestproof-check-json`: check files as JSON with comments, for pre-commit and for a shell.

It imports nothing heavy, because pre-commit starts it anew for every commit.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from nestproof.core.files import read_file
from nestproof.core.source import safe
from nestproof.devcontainer import jsonc


def main(argv: Sequence[str] | None = None) -> int:
    """Check each file and print its mistakes; 1 if any is an error, 2 for a command line without sense."""
    options = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A line of a file is shown whatever characters the terminal has.
        sys.stdout.reconfigure(errors="backslashreplace")
    # All are read before one is judged: a damaged file hides no other.
    sound = [_check(name, strict=options.strict) for name in options.files]
    return 0 if all(sound) else 1


def _check(name: str, *, strict: bool) -> bool:
    """Print the errors of a file; True if there are none."""
    try:
        content = read_file(Path(name))
    except OSError as error:
        print(f"{safe(name)}: error: it cannot be read: {error.strerror or error}")
        return False
    document = jsonc.parse(content, name=name, strict=strict)
    for diagnostic in document.diagnostics:
        print(jsonc.render(document, diagnostic))
    return document.ok


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "nestproof-check-json",
        description="Check that files are JSON with comments, as devcontainer.json is written.",
        epilog="Exit status: 0 no error, 1 an error or an unreadable file, 2 a wrong command line.",
    )
    parser.add_argument("--strict", action="store_true", help="make every warning and note an error")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file to check")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
