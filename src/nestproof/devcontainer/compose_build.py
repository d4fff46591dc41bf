"""Turn a service's `build` section into options of `docker buildx build`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_SWITCHES = {"no_cache": "--no-cache", "pull": "--pull"}
# The tag is nestproof's own, so that two clones do not take each other's images; the platform is the
# target's; and a cache is nothing to publish unasked.
_IGNORED = frozenset({"tags", "platforms", "context", "dockerfile", "cache_to"})


def build_options(
    build: Mapping[str, Any], secrets: Mapping[str, Any]
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """The options, the context, and the properties of the section that have no option."""
    options: list[str] = []
    odd: list[str] = []
    context = str(build.get("context") or ".")
    dockerfile = build.get("dockerfile")
    # buildx looks for a relative one in the current folder, Compose in the context.
    if dockerfile and "://" not in context:
        dockerfile = str(Path(context, dockerfile))
    options += ["--file", dockerfile] if dockerfile else []
    for key, value in build.items():
        if value is None or value in ("", [], {}, False) or key in _IGNORED:
            continue
        if key in _SWITCHES:
            options.append(_SWITCHES[key])
        elif key == "secrets":
            found, unknown = _secrets(value, secrets)
            options += found
            odd += unknown
        elif key == "additional_contexts" and any("service:" in one for one in _pairs(value)):
            odd.append("additional_contexts of another service")
        elif key in _LISTED:
            option, spelled = _LISTED[key]
            options += [word for one in spelled(value) for word in (option, one)]
        else:
            odd.append(key)
    return tuple(options), context, tuple(odd)


def _secrets(named: Sequence[Any], secrets: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    options: list[str] = []
    odd: list[str] = []
    for one in named:
        source, target = (one, "") if isinstance(one, str) else (one["source"], one.get("target", ""))
        declared = secrets.get(source) or {}
        name = target.removeprefix("/run/secrets/") or source
        if declared.get("file"):
            options += ["--secret", f"id={name},src={declared['file']}"]
        elif declared.get("environment"):
            options += ["--secret", f"id={name},env={declared['environment']}"]
        else:
            odd.append(f"the secret {source}")
    return options, odd


def _pairs(value: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """`name=value`, or the name alone for a value from the environment."""
    if isinstance(value, Mapping):
        return [name if said is None else f"{name}={said}" for name, said in value.items()]
    return list(value)


def _hosts(value: Mapping[str, str] | Sequence[str]) -> list[str]:
    return [one.replace("=", ":", 1) for one in _pairs(value)]


def _limits(value: Mapping[str, Any]) -> list[str]:
    spelled = {k: f"{v['soft']}:{v['hard']}" if isinstance(v, Mapping) else v for k, v in value.items()}
    return _pairs(spelled)


def _one(value: Any) -> list[str]:
    return [str(value)]


_LISTED: Mapping[str, tuple[str, Callable[[Any], list[str]]]] = {
    "additional_contexts": ("--build-context", _pairs),
    "args": ("--build-arg", _pairs),
    "cache_from": ("--cache-from", list),
    "extra_hosts": ("--add-host", _hosts),
    "labels": ("--label", _pairs),
    "network": ("--network", _one),
    "shm_size": ("--shm-size", _one),
    "ssh": ("--ssh", _pairs),
    "target": ("--target", _one),
    "ulimits": ("--ulimit", _limits),
}
