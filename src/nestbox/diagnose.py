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
_KNOWN = (
    (
        r"bwrap: (pivot_root|Creating new namespace failed): Operation not permitted",
        Diagnosis("Docker's seccomp profile refuses the system call", "Docker seccomp", _SECCOMP_FIX),
    ),
    (
        r"bwrap: No permissions to create (a )?new namespace",
        Diagnosis("Docker's seccomp profile refuses user namespaces", "Docker seccomp", _SECCOMP_FIX),
    ),
    (
        r"bwrap: Failed to make / slave: Permission denied",
        Diagnosis(
            "Docker's AppArmor profile refuses to make / a slave mount",
            "AppArmor",
            'add "--security-opt=apparmor=unconfined" to runArgs',
        ),
    ),
    (
        r"Can't mount proc on /(newroot/)?proc: Operation not permitted",
        Diagnosis(
            "Docker masks paths under /proc, and the kernel refuses a fuller view of it",
            "masked paths",
            "declare it in customizations.nestbox.degradations, or add "
            '"--security-opt=systempaths=unconfined" to runArgs',
        ),
    ),
    (
        r"Creating new namespace failed, likely because the kernel does not support user namespaces",
        Diagnosis(
            "qemu-user's clone refuses namespaces",
            "emulation",
            "ask on a native kernel or in a full-system guest",
        ),
    ),
    (
        r"setuid use of bubblewrap is not supported",
        Diagnosis(
            "this bubblewrap refuses to be setuid", "image", "drop the setuid bit and rely on user namespaces"
        ),
    ),
    (
        r"bwrap: (command )?not found|bwrap does not exist|no system bwrap was found|bwrap: No such file",
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
