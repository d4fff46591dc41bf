"""Sessions on this machine, or in the container in which nestproof itself runs: no engine is needed."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nestproof.agents.drive import Place
from nestproof.agents.listener import Listener
from nestproof.core.errors import CommandError
from nestproof.core.process import run as run_program

_TIMED_OUT = 124


def place_here(folder: Path) -> Place:
    """The place of sessions in this folder, as the user who runs nestproof."""

    def run(told: str, more: Mapping[str, str], timeout: float) -> tuple[int | None, str]:
        try:
            done = run_program(["/bin/sh", "-c", told], timeout=timeout, cwd=folder, env=more)
        except CommandError as error:
            return _TIMED_OUT, f"{error.what}\n{error.why}"
        return done.status, done.stdout + done.stderr

    return Place(run, listening_here, str(folder))


@contextlib.contextmanager
def listening_here(serve: Callable[[socket.socket], None]) -> Iterator[Listener]:
    """Listen on the loopback address of this process."""
    name = f"nestproof-{secrets.token_hex(6)}"
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(f"\0{name}")
        unix.listen()
        listener = Listener(tcp.getsockname()[1], udp.getsockname()[1], name)

        def connections() -> None:
            with contextlib.suppress(OSError):
                while True:
                    serve(tcp.accept()[0])

        def datagrams() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.datagrams.append(udp.recv(4096).decode(errors="replace"))

        def unix_connections() -> None:
            with contextlib.suppress(OSError):
                while True:
                    unix.accept()[0].close()
                    listener.unix_connections.append("unix")

        for work in (connections, datagrams, unix_connections):
            threading.Thread(target=work, daemon=True).start()
        yield listener
