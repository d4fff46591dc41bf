"""Causes of a sandbox's failure, by the words of the programs: the rows that `diagnose` searches.

The texts are those of bubblewrap 0.8 to 0.12. Sources: bubblewrap issues 284, 397, 505 and 632, its PR 742
and bubblewrap.c; moby issues 36597 and 42441; docker/cli PR 1808; openai/codex issues 13624, 15057, 43929,
44304 and 44329; measured on Docker Engine 20.10 and 26.1.
"""

from __future__ import annotations

from nestproof.probes.cause import Cause, is_confined, is_masked, is_zero, not_zero

SECCOMP_OFF = '"--security-opt=seccomp=unconfined"'
APPARMOR_OFF = '"--security-opt=apparmor=unconfined"'
PATHS_SHOWN = '"--security-opt=systempaths=unconfined"'

LIFT = "{lift}"
"""Stands in a fix for the options that lift Docker's refusals, as far as they apply here."""

_NO_NAMESPACE = r"bwrap: No permissions to create (a )?new namespace"
_RESTRICTED = "kernel/apparmor_restrict_unprivileged_userns"

CAUSES = (
    Cause(
        r"Creating new namespace failed, likely because the kernel does not support user namespaces",
        "emulation",
        "qemu-user's clone refuses namespaces",
        "ask on a native kernel or in a virtual machine",
    ),
    Cause(
        r"Creating new namespace failed: nesting depth or /proc/sys/user/max_\S+_namespaces exceeded",
        "kernel limit",
        "the kernel's limit on namespaces is reached",
        "raise /proc/sys/user/max_user_namespaces and its neighbours on the host",
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
    ),
    Cause(
        r"Creating new namespace failed: Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses namespaces to a process without a user namespace of its own",
        f"have bwrap called with --unshare-user, or {LIFT}",
        lambda here: here.is_filtered,
    ),
    Cause(
        r"bwrap: pivot_root: Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses pivot_root",
        LIFT,
        lambda here: here.is_filtered,
    ),
    Cause(
        # Of the two wordings the second is that of 0.11 and later; the sysctl that both hint at is not it.
        _NO_NAMESPACE,
        "Docker seccomp",
        "Docker's seccomp profile refuses user namespaces",
        LIFT,
        lambda here: here.is_filtered,
    ),
    Cause(
        r"bwrap: Failed to make / slave: Permission denied",
        "AppArmor",
        "Docker's AppArmor profile refuses to make / a slave mount",
        LIFT,
        is_confined,
    ),
    Cause(
        r"bwrap: Failed to make / slave: Operation not permitted",
        "Docker seccomp",
        "the seccomp filter refuses mount",
        LIFT,
        lambda here: here.is_filtered,
    ),
    Cause(
        r"setting up uid map: Permission denied|loopback: Failed RTM_NEWADDR: Operation not permitted",
        "host sysctl",
        "the host restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
        "ask the host's administrator for an AppArmor profile with `userns,`; on a disposable host: "
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        not_zero(_RESTRICTED),
    ),
    Cause(
        r"Can't mount proc on /proc: (Operation not permitted|Permission denied|Invalid argument)",
        "agent version",
        "Codex goes on without --proc only when it reads bubblewrap's words before 0.12, /newroot/proc",
        f"add {PATHS_SHOWN} to runArgs, or have Codex use the bwrap that it brings",
        said_by="codex",
    ),
    Cause(
        r"Can't mount proc on /(newroot/)?proc: (Operation not permitted|Permission denied|Invalid argument)",
        "masked paths",
        "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
        f"declare it in customizations.nestproof.degradations, or add {PATHS_SHOWN} to runArgs "
        "(Podman: --security-opt=unmask=ALL)",
        is_masked,
    ),
    Cause(
        r"Unexpected capabilities but not setuid, old file caps config\?",
        "capabilities",
        "a process that is not root holds capabilities, which bwrap refuses",
        "remove file capabilities from bwrap (setcap -r) and ambient ones from the container",
    ),
    Cause(
        r"Can't write data to file .*: Bad file descriptor",
        "agent version",
        "one file descriptor is given for two masks, and the second finds it used up",
        "update the agent: it must open a descriptor for each mask (openai/codex issue 43929)",
    ),
    Cause(
        r"setuid use of bubblewrap is not supported",
        "image",
        "this bubblewrap refuses to be setuid (0.11.2 and later)",
        "RUN chmod u-s /usr/bin/bwrap in the Dockerfile, and rely on user namespaces",
    ),
    Cause(
        r"bwrap: Unknown option --(argv0|perms)",
        "image",
        r"this bubblewrap is too old: it has no --\1",
        "install bubblewrap 0.9.0 or later, or use the one that the agent brings",
    ),
    Cause(
        r"Failed to mount tmpfs: Permission denied",
        "SELinux",
        "SELinux refuses the mount",
        'add "--security-opt=label=type:spc_t" to runArgs',
        lambda here: here.is_selinux_enforcing if "selinux" in here.found else None,
    ),
    Cause(
        r"sudo: effective uid is not 0",
        "emulation",
        "the setuid bit has no effect under this emulation",
        "register qemu-user with the flag C (credentials of the program), or ask on a native kernel",
    ),
    Cause(
        r"bwrap: (command )?not found|bwrap: No such file|bwrap does not exist|no system bwrap was found",
        "image",
        "bwrap is not installed",
        "install the package bubblewrap in the Dockerfile",
    ),
    Cause(
        r"\bbwrap: Permission denied",
        "image",
        "this user may not start bwrap",
        "RUN chmod a+rx /usr/bin/bwrap in the Dockerfile",
    ),
    Cause(
        r"^mode (?!4755, owner root$)(\d+), owner (\w+)$",
        "image",
        r"/usr/bin/bwrap is mode \1, owned by \2, and must be mode 4755, owned by root",
        "RUN chown root /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap in the Dockerfile",
    ),
    Cause(
        r"^bwrap is found as (?!/usr/bin/bwrap$)(\S+)$",
        "image",
        r"the bwrap that a process finds is \1, not /usr/bin/bwrap",
        r"remove \1 from the image, or put /usr/bin before it in PATH",
    ),
    Cause(
        r"^bwrap is setuid, and owned by (\S+)$",
        "image",
        r"bwrap is setuid to \1, who is not root",
        "RUN chown root /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap in the Dockerfile",
    ),
    Cause(
        r"^(\S+): does not exist$",
        "image",
        r"the user \1 does not exist",
        r"RUN useradd --create-home \1 in the Dockerfile",
    ),
    Cause(
        r"^(\S+): is not in /etc/passwd$",
        "image",
        r"the user \1 is not in /etc/passwd, where alone the engine looks users up",
        r"RUN useradd --create-home \1 in the Dockerfile, or name the user by number",
    ),
    Cause(
        # Where the host has an emulator for that processor, it is the emulator who says so.
        r"bwrap: Exec format error|bwrap: .*cannot execute binary file"
        r"|(qemu-\w+|\S+-binfmt-\S+): (.*: Invalid ELF image for this architecture|Could not open '/lib)",
        "image",
        "this bwrap is for another processor",
        "install bubblewrap for the image's own platform",
    ),
    Cause(
        r"^(\S+): is root$",
        "image",
        r"the user \1 is root",
        r"give \1 a user id other than 0 in the Dockerfile",
    ),
    Cause(
        r"\b(codex|srt): (command )?not found",
        "image",
        r"\1 is not installed",
        r"install \1 in the Dockerfile",
    ),
    Cause(
        r"^CapEff 0*[1-9a-f]|^outside \S+, inside .* [0-9a-f]*[1-9a-f][0-9a-f]* 1 2$",
        "user",
        "bubblewrap leaves a command that root starts root's capabilities, inside of the sandbox too",
        "run the agent as a user who is not root (remoteUser)",
        lambda here: here.found.get("uid") == "0",
        only_when_seen=True,
    ),
    Cause(
        r"No space left on device",
        "image",
        "a file system of the container is full",
        "free space on the engine's disk (docker system df), or give the mount a larger size",
    ),
    Cause(
        r"mktemp: .*Read-only file system",
        "image",
        "the container has no folder for temporary files that can be written",
        'add "--tmpfs=/tmp" to runArgs',
    ),
)
