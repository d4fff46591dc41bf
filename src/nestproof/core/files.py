"""Files of a repository: read within bounds, written in one step, and neither through a link to elsewhere."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from nestproof.core.errors import NestproofError

FOLDER = ".nestproof"
"""The folder of a workspace for nestproof's runs; git ignores it."""

LARGEST = 4 << 20
"""The largest file that is read, in bytes: no configuration that a person wrote comes near it."""


class UnsafeFileError(OSError):
    """A file that is not read or written: it is outside of the repository, no regular file, or too large."""


def read_file(file: Path, *, below: Path | None = None, limit: int = LARGEST) -> bytes:
    """The bytes of a regular file; raises OSError, as for a file that is missing.

    `below` is the folder that the file must be in once all links are followed: what is outside is named, and
    not read. Raises UnsafeFileError for such a file, a pipe, a device or a folder, and for a file of more
    than `limit` bytes. A pipe without a writer, and a device without an end, keep nobody waiting.
    """
    if "\0" in str(file):
        raise UnsafeFileError("its name holds a null byte")
    place = file
    if below is not None:
        place = file.resolve()
        if not place.is_relative_to(below.resolve()):
            raise UnsafeFileError("it leads out of the repository")
    # Whoever follows a link here meets one that was put there after the question above.
    opened = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | (os.O_NOFOLLOW if below else 0))
    with os.fdopen(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise UnsafeFileError("it is no regular file")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise UnsafeFileError(f"it is larger than {limit:,} bytes")
    return content


def require_inside(file: Path, root: Path) -> None:
    """Raise UnsafeFileError for a link, and for a file whose folder leads out of `root`."""
    if file.is_symlink():
        raise UnsafeFileError("it is a symbolic link")
    if not file.parent.resolve().is_relative_to(root.resolve()):
        raise UnsafeFileError(f"its folder {file.parent.name} leads out of the repository")


def write(
    file: Path,
    text: str,
    *,
    name: str = "",
    parents: bool = False,
    durable: bool = False,
    below: Path | None = None,
) -> None:
    """Write a file in one step; raises NestproofError, which calls it `name`. `parents` makes its folder.

    `below` is the folder that no link may lead out of.
    """
    try:
        if below is not None:
            require_inside(file, below)
        if parents:
            file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, text, durable=durable)
    except OSError as error:
        raise NestproofError(f"{name or file} cannot be written", why=str(error)) from error


def replace_file(file: Path, text: str, *, durable: bool = False, private: bool = False) -> None:
    """Write a file in one step: whoever reads it meets the old one or the new one, whole, of the same mode.

    `durable` waits until the disk has it; nestproof's own folder is made if need be. A `private` file, and
    each in that folder, is for this user alone. Raises OSError.
    """
    private = private or FOLDER in file.parts
    if file.is_symlink():
        raise OSError("it is a symbolic link, which a rename would replace")
    if file.parent.name == FOLDER and file.parent.is_symlink():
        raise OSError(f"{file.parent} is a symbolic link, which could lead out of the repository")
    if file.parent.name == FOLDER and not file.parent.exists():
        file.parent.mkdir(mode=0o700)
        (file.parent / ".gitignore").write_text("*\n")
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(opened, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        if not private:
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(file, new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
