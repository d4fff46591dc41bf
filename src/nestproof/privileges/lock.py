"""The privilege lock: the relaxations that each profile may have, and the reasons.

A reason that starts with UNWRITTEN is one that nestproof wrote, and no person yet.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nestproof.core.errors import UsageError
from nestproof.core.files import read_file, write
from nestproof.core.source import Position, Source, escaped, safe
from nestproof.privileges.risks import risk_of

LOCK_FILE = ".devcontainer/privileges.lock"
UNWRITTEN = "(reason wanted)"
OF_THE_CONTAINER = "root="
"""Words about the running container, which no file asks for."""
HEADER = """\
# What each profile may have beyond Docker's defaults, and why. A profile that asks for more fails.
# A profile that is not named here may have nothing.
"""

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
        """The line that first names each profile, and each relaxation of a profile."""
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
        return parse_lock(read_file(workspace / LOCK_FILE, below=workspace).decode())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{LOCK_FILE} cannot be read", why=str(error)) from error


def allowed_by(lock: Reasons | None, profile: str, asked: Iterable[str]) -> frozenset[str]:
    """The relaxations that a profile may have: the lock's or, without a lock, the profile's own."""
    return frozenset(asked) if lock is None else frozenset(lock.get(profile, {}))


def unwritten_reason(relaxation: str) -> str:
    """The placeholder for a reason that a person has not written."""
    return f"{UNWRITTEN} {risk_of(relaxation).allows}"


def render_lock(reasons: Reasons, lock: Lock | None = None) -> str:
    """The text of a lock with these reasons: a line for each, and of `lock` its comments, order and form.

    Raises UsageError for a name that is not UTF-8.
    """
    import tomlkit
    from tomlkit.items import Table

    document = tomlkit.parse(lock.source.text if lock else HEADER)
    if not all(isinstance(table, Table) for table in document.values()):
        document = tomlkit.parse(HEADER)  # dotted keys, or tables in one line: written anew
    for profile in [name for name in document if name not in reasons]:
        del document[profile]
    for profile, wanted in sorted(reasons.items()):
        if profile not in document:
            before = tomlkit.dumps(document)
            ((key, table),) = tomlkit.parse(f"[{_key(profile)}]\n").body
            table.trivia.indent = "\n" if before and not before.endswith("\n\n") else ""
            document.append(key, table)
        held = document[profile]
        for name in [name for name in held if name not in wanted]:
            del held[name]
        for name, reason in sorted(wanted.items()):
            if held.get(name) != reason:
                ((key, item),) = tomlkit.parse(f"{_string(name)} = {_string(reason)}\n").body
                held[name if name in held else key] = item
    return tomlkit.dumps(document)


def write_lock(workspace: Path, text: str) -> None:
    """Replace the lock in one step; raises NestproofError when it cannot be written."""
    write(workspace / LOCK_FILE, text, name=LOCK_FILE, parents=True, durable=True, below=workspace)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _string(name)


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
    """The keys that a statement names: of a dotted key, or of an inline table, both levels."""
    for name, below in value.items():
        yield (name,)
        if isinstance(below, dict):
            yield from ((name, deeper) for deeper in below)
