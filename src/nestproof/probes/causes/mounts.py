"""Causes why mounts are refused in a sandbox: its /proc, what is bound read-only.

The texts are those of bubblewrap 0.8 to 0.12. Sources: bubblewrap issues 284 and 397, bind-mount.c;
openai/codex issues 44304 and 44329; measured on Docker Engine 20.10 and 26.1.
"""

from __future__ import annotations

from nestproof.probes.causes.cause import Cause, Made, is_masked
from nestproof.probes.causes.fixes import DECLARE, PATHS_SHOWN, WEAKER

_NO_FILTER = "--security-opt=seccomp=unconfined"

MOUNTS = (
    Cause(
        r"Can't mount proc on /proc: (Operation not permitted|Permission denied|Invalid argument)",
        "agent version",
        "Codex goes on without --proc only when it reads bubblewrap's words before 0.12, /newroot/proc",
        f"add {PATHS_SHOWN} to runArgs, or have Codex use the bwrap that it brings",
        said_by="codex",
        seen="seen with Debian 13's bubblewrap",
    ),
    Cause(
        r"Can't mount proc on /(newroot/)?proc: (Operation not permitted|Permission denied|Invalid argument)",
        "masked paths",
        "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
        f"set {WEAKER} in ~/.srt-settings.json (weaker: the sandbox sees the container's /proc), "
        f"or add {PATHS_SHOWN} to runArgs",
        is_masked,
        said_by="srt",
    ),
    Cause(
        r"Can't mount proc on /(newroot/)?proc: (Operation not permitted|Permission denied|Invalid argument)",
        "masked paths",
        "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
        f'set "sandbox": {{{WEAKER}}} in ~/.claude/settings.json (weaker: the sandbox sees the container\'s '
        f"/proc), or add {PATHS_SHOWN} to runArgs",
        is_masked,
        said_by="claude",
    ),
    Cause(
        r"Can't mount proc on /(newroot/)?proc: (Operation not permitted|Permission denied|Invalid argument)",
        "masked paths",
        "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
        f"{DECLARE}, or add {PATHS_SHOWN} to runArgs (Podman: --security-opt=unmask=ALL)",
        is_masked,
        made=Made(
            _NO_FILTER,
            "plain-bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --proc /proc true",
        ),
    ),
    Cause(
        r"cannot open /proc/sys/user/max_user_namespaces: (Read-only file system|No such file or directory)",
        "masked paths",
        "bwrap can forbid no further user namespaces (--disable-userns) where /proc/sys cannot be written",
        f"have bwrap called without --disable-userns, or add {PATHS_SHOWN} to runArgs",
        made=Made(_NO_FILTER, "plain-bwrap --ro-bind / / --unshare-user --disable-userns true"),
    ),
    Cause(
        r"Failed to mount tmpfs: Permission denied",
        "SELinux",
        "SELinux refuses the mount",
        'add "--security-opt=label=type:spc_t" to runArgs',
        lambda here: here.is_selinux_enforcing if "selinux" in here.found else None,
    ),
    Cause(
        r"Can't (?:remount readonly on|bind mount \S+ on) (\S+): .*(?:remount|denied|not permitted)"
        r"|Unable to (?:remount destination|apply mount flags: remount) \"(\S+)\"",
        "mounts",
        r"the file system at \1\2 cannot be bound read-only (those of FUSE, 9p and NFS may not)",
        r"leave the mount at \1\2 out of the container, or mount it where the agent binds nothing",
    ),
)
