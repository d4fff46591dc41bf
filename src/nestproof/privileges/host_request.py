"""Compute what a repository would have done on this machine beyond a build inside it: the request for trust.

Each line is one thing in plain words. A variable is told by its name; a path that it gives, as it is here.
"""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nestproof.core.config import Config
from nestproof.core.files import read_file
from nestproof.devcontainer.compose_service import alone
from nestproof.devcontainer.container_options import mounted_root
from nestproof.devcontainer.profile import LoadResult, Profile
from nestproof.engine.option_values import mount_fields, mount_source
from nestproof.privileges.reach import reaches_of, variables_in, variables_of_label
from nestproof.privileges.relaxations import relaxations_asked

if TYPE_CHECKING:
    from nestproof.core.config import ConfiguredNode

ALL_OF = "give the container all of"
"""The beginning of the line about the repository around a workspace."""


def configuration_lines(config: Config, workspace: Path) -> Iterator[str]:
    """The programs and engines of a configuration; a program of the repository with a digest of its file."""
    if config.base_image is not None:
        command = _program(config.base_image.fallback, workspace)
        yield f"run on this machine, where no registry answers: {command}"
    if config.guest:
        yield f"run on this machine, for a virtual machine: {_program(config.guest, workspace)}"
    if config.devcontainer:
        yield f"run on this machine, to build features: {_program(config.devcontainer, workspace)}"
    for node in config.node:
        yield f"connect to the node {node.name}: {_address(node)}"


def profile_lines(result: LoadResult) -> Iterator[str]:
    """List what a profile's file names of this machine; nothing for one that cannot be read or started."""
    profile = result.profile
    if profile is None:
        return
    reaches = list(reaches_of(profile, result.document))
    variables = [reach for reach in reaches if reach.word.startswith("local-env=") or not reach.word]
    yield from (reach.line for reach in variables)
    # A client binds the whole git repository around the workspace: another one, if it was unpacked there.
    root = mounted_root(profile.workspace)
    if root != profile.workspace and str(root) in map(mount_source, map(mount_fields, profile.run.mounts)):
        yield f"{ALL_OF} {root}, the repository that this folder is in"
    # A service beside the profile's own is not started, so that nothing of it is shared.
    yield from relaxation_lines(relaxations_asked(alone(profile.run)))
    yield from (reach.line for reach in reaches if reach not in variables)


def relaxation_lines(relaxations: Iterable[str]) -> Iterator[str]:
    """The relaxations, as lines of a request."""
    yield from (f"start a container with {name}" for name in relaxations)


def variables_of_profile(result: LoadResult) -> tuple[str, ...]:
    """The names of this machine's variables whose values a profile takes."""
    if result.profile is None:
        return ()
    named = {entry for entry in result.profile.run.env if "=" not in entry}
    of_service = result.profile.service.variables if result.profile.service else ()
    return tuple(sorted({*named, *dict(variables_in(result.document)), *of_service}))


def metadata_lines(before: Profile, after: Profile, label: str) -> Iterator[str]:
    """List what an image's metadata label asks for beyond the profile's own file."""
    for name in variables_of_label(label):
        yield f"give the container this machine's variable {name}, which the image's label names"
    own = relaxations_asked(before.run)
    yield from relaxation_lines(name for name in relaxations_asked(alone(after.run)) if name not in own)


def _program(argv: Sequence[str], workspace: Path) -> str:
    """A command line and a digest of each file of the repository in it: a change is asked about again."""
    digests = []
    for word in argv:
        with contextlib.suppress(OSError, ValueError):
            content = read_file(workspace / word, below=workspace)
            digests.append(f"{word} is {hashlib.sha256(content).hexdigest()[:12]}")
    return shlex.join(argv) + (f" ({', '.join(digests)})" if digests else "")


def _address(node: ConfiguredNode) -> str:
    return node.host or f"the Docker context {node.context}"
