"""An engine that is lost in the middle of a build is an error, and nothing that the Dockerfile did.

The engine is real. Between it and the program stands a proxy, which cuts every connection once so many bytes
have come through, and answers nobody from then on; or answers 500 from then on.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository

pytestmark = pytest.mark.docker

_BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Proxy:
    """A socket that leads to the engine until `budget` bytes of its answers have come through."""

    address: Path
    engine: str
    budget: int
    answers_500: bool = False
    passed: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self.passed >= self.budget:
                if self.answers_500:
                    with contextlib.suppress(OSError):
                        client.recv(65536)
                        client.sendall(_BROKEN)
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.engine)
            with self._lock:
                self._open += [client, server]
            for pair in ((client, server, False), (server, client, True)):
                copying = threading.Thread(target=self._copy, args=pair, daemon=True)
                copying.start()
                self._threads.append(copying)

    def _copy(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                if counted:
                    self.passed += len(data)
                if self.passed >= self.budget:
                    self.cut()
                    return
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End every connection; who reads from one sees its end."""
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        for thread in self._threads:
            thread.join(timeout=10)
        for one in self._open:
            one.close()


@contextlib.contextmanager
def proxy(folder: Path, engine: Engine, budget: int, *, answers_500: bool = False) -> Iterator[Proxy]:
    address = folder / "engine.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(64)
    made = Proxy(address, engine.facts.address.removeprefix("unix://"), budget, answers_500)
    threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
    try:
        yield made
    finally:
        listener.close()
        made.close()
        address.unlink()


def run(repository: Repository, proxied: Proxy, command: str) -> tuple[int, list[tuple[str, str]], str]:
    finished = repository.nestproof(
        command, "--profile", "default", "--json", timeout=300, DOCKER_HOST=f"unix://{proxied.address}"
    )
    outcomes = finished.evidence["outcomes"] if finished.stdout.startswith("{") else []
    return finished.status, [(one["status"], one["summary"]) for one in outcomes], finished.stderr


@pytest.mark.parametrize("command", ["build", "smoke"])
@pytest.mark.parametrize("answers_500", [False, True], ids=["cut", "500"])
def test_an_engine_that_is_lost_is_never_the_dockerfiles_fault(
    repository: Repository, engine: Engine, tmp_path: Path, answers_500: bool, command: str
) -> None:
    # Another image each time, so that there is something to build.
    repository.edit(".devcontainer/Dockerfile", "FROM ${", f"# {random.random()}\nFROM ${{")
    with proxy(tmp_path, engine, 1 << 40) as through:
        status, outcomes, said = run(repository, through, command)
        whole = through.passed
    assert status in (0, 3), said
    moments = random.Random(17)
    ended = set()
    for _ in range(6):
        with proxy(tmp_path, engine, moments.randrange(1, whole), answers_500=answers_500) as cut:
            status, outcomes, said = run(repository, cut, command)
        # 3: no engine to be had at the start, or AppArmor. 0: what was cut was no longer needed.
        assert status in (0, 3, 4), (status, outcomes, said)
        assert not [one for one in outcomes if one[0] == "fail"], outcomes
        ended.add(status)
    assert 4 in ended, "no moment hit the build"
