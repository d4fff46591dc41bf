"""Find each file that `docker compose config` would read, before it is asked: all are in the repository.

Source: the Compose specification (include, extends, env_file, label_file, interpolation); Compose 2.26.1. A
relative path is looked up in the project's folder and in that of the file which names it: what Compose takes
of the two depends on the key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nestproof.core.errors import NestproofError
from nestproof.core.files import UnsafeFileError, read_file

LARGEST = 1 << 20
"""The largest Compose file that is read, in bytes."""
_MOST_FILES = 100
_MOST_VALUES = 200_000
"""A file whose aliases stand for more values than that is a bomb."""
_NAMED = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))")
_VARIABLE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)(?:(:?-)([^${}]*)|:?\?[^${}]*)?\})")


class ComposeError(NestproofError):
    """`docker compose` refuses its files, or is not asked about them."""

    exit_code = 1

    @property
    def is_missing_file(self) -> bool:
        """True if a file that the project names does not exist."""
        return bool(re.search("not found: |no such file or directory", self.what))


@dataclass(slots=True)
class ComposeFiles:
    """The files that were read, below `root`, and the names of the variables in them."""

    root: Path
    read: dict[Path, str] = field(default_factory=dict)
    variables: set[str] = field(default_factory=set)

    def text(self, file: Path) -> str:
        """The text of a file, empty for one that is missing; raises ComposeError."""
        if (place := file.resolve()) in self.read:
            return self.read[place]
        text = _text(file, self.root)
        if text is None:
            return ""
        self.read[place] = text
        if len(self.read) > _MOST_FILES:
            raise ComposeError(f"Compose is not asked: the project has more than {_MOST_FILES} files")
        self.variables |= {braced or bare for braced, bare in _NAMED.findall(text)}
        return text


def find_files(files: Sequence[Path], root: Path, environment: Mapping[str, str]) -> ComposeFiles:
    """Read a project's files, and whatever they name that Compose would read.

    `root` is the folder that all of them must be in; `environment` fills in the variables of their names.
    Raises ComposeError for a file outside of it, for one that is no regular file, and for one that is no
    YAML. A file that is missing is left to Compose, which says so in words of its own.
    """
    found = ComposeFiles(root)
    folder = files[0].parent if files else root
    known = {**_dotenv(found.text(folder / ".env")), **environment}
    pending = [(file, folder) for file in files]
    # By what it is relative to as well: a file that was read as another kind, or from elsewhere, names more.
    followed: set[tuple[Path, Path]] = set()
    while pending:
        file, folder = pending.pop()
        if (file.resolve(), folder) in followed:
            continue
        followed.add((file.resolve(), folder))
        for value in _documents(found.text(file), file.name):
            for key, name in _named_by(value):
                for place in _places(_filled_in(name, known, f"{key} in {file.name}"), folder, file.parent):
                    if key in ("include", "extends"):
                        found.text(place.parent / ".env")
                        pending.append((place, place.parent))
                    else:
                        found.text(place)
    return found


def _text(file: Path, root: Path) -> str | None:
    """The text of a file inside the repository, None for one that is missing; raises ComposeError."""
    try:
        return read_file(file, below=root, limit=LARGEST).decode(errors="replace")
    except UnsafeFileError as error:
        raise ComposeError(
            f"{file.name} is not read, and Compose is not asked: {error}",
            fix="keep what the project reads inside the repository, or take its name out",
        ) from error
    except OSError:
        return None


def _documents(text: str, name: str) -> Iterator[Any]:
    """The documents of a YAML text, each scalar as its text."""
    from yaml import SafeLoader, YAMLError, compose_all

    try:
        for node in compose_all(text, Loader=SafeLoader):
            if node is not None:
                sizes: dict[int, int] = {}
                if _size(node, sizes) > _MOST_VALUES:
                    raise ComposeError(f"{name} is not read: its aliases stand for too many values")
                yield _value(node)
    except (YAMLError, RecursionError) as error:
        said = str(error).splitlines()[0] if isinstance(error, YAMLError) else "it is nested too deeply"
        raise ComposeError(f"{name} is no YAML: {said}") from error


def _size(node: Any, sizes: dict[int, int]) -> int:
    """The number of values in a node once its aliases are expanded; one in itself counts as endless."""
    if id(node) not in sizes:
        sizes[id(node)] = _MOST_VALUES + 1
        below = node.value if isinstance(node.value, list) else []
        parts = [part for item in below for part in (item if isinstance(item, tuple) else (item,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


def _value(node: Any) -> Any:
    """Mappings and lists of texts; a merge (`<<`) stands below what the mapping has itself."""
    if isinstance(node.value, str):
        return node.value
    if not node.value or not isinstance(node.value[0], tuple):
        return [_value(item) for item in node.value]
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, below in node.value:
        value = _value(below)
        if key.value == "<<":
            for one in value if isinstance(value, list) else [value]:
                merged = {**one, **merged} if isinstance(one, dict) else merged
        else:
            own[str(key.value)] = value
    return {**merged, **own}


def _named_by(project: Any) -> Iterator[tuple[str, str]]:
    """The key and the name of each file that a document names for Compose to read."""
    for entry in _list(_get(project, "include")):
        yield from (("include", name) for name in _names(_get(entry, "path") or entry))
        yield from (("env_file", name) for name in _names(_get(entry, "env_file")))
        for folder in _names(_get(entry, "project_directory")):
            yield "env_file", f"{folder}/.env"
    services = _get(project, "services")
    for service in services.values() if isinstance(services, dict) else ():
        yield from (("extends", name) for name in _names(_get(_get(service, "extends"), "file")))
        for key in ("env_file", "label_file"):
            for entry in _list(_get(service, key)):
                yield from ((key, name) for name in _names(_get(entry, "path") or entry))


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(value: Any) -> Iterator[str]:
    yield from (one for one in _list(value) if isinstance(one, str) and one)


def _places(name: str, project: Path, folder: Path) -> set[Path]:
    # Compose knows no other user's home: `~.env` is `$HOME/.env` (compose-go, paths/home.go, ExpandUser).
    home = os.environ.get("HOME", "/")
    expanded = Path(home, name[1:].lstrip("/")) if name.startswith("~") else Path(name)
    return {project / expanded, folder / expanded}


def _filled_in(name: str, known: Mapping[str, str], where: str) -> str:
    """The name of a file with its variables filled in; raises ComposeError for what is not understood."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        held = known.get(found[1] or found[2], "" if found[3] == ":-" else None)
        return (found[4] or "") if held is None or (not held and found[3] == ":-") else held

    if "$" in _VARIABLE.sub("", name):
        raise ComposeError(f"{where} is not read, and Compose is not asked: {name} is not understood")
    return _VARIABLE.sub(value, name)


def _dotenv(text: str) -> dict[str, str]:
    """The variables of a project's `.env`, as far as the names of files need them."""
    lines = (line.removeprefix("export ").partition("=") for line in text.splitlines())
    return {name.strip(): value.strip().strip("'\"") for name, equals, value in lines if equals}
