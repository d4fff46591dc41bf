"""Files written in one step."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from nestproof.core.errors import NestproofError

FOLDER = ".nestproof"


def write(file: Path, text: str) -> None:
    """Write a report in one step; raises NestproofError when it cannot be written."""
    try:
        replace_file(file, text)
    except OSError as error:
        raise NestproofError(f"{file} cannot be written", why=str(error)) from error


def replace_file(file: Path, text: str) -> None:
    """Write a file in one step: whoever reads it meets the old one or the new one, whole.

    nestproof's own folder is made if need be, and git told to leave it alone. Raises OSError.
    """
    if file.parent.name == FOLDER and file.parent.is_symlink():
        raise OSError(f"{file.parent} is a symbolic link, which could lead out of the repository")
    if file.parent.name == FOLDER and not file.parent.exists():
        file.parent.mkdir()
        (file.parent / ".gitignore").write_text("*\n")
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with new.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        new.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
