"""Read what the features of a profile ask for, as far as that is in the repository.

A feature in the repository is a folder below that of the configuration, with a `devcontainer-feature.json`
(containers.dev/implementors/features). What one from a registry asks for is in the registry, and in the
metadata label of the image once it is built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestproof.core.diagnostics import Diagnostic
from nestproof.core.files import read_file
from nestproof.core.source import short
from nestproof.devcontainer import jsonc
from nestproof.devcontainer.container_options import mount_text
from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.devcontainer.variables import Variables, substitute
from nestproof.engine.run_options import RunOptions

FILE = "devcontainer-feature.json"
# What the reference client carries over into the metadata label of an image (imageMetadata.ts).
_CARRIED = (
    "init",
    "privileged",
    "capAdd",
    "securityOpt",
    "entrypoint",
    "mounts",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
)


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of a profile, by its own name or because another one depends on it."""

    name: str
    """As it is written: a path, or a reference into a registry."""
    key: JsonNode
    """The name in the profile by which it comes in."""
    document: Document | None = None
    """Its metadata; None for a feature that is not in the repository."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The entry that it adds to the metadata of the image."""
        value: Any = self.document.root.to_python() if self.document and self.document.root else {}
        return {"id": self.name, **{name: value[name] for name in _CARRIED if name in value}}


@dataclass(frozen=True, slots=True)
class Pin:
    """A feature's entry in `devcontainer-lock.json`."""

    resolved: str
    integrity: str


def is_local(name: str) -> bool:
    """True for a feature in the repository."""
    return name.startswith(("./", "../"))


def read_features(
    root: JsonNode, folder: Path, below: Path
) -> tuple[tuple[Feature, ...], tuple[Diagnostic, ...]]:
    """All features, those that others depend on too; mistakes stand at the name in the profile.

    `folder` is the configuration's, `below` the folder that no path may lead out of.
    """
    found: dict[str, Feature] = {}
    mistakes: list[Diagnostic] = []
    named = root.at("features")
    pending = [(member.name, member.key) for member in (named.members.values() if named else ())][::-1]
    while pending:
        name, key = pending.pop()
        if name in found:
            continue
        found[name] = Feature(name, key)
        if not is_local(name):
            continue
        try:
            document = _document(folder / name / FILE, below, name)
        except ValueError as error:
            rule = "feature-missing" if isinstance(error, _MissingError) else "feature-unreadable"
            mistakes.append(
                Diagnostic(rule, "error", f"the feature {short(name)} {error}", key.start, key.end)
            )
            continue
        found[name] = Feature(name, key, document)
        depends = document.root.at("dependsOn") if document.root else None
        pending += [(member.name, key) for member in (depends.members.values() if depends else ())][::-1]
    return tuple(found.values()), tuple(mistakes)


def options_of(feature: Feature, variables: Variables, run: RunOptions) -> RunOptions:
    """The options that a feature in the repository adds by itself; `run` has the container's folders."""
    asked = substitute(feature.metadata, variables)
    return RunOptions(
        cap_add=tuple(asked.get("capAdd", ())),
        init=bool(asked.get("init")),
        mounts=tuple(map(mount_text, asked.get("mounts", ()))),
        privileged=bool(asked.get("privileged")),
        security_opt=tuple(asked.get("securityOpt", ())),
        root=run.root,
        home=run.home,
    )


class _MissingError(ValueError):
    """There is no such feature."""


def _document(file: Path, below: Path, name: str) -> Document:
    try:
        content = read_file(file, below=below)
    except FileNotFoundError as error:
        raise _MissingError(f"is not there: no {name}/{FILE}") from error
    except OSError as error:
        raise ValueError(f"cannot be read: {error}") from error
    document = jsonc.parse(content, name=f"{name}/{FILE}")
    if not document.usable or document.root is None or document.root.kind != "object":
        raise ValueError(f"cannot be read: its {FILE} is no JSON object")
    return document


def lock_of(file: Path) -> Path:
    """The lock file of a configuration's features, whether it is there or not."""
    return file.with_name(
        ".devcontainer-lock.json" if file.name.startswith(".") else "devcontainer-lock.json"
    )


def read_pins(file: Path, below: Path) -> Mapping[str, Pin] | None:
    """The pins in the lock file of a configuration's features, by feature; None where there is none.

    Raises ValueError for a file that is none.
    """
    lock = lock_of(file)
    name = lock.name
    try:
        text = read_file(lock, below=below)
        # devcontainers/cli, src/spec-configuration/lockfile.ts: an empty one is there to be filled.
        value: Any = json.loads(text) if text.strip() else {"features": {}}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error
    features = value.get("features") if isinstance(value, dict) else None
    if not isinstance(features, dict):
        raise ValueError(f"{name} has no object `features`")
    return dict(_pins(features, name))


def _pins(features: Mapping[str, Any], name: str) -> Iterator[tuple[str, Pin]]:
    for feature, entry in features.items():
        pin = entry if isinstance(entry, dict) else {}
        resolved, integrity = pin.get("resolved"), pin.get("integrity")
        if not isinstance(resolved, str) or not isinstance(integrity, str):
            raise ValueError(f"{name}: {short(feature)} has no `resolved` and `integrity`")
        yield feature, Pin(resolved, integrity)
