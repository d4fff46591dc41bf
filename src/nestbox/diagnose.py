"""What a probe said and what the container is ─▶ cause, layer, smallest fix.

Sources of the causes: bubblewrap issues 284, 397, 505 and 632 and its bubblewrap.c; moby issues 36597 and
42441; openai/codex issues 13624 and 15057; measured on Docker Engine 20.10 with bubblewrap 0.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nestbox.capabilities import SETUID_BWRAP


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why something failed: the cause in a sentence, the layer that it lies in, and a line to paste."""

    cause: str
    layer: str
    fix: str


_SECCOMP_FIX = 'add "--security-opt=seccomp=unconfined" to runArgs'
_APPARMOR_FIX = (
    'add "--security-opt=apparmor=unconfined" to runArgs, or name a profile of the host that allows it'
)

# Texts as the programs print them, of bubblewrap 0.8 to 0.12; the first that is found counts.
_KNOWN = (
    (
        r"Creating new namespace failed, likely because the kernel does not support user namespaces",
        Diagnosis(
            "qemu-user's clone refuses namespaces",
            "emulation",
            "ask on a native kernel or in a full-system guest",
        ),
    ),
    (
        r"Creating new namespace failed: nesting depth or /proc/sys/user/max_\S+_namespaces exceeded",
        Diagnosis(
            "the kernel's limit on namespaces is reached",
            "kernel limit",
            "raise /proc/sys/user/max_user_namespaces and its neighbours on the host",
        ),
    ),
    (
        r"Creating new namespace failed: Permission denied",
        Diagnosis("Docker's AppArmor profile refuses user namespaces", "AppArmor", _APPARMOR_FIX),
    ),
    (
        r"Creating new namespace failed: Operation not permitted",
        Diagnosis(
            "Docker's seccomp profile refuses namespaces to a process without a user namespace of its own",
            "Docker seccomp",
            f"have bwrap called with --unshare-user, or {_SECCOMP_FIX}",
        ),
    ),
    (
        r"bwrap: pivot_root: Operation not permitted",
        Diagnosis("Docker's seccomp profile refuses pivot_root", "Docker seccomp", _SECCOMP_FIX),
    ),
    (
        # Of the two wordings the second is that of 0.11 and later; the sysctl that both hint at is not it.
        r"bwrap: No permissions to create (a )?new namespace",
        Diagnosis("Docker's seccomp profile refuses user namespaces", "Docker seccomp", _SECCOMP_FIX),
    ),
    (
        r"bwrap: Failed to make / slave: Permission denied",
        Diagnosis("Docker's AppArmor profile refuses to make / a slave mount", "AppArmor", _APPARMOR_FIX),
    ),
    (
        r"setting up uid map: Permission denied|loopback: Failed RTM_NEWADDR: Operation not permitted",
        Diagnosis(
            "the host restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
            "host sysctl",
            "ask the host's administrator for an AppArmor profile with `userns,`; on a disposable host: "
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ),
    (
        r"Can't mount proc on /(newroot/)?proc: (Operation not permitted|Permission denied|Invalid argument)",
        Diagnosis(
            "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
            "masked paths",
            "declare it in customizations.nestbox.degradations, or add "
            '"--security-opt=systempaths=unconfined" to runArgs (Podman: --security-opt=unmask=ALL)',
        ),
    ),
    (
        r"Unexpected capabilities but not setuid, old file caps config\?",
        Diagnosis(
            "a process that is not root holds capabilities, which bwrap refuses",
            "capabilities",
            "remove file capabilities from bwrap (setcap -r) and ambient ones from the container",
        ),
    ),
    (
        r"Can't write data to file .*: Bad file descriptor",
        Diagnosis(
            "one file descriptor is given for two masks, and the second finds it used up",
            "agent version",
            "update the agent: it must open a descriptor for each mask (openai/codex issue 43929)",
        ),
    ),
    (
        r"setuid use of bubblewrap is not supported",
        Diagnosis(
            "this bubblewrap refuses to be setuid (0.11.2 and later)",
            "image",
            "RUN chmod u-s /usr/bin/bwrap in the Dockerfile, and rely on user namespaces",
        ),
    ),
    (
        r"bwrap: Unknown option --(argv0|perms)",
        Diagnosis(
            r"this bubblewrap is too old: it has no --\1",
            "image",
            "install bubblewrap 0.9.0 or later, or use the one that the agent brings",
        ),
    ),
    (
        r"Failed to mount tmpfs: Permission denied",
        Diagnosis("SELinux refuses the mount", "SELinux", 'add "--security-opt=label=type:spc_t" to runArgs'),
    ),
    (
        r"sudo: effective uid is not 0",
        Diagnosis(
            "the setuid bit has no effect under this emulation",
            "emulation",
            "register qemu-user with the flag C (credentials of the program), or ask on a native kernel",
        ),
    ),
    (
        r"bwrap: (command )?not found|bwrap: No such file|bwrap does not exist|no system bwrap was found",
        Diagnosis("bwrap is not installed", "image", "install the package bubblewrap in the Dockerfile"),
    ),
    (
        r"^mode (?!4755, owner root$)(\d+), owner (\w+)$",
        Diagnosis(
            r"/usr/bin/bwrap is mode \1, owned by \2, and must be mode 4755, owned by root",
            "image",
            "RUN chown root /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap in the Dockerfile",
        ),
    ),
    (
        r"^found as (?!/usr/bin/bwrap$)(\S+)$",
        Diagnosis(
            r"the bwrap that a process finds is \1, not /usr/bin/bwrap",
            "image",
            r"remove \1 from the image, or put /usr/bin before it in PATH",
        ),
    ),
    (
        r"^(\S+): does not exist$",
        Diagnosis(r"the user \1 does not exist", "image", r"RUN useradd --create-home \1 in the Dockerfile"),
    ),
    (
        r"^(\S+): is root$",
        Diagnosis(r"the user \1 is root", "image", r"give \1 a user id other than 0 in the Dockerfile"),
    ),
    (
        r"codex: (command )?not found",
        Diagnosis("codex is not installed", "image", "install the Codex CLI in the Dockerfile"),
    ),
)


def diagnose(said: str, capabilities: Iterable[str] | None = None) -> Diagnosis | None:
    """The diagnosis for what a probe printed; `capabilities` is the container's bounding set, if known.

    None when the words are unknown: then the raw text is all there is.
    """
    if "bwrap: capset failed: Operation not permitted" in said:
        return _missing_capabilities(capabilities)
    for pattern, diagnosis in _KNOWN:
        if found := re.search(pattern, said, re.MULTILINE):
            return Diagnosis(found.expand(diagnosis.cause), diagnosis.layer, found.expand(diagnosis.fix))
    return None


def _missing_capabilities(capabilities: Iterable[str] | None) -> Diagnosis | None:
    missing = (
        sorted(SETUID_BWRAP - frozenset(capabilities)) if capabilities is not None else sorted(SETUID_BWRAP)
    )
    if not missing:
        return None
    options = ", ".join(f'"--cap-add={name}"' for name in missing)
    return Diagnosis(
        f"setuid bwrap demands capabilities that the container withholds: {', '.join(missing)}",
        "capabilities",
        f"add {options} to runArgs",
    )
