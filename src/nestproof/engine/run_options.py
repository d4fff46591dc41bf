"""`docker run` arguments ─▶ the options of a container, read as the docker client reads them.

Source: docker/cli, `docker run --help` of 28.2 and cli/command/container/opts.go. Nothing is dropped
in silence: an option that docker does not have is an error, and one that nestproof does not carry over is
remembered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nestproof.core.capabilities import normalize
from nestproof.core.errors import UsageError
from nestproof.core.text import nearest
from nestproof.engine.docker_flags import ALIASES, SWITCHES, read_flags
from nestproof.engine.option_values import go_bool, split_security_option

# Option to the field of RunOptions that it sets or, where that is a tuple, adds to.
_VALUES = dict(
    pair.split(":")
    for pair in "add-host:extra_hosts annotation:annotations cap-add:cap_add cap-drop:cap_drop "
    "cgroupns:cgroupns cpus:cpus device:devices device-cgroup-rule:device_cgroup_rules "
    "dns:dns dns-option:dns_options dns-search:dns_search env:env env-file:env_files "
    "group-add:group_add hostname:hostname ipc:ipc label:labels memory:memory mount:mounts "
    "network:network pid:pid pids-limit:pids_limit platform:platform runtime:runtime "
    "security-opt:security_opt shm-size:shm_size sysctl:sysctls tmpfs:tmpfs ulimit:ulimits "
    "user:user userns:userns uts:uts volume:volumes workdir:workdir".split()
)
_SWITCHES = {"init": "init", "privileged": "privileged", "read-only": "read_only"}
# They concern the client, the container's end, its name or ports of the host: nothing that a probe sees.
# The entry point is the client's own, whatever is asked for.
_IGNORED = frozenset(
    "detach disable-content-trust interactive no-healthcheck publish-all quiet rm sig-proxy tty "
    "attach cidfile detach-keys entrypoint expose health-cmd health-interval health-retries "
    "health-start-interval health-start-period health-timeout log-driver log-opt name publish pull "
    "restart stop-signal stop-timeout".split()
)
# The docker client knows them and nestproof does not carry them over: the container would be another one.
_UNSUPPORTED = frozenset(
    "blkio-weight blkio-weight-device cgroup-parent cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period "
    "cpu-rt-runtime cpu-shares cpuset-cpus cpuset-mems device-read-bps device-read-iops device-write-bps "
    "device-write-iops domainname gpus ip ip6 isolation kernel-memory label-file link link-local-ip "
    "mac-address memory-reservation memory-swap memory-swappiness net-alias network-alias oom-kill-disable "
    "oom-score-adj storage-opt use-api-socket volume-driver volumes-from".split()
)
# Those that Podman alone has (podman-run(1), 5.4); Docker refuses them.
_OF_PODMAN = frozenset(
    "arch authfile cert-dir chrootdirs conmon-pidfile creds decryption-key env-host env-merge gidmap "
    "group-entry health-log-destination health-max-log-count health-max-log-size health-on-failure "
    "hostuser http-proxy image-volume init-ctr init-path no-hostname no-hosts os passwd passwd-entry "
    "personality pidfile pod pod-id-file preserve-fd preserve-fds rdt-class read-only-tmpfs replace requires "
    "retry retry-delay rmi rootfs sdnotify seccomp-policy secret shm-size-systemd subgidname subuidname "
    "systemd timeout tls-verify tz uidmap umask unsetenv unsetenv-all variant".split()
)
# Enough to tell a port from a word: -privileged is --publish=rivileged to the docker client.
_PORT = re.compile(r"[\d.:\[\]a-fA-F-]*\d(/(tcp|udp|sctp))?")
_KNOWN = frozenset({*_VALUES, *_SWITCHES, *_IGNORED, *_UNSUPPORTED, *_OF_PODMAN, *ALIASES})


class RunArgumentError(UsageError):
    """A run argument that the docker client would refuse; `index` is its place in the list."""

    def __init__(self, index: int, what: str) -> None:
        super().__init__(f"runArgs[{index}]: {what}")
        self.index = index
        self.sentence = what


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a container; every field is as `docker run` takes it."""

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
    root: str = field(default="", compare=False)
    """No option: the folder that clients mount. What is bound from there is the repository's own."""
    home: str = field(default="", compare=False)
    """No option: the home folder of the user on the host, by which mounts are named."""


def is_podmans(name: str) -> bool:
    """True for an option that Podman has and Docker has not."""
    return name in _OF_PODMAN


def spelled(options: RunOptions) -> tuple[str, ...]:
    """The run arguments of the options that decide about a sandbox, each in one form; files below the root
    are named from there.
    """
    security = []
    for option in options.security_opt:
        name, separator, value = split_security_option(option)
        value = value.removeprefix(f"{options.root}/") if options.root else value
        security.append(f"--security-opt={name}={value}" if separator else f"--security-opt={name}")
    capabilities = (f"--cap-add={normalize(name)}" for name in options.cap_add)
    return (*capabilities, *security, *(f"--tmpfs={mount.partition(':')[0]}" for mount in options.tmpfs))


def parse_run_args(arguments: Sequence[str], base: RunOptions | None = None) -> RunOptions:
    """Read `docker run` options on top of `base`; raises RunArgumentError at the first senseless one."""
    options = base or RunOptions()
    for flag in read_flags(arguments):
        name, value, argument = flag.name, flag.value, arguments[flag.index]
        if name not in _KNOWN:
            raise RunArgumentError(flag.index, _unknown(argument))
        if value is None and name not in SWITCHES:
            raise RunArgumentError(flag.index, f"{argument} needs a value")
        if name in _VALUES:
            options = _with_value(options, _VALUES[name], value or "")
        elif name in _SWITCHES:
            switch: dict[str, Any] = {_SWITCHES[name]: _is_on(value, flag.index, argument)}
            options = replace(options, **switch)
        elif name in _UNSUPPORTED or name in _OF_PODMAN:
            options = _with_value(options, "unsupported", f"--{name}")
        elif name == "publish" and not _PORT.fullmatch(value or ""):
            raise RunArgumentError(flag.index, f"{argument!r} publishes {value!r}, which is no port")
    return options


def _unknown(argument: str) -> str:
    if not argument.startswith("-"):
        return f"{argument!r} is no option; the image and the command are the client's own"
    if " " in argument:
        return f"{argument!r} is one argument to docker; write it as two, or with ="
    near = nearest(argument.lstrip("-").partition("=")[0], sorted(_KNOWN - _OF_PODMAN))
    return (
        f"docker run has no option {argument.partition('=')[0]}{f'; did you mean --{near}?' if near else ''}"
    )


def _is_on(value: str | None, index: int, argument: str) -> bool:
    try:
        return value is None or go_bool(value, argument)
    except UsageError as error:
        raise RunArgumentError(index, error.what) from error


def _with_value(options: RunOptions, field: str, value: str) -> RunOptions:
    before = getattr(options, field)
    changed: dict[str, Any] = {field: (*before, value) if isinstance(before, tuple) else value}
    return replace(options, **changed)
