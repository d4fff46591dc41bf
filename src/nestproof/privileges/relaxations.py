"""Relaxations of Docker's defaults: as a profile asks for them, and as a container has them.

A relaxation is named by the `docker run` option that asks for it, without the dashes:
`cap-add=SYS_ADMIN`, `security-opt=seccomp=unconfined`, `privileged`, `network=host`.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nestproof.core.capabilities import DOCKER_DEFAULT, normalize
from nestproof.engine.option_values import mount_fields, mount_source, split_security_option
from nestproof.engine.run_options import RunOptions

SYSTEM_FOLDERS = frozenset({"/", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/var/run"})
"""Host paths that give a container the host, or its secrets."""
_SINCE_0_2 = tuple(
    "add-host= build- device-cgroup-rule= env-file= group-add= local-env= root= runtime= sysctl=".split()
)
_DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")


def relaxations_asked(options: RunOptions) -> tuple[str, ...]:
    """List the relaxations of a profile's options, sorted and without repetition."""
    namespaces = {
        "network": options.network,
        "pid": options.pid,
        "ipc": options.ipc,
        "uts": options.uts,
        "userns": options.userns,
        "cgroupns": options.cgroupns,
    }
    return _collect(
        capabilities=options.cap_add,
        security=options.security_opt,
        privileged=options.privileged,
        devices=options.devices,
        namespaces=namespaces,
        mounts=_mounts_named(_sources(options.mounts, options.volumes), options.root, options.home),
        others={
            "add-host": [host for host in options.extra_hosts if host.endswith(":host-gateway")],
            "device-cgroup-rule": options.device_cgroup_rules,
            "group-add": options.group_add,
            "runtime": [options.runtime],
            "sysctl": options.sysctls,
        },
    )


def known_since(word: str) -> str:
    """The version of nestproof whose lock has the word first; empty for a word of the first lock."""
    if word.startswith("mount="):
        return "" if _is_sensitive(word.removeprefix("mount=")) else "0.2.0"
    return "0.2.0" if word.startswith(_SINCE_0_2) else ""


def relaxations_in_force(
    inspection: Mapping[str, Any], root: str = "", home: str = "", *, cgroupns: str = ""
) -> tuple[str, ...]:
    """List the relaxations of a running container, from the engine's inspection of it.

    `root`, `home` and `cgroupns` are those of RunOptions.
    """
    host = inspection["HostConfig"]
    modes = {
        "network": "NetworkMode",
        "pid": "PidMode",
        "ipc": "IpcMode",
        "uts": "UTSMode",
        "userns": "UsernsMode",
        "cgroupns": "CgroupnsMode",
    }
    security = list(host.get("SecurityOpt") or ())
    # The docker client turns systempaths=unconfined into empty lists; an engine's default is not empty.
    if not host["Privileged"] and host.get("MaskedPaths") == [] and host.get("ReadonlyPaths") == []:
        security.append("systempaths=unconfined")
    return _collect(
        capabilities=host.get("CapAdd") or (),
        security=security,
        privileged=host["Privileged"],
        devices=[device["PathOnHost"] for device in host.get("Devices") or ()],
        # The engine spells out its own default for cgroup v1 as "host": no relaxation, unless that is asked.
        namespaces={
            name: host.get(key) or "" for name, key in modes.items() if name != "cgroupns" or cgroupns
        },
        mounts=[*_seen_mounts(inspection), *_mounts_named(_asked_of_engine(host), root, home)],
        others={
            "add-host": [entry for entry in host.get("ExtraHosts") or () if entry.endswith(":host-gateway")],
            "device-cgroup-rule": host.get("DeviceCgroupRules") or (),
            "group-add": host.get("GroupAdd") or (),
            "runtime": [host.get("Runtime") or ""],
            "sysctl": [f"{name}={value}" for name, value in (host.get("Sysctls") or {}).items()],
        },
    )


def _seen_mounts(inspection: Mapping[str, Any]) -> Iterator[str]:
    """System folders and sockets among the mounts, whoever asked for them.

    Of others the engine's word does not count: Docker Desktop names folders of its virtual machine.
    """
    mounted = (m.get("Source", "") for m in inspection.get("Mounts") or () if m["Type"] == "bind")
    return filter(_is_sensitive, map(_normal, mounted))


def _asked_of_engine(host: Mapping[str, Any]) -> Iterator[str]:
    yield from (bind.split(":")[0] for bind in host.get("Binds") or ())
    yield from (m.get("Source", "") for m in host.get("Mounts") or () if m["Type"] == "bind")


def _sources(mounts: Iterable[str], volumes: Iterable[str]) -> Iterator[str]:
    yield from (mount_source(mount_fields(mount)) for mount in mounts)
    yield from (volume.split(":")[0] for volume in volumes)


def _mounts_named(sources: Iterable[str], root: str, home: str) -> Iterator[str]:
    """Name each folder of the host that is not the repository's own, alike on every machine where that is
    possible: the one above the repository as `..`, one at home as `~/…`.
    """
    for source in map(_normal, sources):
        # The engine follows a link in the repository to wherever it leads.
        real = os.path.realpath(source) if root and _is_below(source, root) else source
        if _is_sensitive(real):
            yield real
        elif real.startswith("/") and not (root and _is_below(real, os.path.realpath(root))):
            # A folder at the top, such as /tmp or /home, is better known by its own name.
            if root and real == posixpath.dirname(root) and real != home and real.count("/") > 1:
                yield ".."
            else:
                yield f"~{real.removeprefix(home)}" if len(home) > 1 and _is_below(real, home) else real


def _collect(
    *,
    capabilities: Iterable[str],
    security: Iterable[str],
    privileged: bool,
    devices: Iterable[str],
    namespaces: Mapping[str, str],
    mounts: Iterable[str],
    others: Mapping[str, Iterable[str]],
) -> tuple[str, ...]:
    labels_go = privileged or namespaces.get("pid") == "host" or namespaces.get("ipc") == "host"
    found = {f"cap-add={normalize(name)}" for name in capabilities if normalize(name) not in DOCKER_DEFAULT}
    # Docker itself switches SELinux labels off for these: named once, as what was asked for
    # (moby, daemon/create.go, generateSecurityOpt).
    found |= {
        f"security-opt={name}"
        for name in map(_security_option, security)
        if name and not (labels_go and name == "label=disable")
    }
    found |= {f"device={device.split(':')[0]}" for device in devices}
    found |= {f"{name}={mode}" for name, mode in namespaces.items() if _joins_another(mode)}
    found |= {f"mount={source}" for source in mounts}
    found |= {f"{name}={value}" for name, values in others.items() for value in values if value}
    found -= {"runtime=runc", "runtime=io.containerd.runc.v2", "runtime=oci", "runtime=crun"}
    if privileged:
        found.add("privileged")
    return tuple(sorted(found))


def _security_option(option: str) -> str:
    """A security option in its `name=value` form, or nothing when it does not weaken a default."""
    # The docker client still takes the old separator, as in apparmor:unconfined.
    name, separator, value = split_security_option(option)
    if name == "no-new-privileges" or value in {"builtin", "docker-default"}:
        return ""
    if name == "seccomp" and value != "unconfined":
        # A file's name in the configuration, its content in the inspection: one name for both.
        return "seccomp=(a profile of its own)"
    return f"{name}={value}" if separator else name


def _joins_another(mode: str) -> bool:
    return mode == "host" or mode.startswith(("container:", "service:"))


def _normal(path: str) -> str:
    # POSIX leaves the meaning of two leading slashes open; here they are one.
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _is_sensitive(path: str) -> bool:
    return path in _DOCKER_SOCKETS or is_system_folder(path)


def is_system_folder(path: str) -> bool:
    """True for a host path that configures or controls the host, and for root's home."""
    return path in SYSTEM_FOLDERS or path.startswith(("/proc/", "/sys/"))
