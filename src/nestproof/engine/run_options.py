"""`docker run` arguments ─▶ the options of a container, read as the docker client reads them.

Source: docker/cli, `docker run --help` of 28.2 and cli/command/container/opts.go. Nothing is dropped
in silence: an option that docker does not have is an error, and one that nestproof does not carry over is
remembered.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nestproof.core.errors import UsageError

# Option ─▶ the field of RunOptions that it sets or, where that is a tuple, adds to.
_VALUES = {
    "add-host": "extra_hosts",
    "annotation": "annotations",
    "cap-add": "cap_add",
    "cap-drop": "cap_drop",
    "cgroupns": "cgroupns",
    "cpus": "cpus",
    "device": "devices",
    "device-cgroup-rule": "device_cgroup_rules",
    "dns": "dns",
    "dns-opt": "dns_options",
    "dns-option": "dns_options",
    "dns-search": "dns_search",
    "env": "env",
    "env-file": "env_files",
    "group-add": "group_add",
    "hostname": "hostname",
    "ipc": "ipc",
    "label": "labels",
    "memory": "memory",
    "mount": "mounts",
    "network": "network",
    "net": "network",
    "pid": "pid",
    "pids-limit": "pids_limit",
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
# They concern the client, the container's end, its name or ports of the host: nothing that a probe sees.
# The entry point is the client's own, whatever is asked for.
_IGNORED_SWITCHES = frozenset(
    "detach disable-content-trust interactive no-healthcheck publish-all quiet rm sig-proxy tty".split()
)
_IGNORED_VALUES = frozenset(
    "attach cidfile detach-keys entrypoint expose health-cmd health-interval health-retries "
    "health-start-interval health-start-period health-timeout log-driver log-opt name publish pull restart "
    "stop-signal stop-timeout".split()
)
# Known to the docker client, and not carried over: a container without them would be another one.
_UNCARRIED_SWITCHES = frozenset({"oom-kill-disable", "use-api-socket"})
_UNCARRIED_VALUES = frozenset(
    "blkio-weight blkio-weight-device cgroup-parent cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period "
    "cpu-rt-runtime cpu-shares cpuset-cpus cpuset-mems device-read-bps device-read-iops device-write-bps "
    "device-write-iops domainname gpus ip ip6 isolation kernel-memory label-file link link-local-ip "
    "mac-address memory-reservation memory-swap memory-swappiness net-alias network-alias oom-score-adj "
    "storage-opt volume-driver volumes-from".split()
)
_SHORT = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish-all",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
# Enough to tell a port from a word: -privileged is --publish=rivileged to the docker client.
_PORT = re.compile(r"[\d.:\[\]a-fA-F-]*\d(/(tcp|udp|sctp))?")
_TAKE_A_VALUE = frozenset({*_VALUES, *_IGNORED_VALUES, *_UNCARRIED_VALUES})
_ALL = sorted({*_TAKE_A_VALUE, *_SWITCHES, *_IGNORED_SWITCHES, *_UNCARRIED_SWITCHES})


class RunArgumentError(UsageError):
    """A run argument that the docker client would refuse; `index` is its place in the list."""

    def __init__(self, index: int, what: str) -> None:
        super().__init__(f"runArgs[{index}]: {what}")
        self.index = index
        self.sentence = what


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a container is started with; every field is as `docker run` takes it."""

    annotations: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    cgroupns: str = ""
    cpus: str = ""
    device_cgroup_rules: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    hostname: str = ""
    init: bool = False
    ipc: str = ""
    labels: tuple[str, ...] = ()
    memory: str = ""
    mounts: tuple[str, ...] = ()
    network: str = ""
    pid: str = ""
    pids_limit: str = ""
    platform: str = ""
    privileged: bool = False
    read_only: bool = False
    runtime: str = ""
    security_opt: tuple[str, ...] = ()
    shm_size: str = ""
    sysctls: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    """Options that the docker client knows and nestproof does not carry over."""
    user: str = ""
    userns: str = ""
    uts: str = ""
    volumes: tuple[str, ...] = ()
    workdir: str = ""


def parse_run_args(arguments: Sequence[str], base: RunOptions | None = None) -> RunOptions:
    """Read `docker run` options on top of `base`; raises RunArgumentError at the first senseless one."""
    options = base or RunOptions()
    queue = list(enumerate(arguments))
    while queue:
        index, argument = queue.pop(0)
        name, attached, value = _split(argument)
        if name in _TAKE_A_VALUE and not attached:
            if not queue:
                raise RunArgumentError(index, f"{argument} needs a value")
            value = queue.pop(0)[1]
        if name in _VALUES:
            options = _with_value(options, _VALUES[name], value)
        elif name in _SWITCHES:
            fidelity = _truth(value if attached else "true", index, argument)
            switch: dict[str, Any] = {_SWITCHES[name]: fidelity}
            options = replace(options, **switch)
        elif name in _UNCARRIED_VALUES or name in _UNCARRIED_SWITCHES:
            options = _with_value(options, "unsupported", f"--{name}")
        elif name == "publish" and not _PORT.fullmatch(value):
            raise RunArgumentError(index, f"{argument!r} publishes {value!r}, which is no port")
        elif name not in _IGNORED_VALUES and name not in _IGNORED_SWITCHES:
            raise RunArgumentError(index, _unknown(argument))
    return options


def _split(argument: str) -> tuple[str, bool, str]:
    """The option's long name, whether a value is attached, and that value; no name for a bare word."""
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        return name, bool(equals), value
    if not argument.startswith("-") or len(argument) == 1:
        return "", False, ""
    name, rest = _SHORT.get(argument[1], ""), argument[2:]
    if name in _IGNORED_SWITCHES and rest:
        # -it and the like: switches run together.
        together = all(_SHORT.get(letter) in _IGNORED_SWITCHES for letter in rest)
        return (name if together else ""), False, ""
    return name, bool(rest), rest.removeprefix("=")


def _unknown(argument: str) -> str:
    if not argument.startswith("-"):
        return f"{argument!r} is no option; the image and the command are the client's own"
    if " " in argument:
        return f"{argument!r} is one argument to docker; write it as two, or with ="
    near = difflib.get_close_matches(argument.lstrip("-").partition("=")[0], _ALL, n=1, cutoff=0.7)
    hint = f"; did you mean --{near[0]}?" if near else ""
    return f"docker run has no option {argument.partition('=')[0]}{hint}"


def _truth(value: str, index: int, argument: str) -> bool:
    try:
        return go_bool(value, argument)
    except UsageError as error:
        raise RunArgumentError(index, error.what) from error


def _with_value(options: RunOptions, field: str, value: str) -> RunOptions:
    before = getattr(options, field)
    changed: dict[str, Any] = {field: (*before, value) if isinstance(before, tuple) else value}
    return replace(options, **changed)


def mount_fields(mount: str) -> dict[str, str]:
    """The fields of a `--mount`, which the docker client reads as one line of CSV (opts/mount.go).

    What is no such line has no fields, and so no target: nothing is started with it.
    """
    try:
        rows = list(csv.reader([mount]))
    except csv.Error:
        return {}
    return dict(part.partition("=")[::2] for part in (rows[0] if rows else []))


def go_bool(value: str, what: str) -> bool:
    """Read a switch as the docker client does (Go's strconv.ParseBool); raises UsageError about `what`."""
    if value in {"1", "t", "T", "TRUE", "true", "True"}:
        return True
    if value in {"0", "f", "F", "FALSE", "false", "False"}:
        return False
    raise UsageError(f"{what} is neither true nor false")
