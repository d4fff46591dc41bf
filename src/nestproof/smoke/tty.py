"""A container with a terminal, as `docker run -it` starts it, and a person who types and resizes."""

from __future__ import annotations

import socket
import time
from typing import Any

from nestproof.core.cancellation import POLL_SECONDS, check_cancelled
from nestproof.core.outcome import Observation
from nestproof.engine.client import Engine, engine_errors
from nestproof.engine.container import Container, started_container

# An output that goes on and on is not a terminal's.
_KEPT_BYTES = 65536


def converse(
    engine: Engine, request: dict[str, Any], platform: str, script: str, timeout: float
) -> Observation:
    """Have the conversation that the script tty.sh is one half of; raises EngineError when the engine fails.

    It is had beside the container of the other probes, which has the same volumes and outlives it.

    What the terminal showed is the observation's stdout; its exit status is the container's, or None when it
    did not end in time.
    """
    body = {**request, "Entrypoint": ["/bin/sh"], "Cmd": ["-c", script], "Tty": True, "OpenStdin": True}
    begin = time.monotonic()
    with (
        started_container(engine, body, platform, keep_volumes=True) as container,
        engine_errors("talking to the terminal"),
    ):
        talk = _Talk(container, begin + timeout)
        try:
            status = _converse(talk, container)
        finally:
            talk.close()
    # The first line is the echo of what was typed.
    text = talk.shown.decode(errors="replace").replace("\r\n", "\n").lstrip("\n")
    return Observation(("sh", "tty.sh"), status, text, "", round(time.monotonic() - begin, 2))


def _converse(talk: _Talk, container: Container) -> int | None:
    """Type and read the person's half of the conversation."""
    api, name = container.api, container.name
    api.resize(name, height=30, width=100)
    talk.type(b"\n")
    if talk.wait_for(b"another size\r\n"):
        api.resize(name, height=35, width=120)
    for words, key in ((b"Ctrl-Z\r\n", b"\x1a"), (b"Ctrl-C\r\n", b"\x03")):
        if talk.wait_for(words):
            talk.type(key)
    if not talk.wait_for_end():
        return None
    status: int = api.wait(name, timeout=10)["StatusCode"]
    return status


class _Talk:
    """The person's end of the terminal."""

    def __init__(self, container: Container, deadline: float) -> None:
        everything = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._stream: Any = container.api.attach_socket(container.name, params=everything)
        self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
        self._deadline = deadline
        self._ended = False
        self.shown = bytearray()

    def type(self, keys: bytes) -> None:
        """Press keys."""
        self._socket.sendall(keys)

    def wait_for(self, words: bytes) -> bool:
        """Read until the words are shown; False when it ends, or the time is over, before."""
        while words not in self.shown:
            if not self._read():
                return False
        return True

    def wait_for_end(self) -> bool:
        """Read to the end; False when it does not come in time, or there is too much to read."""
        while self._read():
            pass
        return self._ended

    def _read(self) -> bool:
        left = self._deadline - time.monotonic()
        if left <= 0 or len(self.shown) > _KEPT_BYTES:
            return False
        check_cancelled()
        self._socket.settimeout(min(left, POLL_SECONDS))
        try:
            data = self._socket.recv(4096)
        except TimeoutError:
            return left > POLL_SECONDS
        self.shown += data
        self._ended = not data
        return bool(data)

    def close(self) -> None:
        """Leave the terminal."""
        self._socket.close()
        self._stream.close()
