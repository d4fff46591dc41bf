"""Podman where its API, its builds and its words are not Docker's. Pure: values and argument vectors.

Measured with Debian 12's podman 4.3.1; docs/podman.md has each difference, and what Podman says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nestproof.core.capabilities import normalize
from nestproof.engine.create_request import UnsupportedOptionError


def own_api(version: Mapping[str, Any]) -> str:
    """The version of Podman's own API, out of the engine's version; empty when it is no Podman."""
    for component in version.get("Components") or ():
        if component.get("Name") == "Podman Engine":
            return str((component.get("Details") or {}).get("APIVersion") or component["Version"])
    return ""


def default_capabilities(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The capabilities of a container without options, from Podman's info: containers.conf decides it."""
    listed = str(info["host"]["security"].get("capabilities") or "")
    return tuple(sorted(normalize(name.strip()) for name in listed.split(",") if name.strip()))


def client(address: str) -> tuple[str, ...]:
    """The start of each command line to the Podman at an address, such as unix:///run/podman/podman.sock."""
    return ("podman", "--url", address)


def to_podman(request: Mapping[str, Any]) -> dict[str, Any]:
    """A create request so that Podman's API makes of it what Docker's would.

    Raises UnsupportedOptionError for an option that Podman does not have.
    """
    host = dict(request.get("HostConfig") or {})
    security: list[str] = []
    for option in host.get("SecurityOpt") or ():
        if option == "seccomp=builtin":
            continue  # Podman takes it for a file's name; its own profile is on anyway
        if option.startswith("seccomp={"):
            raise UnsupportedOptionError(
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


def complete_inspection(inspection: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
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
