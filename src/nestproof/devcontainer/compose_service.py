"""Find the service that is a profile's container in the output of `docker compose config`.

Source: the Compose specification; outputs of Compose 2.26.1. Nothing is dropped in silence: a property that
nestproof neither carries over nor knows to concern other things than the container is remembered.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nestproof.devcontainer.compose_volumes import read_volumes
from nestproof.engine.option_values import mount_fields, mount_target, split_security_option
from nestproof.engine.run_options import RunOptions

# Property to the field of RunOptions that it sets.
_SCALARS = {name: name for name in "cpus hostname ipc pid pids_limit runtime shm_size user uts".split()} | {
    "cgroup": "cgroupns", "mem_limit": "memory", "userns_mode": "userns", "working_dir": "workdir",
}  # fmt: skip
_LISTS = {"dns_opt": "dns_options"} | {
    name: name
    for name in "cap_add cap_drop device_cgroup_rules dns dns_search group_add security_opt tmpfs".split()
}
_SWITCHES = {"init": "init", "privileged": "privileged", "read_only": "read_only"}
_PAIRS = {"annotations": "annotations", "labels": "labels", "sysctls": "sysctls"}
_READ_BELOW = frozenset(
    "build command deploy devices entrypoint environment extra_hosts image network_mode networks ulimits "
    "volumes".split()
)
# Compose resolves the first two itself; the rest concerns the client, other services, the container's end,
# its name or ports of the host: nothing that a probe sees.
_IGNORED = frozenset(
    "env_file extends attach container_name depends_on develop expose external_links healthcheck links "
    "logging platform ports profiles pull_policy restart scale stdin_open stop_grace_period stop_signal "
    "tty".split()
)
_IGNORED_DEPLOY = frozenset(
    "endpoint_mode labels mode placement replicas restart_policy rollback_config".split()
)
_LIMITS = {"cpus": "cpus", "memory": "memory", "pids": "pids_limit"}


@dataclass(frozen=True, slots=True)
class Service:
    """A Compose service as a container: its options, its source, and the services beside it."""

    name: str
    options: RunOptions
    image: str = ""
    build: Mapping[str, Any] | None = None
    """Its `build` section, paths absolute, variables filled in."""
    secrets: Mapping[str, Any] = field(default_factory=dict)
    """The project's secrets, which a build may name."""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    platform: str = ""
    """The only platform of the service; empty for any."""
    others: tuple[str, ...] = ()
    """The project's other services, which nestproof does not start."""
    variables: tuple[str, ...] = ()
    """The names of the variables in the project's files."""

    def own_command(self, image_entrypoint: Sequence[str], image_command: Sequence[str]) -> tuple[str, ...]:
        """The container's own command: a service's entry point discards the image's command."""
        entrypoint = tuple(image_entrypoint) if self.entrypoint is None else self.entrypoint
        command = self.command
        if command is None:
            command = tuple(image_command) if self.entrypoint is None else ()
        return (*entrypoint, *command)


def parse_service(project: Mapping[str, Any], name: str, folder: Path = Path()) -> Service | None:
    """The service of that name, or None when the project has none; `folder` is the project's."""
    project = _without_escapes(project)
    section = project.get("services", {}).get(name)
    if section is None:
        return None
    return Service(
        name,
        _options(section, project, folder),
        section.get("image") or "",
        section.get("build"),
        project.get("secrets") or {},
        _words(section.get("entrypoint")),
        _words(section.get("command")),
        section.get("platform") or "",
        tuple(other for other in project["services"] if other != name),
    )


def join(service: RunOptions, own: RunOptions) -> RunOptions:
    """A service's options with those of devcontainer.json on top, as the reference client overrides it.

    Its mounts take the place of the service's at the same target, its environment that of the same names.
    """
    targets = {mount_target(mount_fields(mount)) for mount in own.mounts}
    named = {entry.partition("=")[0] for entry in own.env}
    changed: dict[str, Any] = {
        "env": (*(e for e in service.env if e.partition("=")[0] not in named), *own.env),
        "mounts": (*(m for m in service.mounts if mount_target(mount_fields(m)) not in targets), *own.mounts),
        "volumes": (*(v for v in service.volumes if v.split(":")[1] not in targets), *own.volumes),
    }
    for name in (one.name for one in fields(RunOptions) if one.name not in changed):
        below, above = getattr(service, name), getattr(own, name)
        changed[name] = tuple(dict.fromkeys((*below, *above))) if isinstance(below, tuple) else above or below
    return RunOptions(**changed)


def shared_with_services(options: RunOptions) -> dict[str, str]:
    """Map each shared namespace to its service, such as network: db."""
    modes = {"network": options.network, "pid": options.pid, "ipc": options.ipc}
    return {
        name: mode.removeprefix("service:") for name, mode in modes.items() if mode.startswith("service:")
    }


def alone(options: RunOptions) -> RunOptions:
    """The options with own namespaces in place of those of services that are not started."""
    unshared: dict[str, Any] = dict.fromkeys(shared_with_services(options), "")
    return replace(options, **unshared)


def _options(section: Mapping[str, Any], project: Mapping[str, Any], folder: Path) -> RunOptions:
    found: dict[str, Any] = {}
    unsupported: list[str] = []
    for key, value in section.items():
        if value is None or value in ("", [], {}):
            continue
        if key in _SCALARS:
            found[_SCALARS[key]] = str(value)
        elif key in _LISTS:
            found[_LISTS[key]] = (value,) if isinstance(value, str) else tuple(map(str, value))
        elif key in _SWITCHES:
            found[_SWITCHES[key]] = bool(value)
        elif key in _PAIRS:
            found[_PAIRS[key]] = tuple(f"{name}={said}" for name, said in value.items())
        elif key not in _READ_BELOW | _IGNORED and not key.startswith("x-"):
            unsupported.append(f"{key} of the Compose service")
    found["security_opt"] = tuple(_security(option, folder) for option in found.get("security_opt", ()))
    limits, beyond = _deploy(section.get("deploy") or {})
    binds, mounts, odd = read_volumes(section.get("volumes") or (), project.get("volumes") or {})
    return RunOptions(
        **{**limits, **found},
        devices=tuple(map(_device, section.get("devices") or ())),
        env=tuple(_environment(section.get("environment") or {})),
        extra_hosts=tuple(_hosts(section.get("extra_hosts") or ())),
        mounts=mounts,
        network=section.get("network_mode") or _host_network(section, project),
        ulimits=tuple(_ulimit(name, limit) for name, limit in (section.get("ulimits") or {}).items()),
        unsupported=(*unsupported, *beyond, *odd),
        volumes=binds,
    )


def _security(option: str, folder: Path) -> str:
    """Complete the path of a seccomp profile, the only one that `config` leaves as written."""
    name, separator, value = split_security_option(option)
    if name != "seccomp" or value in ("unconfined", "builtin"):
        return option
    return f"{name}{separator}{folder / value}"


def _deploy(deploy: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    resources = dict(deploy.get("resources") or {})
    limits = dict(resources.pop("limits", None) or {})
    carried = {_LIMITS[key]: str(limits.pop(key)) for key in _LIMITS if limits.get(key)}
    # What is reserved of a processor or of memory is a wish, a device is not.
    reserved = {k: v for k, v in (resources.pop("reservations", None) or {}).items() if k not in _LIMITS}
    rest = [f"limits.{key}" for key in limits] + [f"reservations.{key}" for key in reserved] + [*resources]
    odd = [f"deploy.resources.{key} of the Compose service" for key in rest]
    unknown = [key for key in deploy if key not in {"resources", *_IGNORED_DEPLOY}]
    return carried, odd + [f"deploy.{key} of the Compose service" for key in unknown]


def _environment(values: Mapping[str, Any] | Sequence[str]) -> Iterator[str]:
    if not isinstance(values, Mapping):
        yield from map(str, values)
        return
    for name, value in values.items():
        yield name if value is None else f"{name}={value}"


def _hosts(hosts: Mapping[str, Any] | Sequence[str]) -> Iterator[str]:
    """`name:address`, as the engine takes it; Compose writes an equals sign, or a table."""
    if isinstance(hosts, Mapping):
        for name, addresses in hosts.items():
            yield from (f"{name}:{one}" for one in ([addresses] if isinstance(addresses, str) else addresses))
        return
    yield from (host.replace("=", ":", 1) for host in hosts)


def _host_network(section: Mapping[str, Any], project: Mapping[str, Any]) -> str:
    """The host's network can also be joined as an external network of that name."""
    declared = project.get("networks") or {}
    names = {(declared.get(name) or {}).get("name", name) for name in section.get("networks") or ()}
    return "host" if "host" in names else ""


def _device(device: str | Mapping[str, str]) -> str:
    if isinstance(device, str):
        return device
    return ":".join(filter(None, (device.get(key, "") for key in ("source", "target", "permissions"))))


def _ulimit(name: str, limit: Any) -> str:
    return f"{name}={limit['soft']}:{limit['hard']}" if isinstance(limit, Mapping) else f"{name}={limit}"


def _words(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(shlex.split(value)) if isinstance(value, str) else tuple(value)


def _without_escapes(value: Any) -> Any:
    """Undo Compose's escape of a dollar sign, `$$`."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, Mapping):
        return {key: _without_escapes(below) for key, below in value.items()}
    return [_without_escapes(below) for below in value] if isinstance(value, list) else value
