"""The system calls that Docker's seccomp profile denies, and filters that deny some of them.

Source: moby, profiles/seccomp/default.json, in which everything is denied that is not named; and Docker's
documentation of it. Those that no kernel of today has are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

_BY_CAPABILITY = {
    "": "add_key io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl "
    "migrate_pages move_pages pivot_root request_key swapoff swapon sysfs userfaultfd ustat",
    "SYS_ADMIN": "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
    "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns "
    "syslog umount umount2 unshare",
    "DAC_READ_SEARCH": "open_by_handle_at",
    "SYS_BOOT": "reboot",
    "SYS_MODULE": "delete_module finit_module init_module",
    "SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "SYS_PACCT": "acct",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "SYS_RAWIO": "ioperm iopl",
    "SYS_TIME": "clock_settime settimeofday",
    "SYS_TTY_CONFIG": "vhangup",
}

DENIED: Mapping[str, str] = MappingProxyType(
    {call: capability for capability, calls in _BY_CAPABILITY.items() for call in calls.split()}
)
"""Each call, and the capability with which Docker's profile allows it; empty where none helps.

`clone` is denied only with flags that make namespaces; `clone3`, whose flags a filter cannot see, as if the
kernel did not have it. Older releases of Docker allow the calls of io_uring.
"""

SUSPECTS = "clone clone3 keyctl mount pivot_root sethostname setns umount2 unshare".split()
"""Those that a program which makes sandboxes may make; each is denied by itself, the others together."""
OTHERS = "others"

# include/uapi/linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NEW = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_EPERM, _ENOSYS = 1, 38


def filter_without(allowed: Iterable[str]) -> dict[str, Any]:
    """A seccomp profile that denies all of DENIED but these, and nothing else; OTHERS stands for the rest."""
    may = set(allowed)
    denied = [call for call in DENIED if call not in may and (call in SUSPECTS or OTHERS not in may)]
    plain = [call for call in denied if call not in ("clone", "clone3")]
    rules: list[dict[str, Any]] = [_denial(plain)] if plain else []
    if "clone3" in denied:
        rules.append(_denial(["clone3"], _ENOSYS))
    if "clone" in denied:
        rules += [_denial(["clone"]) | {"args": [_has(flag)]} for flag in _NEW]
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}


def _denial(names: list[str], error: int = _EPERM) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error}


def _has(flag: int) -> dict[str, Any]:
    return {"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}
