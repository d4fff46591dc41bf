"""Run options ─▶ the body of the engine's create request, as the docker client composes it.

Source: Docker Engine API, ContainerCreate; docker/cli, cli/command/container/opts.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.files import read_file
from nestproof.engine.option_values import go_bool, mount_fields, split_security_option
from nestproof.engine.run_options import RunOptions

# What the reference client has a container do until somebody needs it: it waits, and ends when asked to.
_WAIT = (
    'echo Container started\ntrap "exit 0" 15\n{entrypoints}\nexec "$@"\nwhile sleep 1 & wait $!; do :; done'
)


class UnsupportedOptionError(NestproofError):
    """The container cannot be started as the profile describes it, so nothing is verified."""

    exit_code = 3


def create_request(
    options: RunOptions,
    *,
    image: str,
    labels: Mapping[str, str],
    environment: Mapping[str, str],
    entrypoints: Sequence[str] = (),
    own_command: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of POST /containers/create; raises UsageError for a value that the docker client refuses.

    `entrypoints` are run first, then `own_command`: the image's own, where the profile keeps it. Raises
    UnsupportedOptionError when it would not be the container that the options describe.
    """
    if options.unsupported:
        raise UnsupportedOptionError(
            f"nestproof does not carry over {', '.join(options.unsupported)}",
            why="a container without it would not be the one that the profile describes",
            fix="devcontainer up starts it",
        )
    script = _WAIT.format(entrypoints="\n".join(entrypoints))
    return {
        "Image": image,
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", script, "-", *own_command],
        "User": options.user,
        "Env": _environment((*_from_files(options.env_files), *options.env), environment),
        "Labels": {**_pairs(options.labels), **labels},
        "WorkingDir": options.workdir,
        "Hostname": options.hostname,
        "HostConfig": _host_config(options, labels),
    }


def _host_config(options: RunOptions, labels: Mapping[str, str]) -> dict[str, Any]:
    security, masked = _security(options.security_opt)
    host: dict[str, Any] = {
        "Annotations": _pairs(options.annotations),
        "Binds": list(options.volumes),
        "CapAdd": list(options.cap_add),
        "CapDrop": list(options.cap_drop),
        "CgroupnsMode": options.cgroupns,
        "DeviceCgroupRules": list(options.device_cgroup_rules),
        "Devices": [_device(device) for device in options.devices],
        "Dns": list(options.dns),
        "DnsOptions": list(options.dns_options),
        "DnsSearch": list(options.dns_search),
        "ExtraHosts": list(options.extra_hosts),
        "GroupAdd": list(options.group_add),
        "Init": options.init or None,
        "IpcMode": options.ipc,
        "Memory": _size(options.memory),
        "Mounts": [_mount(mount, labels) for mount in options.mounts],
        "NanoCpus": _nano_cpus(options.cpus),
        "NetworkMode": options.network or "default",
        "PidMode": options.pid,
        "PidsLimit": _count(options.pids_limit),
        "Privileged": options.privileged,
        "ReadonlyRootfs": options.read_only,
        "Runtime": options.runtime,
        "SecurityOpt": security,
        "ShmSize": _size(options.shm_size),
        "Sysctls": _pairs(options.sysctls),
        "Tmpfs": dict(entry.partition(":")[::2] for entry in options.tmpfs),
        "UTSMode": options.uts,
        "Ulimits": [_ulimit(limit) for limit in options.ulimits],
        "UsernsMode": options.userns,
    }
    # What is unset is left out, so that the engine's own defaults hold.
    host = {key: value for key, value in host.items() if value not in ("", None, 0, [], {}) or value is False}
    return host | masked


def _security(options: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Security options for the engine, and the path lists that `systempaths=unconfined` stands for."""
    passed: list[str] = []
    masked: dict[str, list[str]] = {}
    for option in options:
        name, separator, value = split_security_option(option)
        if not separator and name != "no-new-privileges":
            raise UsageError(f"security option {option!r} is not of the form name=value")
        if option == "systempaths=unconfined":
            # Resolved by the docker client, not by the engine (docker/cli PR 1808).
            masked = {"MaskedPaths": [], "ReadonlyPaths": []}
        elif name == "seccomp" and value not in ("unconfined", "builtin"):
            passed.append(f"seccomp={_seccomp_profile(value)}")
        else:
            passed.append(f"{name}={value}" if separator else name)
    return passed, masked


def _seccomp_profile(path: str) -> str:
    try:
        return json.dumps(json.loads(read_file(Path(path))))
    except (OSError, ValueError) as error:
        raise UsageError(f"the seccomp profile {path} cannot be read", why=str(error)) from error


def _mount(mount: str, labels: Mapping[str, str]) -> dict[str, Any]:
    fields = mount_fields(mount)
    body: dict[str, Any] = {"Type": "volume"}
    for key, value in fields.items():
        match key:
            case "type":
                body["Type"] = value.lower()
            case "source" | "src":
                body["Source"] = value
            case "target" | "dst" | "destination":
                body["Target"] = value
            case "readonly" | "ro":
                body["ReadOnly"] = go_bool(value or "true", f"{key} of the mount {mount!r}")
            case "consistency":
                body["Consistency"] = value
            case "bind-propagation":
                body["BindOptions"] = {"Propagation": value}
            case "tmpfs-size":
                body.setdefault("TmpfsOptions", {})["SizeBytes"] = _size(value)
            case "tmpfs-mode":
                body.setdefault("TmpfsOptions", {})["Mode"] = _mode(value)
            case "external" if not value:
                pass  # Compose's word; the reference client drops it as well
            case _:
                raise UsageError(f"nestproof cannot carry over {key!r} of the mount {mount!r}")
    if not body.get("Target") or (body["Type"] == "bind" and not body.get("Source")):
        raise UsageError(f"the mount {mount!r} needs a target, and a bind mount a source too")
    if body["Type"] == "volume":
        # A volume that exists keeps its labels; one that is made for us is found by ours.
        body["VolumeOptions"] = {"Labels": dict(labels)}
    return body


def _environment(entries: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """A name without a value takes the one that `environment` has, and is left out where it has none."""
    spelled = (
        entry if "=" in entry else f"{entry}={environment[entry]}" if entry in environment else ""
        for entry in entries
    )
    return [entry for entry in spelled if entry]


def _from_files(files: Sequence[str]) -> Iterator[str]:
    """The lines of --env-file; the docker client skips blank ones and comments (opts/file.go)."""
    for file in files:
        try:
            lines = read_file(Path(file)).decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the env file {file} cannot be read", why=str(error)) from error
        yield from (line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _pairs(entries: Sequence[str]) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in entries)


def _device(device: str) -> dict[str, str]:
    source, *rest = device.split(":")
    permissions = rest.pop() if rest and not rest[-1].startswith("/") else "rwm"
    if not source or len(rest) > 1 or not permissions or not set(permissions) <= set("rwm"):
        raise UsageError(f"device {device!r} is not of the form host[:container][:rwm]")
    return {
        "PathOnHost": source,
        "PathInContainer": rest[0] if rest else source,
        "CgroupPermissions": permissions,
    }


def _ulimit(limit: str) -> dict[str, Any]:
    found = re.fullmatch(r"(\w+)=(-?\d+)(?::(-?\d+))?", limit)
    if not found:
        raise UsageError(f"ulimit {limit!r} is not of the form name=soft:hard")
    soft, hard = int(found[2]), int(found[3] or found[2])
    if soft > hard >= 0:
        raise UsageError(f"ulimit {limit!r}: the soft limit is above the hard one")
    return {"Name": found[1], "Soft": soft, "Hard": hard}


def _nano_cpus(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"\d+(\.\d{1,9})?", text):
        raise UsageError(f"{text!r} is not a number of processors such as 1.5")
    return round(float(text) * 1_000_000_000)


def _count(text: str) -> int:
    if text and not re.fullmatch(r"-?\d+", text):
        raise UsageError(f"{text!r} is not a number of processes")
    return int(text or 0)


def _mode(text: str) -> int:
    if not re.fullmatch(r"[0-7]{1,4}", text):
        raise UsageError(f"tmpfs-mode {text!r} is not an octal file mode such as 1777")
    return int(text, 8)


def _size(text: str) -> int:
    """Bytes of `64m`, `1g`, `1gb`, `64MiB` or a plain number (docker/go-units, RAMInBytes)."""
    if not text:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?", text, re.IGNORECASE)
    if not found:
        raise UsageError(f"{text!r} is not a size such as 64m or 1g")
    return int(float(found[1]) * 1024 ** " kmgtp".index(found[2].lower() or " "))
