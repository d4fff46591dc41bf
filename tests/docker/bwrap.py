"""What the tests of bwrap's needs share: its command lines, what it says, and whether the layer is named."""

from __future__ import annotations

from nestproof.engine.container import Container
from nestproof.engine.exec import Exec
from nestproof.probes.causes.diagnosis import diagnose
from nestproof.probes.facts import SandboxFacts

BASIC = "--ro-bind / / --dev /dev --unshare-user --unshare-pid"
SA = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE")

CAPSET = ("capset failed: Operation not permitted", "capabilities")
NOPERM = ("No permissions to create new namespace", "Docker seccomp")
SLAVE = ("Failed to make / slave: Permission denied", "AppArmor")
PIVOT = ("pivot_root: Operation not permitted", "Docker seccomp")
PROC = ("Can't mount proc on /newroot/proc: Operation not permitted", "masked paths")
WORKS = None

Answer = tuple[str, str] | None
"""bwrap's words and the layer that they lie in, or that it works."""


def ask(
    container: Container, line: str, user: str = "vscode", *, timeout: float = 30
) -> tuple[int | None, str]:
    """The exit status of a shell line in the container, and all that it said."""
    command = Exec(container, ["sh", "-c", line], user=user, environment={}, timeout=timeout)
    said = b"".join(data for _, data in command).decode()
    return command.exit_status, said


def expect(here: SandboxFacts, seen: tuple[int | None, str], answer: Answer) -> None:
    """Hold what was seen against the answer, and its diagnosis against the layer."""
    status, said = seen
    if answer is WORKS:
        assert (status, said) == (0, "")
        return
    words, layer = answer
    assert status == 1
    assert f"bwrap: {words}" in said
    diagnosis = diagnose(said, here)
    assert diagnosis is not None
    assert diagnosis.layer == layer
