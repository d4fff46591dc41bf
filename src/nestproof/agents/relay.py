"""Hand connections to the loopback address of a container to a server of this process.

A second container, of the same image and in the same network namespace, listens there and carries what
comes in lines over its standard input and output. So neither a firewall nor `--network=none` is in the way,
nothing is added to the container under test, and the engine may be on another machine.

The first line that goes in is the name of an abstract Unix socket to listen on, too. The first that comes
out is `ready TCP UDP`, the ports, with ` unix` where that socket is there. Later ones that come out are
`tcp NUMBER DATA`, `udp DATA` and `unix`; those that go in are `NUMBER DATA`. DATA is hexadecimal, and empty
at the end of a connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nestproof.agents.listener import Listener
from nestproof.agents.scripts import script
from nestproof.core.cancellation import POLL_SECONDS, check_cancelled
from nestproof.core.errors import EngineError
from nestproof.engine.client import Engine, engine_errors
from nestproof.engine.container import Container, started_container
from nestproof.engine.exec import StreamReader
from nestproof.engine.labels import new_run_labels

_START_SECONDS = 30
_MAX_LINE = 4 << 20
_MOST = 1000
"""Datagrams and connections to the abstract socket that are kept."""
_MOST_CONNECTIONS = 100
_MEMORY = 512 << 20
_PROCESSES = 64


class NothingListensError(EngineError):
    """The image has no language to listen with, so that no agent can be driven."""

    exit_code = 3


def relay_request(container: Container, image: str) -> dict[str, Any]:
    """The create request of the container that listens beside another one, without any privilege."""
    texts = [script(f"relay.{language}") for language in ("pl", "py", "js")]
    return {
        "Image": image,
        "User": "65534:65534",
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", script("relay.sh"), "sh", *texts],
        "WorkingDir": "/",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "Labels": new_run_labels(),
        "HostConfig": {
            "NetworkMode": f"container:{container.inspection['Id']}",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            # The image is the profile's, and its programs may be anybody's.
            "Memory": _MEMORY,
            "PidsLimit": _PROCESSES,
        },
    }


@contextlib.contextmanager
def listening_beside(
    engine: Engine, container: Container, image: str, platform: str, serve: Callable[[socket.socket], None]
) -> Iterator[Listener]:
    """Listen in the network of the container; `serve` is given each connection.

    Raises NothingListensError, or EngineError when the engine fails.
    """
    name = f"nestproof-{container.name[-12:]}"
    with started_container(engine, relay_request(container, image), platform, keep_volumes=True) as helper:
        with engine_errors("listening beside the container"):
            wire = _Wire(helper)
        try:
            with engine_errors("listening beside the container"):
                wire.send(name)
                first = wire.first_line(time.monotonic() + _START_SECONDS)
            if not first.startswith("ready "):
                why = first.removeprefix("unavailable: ")
                raise NothingListensError("nothing can listen beside the container", why=why)
            ports = first.split()
            unix = name if ports[3:] == ["unix"] else ""
            listener = Listener(int(ports[1]), int(ports[2]), unix)
            carrier = _Carrier(wire, listener, serve)
            thread = threading.Thread(target=carrier.carry, daemon=True)
            thread.start()
            yield listener
        finally:
            wire.close()


class _Wire:
    """The standard input and output of the container that listens."""

    def __init__(self, container: Container) -> None:
        everything = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._stream: Any = container.api.attach_socket(container.name, params=everything)
        self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
        self._reader = StreamReader()
        self._sending = threading.Lock()
        self._closed = False
        self._pending = b""
        self._lines: list[str] = []

    def send(self, line: str) -> None:
        """Write a line; nothing once it is closed."""
        with self._sending, contextlib.suppress(OSError):
            self._socket.settimeout(None)
            self._socket.sendall(f"{line}\n".encode())

    def first_line(self, deadline: float) -> str:
        """The first line that comes; raises TimeoutError."""
        while time.monotonic() < deadline:
            check_cancelled()
            for line in self.lines():
                return line
            if self._closed:
                return "unavailable: " + (
                    self._reader.errors[-400:].decode(errors="replace") or "it ended at once"
                )
        raise TimeoutError(f"it did not answer within {_START_SECONDS} s")

    @property
    def closed(self) -> bool:
        """True once nothing more can come."""
        return self._closed

    def lines(self) -> Iterator[str]:
        """The lines that are there, after a short wait for some."""
        if not self._lines:
            self._read()
        while self._lines:
            yield self._lines.pop(0)

    def _read(self) -> None:
        import select

        try:
            if not select.select([self._socket], [], [], POLL_SECONDS)[0]:
                return
            data = self._socket.recv(1 << 16)
        except (OSError, ValueError):
            data = b""
        self._closed = self._closed or not data
        self._pending += b"".join(self._reader.feed(data))
        *lines, self._pending = self._pending.split(b"\n")
        if len(self._pending) > _MAX_LINE:
            self._closed = True
        self._lines += [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        """End the container's input, and with it the relay."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._stream.close()


class _Carrier:
    """Carries the data of each connection to a socket pair, and back."""

    def __init__(self, wire: _Wire, listener: Listener, serve: Callable[[socket.socket], None]) -> None:
        self._wire = wire
        self._listener = listener
        self._serve = serve
        self._connections: dict[int, socket.socket] = {}
        # Those that were open once: what comes late for one opens no other.
        self._opened: set[int] = set()

    def carry(self) -> None:
        """Carry until the wire is closed."""
        while not self._wire.closed:
            for line in self._wire.lines():
                # Whatever the container says, it costs this process no more than its bounds.
                with contextlib.suppress(OSError, ValueError):
                    self._take(*line.split(" "))
        for connection in list(self._connections.values()):
            connection.close()

    def _take(self, kind: str, *rest: str) -> None:
        if kind == "udp" and len(rest) == 1 and len(self._listener.datagrams) < _MOST:
            self._listener.datagrams.append(bytes.fromhex(rest[0]).decode(errors="replace"))
        elif kind == "unix" and len(self._listener.unix_connections) < _MOST:
            self._listener.unix_connections.append(kind)
        elif kind == "tcp" and len(rest) == len(("number", "data")):
            number, data = int(rest[0]), bytes.fromhex(rest[1])
            if number not in self._opened and len(self._connections) < _MOST_CONNECTIONS:
                self._opened.add(number)
                self._open(number)
            connection = self._connections.get(number)
            if connection is not None and data:
                connection.sendall(data)
            elif connection is not None:
                connection.shutdown(socket.SHUT_WR)

    def _open(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        self._connections[number] = ours
        self._serve(theirs)
        threading.Thread(target=self._return, args=(number, ours), daemon=True).start()

    def _return(self, number: int, ours: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := ours.recv(1 << 16):
                self._wire.send(f"{number} {data.hex()}")
        self._wire.send(f"{number} ")
        self._connections.pop(number, None)
        ours.close()
