"""Compute what a repository would have done on this machine beyond a build inside it: the request for trust.

Each line is one thing in plain words. A variable is told by its name; a path that it gives, as it is here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestproof.core.config import Config
from nestproof.core.files import read_file
from nestproof.devcontainer.compose_service import alone
from nestproof.devcontainer.container_options import mounted_root
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import LoadResult, Profile
from nestproof.privileges.relaxations import relaxations_asked

if TYPE_CHECKING:
    from nestproof.core.config import ConfiguredNode

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


def configuration_lines(config: Config, workspace: Path) -> Iterator[str]:
    """The programs and engines of a configuration; a program of the repository with a digest of its file."""
    if config.base_image is not None:
        command = _program(config.base_image.fallback, workspace)
        yield f"run on this machine, where no registry answers: {command}"
    if config.guest:
        yield f"run on this machine, for a virtual machine: {_program(config.guest, workspace)}"
    for node in config.node:
        yield f"connect to the node {node.name}: {_address(node)}"


def profile_lines(result: LoadResult) -> Iterator[str]:
    """List what a profile's file names of this machine; nothing for one that cannot be read or started."""
    profile = result.profile
    if profile is None:
        return
    root = mounted_root(profile.workspace)
    for name in sorted({*_variables(result.document), *_of_service(profile)}):
        yield f"give the build, the container or an image's name this machine's variable {name}"
    for entry in profile.run.env:
        if "=" not in entry:
            yield f"give the container this machine's variable {entry}"
    # A service beside the profile's own is not started, so that nothing of it is shared.
    yield from relaxation_lines(relaxations_asked(alone(profile.run)))
    yield from (
        f"give the container the variables in {file}" for file in _outside(profile.run.env_files, root)
    )
    yield from _build_lines(profile, root, result.document)


def relaxation_lines(relaxations: Iterable[str]) -> Iterator[str]:
    """The relaxations, as lines of a request."""
    yield from (f"start a container with {name}" for name in relaxations)


def variables_of_label(label: str) -> tuple[str, ...]:
    """The names of this machine's variables in an image's metadata label."""
    return tuple(sorted(set(_VARIABLE.findall(label))))


def variables_of_profile(result: LoadResult) -> tuple[str, ...]:
    """The names of this machine's variables whose values a profile takes."""
    if result.profile is None:
        return ()
    named = {entry for entry in result.profile.run.env if "=" not in entry}
    return tuple(sorted({*named, *_variables(result.document), *_of_service(result.profile)}))


def metadata_lines(before: Profile, after: Profile, label: str) -> Iterator[str]:
    """List what an image's metadata label asks for beyond the profile's own file."""
    for name in variables_of_label(label):
        yield f"give the container this machine's variable {name}, which the image's label names"
    own = relaxations_asked(before.run)
    yield from relaxation_lines(name for name in relaxations_asked(alone(after.run)) if name not in own)


def _variables(document: Document) -> Iterator[str]:
    """The names in all strings, as they are once JSON's escapes are read."""
    pending = [document.root] if document.root else []
    while pending:
        node = pending.pop()
        pending += [*node.items, *(member.value for member in node.members.values())]
        if node.kind == "string":
            yield from _VARIABLE.findall(str(node.value))


def _of_service(profile: Profile) -> tuple[str, ...]:
    """The names in the Compose files, those that they include among them."""
    return profile.service.variables if profile.service else ()


def _build_lines(profile: Profile, root: Path, document: Document) -> Iterator[str]:
    folder, build = profile.file.parent, profile.config.build
    named: list[str] = []
    if profile.service is not None:
        section: dict[str, Any] = dict(profile.service.build or {})
        if section.get("context"):
            named.append(str(section["context"]))
        for key in ("secrets", "ssh", "additional_contexts", "network", "privileged", "entitlements"):
            if section.get(key):
                yield f"build with {key} of the Compose service {profile.service.name}: {section[key]}"
    elif profile.dockerfile:
        context = profile.config.context or (build.context if build else None)
        named += [
            str(folder / profile.dockerfile),
            str(folder / (context or Path(profile.dockerfile).parent)),
        ]
    yield from (f"send to the builder what is in {place}" for place in _outside(named, root))
    # As written: what a variable brings in is this machine's.
    node = document.root.at("build", "options") if document.root else None
    options = [str(option.value) for option in node.items] if node else []
    for index, option in enumerate(options):
        if option.partition("=")[0] in _ENTERS:
            value = "" if "=" in option else f" {options[index + 1]}" if index + 1 < len(options) else ""
            yield f"build with {option}{value}"


def _program(argv: Sequence[str], workspace: Path) -> str:
    """A command line and a digest of each file of the repository in it: a change is asked about again."""
    digests = []
    for word in argv:
        with contextlib.suppress(OSError, ValueError):
            content = read_file(workspace / word, below=workspace)
            digests.append(f"{word} is {hashlib.sha256(content).hexdigest()[:12]}")
    return shlex.join(argv) + (f" ({', '.join(digests)})" if digests else "")


def _outside(places: Iterable[str], root: Path) -> Iterator[str]:
    for place in places:
        if "://" in place or not Path(root, place).resolve().is_relative_to(root.resolve()):
            yield place


def _address(node: ConfiguredNode) -> str:
    return node.host or f"the Docker context {node.context}"
