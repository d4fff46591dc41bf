"""The attempts to connect: their lines for the scripts, and the replies. Pure.

A line that goes in reads `NUMBER KIND FAMILY HOST PORT SECONDS PAD DATA`. KIND is `tcp`, `udp` or `name`;
FAMILY is 4, 6, or 0 for both; DATA is hexadecimal, or `-`, and is padded with zeros to PAD bytes. The
addresses of the host are asked at once, until one of them answers; each is told by a line `NUMBER ADDRESS
RESULT DATA`: RESULT is `ok`, `timeout` or the name of an error. An attempt whose name is not resolved has no
line. The last line is `done`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SECONDS = 2
"""The time of one attempt where no packet comes back; all are made at once."""
QUICK_SECONDS = 1.0
"""The same for an attempt that is known to succeed without the firewall."""
NEAR_SECONDS = 0.4
"""The same where the other side is a stand-in on this machine, which answers within milliseconds."""
_NAMED = 6
_TLS_HANDSHAKE = 0x16
_TLS_ALERT = 0x15
_QUIC_BYTES = 1200
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::(?P<port>\d{1,5}))?", re.ASCII)


class Kind(StrEnum):
    """The protocol of an attempt, and what is sent over it."""

    TLS = "tls"
    TCP = "tcp"
    QUIC = "quic"
    DNS = "dns"
    PROXY = "proxy"
    NAME = "name"
    """Only the addresses of a name are asked for."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection to open; nothing is sent beyond the first message of a handshake."""

    kind: Kind
    host: str
    """A name or an address; of a proxy, its own."""
    port: int
    family: int = 0
    """4 or 6; 0 for every address that the name has."""
    through: str = ""
    """HOST:PORT that a proxy is asked for."""
    of: str = ""
    """A name for the listener there."""
    name: str = ""
    """The host's name, where it is asked by an address."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        over = {Kind.QUIC: " over UDP", Kind.DNS: " (DNS)"}.get(self.kind, "")
        if self.through:
            return f"{self.through} through {host}:{self.port}"
        return f"{self.of} ({host}:{self.port})" if self.of else f"{host}:{self.port}{over}"

    @property
    def by_address(self) -> bool:
        """True if no name has to be resolved for it."""
        return family_of(self.host) != 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a connection to one address."""

    address: str
    result: str
    data: bytes = b""

    @property
    def connected(self) -> bool:
        """True if the other side took the connection or, without one, sent an answer."""
        return self.result == "ok"


Replies = tuple[Reply, ...]
"""Those of one attempt, one for each address; empty if the name is not resolved."""
Answers = Mapping[Attempt, Replies]


def answered(attempt: Attempt, reply: Reply) -> bool:
    """True if the other side spoke the protocol that was asked for."""
    if not reply.connected:
        return False
    match attempt.kind:
        case Kind.TLS:
            return reply.data[:1] in (bytes([_TLS_HANDSHAKE]), bytes([_TLS_ALERT]))
        case Kind.PROXY:
            return reply.data.startswith(b"HTTP/") and reply.data.split(b" ")[1:2] == [b"200"]
        case _:
            return True


def reached(attempt: Attempt, replies: Replies, control: Replies) -> bool:
    """True if the host was reached: as far as the control got, where that is known.

    A wall that takes the connection itself, and then cuts the handshake, lets nobody reach the host.
    """
    in_full = attempt.kind is Kind.PROXY or any(answered(attempt, reply) for reply in control)
    return any(answered(attempt, one) if in_full else one.connected for one in replies)


def to_lines(attempts: Mapping[Attempt, float]) -> str:
    """The lines for the scripts, numbered from zero; `attempts` has the seconds of each."""
    lines = []
    for number, (one, seconds) in enumerate(attempts.items()):
        kind = {Kind.QUIC: "udp", Kind.DNS: "udp", Kind.NAME: "name"}.get(one.kind, "tcp")
        pad = _QUIC_BYTES if one.kind is Kind.QUIC else 0
        data = payload_of(one).hex() or "-"
        lines.append(f"{number} {kind} {one.family} {one.host} {one.port} {seconds:g} {pad} {data}")
    return "\n".join(lines)


def parse_replies(attempts: Sequence[Attempt], output: str) -> dict[Attempt, Replies]:
    """Read what the scripts printed; lines that make no sense are left out."""
    found: dict[Attempt, list[Reply]] = {one: [] for one in attempts}
    for line in output.splitlines():
        words = line.split(" ")
        if len(words) == len(("number", "address", "result", "data")):
            written, address, result, data = words
            try:
                number = int(written) if written.isascii() and written.isdecimal() else -1
                reply = Reply(address, result, b"" if data == "-" else bytes.fromhex(data))
            except ValueError:
                continue
            if 0 <= number < len(attempts) and reply not in found[attempts[number]]:
                found[attempts[number]].append(reply)
    return {one: tuple(replies) for one, replies in found.items()}


def payload_of(attempt: Attempt) -> bytes:
    """The data to send once the connection is open."""
    match attempt.kind:
        case Kind.TLS:
            return client_hello(attempt.name or attempt.host)
        case Kind.PROXY:
            return f"CONNECT {attempt.through} HTTP/1.1\r\nHost: {attempt.through}\r\n\r\n".encode()
        case Kind.DNS:
            return dns_query("nestproof.invalid")
        case Kind.QUIC:
            return _QUIC
        case Kind.TCP | Kind.NAME:
            return b""


def client_hello(host: str) -> bytes:
    """The first message of a TLS handshake, with the name of the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    return outgoing.read()


def dns_query(name: str) -> bytes:
    """A question for the addresses of a name (RFC 1035, section 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 0x6E70, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">B2H", 0, 1, 1)


# A packet of a version that is reserved for this: a server answers with those that it speaks (RFC 9000,
# sections 6.3 and 17.2.1).
_QUIC = bytes([0xC0]) + bytes.fromhex("1a2a3a4a") + bytes([8]) + b"nestprof" + bytes([8]) + b"nestprof"


def family_of(host: str) -> int:
    """4 or 6 for an address; 0 for a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def split_host(written: str, port: int = 443) -> tuple[str, int]:
    """The host and port of `host`, `host:port`, `[address]:port`; raises ValueError for anything else."""
    found = _HOST.fullmatch(written)
    number = int(found["port"] or port) if found else 0
    if found is None or not 0 < number < 1 << 16:
        raise ValueError(f"{written!r} is not of the form host or host:port")
    return found["address"] or found["name"], number


def named(attempts: Sequence[Attempt]) -> str:
    """The first of the attempts in words; more than a few say no more than their number."""
    words = [f"{one}{'' if one.by_address or one.kind is Kind.PROXY else _over(one)}" for one in attempts]
    words = list(dict.fromkeys(words))
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more


def _over(attempt: Attempt) -> str:
    return " over IPv6" if attempt.family == 6 and not attempt.of else ""
