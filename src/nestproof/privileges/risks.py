"""The risk of each relaxation in one sentence: what it allows an attacker inside the container.

A source is a manual page, a page of Docker's documentation, or a file of moby's or the kernel's source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from nestproof.privileges.risk_sources import SOURCES


class Rank(IntEnum):
    """The gravity of a relaxation; a larger one is shown first."""

    LOW = 1
    """A nuisance, or nothing beyond the container."""
    MEDIUM = 2
    """Other processes in the container, the host's availability, or more of its kernel to attack."""
    HIGH = 3
    """Reaches the host's own resources, or removes a layer that stops known escapes."""
    CRITICAL = 4
    """Enough to control the host, on some hosts or on all."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk of a relaxation: what it allows (a sentence without its full stop), its rank, its source."""

    rank: Rank
    allows: str
    source: str


def walls_taken_down(relaxations: Iterable[str]) -> tuple[str, ...]:
    """Those that are grave, and by which root gets further than its user does.

    What is mounted of the host user's own home is not among them: the container's user has it already.
    """
    return tuple(
        name
        for name in relaxations
        if risk_of(name).rank >= Rank.HIGH and not name.startswith(("mount=~", "mount=.."))
    )


def risk_of(relaxation: str) -> Risk:
    """The risk of a relaxation by its name; one that is not known counts as grave."""
    kinds = [name for name in RISKS if name.endswith("*") and relaxation.startswith(name[:-1])]
    return RISKS.get(relaxation) or (RISKS[max(kinds, key=len)] if kinds else UNKNOWN)


UNKNOWN = Risk(Rank.HIGH, "nestproof does not know what this allows, so take it for much", "nestproof")

_LOW, _MEDIUM, _HIGH, _CRITICAL = Rank

# What root can do with each capability. Those of Docker's default set are no relaxations; they are here for a
# profile that drops all and adds some back.
_CAPABILITIES: dict[Rank, dict[str, str]] = {
    _CRITICAL: {
        "ALL": "do all that any capability allows: load kernel code, mount, trace, configure",
        "DAC_READ_SEARCH": "open any file of a file system that a mount comes from, the host's own too",
        "SYS_ADMIN": "mount file systems and do most of what the kernel asks root for; where no AppArmor or "
        "SELinux policy stands in the way, known ways out to the host need no more",
        "SYS_MODULE": "load code of its own into the host's kernel",
        "SYS_RAWIO": "program the host's hardware through its I/O ports",
    },
    _HIGH: {
        "BPF": "load BPF programs into the host's kernel, and attack it through their verifier",
        "MAC_ADMIN": "change the host's Smack or AppArmor policy, if it reaches its files",
        "PERFMON": "watch the host's kernel and all of its processes at work",
        "SYS_TIME": "set the clock of the host, on which its logs and certificates rely",
    },
    _MEDIUM: {
        "AUDIT_CONTROL": "change the host's audit rules, if it shares the host's process ids",
        "AUDIT_READ": "read the host's audit log, if it shares the host's network",
        "IPC_LOCK": "lock memory without limit, until the container or the host has none left",
        "MAC_OVERRIDE": "ignore the rules of Smack, where the host's kernel uses it",
        "NET_ADMIN": "configure the container's network and firewall, and attack the kernel code behind them",
        "SYSLOG": "read and clear the host's kernel log, and learn addresses in its kernel",
        "SYS_BOOT": "load another kernel for the host to start, where no seccomp filter denies kexec_load",
        "SYS_NICE": "take the host's processors for itself by real-time priority",
        "SYS_PTRACE": "read and take over every process that it can see, those of the host too if it shares "
        "their ids",
        "SYS_RESOURCE": "go beyond resource limits and disk quotas, at the host's cost",
    },
    _LOW: {
        "AUDIT_WRITE": "write records of its own into the host's audit log",
        "BLOCK_SUSPEND": "keep the host from suspending",
        "CHECKPOINT_RESTORE": "choose process ids, and see what files other processes map",
        "CHOWN": "give files in the container and its mounts to any user",
        "DAC_OVERRIDE": "read and write files in the container and its mounts whatever their mode",
        "FOWNER": "change the mode of files in the container and its mounts that belong to others",
        "FSETID": "keep the set-user-ID bit on a file that it changes",
        "IPC_OWNER": "use the System V shared memory of every process in its IPC namespace",
        "KILL": "end any process that it can see",
        "LEASE": "delay others who open files that it can open, by leases on them",
        "LINUX_IMMUTABLE": "make files on mounts of the host unchangeable, for their owners too",
        "MKNOD": "make device nodes, of which the device cgroup lets it open a harmless few",
        "NET_BIND_SERVICE": "serve on ports below 1024",
        "NET_BROADCAST": "do nothing more: the kernel does not use this capability",
        "NET_RAW": "forge packets to its neighbours on the container network",
        "SETFCAP": "give a program file capabilities, within those that the container has",
        "SETGID": "act as any group of the container",
        "SETPCAP": "hand its own capabilities on to the programs that it starts",
        "SETUID": "act as any user of the container",
        "SYS_CHROOT": "start programs under another root folder",
        "SYS_PACCT": "switch the accounting of the container's processes on and off",
        "SYS_TTY_CONFIG": "hang up and configure terminals that it can open",
        "WAKE_ALARM": "wake the host from suspension",
    },
}

# What everything else allows. A name that ends in * stands for all that begin so; the longest one counts.
_OTHERS: dict[Rank, dict[str, str]] = {
    _CRITICAL: {
        "root=*": "any process of the remote user can become root in the container",
        "privileged": "root in the container is root on the host in all but name: every capability and "
        "device, no seccomp filter, no AppArmor or SELinux policy, no masked path",
        "security-opt=systempaths=unconfined": "root in the container can write the settings under /proc/sys "
        "that start programs on the host, where no AppArmor policy stands in the way",
        **dict.fromkeys(
            [f"device=/dev/{disk}*" for disk in "sd hd vd xvd nvme mmcblk dm- mapper/ md loop disk/".split()],
            "root in the container can read and write that disk of the host, beneath its file systems",
        ),
        **dict.fromkeys(
            ("device=/dev/mem", "device=/dev/kmem", "device=/dev/port"),
            "root in the container can read and write the host's memory, as far as its kernel lets root",
        ),
        "mount=/": "root in the container can read the host's files and, unless read-only, change them",
        "mount=/boot": "root in the container can replace the host's kernel, unless the mount is read-only",
        "mount=/etc": "root in the container can read the host's password hashes and keys and, unless the "
        "mount is read-only, change its accounts and services",
        "mount=/proc": "root in the container can name a program for the host's kernel to start, unless the "
        "mount is read-only",
        "mount=/root": "root in the container can read the keys of the host's root and, unless the mount is "
        "read-only, leave commands for it to run",
        "mount=/sys": "root in the container can change the host's devices and control groups, unless the "
        "mount is read-only",
        **dict.fromkeys(
            ("mount=/run", "mount=/var/run"),
            "root in the container can reach the sockets of the host's services, such as the engine's",
        ),
        **dict.fromkeys(
            ("mount=/run/docker.sock", "mount=/var/run/docker.sock"),
            "whoever may open the engine's socket can start a privileged container: root on the host",
        ),
    },
    _HIGH: {
        "security-opt=seccomp=unconfined": "any process can make every system call of the host's kernel, "
        "those too that Docker denies for the holes that they had",
        "security-opt=apparmor=unconfined": "root in the container can mount, if it has SYS_ADMIN, and write "
        "under /proc and /sys wherever no read-only mount prevents it",
        "security-opt=label=disable": "no SELinux policy keeps the container from the host's files and "
        "processes, on a host that has one",
        "security-opt=label=type:spc_t": "SELinux confines the container in nothing, on a host that has it",
        "security-opt=writable-cgroups=true": "root in the container can change its control groups; with "
        "cgroup v1, known ways out to the host start there",
        "network=host": "any process can reach what listens on the host's localhost and abstract sockets, "
        "such as D-Bus",
        "pid=host": "any process can see those of the host and, where no AppArmor policy stands in the way, "
        "end those of its own user id",
        "ipc=host": "any process can reach the shared memory of the host's programs, as its user id allows",
        "device-cgroup-rule=*": "root in the container can make and open the devices of that rule",
        "mount=~*": "the container can read and, unless read-only, change these files of the host's user",
        "runtime=*": "another program starts the container, and its walls cannot be seen from here",
        "device=/dev/input/*": "root in the container can read what is typed on the host",
        "device=/dev/uinput": "root in the container can type on the host as if at its keyboard",
        "mount=/proc/*": "root in the container can read and, unless the mount is read-only, set that state "
        "of the host's kernel",
        "mount=/sys/*": "root in the container can read and, unless the mount is read-only, set that state "
        "of the host's devices and kernel",
    },
    _MEDIUM: {
        "security-opt=seccomp=*": "any process can make the system calls that this file allows, which may be "
        "more than Docker's own filter does",
        "security-opt=apparmor=*": "any process can do what that policy of the host allows, which cannot be "
        "seen from here",
        "security-opt=label=*": "any process can do what that SELinux label allows, which cannot be seen "
        "from here",
        "userns=host": "root in the container is root on the host, where the engine would remap it",
        **{
            f"{namespace}={another}:*": allows
            # Compose names the service that the other container is of.
            for another in ("container", "service")
            for namespace, allows in (
                ("network", "any process can reach what listens on the localhost of the other container"),
                ("pid", "any process can see those of the other container, and end those of its user id"),
                ("ipc", "any process can reach the shared memory of the other container"),
            )
        },
        "local-env=*": "programs in the container or its build can read that variable of the host",
        "env-file=*": "programs in the container can read the variables in that file of the host",
        "build-*": "the build can read or reach that part of the host, and put it into the image",
        "group-add=*": "any process can open what that group may open",
        "mount=*": "the container can read and, unless read-only, change these files of the host",
        "sysctl=*": "the container's kernel settings are other than those that Docker gives",
        "device=*": "root in the container can use that device of the host, and attack its driver",
        "device=/dev/kvm": "root in the container can run virtual machines, and attack the kernel code for "
        "them",
        "mount=/dev": "root in the container can see the host's devices, and open a harmless few of them",
    },
    _LOW: {
        "uts=host": "the container has the host's name; root in it can change that, if it has SYS_ADMIN",
        "add-host=*": "any process can reach what the host serves on the address of its container network",
        "cgroupns=host": "any process can see the names of the host's control groups",
        "device=/dev/fuse": "root in the container can serve file systems of its own, if it may mount them",
        "device=/dev/net/tun": "root in the container can make network interfaces, if it has NET_ADMIN",
    },
}


def _table() -> dict[str, Risk]:
    rows = {
        **{
            f"cap-add={name}": (rank, f"root in the container can {verb}")
            for rank, verbs in _CAPABILITIES.items()
            for name, verb in verbs.items()
        },
        **{name: (rank, allows) for rank, kinds in _OTHERS.items() for name, allows in kinds.items()},
    }
    return {
        name: Risk(*row, SOURCES[max(filter(name.startswith, SOURCES), key=len)])
        for name, row in rows.items()
    }


RISKS: Mapping[str, Risk] = MappingProxyType(_table())
"""Risks of all known relaxations by name; a * at the end stands for any rest."""
