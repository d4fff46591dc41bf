"""Containers as context managers, and leftovers of killed runs."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nestproof.core.errors import EngineError
from nestproof.core.signals import interrupts_deferred
from nestproof.engine import podman
from nestproof.engine.client import Engine, engine_errors
from nestproof.engine.labels import OWNER_LABEL, RUN_LABEL, owner_is_gone

if TYPE_CHECKING:
    from docker import APIClient


_LOOKS = 10
_GONE = (404, 409)


class ContainerEnded(EngineError):
    """A container that has ended, though it is to be asked."""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of ours, with the engine's inspection of it."""

    api: APIClient
    name: str
    inspection: dict[str, Any]


def remove_leftovers(engine: Engine) -> list[str]:
    """Remove containers, volumes and networks of this machine's dead runs; returns their names."""
    with engine_errors("looking for leftovers of earlier runs"):
        containers = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
        dead = [c for c in containers if owner_is_gone(c["Labels"][OWNER_LABEL])]
        for container in dead:
            _remove(engine.api, container["Id"])
        volumes = engine.api.volumes(filters={"label": OWNER_LABEL})["Volumes"] or []
        dead_volumes = [v["Name"] for v in volumes if owner_is_gone(v["Labels"][OWNER_LABEL])]
        for name in dead_volumes:
            with _unless_gone():
                engine.api.remove_volume(name, force=True)
        networks = engine.api.networks(filters={"label": OWNER_LABEL})
        dead_networks = [n["Name"] for n in networks if owner_is_gone(n["Labels"][OWNER_LABEL])]
        for name in dead_networks:
            with _unless_gone():
                engine.api.remove_network(name)
    names = [c["Names"][0].lstrip("/") if c["Names"] else c["Id"][:12] for c in dead]
    return [*names, *dead_volumes, *dead_networks]


@contextlib.contextmanager
def started_container(
    engine: Engine,
    request: dict[str, Any],
    platform: str,
    prepare: Callable[[APIClient, str], None] | None = None,
    *,
    keep_volumes: bool = False,
) -> Iterator[Container]:
    """A running container made from the body of a create request; gone, with its volumes, at the end.

    `prepare` is called with its name before it is started. `keep_volumes` leaves the run's named volumes to
    another container, which has them too.
    """
    # The name is ours before the engine knows it, so that an interrupted create is found as well.
    name = f"nestproof-{uuid.uuid4().hex[:12]}"
    body = podman.to_podman(request) if engine.facts.is_podman else request
    try:
        with engine_errors("starting the container"):
            with interrupts_deferred():
                engine.api.create_container_from_config(body, name, platform)
            if prepare is not None:
                prepare(engine.api, name)
            engine.api.start(name)
            inspection = engine.api.inspect_container(name)
        if engine.facts.is_podman:
            inspection = podman.complete_inspection(inspection, request)
        if not inspection["State"]["Running"]:
            raise _ended(engine.api, name, inspection["State"], "at once")
        yield Container(engine.api, name, inspection)
    finally:
        with interrupts_deferred():
            _remove(engine.api, name)
            if not keep_volumes:
                _remove_own_volumes(engine.api, request)


def check_running(container: Container) -> None:
    """Raise ContainerEnded if the container has ended, or does within a second.

    The engine ends the commands in a container before it notes that the container itself has ended.
    """
    for _ in range(_LOOKS):
        with engine_errors("looking at the container"):
            state = container.api.inspect_container(container.name)["State"]
        if not state["Running"]:
            raise _ended(container.api, container.name, state, "before it was asked everything")
        time.sleep(1 / _LOOKS)


def _ended(api: APIClient, name: str, state: Mapping[str, Any], when: str) -> ContainerEnded:
    return ContainerEnded(
        f"the container ended {when}, with exit status {state['ExitCode']}",
        why=_last_words(api, name, state),
    )


def _last_words(api: APIClient, name: str, state: Mapping[str, Any]) -> str:
    with contextlib.suppress(Exception):  # the error that led here matters more than its illustration
        logs: bytes = api.logs(name, tail=10)
        said: str = (state.get("Error") or logs.decode(errors="replace")).strip()
        return said
    return ""


def _remove(api: APIClient, name: str) -> None:
    with engine_errors(f"removing the container {name}"), _unless_gone():
        api.remove_container(name, force=True, v=True)


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    """Take it as done where the thing is gone, or another run is removing it already."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        if error.status_code not in _GONE:
            raise


def _remove_own_volumes(api: APIClient, request: Mapping[str, Any]) -> None:
    """Remove named volumes made for our container, known by its run's label; others stay."""
    labels = request.get("Labels", {})
    mounts = request.get("HostConfig", {}).get("Mounts") or ()
    if RUN_LABEL not in labels or not any(mount["Type"] == "volume" for mount in mounts):
        return
    with engine_errors("removing the volumes of the container"):
        volumes = api.volumes(filters={"label": f"{RUN_LABEL}={labels[RUN_LABEL]}"})["Volumes"] or []
        for volume in volumes:
            api.remove_volume(volume["Name"], force=True)
