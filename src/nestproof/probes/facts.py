"""Kernel and security facts around a process, as read by probes/scripts/facts.sh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestproof.core.capabilities import decode

_SECCOMP = "--security-opt=seccomp="


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """Facts by their names in probes/scripts/facts.sh; an unreadable one is absent."""

    found: Mapping[str, str]
    options: tuple[str, ...] = ()
    """The run options that the container was started with, such as `--cap-add=SYS_ADMIN`, if known."""
    service: str = ""
    """The Compose service whose container it is; empty for another container."""

    @property
    def bounding_set(self) -> frozenset[str] | None:
        """The capabilities that a process here can ever hold; None when unknown."""
        mask = self.found.get("CapBnd")
        return decode(int(mask, 16)) if mask else None

    @property
    def is_filtered(self) -> bool | None:
        """True if a seccomp filter is on (mode 2 in /proc/self/status); None if unknown."""
        mode = self.found.get("Seccomp")
        return mode == "2" if mode else None

    @property
    def apparmor(self) -> str:
        """The AppArmor label, such as `docker-default (enforce)`; empty without AppArmor."""
        return self.found.get("apparmor", "").strip()

    @property
    def is_confined(self) -> bool:
        """True if an AppArmor profile is enforced."""
        return self.apparmor.endswith("(enforce)")

    @property
    def masked_paths(self) -> tuple[str, ...]:
        """Paths under /proc that something is mounted over."""
        return tuple(self.found.get("masked", "").split())

    @property
    def is_selinux_enforcing(self) -> bool:
        """True if SELinux enforces its policy here."""
        return self.number("selinux") == 1

    @property
    def in_container(self) -> bool:
        """True if the file exists by which a container of Docker or Podman is known."""
        return "container" in self.found

    @property
    def in_podman(self) -> bool:
        """True if the file exists by which a container of Podman is known."""
        return self.found.get("container", "").strip() == "/run/.containerenv"

    @property
    def seccomp_file(self) -> str:
        """The seccomp profile of its own that the container was started with; empty for the engine's."""
        named = [one.removeprefix(_SECCOMP) for one in self.options if one.startswith(_SECCOMP)]
        return "" if not named or named[-1] in ("unconfined", "builtin") else named[-1]

    @property
    def may_make_namespaces(self) -> bool:
        """True if a user who is not root was given a user namespace here."""
        return self.found.get("unshare") == "works"

    @property
    def in_pod(self) -> bool:
        """True in a pod of Kubernetes."""
        return "pod" in self.found or self.apparmor.startswith("cri-containerd.apparmor.d")

    @property
    def in_codespace(self) -> bool:
        """True in a GitHub codespace."""
        return "codespace" in self.found

    @property
    def in_wsl(self) -> bool:
        """True on a kernel of the Windows Subsystem for Linux."""
        return "microsoft" in self.found.get("kernel", "").lower()

    def number(self, name: str) -> int | None:
        """A sysctl's value; None when there is no such sysctl here."""
        text = self.found.get(name, "").strip()
        return int(text) if text.lstrip("-").isdigit() else None


def parse_facts(text: str) -> SandboxFacts:
    """Parse the lines of probes/scripts/facts.sh; other lines are skipped."""
    pairs = (line.partition("\t") for line in text.splitlines())
    return SandboxFacts({name: value.strip() for name, tab, value in pairs if tab and name})
