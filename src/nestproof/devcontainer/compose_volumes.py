"""Turn the volumes of a Compose service into `--volume` and `--mount` options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def read_volumes(
    volumes: Sequence[Mapping[str, Any]], named: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The `--volume` values, the `--mount` values, and the volumes that neither can express."""
    binds: list[str] = []
    mounts: list[str] = []
    odd: list[str] = []
    for volume in volumes:
        kind, source, target = volume["type"], volume.get("source") or "", volume["target"]
        below = dict(volume.get(kind) or {})
        if kind == "bind":
            propagation, made = below.pop("propagation", ""), below.pop("create_host_path", False)
            label = below.pop("selinux", "")
            if made and ":" not in source + target:
                # The engine makes the folder where there is none, for this form alone.
                words = ["ro"] * bool(volume.get("read_only")) + [w for w in (label, propagation) if w]
                binds.append(":".join([source, target, ",".join(words)]).rstrip(":"))
                continue
            odd += ["bind.selinux of a volume of the Compose service"] * bool(label)
            fields_of = {"source": source, "bind-propagation": propagation}
        elif kind == "volume":
            declared = named.get(source) or {}
            below.pop("nocopy", None)
            if declared.get("driver", "local") != "local" or declared.get("driver_opts"):
                odd.append(f"the driver of the Compose volume {source}")
            # One of the project's own is new for each run: nobody's data is at stake.
            fields_of = {"source": declared.get("name", source) if declared.get("external") else ""}
        elif kind == "tmpfs":
            mode = below.pop("mode", None)
            fields_of = {
                "tmpfs-size": str(below.pop("size", "")),
                "tmpfs-mode": "" if mode is None else f"{int(mode):o}",
            }
        else:
            odd.append(f"a volume of type {kind} of the Compose service")
            continue
        odd += [f"{kind}.{key} of a volume of the Compose service" for key in below]
        words = [f"type={kind}", f"target={target}", *(f"{k}={v}" for k, v in fields_of.items() if v)]
        words += ["readonly"] if volume.get("read_only") else []
        # As the docker client reads it: a field with a comma stands in quotes as a whole.
        mounts.append(",".join(f'"{word}"' if "," in word else word for word in words))
    return tuple(binds), tuple(mounts), odd
