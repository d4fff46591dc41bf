"""System calls that Docker's default seccomp profile denies, and the capability that allows each.

Source: moby, profiles/seccomp/default.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
