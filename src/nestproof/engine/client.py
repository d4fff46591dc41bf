"""Connect to an engine; read facts about it and its images."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nestproof.core.capabilities import DOCKER_DEFAULT
from nestproof.core.errors import CommandError, EngineError, EngineUnavailable
from nestproof.core.platforms import holds_several, parse_platform
from nestproof.engine import podman
from nestproof.engine.docker_context import (
    client_settings,
    client_variables,
    innermost_words,
    open_api,
    probe_socket,
)

if TYPE_CHECKING:
    from docker import APIClient

# Real engines answer within a second; an engine in an emulated machine needs several for a start.
CALL_TIMEOUT = 60
# Docker's security options that make root in a container another user of the host.
ROOT_MAPPED = frozenset({"rootless", "userns"})


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """An engine's facts about itself and about the kernel of its containers."""

    address: str
    version: str
    operating_system: str
    kernel: str
    platform: str
    storage_driver: str
    security_options: tuple[str, ...]
    cgroup_version: str = ""
    several_platforms: bool = False
    """True if its image store holds several platforms under one tag."""
    product: str = "Docker"
    """The engine's name: Docker, or Podman with the same API."""
    default_capabilities: tuple[str, ...] = tuple(sorted(DOCKER_DEFAULT))
    """The capabilities of a container without options."""

    @property
    def is_podman(self) -> bool:
        """True if the engine is Podman (docs/podman.md)."""
        return self.product == "Podman"

    @property
    def maps_root(self) -> bool:
        """True if the engine is rootless or has `userns-remap`."""
        return any(map(self.confines_with, ROOT_MAPPED))

    def confines_with(self, name: str) -> bool:
        """True if the engine has that kind of security option: `apparmor`, `seccomp`, …"""
        return any(option.split(",")[0] == f"name={name}" for option in self.security_options)


@dataclass(frozen=True, slots=True)
class Engine:
    """A connected engine."""

    api: APIClient
    facts: EngineFacts
    variables: Mapping[str, str | None] = field(default_factory=dict)
    """The environment that makes a docker client reach the same engine."""
    cpus: int = 1
    memory: int = 0
    """The machine's memory in bytes; 0 if the engine does not say."""
    limits_processors: bool = False
    """True if its kernel can hold a container to a number of processors."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the engine has; `id` is its digest."""

    id: str
    platform: str
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def connect(environment: Mapping[str, str] | None = None, *, timeout: int = CALL_TIMEOUT) -> Engine:
    """Reach the engine that the docker client would use; raises EngineUnavailable when none answers.

    `environment` stands in for this process's own; `timeout` is that of each call, in seconds.
    """
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    address = ""
    try:
        settings = client_settings(os.environ if environment is None else environment)
        address = str(settings["base_url"])
        variables = {} if environment is None else client_variables(environment)
        probe_socket(address, timeout)
        api = open_api(settings, variables, version=DEFAULT_DOCKER_API_VERSION, timeout=timeout)
        version = api.version(api_version=False)
        api.close()
        api = open_api(settings, variables, version=version["ApiVersion"], timeout=timeout)
        info = api.info()
        podmans = _podmans_facts(api, podman.own_api(version))
    except (DockerException, RequestException, CommandError, OSError) as error:
        raise EngineUnavailable(
            f"no Docker Engine answers{f' at {address}' if address else ''}",
            why=innermost_words(error),
            fix="start Docker; on Debian and Ubuntu: apt-get install docker.io",
        ) from error
    return Engine(
        api,
        EngineFacts(
            address=address,
            version=info["ServerVersion"],
            operating_system=info["OperatingSystem"],
            kernel=info["KernelVersion"],
            platform=parse_platform(info["Architecture"]),
            storage_driver=info["Driver"],
            security_options=tuple(info.get("SecurityOptions") or ()),
            cgroup_version=info.get("CgroupVersion") or "",
            several_platforms=holds_several(info),
            **podmans,
        ),
        variables,
        info.get("NCPU") or 1,
        info.get("MemTotal") or 0,
        bool(info.get("CpuCfsQuota")),
    )


def _podmans_facts(api: APIClient, version: str) -> dict[str, Any]:
    """Facts from Podman's own API; empty if `version` is, because the engine is then no Podman."""
    if not version:
        return {}
    response = api.get(f"{api.base_url}/v{version}/libpod/info", timeout=CALL_TIMEOUT)
    response.raise_for_status()
    return {"product": "Podman", "default_capabilities": podman.default_capabilities(response.json())}


@contextlib.contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn errors of the docker package into an EngineError that names the attempted action."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    try:
        yield
    except ReadTimeoutError as error:
        raise EngineError(f"{doing}: the engine said nothing in time") from error
    except (DockerException, RequestException, HTTPError, OSError) as error:
        said = getattr(error, "explanation", None)
        raise EngineError(f"{doing}: {(said or str(error)).strip()}") from error


def find_image(engine: Engine, reference: str) -> Image | None:
    """The image of that tag or id, or None when the engine has none."""
    from docker.errors import ImageNotFound

    with engine_errors(f"inspecting the image {reference}"):
        try:
            image = engine.api.inspect_image(reference)
        except ImageNotFound:
            return None
    config = image.get("Config") or {}
    return Image(
        image["Id"],
        f"{image['Os']}/{image['Architecture']}",
        config.get("Labels") or {},
        tuple(config.get("Entrypoint") or ()),
        tuple(config.get("Cmd") or ()),
    )
