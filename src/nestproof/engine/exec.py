"""A command in a running container: its output as it comes, then its exit status."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence

from nestproof.engine.client import engine_errors
from nestproof.engine.container import Container

# Docker Engine API, ContainerAttach, "Stream format": which stream, and how many bytes follow.
_HEADER = struct.Struct(">BxxxL")
_KEPT_ERRORS = 4096


def _message(header: bytes, read: Callable[[int], bytes]) -> tuple[int, bytes]:
    if len(header) == _HEADER.size:
        kind, length = _HEADER.unpack(header)
        body = read(length)
        if len(body) == length:
            return kind, body
    raise OSError("the engine closed the stream in the middle of a message")


class StreamReader:
    """Splits what a container's attached stream sends into its standard output and `errors`."""

    def __init__(self) -> None:
        self._pending = b""
        self.errors = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The parts of standard output that are whole by now."""
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            kind, length = _HEADER.unpack(self._pending[: _HEADER.size])
            end = _HEADER.size + length
            if len(self._pending) < end:
                return
            body, self._pending = self._pending[_HEADER.size : end], self._pending[end:]
            if kind == 1:
                yield body
            else:
                self.errors = (self.errors + body)[-_KEPT_ERRORS:]


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
