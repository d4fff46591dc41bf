"""What weakens Docker's defaults, seen in a profile and in an engine's inspection, and held against the lock.

The inspections are what Docker Engine 20.10 says of containers created with the options in their names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nestproof.core.errors import UsageError
from nestproof.engine.run_options import RunOptions
from nestproof.privileges.lock import LOCK_FILE, allowed_by, read_lock
from nestproof.privileges.relaxations import relaxations_asked, relaxations_in_force

WITHOUT_OPTIONS: dict[str, Any] = {
    "CapAdd": None,
    "CapDrop": None,
    "Privileged": False,
    "SecurityOpt": None,
    "Devices": [],
    "MaskedPaths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/sys/firmware"],
    "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    "NetworkMode": "default",
    "PidMode": "",
    "IpcMode": "private",
    "UTSMode": "",
    "UsernsMode": "",
    "CgroupnsMode": "host",
}
BIND = {"Type": "bind", "Source": "/etc", "Destination": "/host-etc", "Mode": "", "RW": True}
VOLUME = {"Type": "volume", "Name": "data", "Source": "/var/lib/docker/volumes/data/_data"}


def in_force(*mounts: dict[str, Any], **host: Any) -> tuple[str, ...]:
    inspection = {"HostConfig": {**WITHOUT_OPTIONS, **host}, "Mounts": list(mounts)}
    return relaxations_in_force(inspection, "/w", "/home/me")


def test_dockers_defaults_relax_nothing() -> None:
    assert relaxations_asked(RunOptions()) == ()
    assert in_force() == ()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RunOptions(cap_add=("SYS_ADMIN",)), ["cap-add=SYS_ADMIN"]),
        (RunOptions(cap_add=("cap_sys_admin",)), ["cap-add=SYS_ADMIN"]),
        (RunOptions(cap_add=("ALL",)), ["cap-add=ALL"]),
        (RunOptions(cap_add=("SYS_ADMIN", "CAP_SYS_ADMIN")), ["cap-add=SYS_ADMIN"]),
        (RunOptions(cap_add=("NET_RAW", "CAP_CHOWN")), []),
        (RunOptions(cap_drop=("ALL",)), []),
        (RunOptions(security_opt=("seccomp=unconfined",)), ["security-opt=seccomp=unconfined"]),
        (RunOptions(security_opt=("seccomp:unconfined",)), ["security-opt=seccomp=unconfined"]),
        (RunOptions(security_opt=("apparmor:unconfined",)), ["security-opt=apparmor=unconfined"]),
        (RunOptions(security_opt=("apparmor=mine",)), ["security-opt=apparmor=mine"]),
        (RunOptions(security_opt=("systempaths=unconfined",)), ["security-opt=systempaths=unconfined"]),
        (RunOptions(security_opt=("label=disable",)), ["security-opt=label=disable"]),
        (RunOptions(security_opt=("seccomp=builtin", "apparmor=docker-default")), []),
        (RunOptions(security_opt=("no-new-privileges", "no-new-privileges:true")), []),
        (RunOptions(privileged=True), ["privileged"]),
        (RunOptions(devices=("/dev/fuse", "/dev/kvm:/dev/kvm:rw")), ["device=/dev/fuse", "device=/dev/kvm"]),
        (RunOptions(network="host"), ["network=host"]),
        (RunOptions(network="container:other"), ["network=container:other"]),
        (RunOptions(network="none"), []),
        (RunOptions(network="my-bridge"), []),
        (RunOptions(pid="host"), ["pid=host"]),
        (RunOptions(ipc="host"), ["ipc=host"]),
        (RunOptions(ipc="shareable"), []),
        (RunOptions(uts="host"), ["uts=host"]),
        (RunOptions(userns="host"), ["userns=host"]),
        (RunOptions(cgroupns="host"), ["cgroupns=host"]),
        (RunOptions(cgroupns="private"), []),
        (RunOptions(volumes=("/var/run/docker.sock:/var/run/docker.sock",)), ["mount=/var/run/docker.sock"]),
        (RunOptions(volumes=("/:/host:ro",)), ["mount=/"]),
        (RunOptions(volumes=("data:/data", "/home/me:/me")), ["mount=/home/me"]),
        (RunOptions(volumes=("/home/me/.ssh:/s",), home="/home/me"), ["mount=~/.ssh"]),
        (
            RunOptions(volumes=("/home/me:/s", "/home/me2:/t"), home="/home/me"),
            ["mount=/home/me2", "mount=~"],
        ),
        (RunOptions(mounts=("type=bind,source=/w/x,target=/w",), root="/w"), []),
        (RunOptions(mounts=("type=bind,source=/w/../home,target=/w",), root="/w"), ["mount=/home"]),
        (RunOptions(mounts=("type=bind,source=/w2,target=/w",), root="/w"), ["mount=/w2"]),
        # Templates for Compose bind the folder above the repository, whatever its name is there.
        (RunOptions(volumes=("/home/me/x/..:/w",), root="/home/me/x/y/z", home="/home/me"), ["mount=~"]),
        (RunOptions(volumes=("/home/me/x:/w",), root="/home/me/x/y/z", home="/home/me"), ["mount=~/x"]),
        (RunOptions(volumes=("/home/me/x/y:/w",), root="/home/me/x/y/z", home="/home/me"), ["mount=.."]),
        (RunOptions(volumes=("/tmp:/w",), root="/tmp/x"), ["mount=/tmp"]),
        (RunOptions(volumes=("/:/w",), root="/home/me/x", home="/home/me"), ["mount=/"]),
        (RunOptions(mounts=("type=bind,source=/tmp,target=/t", "type=tmpfs,target=/x")), ["mount=/tmp"]),
        (RunOptions(mounts=("type=volume,source=data,target=/t",)), []),
        (RunOptions(device_cgroup_rules=("c 1:3 rwm",)), ["device-cgroup-rule=c 1:3 rwm"]),
        (RunOptions(sysctls=("net.core.somaxconn=1",)), ["sysctl=net.core.somaxconn=1"]),
        (RunOptions(group_add=("docker",)), ["group-add=docker"]),
        (RunOptions(extra_hosts=("a:host-gateway", "b:10.0.0.1")), ["add-host=a:host-gateway"]),
        (RunOptions(runtime="runsc"), ["runtime=runsc"]),
        (RunOptions(runtime="runc"), []),
        (RunOptions(mounts=("type=bind,source=/etc,target=/e",)), ["mount=/etc"]),
        (RunOptions(mounts=("type=bind,src=/proc/sys,dst=/p",)), ["mount=/proc/sys"]),
        (RunOptions(mounts=('type=bind,"source=/etc",target=/e',)), ["mount=/etc"]),
        (RunOptions(mounts=("source=/etc,target=/e,type=bind",)), ["mount=/etc"]),
        (RunOptions(mounts=("type=volume,source=etc,target=/e", "type=tmpfs,target=/t")), []),
        (RunOptions(init=True, user="root", read_only=True, hostname="h"), []),
    ],
)
def test_a_relaxation_is_named_by_the_option_that_asks_for_it(
    options: RunOptions, expected: list[str]
) -> None:
    assert list(relaxations_asked(options)) == expected


@pytest.mark.parametrize("source", ["/etc/", "/etc//", "//etc", "/etc/.", "/usr/../etc"])
def test_a_path_is_sensitive_however_it_is_written(source: str) -> None:
    # The engine cleans paths: what was asked must bear the name of what will be in force.
    assert relaxations_asked(RunOptions(volumes=(f"{source}:/e",))) == ("mount=/etc",)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"CapAdd": ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]}, ["cap-add=NET_ADMIN", "cap-add=SYS_ADMIN"]),
        ({"CapAdd": ["CAP_NET_RAW"]}, []),
        ({"CapDrop": ["ALL"]}, []),
        (
            {"SecurityOpt": ["seccomp=unconfined", "apparmor:unconfined", "no-new-privileges"]},
            ["security-opt=apparmor=unconfined", "security-opt=seccomp=unconfined"],
        ),
        ({"MaskedPaths": [], "ReadonlyPaths": []}, ["security-opt=systempaths=unconfined"]),
        ({"SecurityOpt": ["label=disable"]}, ["security-opt=label=disable"]),
        (
            {
                "Privileged": True,
                "SecurityOpt": ["label=disable"],
                "MaskedPaths": None,
                "ReadonlyPaths": None,
            },
            ["privileged"],
        ),
        (
            {"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"}]},
            ["device=/dev/fuse"],
        ),
        ({"Devices": None}, []),
        ({"Binds": ["/home/me/.ssh:/s:ro", "/w/x:/x", "data:/d"]}, ["mount=~/.ssh"]),
        ({"Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/t"}]}, ["mount=/tmp"]),
        ({"Mounts": [{"Type": "volume", "Target": "/t"}, {"Type": "bind", "Source": "/w"}]}, []),
        ({"DeviceCgroupRules": ["c 1:3 rwm"]}, ["device-cgroup-rule=c 1:3 rwm"]),
        ({"Sysctls": {"net.core.somaxconn": "1"}}, ["sysctl=net.core.somaxconn=1"]),
        ({"GroupAdd": ["docker"]}, ["group-add=docker"]),
        ({"ExtraHosts": ["a:host-gateway", "b:10.0.0.1"]}, ["add-host=a:host-gateway"]),
        ({"Runtime": "runsc"}, ["runtime=runsc"]),
        ({"Runtime": "runc"}, []),
        ({"NetworkMode": "host"}, ["network=host"]),
        ({"NetworkMode": "container:0123456789ab"}, ["network=container:0123456789ab"]),
        ({"UTSMode": "host"}, ["uts=host"]),
        ({"UsernsMode": "host"}, ["userns=host"]),
        ({"IpcMode": "shareable"}, []),
    ],
)
def test_a_relaxation_in_force_is_named_as_it_is_asked_for(host: dict[str, Any], expected: list[str]) -> None:
    assert list(in_force(**host)) == expected


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ({"PidMode": "host", "SecurityOpt": ["label=disable"]}, RunOptions(pid="host")),
        ({"IpcMode": "host", "SecurityOpt": ["label=disable"]}, RunOptions(ipc="host")),
    ],
)
def test_what_docker_adds_for_a_host_namespace_is_not_held_against_the_profile(
    host: dict[str, Any], asked: RunOptions
) -> None:
    # moby turns SELinux labels off by itself for --pid=host and --ipc=host, as it does for --privileged.
    assert in_force(**host) == relaxations_asked(asked)


def test_a_seccomp_profile_of_its_own_has_one_name_in_the_file_and_in_force() -> None:
    engine_says = 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'
    asked = relaxations_asked(RunOptions(security_opt=("seccomp=.devcontainer/seccomp.json",)))
    assert in_force(SecurityOpt=[engine_says]) == asked
    assert len(asked) == 1


def test_a_bind_mount_in_force_is_seen_and_a_volume_is_none() -> None:
    assert in_force(BIND, VOLUME) == ("mount=/etc",)


def test_an_inspection_without_mounts_has_none() -> None:
    assert relaxations_in_force({"HostConfig": WITHOUT_OPTIONS, "Mounts": None}) == ()


def write_lock(workspace: Path, text: str | bytes) -> None:
    (workspace / ".devcontainer").mkdir()
    (workspace / LOCK_FILE).write_bytes(text.encode() if isinstance(text, str) else text)


def test_a_repository_without_a_lock_has_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None


def test_a_lock_gives_each_relaxation_its_reason(tmp_path: Path) -> None:
    write_lock(tmp_path, '[default]\n[secure]\n"cap-add=SYS_ADMIN" = "for mount"\nprivileged = "no"\n')
    assert dict(read_lock(tmp_path) or {}) == {
        "default": {},
        "secure": {"cap-add=SYS_ADMIN": "for mount", "privileged": "no"},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[secure", "privileges.lock cannot be read"),
        (b"\xff", "privileges.lock cannot be read"),
        ('secure = ["cap-add=SYS_ADMIN"]', "[secure] must be a table of relaxations, each with its reason"),
        ('[secure]\n"privileged" = true', "[secure] must be a table of relaxations, each with its reason"),
        ("[secure.deep]\na = 'b'", "[secure] must be a table of relaxations, each with its reason"),
    ],
)
def test_a_lock_that_cannot_be_meant_is_a_usage_error(tmp_path: Path, text: str | bytes, said: str) -> None:
    write_lock(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_lock(tmp_path)
    assert said in caught.value.what


def test_the_lock_allows_what_it_names_whatever_the_profile_asks_for() -> None:
    lock = {"secure": {"cap-add=SYS_ADMIN": "for mount"}}
    assert allowed_by(lock, "secure", ["privileged"]) == {"cap-add=SYS_ADMIN"}


def test_a_profile_that_the_lock_does_not_name_may_have_nothing() -> None:
    assert allowed_by({"secure": {"privileged": "no"}}, "default", ["privileged"]) == frozenset()


def test_an_empty_lock_is_a_lock() -> None:
    assert allowed_by({}, "default", ["privileged"]) == frozenset()


def test_without_a_lock_a_profile_may_have_what_it_asks_for() -> None:
    assert allowed_by(None, "default", ["privileged"]) == {"privileged"}


def test_the_hosts_control_groups_count_where_they_are_asked_for() -> None:
    inspection = {"HostConfig": {**WITHOUT_OPTIONS, "CgroupnsMode": "host"}, "Mounts": None}
    assert relaxations_in_force(inspection) == ()
    assert relaxations_in_force(inspection, cgroupns="host") == ("cgroupns=host",)
