"""Files written in one step."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from nestproof.core.errors import NestproofError

FOLDER = ".nestproof"
"""The folder of a workspace for nestproof's runs; git ignores it."""


def write(file: Path, text: str, *, name: str = "", parents: bool = False, durable: bool = False) -> None:
    """Write a file in one step; raises NestproofError, which calls it `name`. `parents` makes its folder."""
    try:
        if parents:
            file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, text, durable=durable)
    except OSError as error:
        raise NestproofError(f"{name or file} cannot be written", why=str(error)) from error


def replace_file(file: Path, text: str, *, durable: bool = False) -> None:
    """Write a file in one step: whoever reads it meets the old one or the new one, whole, of the same mode.

    `durable` waits until the disk has it; nestproof's own folder is made if need be. Raises OSError.
    """
    if file.is_symlink():
        raise OSError("it is a symbolic link, which a rename would replace")
    if file.parent.name == FOLDER and file.parent.is_symlink():
        raise OSError(f"{file.parent} is a symbolic link, which could lead out of the repository")
    if file.parent.name == FOLDER and not file.parent.exists():
        file.parent.mkdir()
        (file.parent / ".gitignore").write_text("*\n")
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with new.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(file, new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
