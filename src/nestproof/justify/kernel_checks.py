"""The check of the kernel, Docker or bubblewrap behind each relaxation, and the hosts that have it.

Sources are files of Linux, moby and bubblewrap, or what was measured; bubblewrap's are those of 0.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestproof.justify.trials import ExperimentHost

_NO_USERNS = (
    "hosts whose users may not make user namespaces (kernel.unprivileged_userns_clone=0, or "
    "kernel.apparmor_restrict_unprivileged_userns=1), where a setuid bwrap is the way that is left"
)


_SIX = "a setuid bwrap demands it in the bounding set (bubblewrap, REQUIRED_CAPS_0); behind that, "


@dataclass(frozen=True, slots=True)
class Check:
    """The kernel's reason for a relaxation (a sentence without its full stop), its source, and its hosts."""

    asks: str
    source: str
    hosts: str = ""
    """Hosts on which it is needed where it is not needed here; empty when none are known."""
    lsm: str = ""
    """The security option that an engine must have for the relaxation to do anything."""

    @property
    def whole(self) -> str:
        """The check, with what bubblewrap itself asks for before the kernel does."""
        return f"{_SIX}{self.asks}" if self.hosts == _NO_USERNS else self.asks


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "cap-add=SYS_ADMIN": Check(
            "mount and pivot_root ask for CAP_SYS_ADMIN over the mount namespace, "
            "and clone asks for it for namespaces without a user namespace",
            "Linux, fs/namespace.c, may_mount; kernel/nsproxy.c, copy_namespaces",
            _NO_USERNS,
        ),
        "cap-add=NET_ADMIN": Check(
            "rtnetlink asks for CAP_NET_ADMIN to give lo its address (RTM_NEWADDR)",
            "Linux, net/core/rtnetlink.c, rtnetlink_rcv_msg",
            _NO_USERNS,
        ),
        "cap-add=SYS_PTRACE": Check(
            "the namespaces of a process that is not one's own are read in its /proc folder by ptrace's rule",
            "Linux, fs/proc/namespaces.c, proc_ns_get_link; kernel/ptrace.c, __ptrace_may_access",
            _NO_USERNS,
        ),
        "cap-add=SYS_CHROOT": Check(
            "chroot into the new root asks for CAP_SYS_CHROOT",
            "Linux, fs/open.c, chroot",
            _NO_USERNS,
        ),
        "cap-add=SETUID": Check(
            "setuid back to the user and the map of user ids ask for CAP_SETUID",
            "Linux, kernel/sys.c, __sys_setuid; kernel/user_namespace.c, new_idmap_permitted",
            _NO_USERNS,
        ),
        "cap-add=SETGID": Check(
            "setgid and the map of group ids ask for CAP_SETGID",
            "Linux, kernel/sys.c, __sys_setgid; kernel/user_namespace.c, new_idmap_permitted",
            _NO_USERNS,
        ),
        "security-opt=seccomp=unconfined": Check(
            "Docker's filter refuses pivot_root to all, and mount, unshare and clone with new namespaces "
            "to who lacks CAP_SYS_ADMIN",
            "moby, profiles/seccomp/default.json",
            "engines with a seccomp filter",
            "seccomp",
        ),
        "security-opt=apparmor=unconfined": Check(
            "docker-default denies mount, and so to make / a slave mount",
            "moby, profiles/apparmor/template.go; Linux, security/apparmor/mount.c",
            "hosts with AppArmor (Debian's and Ubuntu's kernels have it)",
            "apparmor",
        ),
        "security-opt=label=disable": Check(
            "SELinux's policy for containers denies mount",
            "container-selinux, container.te",
            "hosts with SELinux (Fedora's and Red Hat's kernels have it)",
            "selinux",
        ),
        "security-opt=systempaths=unconfined": Check(
            "a new proc may show no more than the one that is visible, of which Docker masks parts",
            "Linux, fs/namespace.c, mount_too_revealing",
            "",
        ),
    }
)


def check_of(relaxation: str) -> Check:
    """The check behind a relaxation; an empty one if none is known."""
    if relaxation.startswith("security-opt=label="):
        return CHECKS["security-opt=label=disable"]
    if relaxation.startswith("security-opt=apparmor="):
        return CHECKS["security-opt=apparmor=unconfined"]
    return CHECKS.get(relaxation, Check("", ""))


def can_show(relaxation: str, host: ExperimentHost) -> bool:
    """True if removing the relaxation can show anything on this host: something enforces its absence."""
    lsm = check_of(relaxation).lsm
    return not lsm or host.confines_with(lsm)
