"""Podman where its API, its builds and its words are not Docker's. Pure: values and argument vectors.

Measured with Debian 12's podman 4.3.1; docs/podman.md has each difference, and what Podman says.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nestproof.build_steps import SHOWN_LINES, Failure
from nestproof.capabilities import normalize
from nestproof.container import CannotCarryError

# `docker buildx build` has them and `podman build` does not; those on the left take a value.
_WITH_VALUE = frozenset(
    "--allow --attest --builder --call --metadata-file --progress --provenance --sbom".split()
)
_SWITCHES = frozenset({"--load", "--check"})
# A build cache in a store of its own; Podman's --cache-from and --cache-to name repositories.
_CACHES = frozenset({"--cache-from", "--cache-to"})

# "[2/2] STEP 3/6: RUN apt-get update", without the stage where there is only one.
_STEP = re.compile(r"(?:\[(?P<stage>\d+/\d+)\] )?STEP (?P<step>\d+/\d+): (?P<said>.*)")


def own_api(version: Mapping[str, Any]) -> str:
    """The version of Podman's own API, out of the engine's version; empty when it is no Podman."""
    for component in version.get("Components") or ():
        if component.get("Name") == "Podman Engine":
            return str((component.get("Details") or {}).get("APIVersion") or component["Version"])
    return ""


def default_capabilities(info: Mapping[str, Any]) -> tuple[str, ...]:
    """What a container holds that asks for nothing, by Podman's own info: containers.conf decides it."""
    listed = str(info["host"]["security"].get("capabilities") or "")
    return tuple(sorted(normalize(name.strip()) for name in listed.split(",") if name.strip()))


def client(address: str) -> tuple[str, ...]:
    """The start of each command line to the Podman at an address, such as unix:///run/podman/podman.sock."""
    return ("podman", "--url", address)


def as_podman(argv: Sequence[str], address: str) -> tuple[str, ...]:
    """A `docker buildx build` or `docker pull` command line, as that Podman takes it."""
    if tuple(argv[:2]) == ("docker", "pull"):
        return (*client(address), *argv[1:])
    if tuple(argv[:3]) != ("docker", "buildx", "build"):
        raise ValueError(f"neither docker buildx build nor docker pull: {' '.join(argv)}")
    return (*client(address), "build", *_options(argv[3:]))


def _options(options: Sequence[str]) -> Iterator[str]:
    rest = iter(options)
    for option in rest:
        name, separator, value = option.partition("=")
        if name in _SWITCHES:
            continue
        if name in _WITH_VALUE or name in _CACHES:
            value = value if separator else next(rest, "")
            if name in _CACHES and "type=" not in value:
                yield from (name, value)
            continue
        yield option


def carried(request: Mapping[str, Any]) -> dict[str, Any]:
    """A create request so that Podman's API makes of it what Docker's would.

    Raises CannotCarryError for what it has no words for.
    """
    host = dict(request.get("HostConfig") or {})
    security: list[str] = []
    for option in host.get("SecurityOpt") or ():
        if option == "seccomp=builtin":
            continue  # Podman takes it for a file's name; its own profile is on anyway
        if option.startswith("seccomp={"):
            raise CannotCarryError(
                "Podman's API does not take a seccomp profile, only the name of one on its own machine",
                fix="ask a Docker Engine, or name the profile in that machine's containers.conf",
            )
        security.append(option)
    if _is_unmasked(host):
        # Podman takes no notice of the lists that the docker client makes of systempaths=unconfined.
        security.append("unmask=ALL")
    if "SecurityOpt" in host or security:
        host["SecurityOpt"] = security
    return {**request, "HostConfig": host}


def completed(inspection: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """An inspection with what the request asked for, and Podman leaves out or spells out.

    It does not tell of unmasked paths and of the host's IPC, and tells of all capabilities by their names.
    """
    asked, host = request.get("HostConfig") or {}, dict(inspection["HostConfig"])
    unmasked = [option for option in asked.get("SecurityOpt") or () if option.startswith("unmask=")]
    host["SecurityOpt"] = [*(host.get("SecurityOpt") or ()), *unmasked]
    if _is_unmasked(asked):
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
    if "ALL" in map(normalize, asked.get("CapAdd") or ()):
        host["CapAdd"] = ["ALL"]
    if asked.get("IpcMode") == "host":
        host["IpcMode"] = "host"
    return {**inspection, "HostConfig": host}


def _is_unmasked(host: Mapping[str, Any]) -> bool:
    return host.get("MaskedPaths") == [] and host.get("ReadonlyPaths") == []


def in_podmans_words(text: str) -> str:
    """A cause or a fix that speaks of Docker, for someone whose engine is Podman."""
    # A cause that has a word for either says both.
    text = text.replace(" (Podman: --security-opt=unmask=ALL)", "")
    text = text.replace("systempaths=unconfined", "unmask=ALL").replace("docker ", "podman ")
    return text.replace("docker-default", "containers-default").replace("Docker", "Podman")


class Steps:
    """Tells of each step that is really run, once, out of what `podman build` prints; knows the last one."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._step = ""
        self._told = True
        self._said: deque[str] = deque(maxlen=SHOWN_LINES)
        self._error = "it printed nothing"

    def read(self, line: str) -> None:
        """Take a line of its standard output."""
        found = _STEP.fullmatch(line)
        if found:
            stage = f"stage {found['stage']}, " if found["stage"] else ""
            self._step = f"[{stage}step {found['step']}] {' '.join(found['said'].split())}"
            self._told = False
            self._said.clear()
            return
        self._said.append(line)
        if not self._told:
            self._told = True
            if not line.startswith("--> Using cache"):
                self._tell(self._step)

    def complain(self, line: str) -> None:
        """Take a line of its standard error."""
        self._error = line.strip() or self._error

    def failure(self) -> Failure:
        """The step at which it ended, in its last words."""
        return Failure(self._step, self._error, tuple(self._said))
