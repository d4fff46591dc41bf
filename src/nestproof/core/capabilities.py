"""Linux capabilities by name and bit, and the sets that matter here."""

from __future__ import annotations

from collections.abc import Iterable

# include/uapi/linux/capability.h, in the order of their bits.
NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
    "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
    "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
    "PERFMON BPF CHECKPOINT_RESTORE"
).split()

# moby, oci/caps/defaults.go.
DOCKER_DEFAULT = frozenset(
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
    "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE".split()
)

# bubblewrap, REQUIRED_CAPS_0 in bubblewrap.c: what a setuid bwrap demands in its bounding set.
SETUID_BWRAP = frozenset("SYS_ADMIN SYS_CHROOT NET_ADMIN SETUID SETGID SYS_PTRACE".split())


def normalize(name: str) -> str:
    """`cap_sys_admin` and `SYS_ADMIN` are the same capability."""
    return name.upper().removeprefix("CAP_")


def decode(mask: int) -> frozenset[str]:
    """The names of the bits of a mask such as CapBnd in /proc/self/status."""
    return frozenset(
        NAMES[bit] if bit < len(NAMES) else f"bit {bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def of_dockers_default(add: Iterable[str]) -> frozenset[str]:
    """Capabilities that Docker grants anyway: no relaxation, but more than Podman grants."""
    return DOCKER_DEFAULT.intersection(map(normalize, add))


def granted(add: Iterable[str], drop: Iterable[str], *, privileged: bool) -> frozenset[str]:
    """The bounding set that Docker gives for `--cap-add`, `--cap-drop` and `--privileged`."""
    # moby, oci/caps/utils.go, TweakCapabilities: a privileged container has all, whatever it drops.
    added, dropped = {normalize(name) for name in add}, {normalize(name) for name in drop}
    if privileged:
        return frozenset(NAMES)
    if "ALL" in added:
        return frozenset(NAMES) - dropped
    kept = frozenset() if "ALL" in dropped else DOCKER_DEFAULT - dropped
    return kept | added
