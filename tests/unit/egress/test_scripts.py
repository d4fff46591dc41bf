"""The scripts that connect, in each language that an image may have: all say the same."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from nestproof.egress.attempts import Answers, Attempt, Kind, parse_replies, to_lines
from nestproof.egress.connect import command

_SH = command("connect", "LINES")
LANGUAGES = {
    "perl": ["perl", "-e", _SH[4]],
    "python3": ["python3", "-c", _SH[5]],
    "node": ["node", "-e", _SH[6]],
    "sh": _SH[:7],
}


@pytest.fixture(params=LANGUAGES)
def program(request: pytest.FixtureRequest) -> list[str]:
    argv = LANGUAGES[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"this machine has no {argv[0]}")
    return argv


@contextlib.contextmanager
def serving(answer: bytes, delay: float = 0) -> Iterator[int]:
    """A server for TCP and UDP on the loopback address; what it got is thrown away."""
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(tcp.getsockname())

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            time.sleep(delay)
            connection.sendall(answer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(tcp.accept()[0],), daemon=True).start()

    def echo() -> None:
        with contextlib.suppress(OSError):
            while True:
                data, sender = udp.recvfrom(4096)
                udp.sendto(data, sender)

    for work in (accept, echo):
        threading.Thread(target=work, daemon=True).start()
    yield tcp.getsockname()[1]
    tcp.close()
    udp.close()


def run(program: list[str], attempts: list[Attempt], seconds: float = 2) -> Answers:
    argv = [*program, "connect", to_lines(dict.fromkeys(attempts, seconds))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.splitlines()[-1] == "done", done.stderr
    return parse_replies(attempts, done.stdout)


def test_each_language_tells_what_became_of_each_attempt(program: list[str]) -> None:
    with serving(b"\x16\x03hello") as port, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()[1]
        attempts = [
            Attempt(Kind.TLS, "localhost", port, 4),
            Attempt(Kind.TCP, "127.0.0.1", port),
            Attempt(Kind.QUIC, "127.0.0.1", port),
            Attempt(Kind.TCP, "127.0.0.1", closed),
            Attempt(Kind.NAME, "localhost", 443, 4),
            Attempt(Kind.TLS, "nobody.invalid", 443),
        ]
        answers = run(program, attempts)
    tls, tcp, quic, refused, name, unknown = (answers[one] for one in attempts)
    assert [(one.address, one.result, one.data) for one in tls] == [("127.0.0.1", "ok", b"\x16\x03hello")]
    assert [(one.result, one.data) for one in tcp] == [("ok", b"")]
    assert [one.data[:5] for one in quic] == [b"\xc0\x1a\x2a\x3a\x4a"]
    assert [one.result for one in refused] == ["ECONNREFUSED"]
    assert [one.address for one in name] == ["127.0.0.1"]
    assert unknown == ()


def test_each_language_waits_no_longer_than_it_is_told(program: list[str]) -> None:
    silent = socket.socket(type=socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    with serving(b"late", delay=20) as port, silent:
        attempts = [
            Attempt(Kind.TLS, "127.0.0.1", port),
            Attempt(Kind.DNS, "127.0.0.1", silent.getsockname()[1]),
        ]
        begin = time.monotonic()
        answers = run(program, attempts, seconds=1)
    assert time.monotonic() - begin < 10
    # The one was connected, and said nothing; the other said nothing at all.
    assert [[(one.result, one.data) for one in replies] for replies in answers.values()] == [
        [("ok", b"")],
        [("timeout", b"")],
    ]


def test_each_language_listens_for_both_protocols(program: list[str]) -> None:
    argv = [*program, "listen", "127.0.0.1", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        try:
            word, port = listener.stdout.readline().split()
            assert word == "ready"
            answers = run(
                program,
                [Attempt(Kind.TCP, "127.0.0.1", int(port)), Attempt(Kind.DNS, "127.0.0.1", int(port))],
            )
        finally:
            listener.kill()
    assert [[one.result for one in replies] for replies in answers.values()] == [["ok"], ["ok"]]


def test_an_image_without_any_language_says_so() -> None:
    done = subprocess.run(
        [shutil.which("sh") or "/bin/sh", *_SH[1:]],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/nonexistent"},
    )
    assert done.stdout == "unavailable: the image has no perl, python3 or node to connect with\n"
