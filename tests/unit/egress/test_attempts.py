"""Attempts to connect: their lines, their payloads, and what a reply means."""

from __future__ import annotations

import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestproof.egress.attempts import (
    Attempt,
    Kind,
    Reply,
    client_hello,
    dns_query,
    parse_replies,
    payload_of,
    reached,
    split_host,
    to_lines,
)

TLS = Attempt(Kind.TLS, "api.example.net", 443)
HELLO = Reply("192.0.2.10", "ok", b"\x16\x03\x03")
SILENT = Reply("192.0.2.10", "ok")
REFUSED = Reply("192.0.2.10", "ECONNREFUSED")


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("example.com", "example.com", 443),
        ("example.com:22", "example.com", 22),
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("[2001:db8::1]", "2001:db8::1", 443),
        ("[2001:db8::1]:8443", "2001:db8::1", 8443),
    ],
)
def test_a_host_is_read_with_its_port(written: str, host: str, port: int) -> None:
    assert split_host(written) == (host, port)


@pytest.mark.parametrize("written", ["", ":443", "x:0", "x:65536", "x:y", "https://x", "*.x", "a b", "u@x"])
def test_what_is_no_host_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not of the form host or host:port"):
        split_host(written)


def test_the_first_message_of_a_handshake_names_the_host() -> None:
    hello = client_hello("api.example.net")
    assert hello[:1] == b"\x16"
    assert b"api.example.net" in hello
    # A server of the standard library understands it.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(incoming, outgoing, server_side=True)
    with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
        server.do_handshake()


def test_a_question_for_a_name_is_one_of_the_dns() -> None:
    question = dns_query("example.com")
    assert struct.unpack(">6H", question[:12])[1:] == (0x0100, 1, 0, 0, 0)
    assert question[12:] == b"\x07example\x03com\x00\x00\x01\x00\x01"


def test_a_packet_of_an_unknown_version_is_padded_to_what_servers_answer() -> None:
    (line,) = to_lines({Attempt(Kind.QUIC, "x", 443, 4): 2}).splitlines()
    assert line.split(" ")[:7] == ["0", "udp", "4", "x", "443", "2", "1200"]
    assert payload_of(Attempt(Kind.QUIC, "x", 443))[1:5] == bytes.fromhex("1a2a3a4a")


def test_a_proxy_is_asked_to_connect() -> None:
    asked = Attempt(Kind.PROXY, "proxy", 3128, 0, "example.com:443")
    assert payload_of(asked).startswith(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
    assert str(asked) == "example.com:443 through proxy:3128"


def test_replies_are_read_by_number_and_nonsense_is_left_out() -> None:
    other = Attempt(Kind.DNS, "192.0.2.53", 53)
    output = (
        "0 192.0.2.10 ok 160303\n0 2001:db8::1 timeout -\n0 192.0.2.10 ok 160303\n"
        "1 192.0.2.53 EPERM -\n7 192.0.2.1 ok -\n1 192.0.2.53 ok zz\nperl: warning: nothing\ndone\n"
    )
    assert parse_replies([TLS, other], output) == {
        TLS: (HELLO, Reply("2001:db8::1", "timeout")),
        other: (Reply("192.0.2.53", "EPERM"),),
    }


@pytest.mark.parametrize(
    ("replies", "control", "through"),
    [
        ((HELLO,), (HELLO,), True),
        ((REFUSED, HELLO), (HELLO,), True),
        ((REFUSED,), (HELLO,), False),
        ((), (HELLO,), False),
        # A wall that takes the connection and cuts the handshake.
        ((SILENT,), (HELLO,), False),
        # The host speaks no TLS, so that the connection is all there is.
        ((SILENT,), (SILENT,), True),
        ((SILENT,), (), True),
    ],
)
def test_a_host_is_reached_as_far_as_the_control_got(
    replies: tuple[Reply, ...], control: tuple[Reply, ...], through: bool
) -> None:
    assert reached(TLS, replies, control) is through


def test_a_proxy_counts_only_where_it_says_that_it_connected() -> None:
    asked = Attempt(Kind.PROXY, "proxy", 3128, 0, "example.com:443")
    yes, no = Reply("192.0.2.1", "ok", b"HTTP/1.0 200 yes"), Reply("192.0.2.1", "ok", b"HTTP/1.0 403 no")
    assert reached(asked, (yes,), ())
    assert not reached(asked, (no,), ())
    assert not reached(asked, (SILENT,), ())


@given(st.text())
def test_whatever_a_container_prints_is_read(output: str) -> None:
    assert set(parse_replies([TLS], output)) == {TLS}
