"""Sessions in a container, with the model listening beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from nestproof.agents.drive import Place
from nestproof.agents.relay import listening_beside
from nestproof.engine.client import Engine
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec

_MAX_OUTPUT = 1 << 20


def place_in(
    engine: Engine,
    container: Container,
    image: str,
    *,
    user: str,
    folder: str,
    environment: Mapping[str, str],
    timeout_factor: int = 1,
) -> Place:
    """The place of sessions in a container that was made of the image, by its id or name."""

    def run(told: str, more: Mapping[str, str], timeout: float) -> tuple[int | None, str]:
        command = Exec(
            container,
            ["/bin/sh", "-c", told],
            user=user,
            environment={**environment, **more},
            timeout=timeout,
            folder=folder,
        )
        output = bytearray()
        for _, data in command:
            output += data[: max(0, _MAX_OUTPUT - len(output))]
        return command.exit_status, output.decode(errors="replace")

    listen = partial(listening_beside, engine, container, image, engine.facts.platform)
    return Place(run, listen, folder, timeout_factor)
