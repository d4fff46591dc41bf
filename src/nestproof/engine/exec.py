"""A command in a running container: its output as it comes, then its exit status."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence

from nestproof.engine.client import engine_errors
from nestproof.engine.container import Container

# Docker Engine API, ContainerAttach, "Stream format": which stream, and how many bytes follow.
_HEADER = struct.Struct(">BxxxL")


def _message(header: bytes, read: Callable[[int], bytes]) -> tuple[int, bytes]:
    if len(header) == _HEADER.size:
        kind, length = _HEADER.unpack(header)
        body = read(length)
        if len(body) == length:
            return kind, body
    raise OSError("the engine closed the stream in the middle of a message")


class Exec:
    """A command in a container: iterate over its output, then read its exit status."""

    def __init__(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        user: str,
        environment: dict[str, str],
        timeout: float,
        folder: str = "",
    ) -> None:
        self._api = container.api
        self._timeout = timeout
        with engine_errors("starting a command in the container"):
            self._id: str = self._api.exec_create(
                container.name, list(argv), user=user, environment=environment, workdir=folder or None
            )["Id"]

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Chunks of output, 1 for stdout and 2 for stderr; raises EngineError when the time is over."""
        deadline = time.monotonic() + self._timeout
        with engine_errors("running a command in the container"):
            # Not exec_start: it reads from the bare socket, and so loses what came in one packet with the
            # header of the engine's answer.
            response = self._api.post(
                f"{self._api.base_url}/v{self._api.api_version}/exec/{self._id}/start",
                json={"Detach": False, "Tty": False},
                stream=True,
                timeout=self._timeout,
            )
            with response:
                response.raise_for_status()
                while header := response.raw.read(_HEADER.size):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"it did not end within {self._timeout:g} s")
                    yield _message(header, response.raw.read)

    @property
    def exit_status(self) -> int | None:
        """The exit status, once the output has ended; None while the command runs."""
        with engine_errors("asking how a command in the container ended"):
            status: int | None = self._api.exec_inspect(self._id)["ExitCode"]
        return status
