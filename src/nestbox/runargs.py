"""`docker run` arguments ─▶ the options of a container, read as the docker client reads them.

Source: docker/cli, `docker run --help` and cli/command/container/opts.go. An option that is not known here
is an error: a container started without it would not be the one that the profile describes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nestbox.errors import UsageError

# Option ─▶ the field of RunOptions that it sets or, where that is a tuple, adds to.
_VALUES = {
    "add-host": "extra_hosts",
    "annotation": "annotations",
    "cap-add": "cap_add",
    "cap-drop": "cap_drop",
    "cgroupns": "cgroupns",
    "device": "devices",
    "env": "env",
    "group-add": "group_add",
    "hostname": "hostname",
    "ipc": "ipc",
    "label": "labels",
    "mount": "mounts",
    "name": "name",
    "network": "network",
    "net": "network",
    "pid": "pid",
    "platform": "platform",
    "runtime": "runtime",
    "security-opt": "security_opt",
    "shm-size": "shm_size",
    "sysctl": "sysctls",
    "tmpfs": "tmpfs",
    "ulimit": "ulimits",
    "user": "user",
    "userns": "userns",
    "uts": "uts",
    "volume": "volumes",
    "workdir": "workdir",
}
_SWITCHES = {"init": "init", "privileged": "privileged", "read-only": "read_only"}
# They concern the client's terminal or the container's end, and nothing that a probe could see.
_WITHOUT_EFFECT = {"rm", "detach", "interactive", "tty", "sig-proxy"}
_SHORT = {
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a container is started with; every field is as `docker run` takes it."""

    annotations: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    cgroupns: str = ""
    devices: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    hostname: str = ""
    init: bool = False
    ipc: str = ""
    labels: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    name: str = ""
    network: str = ""
    pid: str = ""
    platform: str = ""
    privileged: bool = False
    read_only: bool = False
    runtime: str = ""
    security_opt: tuple[str, ...] = ()
    shm_size: str = ""
    sysctls: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    user: str = ""
    userns: str = ""
    uts: str = ""
    volumes: tuple[str, ...] = ()
    workdir: str = ""


def parse_run_args(arguments: Sequence[str], base: RunOptions | None = None) -> RunOptions:
    """Read `docker run` options on top of `base`; raises UsageError that names the argument."""
    options = base or RunOptions()
    queue = list(enumerate(arguments))
    while queue:
        index, argument = queue.pop(0)
        name, equals, value = _split(argument)
        field = _VALUES.get(name)
        if field is not None:
            if not equals:
                if not queue:
                    raise UsageError(f"runArgs[{index}]: {argument} needs a value")
                value = queue.pop(0)[1]
            options = _with_value(options, field, value)
        elif name in _SWITCHES:
            switch: dict[str, Any] = {
                _SWITCHES[name]: go_bool(value if equals else "true", f"runArgs[{index}]: {argument}")
            }
            options = replace(options, **switch)
        elif name not in _WITHOUT_EFFECT:
            raise UsageError(
                f"runArgs[{index}]: nestbox cannot carry over {argument!r}",
                why="a container started without it would not be the one that the profile describes",
                fix="correct the option, or ask for it in nestbox",
            )
    return options


def _split(argument: str) -> tuple[str, bool, str]:
    """The option's long name, whether a value is attached, and that value; no name for a bare word."""
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        return name, bool(equals), value
    if not argument.startswith("-") or len(argument) == 1:
        return "", False, ""
    name, rest = _SHORT.get(argument[1], ""), argument[2:]
    if name in _WITHOUT_EFFECT and rest:
        # -it and the like: switches run together.
        together = all(_SHORT.get(letter) in _WITHOUT_EFFECT for letter in rest)
        return (name if together else ""), False, ""
    return name, bool(rest), rest.removeprefix("=")


def _with_value(options: RunOptions, field: str, value: str) -> RunOptions:
    before = getattr(options, field)
    changed: dict[str, Any] = {field: (*before, value) if isinstance(before, tuple) else value}
    return replace(options, **changed)


def go_bool(value: str, what: str) -> bool:
    """Read a switch as the docker client does (Go's strconv.ParseBool); raises UsageError about `what`."""
    if value in {"1", "t", "T", "TRUE", "true", "True"}:
        return True
    if value in {"0", "f", "F", "FALSE", "false", "False"}:
        return False
    raise UsageError(f"{what} is neither true nor false")
