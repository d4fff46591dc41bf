"""Causes why the kernel, a filter or a policy refuses namespaces and mounts to bubblewrap.

The texts are those of bubblewrap 0.8 to 0.12. Sources: bubblewrap issues 284, 397, 505 and 632 and
bubblewrap.c; moby issues 36597 and 42441; docker/cli PR 1808; openai/codex issues 13624 and 15057; measured
on Docker Engine 20.10 and 26.1.
"""

from __future__ import annotations

from nestproof.probes.causes.cause import (
    Cause,
    Made,
    all_of,
    is_confined,
    is_filtered,
    is_root,
    is_zero,
    none_of,
    not_zero,
)
from nestproof.probes.causes.fixes import LIFT

_NO_NAMESPACE = r"bwrap: No permissions to creat(e|ing)( a)? new namespace"
_LO = r"loopback: Failed RTM_NEW(?:ADDR|LINK): {}"
_RESTRICTED = "kernel/apparmor_restrict_unprivileged_userns"
_NO_FILTER = "--security-opt=seccomp=unconfined"
_SA = "--cap-add=SYS_ADMIN --cap-add=NET_ADMIN --cap-add=SYS_PTRACE"

NAMESPACES = (
    Cause(
        r"Creating new namespace failed, likely because the kernel does not support user namespaces",
        "WSL",
        "this kernel makes no user namespaces: that of WSL 1 makes none",
        "run wsl --set-version DISTRIBUTION 2 in Windows",
        lambda here: here.in_wsl,
        only_when_seen=True,
    ),
    Cause(
        r"Creating new namespace failed, likely because the kernel does not support user namespaces",
        "emulation",
        "qemu-user's clone refuses namespaces",
        "ask on a native kernel or in a virtual machine",
        seen="seen with images of the other platform, under qemu-user",
    ),
    Cause(
        r"bwrap: .*: Function not implemented",
        "kernel",
        "this kernel lacks a system call that bubblewrap makes (gVisor, which is a kernel of its own, may)",
        "run the container with the runtime runc: runtime of the engine, runtimeClassName of a pod",
    ),
    Cause(
        r"Creating new namespace failed: nesting depth or /proc/sys/user/max_\S+_namespaces exceeded",
        "kernel limit",
        "the kernel's limit on namespaces is reached",
        "raise /proc/sys/user/max_user_namespaces and its neighbours on the host",
        made=Made(
            f"{_NO_FILTER} --user=root --cap-add=SYS_ADMIN --security-opt=systempaths=unconfined",
            "unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; "
            "plain-bwrap --ro-bind / / --unshare-user true'",
            mended="plain-bwrap --ro-bind / / --unshare-user true",
        ),
    ),
    Cause(
        rf"{_NO_NAMESPACE}|Creating new namespace failed: (No space|Operation not permitted)",
        "kernel limit",
        "the kernel allows no user namespace at all (user.max_user_namespaces=0)",
        "raise /proc/sys/user/max_user_namespaces on the host",
        is_zero("user/max_user_namespaces"),
        only_when_seen=True,
    ),
    Cause(
        _NO_NAMESPACE,
        "host sysctl",
        "the host allows user namespaces only to root (kernel.unprivileged_userns_clone=0)",
        "ask the host's administrator for sysctl -w kernel.unprivileged_userns_clone=1",
        is_zero("kernel/unprivileged_userns_clone"),
        only_when_seen=True,
    ),
    Cause(
        r"Creating new namespace failed: Permission denied",
        "AppArmor",
        "Docker's AppArmor profile refuses user namespaces",
        LIFT,
        is_confined,
        seen="seen in a virtual machine with AppArmor",
    ),
    Cause(
        r"Creating new namespace failed: Operation not permitted",
        "capabilities",
        "root without SYS_ADMIN may make namespaces only in a user namespace of its own",
        "have bwrap called with --unshare-user",
        all_of(is_root, none_of(is_filtered)),
        only_when_seen=True,
        made=Made(
            f"{_NO_FILTER} --user=root",
            "plain-bwrap --ro-bind / / true",
            mended="plain-bwrap --ro-bind / / --unshare-user true",
        ),
    ),
    Cause(
        r"Creating new namespace failed: Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses namespaces to a process without SYS_ADMIN",
        LIFT,
        is_filtered,
        call="clone",
        made=Made("--user=root", "plain-bwrap --ro-bind / / true"),
    ),
    Cause(
        r"bwrap: unshare user ns: Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses a second user namespace",
        LIFT,
        is_filtered,
        call="unshare",
        made=Made(
            f"{_SA} --security-opt=seccomp=@unshare",
            "plain-bwrap --ro-bind / / --dev /dev --unshare-user true",
        ),
    ),
    Cause(
        r"bwrap: pivot_root: Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses pivot_root",
        LIFT,
        is_filtered,
        call="pivot_root",
        made=Made(_SA, "bwrap --ro-bind / / --unshare-user true"),
    ),
    Cause(
        r"bwrap: pivot_root: Invalid argument",
        "root file system",
        "the root is a ramfs (an initial RAM disk), which pivot_root cannot leave",
        "start the machine from a disk or a tmpfs (switch_root), or set DOCKER_RAMDISK=1 for its engine",
    ),
    Cause(
        r"bwrap: unmount old ?root: Operation not permitted",
        "Docker seccomp",
        "the seccomp filter refuses umount2",
        LIFT,
        is_filtered,
        call="umount2",
        made=Made(f"{_SA} --security-opt=seccomp=@umount2", "bwrap --ro-bind / / --unshare-user true"),
    ),
    Cause(
        # Its own wording is that of 0.11.1, whichever bwrap the system has.
        r"bwrap: No permissions to create a new namespace",
        "Docker seccomp",
        "Codex uses the bwrap that it brings, which is not setuid as the system's is, and Docker's seccomp "
        "profile refuses user namespaces to it",
        LIFT,
        all_of(is_filtered, lambda here: here.found.get("bwrap-mode", "").startswith("4")),
        only_when_seen=True,
        said_by="codex",
        call="clone",
    ),
    Cause(
        # Of the two wordings the second is that of 0.11 and later; the sysctl that both hint at is not it.
        _NO_NAMESPACE,
        "Docker seccomp",
        "Docker's seccomp profile refuses user namespaces",
        LIFT,
        is_filtered,
        call="clone",
        made=Made("", "plain-bwrap --ro-bind / / --unshare-user true"),
    ),
    Cause(
        r"bwrap: Failed to make / slave: Permission denied",
        "AppArmor",
        "Docker's AppArmor profile refuses to make / a slave mount",
        LIFT,
        is_confined,
        seen="seen in a virtual machine with AppArmor",
    ),
    Cause(
        r"bwrap: Failed to make / slave: Operation not permitted",
        "Docker seccomp",
        "the seccomp filter refuses mount",
        LIFT,
        is_filtered,
        call="mount",
        made=Made(f"{_SA} --security-opt=seccomp=@mount", "bwrap --ro-bind / / --unshare-user true"),
    ),
    Cause(
        # The error is that of an earlier call (bubblewrap, network.c, rtnl_read_reply): here the wait for a
        # child. musl's words have no plural.
        _LO.format(r"No child process(es)?"),
        "capabilities",
        "root without NET_ADMIN may not bring lo up in a network namespace without a user namespace",
        'have bwrap called with --unshare-user, or add "--cap-add=NET_ADMIN" to runArgs',
        lambda here: None if here.bounding_set is None else "NET_ADMIN" not in here.bounding_set,
        made=Made(
            f"{_NO_FILTER} --user=root --cap-add=SYS_ADMIN",
            "plain-bwrap --ro-bind / / --unshare-net true",
        ),
    ),
    Cause(
        _LO.format(r"No child process(es)?"),
        "kernel",
        "the kernel brings lo up by itself, where bubblewrap expects to (gVisor does)",
        "run the container with the runtime runc, or the agent with network access",
    ),
    Cause(
        r"setting up uid map: Operation not permitted",
        "capabilities",
        "root without SETFCAP may map no root into a user namespace (Linux 5.12 and later)",
        'add "--cap-add=SETFCAP" to runArgs, or run the agent as a user who is not root (remoteUser)',
        is_root,
        made=Made(
            f"{_NO_FILTER} --user=root --cap-drop=ALL", "plain-bwrap --ro-bind / / --unshare-user true"
        ),
    ),
    Cause(
        r"setting up uid map: Permission denied"
        rf"|{_LO.format('(Operation not permitted|Permission denied)')}"
        r"|unshare: write failed /proc/self/uid_map: Operation not permitted",
        "host sysctl",
        "the host restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
        "ask the host's administrator for an AppArmor profile with `userns,`; on a disposable host: "
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        not_zero(_RESTRICTED),
    ),
    Cause(
        # The kernel's audit line, which no program prints (security/apparmor/domain.c); what bwrap then says
        # is that of a host that restricts user namespaces.
        r"conflicting profile attachments",
        "AppArmor",
        "two AppArmor profiles of the host are for the same bwrap, so that neither is taken",
        "keep one of those in /etc/apparmor.d that name bwrap, and remove the other: apparmor_parser -R FILE",
    ),
)
