"""The relay in each of its languages: what reaches the loopback address comes out, and answers go back."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import pytest

from nestproof.agents.listener import Listener
from nestproof.agents.relay import _Carrier, relay_request
from nestproof.agents.scripts import script
from nestproof.engine.container import Container

LANGUAGES = {"pl": ("perl", "-e"), "py": ("python3", "-c"), "js": ("node", "-e")}


@dataclass
class Relay:
    """A relay that runs here instead of in a container."""

    given: IO[str]
    said: IO[str]
    tcp: int
    udp: int
    name: str

    def line(self) -> str:
        return self.said.readline().rstrip("\n")

    def send(self, line: str) -> None:
        self.given.write(line + "\n")
        self.given.flush()


@pytest.fixture(params=LANGUAGES)
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    program, option = LANGUAGES[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    argv = [program, option, script(f"relay.{request.param}")]
    name = f"nestproof-test-{time.monotonic_ns()}"
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        ready, tcp, udp, *unix = process.stdout.readline().split()
        assert ready == "ready"
        yield Relay(process.stdin, process.stdout, int(tcp), int(udp), name if unix else "")
        process.stdin.close()
        # The end of its input is its own end, whatever is open.
        assert process.wait(timeout=10) == 0


def test_a_connection_is_carried_both_ways_until_each_end_closes(relay: Relay) -> None:
    with socket.create_connection(("127.0.0.1", relay.tcp), timeout=10) as first:
        with socket.create_connection(("127.0.0.1", relay.tcp), timeout=10) as second:
            first.sendall(b"one")
            kind, one, data = relay.line().split(" ")
            assert (kind, bytes.fromhex(data)) == ("tcp", b"one")
            second.sendall(b"two")
            _, two, data = relay.line().split(" ")
            assert (bytes.fromhex(data), one != two) == (b"two", True)
            relay.send(f"{two} {b'to two'.hex()}")
            relay.send(f"{one} {b'to one'.hex()}")
            assert (first.recv(99), second.recv(99)) == (b"to one", b"to two")
        assert relay.line() == f"tcp {two} "
        relay.send(f"{one} ")
        assert first.recv(99) == b""
    # One that is gone is no trouble.
    relay.send(f"{two} {b'late'.hex()}")
    with socket.create_connection(("127.0.0.1", relay.tcp), timeout=10) as third:
        third.sendall(b"three")
        assert relay.line().endswith(b"three".hex())


def test_much_is_carried_whole(relay: Relay) -> None:
    sent = bytes(range(256)) * 4096
    with socket.create_connection(("127.0.0.1", relay.tcp), timeout=10) as one:
        one.sendall(sent[: 1 << 16])
        got = b""
        while len(got) < 1 << 16:
            got += bytes.fromhex(relay.line().split(" ")[2])
        relay.send(f"1 {sent.hex()}")
        back = b""
        while len(back) < len(sent):
            back += one.recv(1 << 20)
    assert (got, back) == (sent[: 1 << 16], sent)


def test_a_datagram_and_an_abstract_socket_are_told(relay: Relay) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"np1", ("127.0.0.1", relay.udp))
    assert relay.line() == f"udp {b'np1'.hex()}"
    if relay.name:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.connect(f"\0{relay.name}")
        assert relay.line() == "unix"


def test_nothing_but_the_loopback_address_is_listened_on(relay: Relay) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", relay.tcp), timeout=1).close()


def test_a_request_is_carried_to_an_answer(relay: Relay) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", relay.tcp, timeout=10)
    connection.request("GET", "/")
    number = relay.line().split(" ")[1]
    relay.send(f"{number} {b'HTTP/1.0 200 OK'.hex()}0d0a0d0a")
    relay.send(f"{number} ")
    assert connection.getresponse().status == 200
    connection.close()


class Wire:
    """What a container says, in place of one."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)
        self.sent: list[str] = []

    @property
    def closed(self) -> bool:
        return not self.said

    def lines(self) -> list[str]:
        return [self.said.pop(0)]

    def send(self, line: str) -> None:
        self.sent.append(line)


def test_whatever_a_container_says_is_bounded_and_ends_nothing() -> None:
    served: list[socket.socket] = []
    listener = Listener(1, 2, "name")
    nonsense = ("", "tcp", "tcp x 00", "tcp 1 zz", "tcp 1", "udp", "udp zz", "what 1 2", "tcp 2 00 11")
    flood = (*("unix",) * 2000, *(f"udp {b'x'.hex()}",) * 2000, *(f"tcp {n} 00" for n in range(500)))
    carrier = _Carrier(cast(Any, Wire(*nonsense, *flood)), listener, served.append)
    carrier.carry()
    assert len(listener.unix_connections) == len(listener.datagrams) == 1000
    assert len(served) == 100
    for one in served:
        one.close()


def test_a_connection_that_speaks_later_than_the_next_is_one_all_the_same() -> None:
    served: list[socket.socket] = []
    wire = Wire(f"tcp 2 {b'two'.hex()}", f"tcp 1 {b'one'.hex()}", "tcp 2 ", "tcp 1 ")
    _Carrier(cast(Any, wire), Listener(1, 2, ""), served.append).carry()
    assert [one.recv(9) for one in served] == [b"two", b"one"]
    for one in served:
        one.close()


def test_the_container_that_listens_has_no_privilege_and_little_of_the_machine() -> None:
    container = Container(cast(Any, None), "nestproof-0123", {"Id": "0123"})
    request = relay_request(container, "image")
    assert request["HostConfig"] == {
        "NetworkMode": "container:0123",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "Memory": 512 << 20,
        "PidsLimit": 64,
    }
    assert request["User"] == "65534:65534"
    assert "Env" not in request
