"""A node: an engine for some platforms, and how it runs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nestproof.core.config import DEFAULT_NODE
from nestproof.core.platforms import architecture, parse_platform
from nestproof.engine.buildx_builder import selected_builder
from nestproof.engine.client import EngineFacts


class Fidelity(StrEnum):
    """The way that a node runs a platform's programs: native, emulated or virtual."""

    NATIVE = "native"
    VIRTUAL = "virtual"
    EMULATED = "emulated"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Node:
    """An engine for a platform: its fidelity, the reason for it, and a node of higher fidelity."""

    platform: str
    fidelity: Fidelity
    reason: str
    remedy: str = ""
    timeout_factor: int = 1
    """The factor for timeouts on this node."""
    name: str = DEFAULT_NODE


def vm_node(facts: EngineFacts, name: str = "virtual machine") -> Node:
    """A virtual machine's engine for its own platform: a real kernel, slow without hardware support."""
    kernel = f"a virtual machine's own {architecture(facts.platform)} kernel, {facts.kernel}"
    return Node(facts.platform, Fidelity.VIRTUAL, kernel, timeout_factor=10, name=name)


def node_for(facts: EngineFacts, platform: str, variables: Mapping[str, str | None] | None = None) -> Node:
    """Decide how the engine runs a platform; asks its builder which platforms it can emulate.

    `variables` are those by which the docker client reaches it. Raises CommandError when docker buildx
    cannot be asked.
    """
    if facts.platform == platform:
        return Node(platform, Fidelity.NATIVE, f"the engine's kernel is {architecture(platform)}")
    machine, wanted = architecture(facts.platform), architecture(platform)
    emulated = _handled_platforms(facts) if facts.is_podman else selected_builder(variables).platforms
    if platform in emulated:
        return Node(
            platform,
            Fidelity.EMULATED,
            f"the engine's {machine} kernel runs {wanted} under qemu-user, whose clone refuses namespaces",
            f"an engine whose kernel is {wanted}: another machine, or a virtual machine",
        )
    return Node(
        platform,
        Fidelity.ABSENT,
        f"the engine's kernel is {machine} and has no handler for {wanted} programs",
        f"qemu-user-static with binfmt-support builds it; an engine whose kernel is {wanted} answers it all",
    )


def _handled_platforms(facts: EngineFacts) -> frozenset[str]:
    """Podman does not name the platforms that it emulates; on this machine, the kernel's handlers tell."""
    if not facts.address.startswith("unix://"):
        return frozenset()
    return frozenset(
        parse_platform(name) for name in ("aarch64", "x86_64") if f"qemu-{name}" in binfmt_flags()
    )


def binfmt_flags(folder: Path = Path("/proc/sys/fs/binfmt_misc")) -> dict[str, str]:
    """This machine's qemu handlers and the flags that they are registered with, such as `PF`.

    P keeps the program's name, F opens the interpreter at once (so that containers need none), and C gives
    a setuid program its credentials (the kernel's admin-guide/binfmt-misc).
    """
    flags = {}
    for handler in sorted(folder.glob("qemu-*")):
        try:
            found = re.search(r"^flags: (.*)$", handler.read_text("utf-8"), re.MULTILINE)
        except OSError:
            continue  # another one's to read; a fact less
        if found:
            flags[handler.name] = found[1]
    return flags
