"""The privilege lock: which relaxations each profile may have, and why.

A reason that starts with UNWRITTEN is one that nestproof wrote, and no person yet.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.source import Position, Source, escaped, safe
from nestproof.privileges.risks import risk_of

LOCK_FILE = ".devcontainer/privileges.lock"
UNWRITTEN = "(reason wanted)"
HEADER = """\
# What each profile may have beyond Docker's defaults, and why. A profile that asks for more fails.
# A profile that is not named here may have nothing.
"""

# A number sign inside of a string starts no comment.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''[^\0]*?'{3,5}|" r'"(?:\\.|[^"\\])*"|' r"'[^']*'|(#.*)"
)

Reasons = Mapping[str, Mapping[str, str]]
"""Profile to relaxation to reason."""
Span = tuple[Position, Position]


@dataclass(frozen=True, slots=True, eq=False)
class Lock(Mapping[str, Mapping[str, str]]):
    """The committed lock: profile to relaxation to reason, and the text that says so."""

    reasons: Reasons
    source: Source = field(repr=False)

    def __getitem__(self, profile: str) -> Mapping[str, str]:
        return self.reasons[profile]

    def __iter__(self) -> Iterator[str]:
        return iter(self.reasons)

    def __len__(self) -> int:
        return len(self.reasons)

    def places(self) -> dict[tuple[str, ...], Span]:
        """Where each profile, and each relaxation of a profile, is named first: a line, mostly."""
        found: dict[tuple[str, ...], Span] = {}
        table: tuple[str, ...] = ()
        for start, text, value in _statements(self.source):
            span = self.source.position(start), self.source.position(start + len(text))
            opens_table = text.startswith("[")
            for path in _paths(value):
                found.setdefault(path if opens_table else (*table, *path), span)
            if opens_table:
                table = tuple(value)
        return found

    def header(self) -> str:
        """The comment that the file starts with."""
        comment = self.source.text[: self._first()].replace("\r\n", "\n").strip()
        return f"{comment}\n" if comment else ""

    def comments_below(self) -> tuple[str, ...]:
        """The comments that stand below that."""
        tokens = _STRING_OR_COMMENT.finditer(self.source.text, self._first())
        return tuple(token[1].strip() for token in tokens if token[1])

    def _first(self) -> int:
        """Where the first statement starts that is no comment."""
        starts = (start for start, _, value in _statements(self.source) if value)
        return next(starts, len(self.source.text))


def parse_lock(text: str) -> Lock:
    """Read a lock; raises UsageError when it is not a table of tables of reasons."""
    try:
        reasons = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{LOCK_FILE} cannot be read", why=str(error)) from error
    for profile, table in reasons.items():
        if not isinstance(table, dict) or not all(isinstance(reason, str) for reason in table.values()):
            raise UsageError(f"{LOCK_FILE}: [{profile}] must be a table of relaxations, each with its reason")
    return Lock(reasons, Source.of(LOCK_FILE, text))


def read_lock(workspace: Path) -> Lock | None:
    """The committed lock; None when the repository has none. Raises UsageError when it is not one."""
    try:
        return parse_lock((workspace / LOCK_FILE).read_bytes().decode())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{LOCK_FILE} cannot be read", why=str(error)) from error


def allowed_by(lock: Reasons | None, profile: str, asked: Iterable[str]) -> frozenset[str]:
    """What a profile may have: what the lock says or, without a lock, what the profile asks for."""
    return frozenset(asked) if lock is None else frozenset(lock.get(profile, {}))


def unwritten_reason(relaxation: str) -> str:
    """What stands in for the reason of a relaxation until a person writes one."""
    return f"{UNWRITTEN} {risk_of(relaxation).allows}"


def render_lock(reasons: Reasons, header: str = HEADER) -> str:
    """The text of a lock: one line per relaxation, sorted; raises UsageError for a name that is not UTF-8."""
    blocks = [header] if header else []
    for profile in sorted(reasons):
        lines = [f"[{profile if re.fullmatch('[A-Za-z0-9_-]+', profile) else _string(profile)}]"]
        lines += [f"{_string(name)} = {_string(reason)}" for name, reason in sorted(reasons[profile].items())]
        blocks.append("\n".join([*lines, ""]))
    return "\n".join(blocks)


def with_reasons(lock: Lock, reasons: Reasons) -> str:
    """The text of the lock with other reasons for relaxations that it has on lines of their own.

    Comments and everything else stay as they are.
    """
    text, places = lock.source.text, lock.places()
    found: list[tuple[int, int, str]] = []
    for profile, table in reasons.items():
        for relaxation, reason in table.items():
            start, end = places[(profile, relaxation)]
            line = text[start.offset : end.offset]
            if tomllib.loads(line) == {relaxation: lock[profile][relaxation]}:
                comment = next((f"  {one[1]}" for one in _STRING_OR_COMMENT.finditer(line) if one[1]), "")
                new = f"{_string(relaxation)} = {_string(reason)}{comment}"
                found.append((start.offset, end.offset, new))
    for first, last, line in sorted(found, reverse=True):
        text = f"{text[:first]}{line}{text[last:]}"
    return text


def write_lock(workspace: Path, text: str) -> None:
    """Replace the lock in one step: whoever reads it meets the old one or the new one, whole."""
    file = workspace / LOCK_FILE
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        if file.is_symlink():
            raise OSError("it is a symbolic link, which a rename would replace")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(file, new)
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise NestproofError(f"{LOCK_FILE} cannot be written", why=str(error)) from error


def _string(text: str) -> str:
    """A TOML basic string; what cannot be seen is escaped, so that a reviewer sees it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{safe(text)} cannot stand in {LOCK_FILE}", why="it is not UTF-8", fix="rename it"
        ) from error
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(named.get(c) or (c if c.isprintable() else escaped(c)) for c in text) + '"'


def _statements(source: Source) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each statement of a sound TOML text: where it starts, its text, and what it says alone.

    tomllib gives no positions. The fewest lines that it reads by themselves are one statement.
    """
    starts = (*source.line_starts, len(source.text))
    first = 0
    for last in range(1, len(starts)):
        piece = source.text[starts[first] : starts[last]]
        try:
            value = tomllib.loads(piece)
        except tomllib.TOMLDecodeError:
            continue  # a string, or a list, goes on in the next line
        yield starts[first] + len(piece) - len(piece.lstrip()), piece.strip(), value
        first = last


def _paths(value: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """What a statement names: a key; of a dotted one, or of a table in one line, both levels."""
    for name, below in value.items():
        yield (name,)
        if isinstance(below, dict):
            yield from ((name, deeper) for deeper in below)
