"""List what a profile takes of this machine beside a container's options: variables, files, parts of a build.

Each has a word for the privilege lock, and a line in plain words for the request (host_request.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestproof.core.secret_patterns import PLAIN_NAME
from nestproof.devcontainer.container_options import mounted_root
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.privileges.locations import Location

_VARIABLE = re.compile(r"\$\{(?:localEnv|env):([^:}]+)")
# Options of `docker buildx build` by which something of this machine, or of another one, enters a build.
_ENTERS = (
    "--secret",
    "--ssh",
    "--build-context",
    "--allow",
    "--builder",
    "--network",
    "--cache-from",
    "--add-host",
)
_OF_SERVICE = ("secrets", "ssh", "additional_contexts", "network", "privileged", "entitlements")


@dataclass(frozen=True, slots=True)
class Reach:
    """Something of this machine that a profile takes, and its place in the file where that is known."""

    word: str
    """Its name in the privilege lock; empty for what says nothing that is a secret, such as HOME."""
    line: str
    place: Location | None = None


def words_of(profile: Profile, document: Document) -> tuple[str, ...]:
    """The words of the privilege lock, sorted and without repetition."""
    return tuple(sorted({reach.word for reach in reaches_of(profile, document) if reach.word}))


def reaches_of(profile: Profile, document: Document) -> Iterator[Reach]:
    """All that a profile takes: variables first, then files of variables, then the build."""
    root = mounted_root(profile.workspace)
    named = dict(variables_in(document))
    for name in sorted({*named, *(profile.service.variables if profile.service else ())}):
        line = f"give the build, the container or an image's name this machine's variable {name}"
        yield Reach(_local_env(name), line, named.get(name))
    for entry in profile.run.env:
        if "=" not in entry:
            yield Reach(_local_env(entry), f"give the container this machine's variable {entry}")
    for file in _outside(profile.run.env_files, root):
        yield Reach(f"env-file={_seen_from(root, file)}", f"give the container the variables in {file}")
    yield from _build(profile, root, document)


def variables_in(document: Document) -> Iterator[tuple[str, Location]]:
    """The names in all strings, as they are once JSON's escapes are read, and the first place of each."""
    pending = [("", document.root)] if document.root else []
    found: dict[str, Location] = {}
    while pending:
        path, node = pending.pop()
        below = [(f"{path}[{number}]", item) for number, item in enumerate(node.items)]
        below += [(f"{path}.{name}".lstrip("."), member.value) for name, member in node.members.items()]
        pending += reversed(below)
        if node.kind == "string":
            for name in _VARIABLE.findall(str(node.value)):
                found.setdefault(name, Location(path, node.start, node.end))
    yield from found.items()


def variables_of_label(label: str) -> tuple[str, ...]:
    """The names of this machine's variables in an image's metadata label."""
    return tuple(sorted(set(_VARIABLE.findall(label))))


def _local_env(name: str) -> str:
    return "" if PLAIN_NAME.fullmatch(name) else f"local-env={name}"


def _build(profile: Profile, root: Path, document: Document) -> Iterator[Reach]:
    folder, build = profile.file.parent, profile.config.build
    named: list[str] = []
    if profile.service is not None:
        section: dict[str, Any] = dict(profile.service.build or {})
        if section.get("context"):
            named.append(str(section["context"]))
        for key in filter(section.get, _OF_SERVICE):
            said = f"build with {key} of the Compose service {profile.service.name}: {section[key]}"
            yield Reach(f"build-{key}={section[key]}", said)
    elif profile.dockerfile:
        context = profile.config.context or (build.context if build else None)
        named += [
            str(folder / profile.dockerfile),
            str(folder / (context or Path(profile.dockerfile).parent)),
        ]
    for place in _outside(named, root):
        yield Reach(f"build-file={_seen_from(root, place)}", f"send to the builder what is in {place}")
    # As written: what a variable brings in is this machine's.
    node = document.root.at("build", "options") if document.root else None
    options = [str(option.value) for option in node.items] if node else []
    for index, option in enumerate(options):
        name, equals, value = option.partition("=")
        if node and name in _ENTERS:
            if not equals and index + 1 < len(options):
                value = options[index + 1]
            item = node.items[index]
            place_ = Location(f"build.options[{index}]", item.start, item.end)
            said = f"build with {option}" if equals else f"build with {option} {value}".rstrip()
            yield Reach(f"build-{name.removeprefix('--')}={value}", said, place_)


def _outside(places: Iterable[str], root: Path) -> Iterator[str]:
    for place in places:
        if "://" in place or not Path(root, place).resolve().is_relative_to(root.resolve()):
            yield place


def _seen_from(root: Path, place: str) -> str:
    """The place alike on every machine: as seen from the repository."""
    return place if "://" in place else os.path.relpath(Path(root, place).resolve(), root.resolve())
