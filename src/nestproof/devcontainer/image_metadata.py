"""Merge the devcontainer metadata of an image into a profile, as the reference client does.

Source: the devcontainer specification, "Image metadata" and "Merge logic"; devcontainers/cli,
imageMetadata.ts. An image built with features carries their capabilities, mounts and entry points so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nestproof.engine.option_values import mount_fields, mount_target

LABEL = "devcontainer.metadata"

# Of several values the last one counts, unless it is empty.
_LAST = ("remoteUser", "containerUser", "userEnvProbe", "waitFor", "shutdownAction", "otherPortsAttributes")
_LAST_SWITCH = ("overrideCommand", "updateRemoteUserUID")
_ANY = ("init", "privileged")
_UNION = ("capAdd", "securityOpt")
_BY_KEY = ("containerEnv", "remoteEnv", "portsAttributes")


def entries(label: str) -> list[dict[str, Any]]:
    """Read the entries of an image's label; an unreadable one is skipped, as the reference client does."""
    try:
        value = json.loads(label or "[]")
    except (ValueError, RecursionError):
        return []
    return [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]


def merge(config: Mapping[str, Any], image: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration with the image's entries under it; later entries win, the configuration over all.

    Besides the specification's properties it has `entrypoints`: what the image's features start first.
    """
    # A configuration's own `entrypoint` is not the specification's, and no client takes it.
    own = {name: value for name, value in config.items() if name != "entrypoint"}
    layers = [*image, own]
    merged = dict(own)
    for name in _LAST:
        if values := [layer[name] for layer in layers if layer.get(name)]:
            merged[name] = values[-1]
    for name in _LAST_SWITCH:
        if switches := [layer[name] for layer in layers if isinstance(layer.get(name), bool)]:
            merged[name] = switches[-1]
    for name in _ANY:
        if any(layer.get(name) for layer in layers):
            merged[name] = True
    for name in _UNION:
        if union := list(dict.fromkeys(item for layer in layers for item in layer.get(name) or ())):
            merged[name] = union
    for name in _BY_KEY:
        if any(layer.get(name) for layer in layers):
            merged[name] = {key: value for layer in layers for key, value in (layer.get(name) or {}).items()}
    if mounts := unique_mounts([mount for layer in layers for mount in layer.get("mounts") or ()]):
        merged["mounts"] = mounts
    if entrypoints := [layer["entrypoint"] for layer in layers if layer.get("entrypoint")]:
        merged["entrypoints"] = entrypoints
    return merged


def unique_mounts(mounts: Iterable[Any]) -> list[Any]:
    """Keep the last of several mounts with one target, in its own position."""
    by_target: dict[str, Any] = {}
    for mount in mounts:
        target = mount_target(mount_fields(mount) if isinstance(mount, str) else mount)
        by_target.pop(target, None)
        by_target[target] = mount
    return list(by_target.values())
