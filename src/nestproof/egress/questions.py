"""The attempts of each question, from what is declared and what can be reached. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.attempts import Answers, Attempt, Kind, family_of, split_host

METADATA = ("169.254.169.254", "fd00:ec2::254")
"""The addresses at which clouds give a machine its own credentials."""
DOCUMENTATION = ("192.0.2.1", "2001:db8::1")
"""Addresses that nobody has (RFC 5737, RFC 3849)."""
_NOBODY = Attempt(Kind.TCP, DOCUMENTATION[0], 443, 4)
OTHER_PORTS = (22, 80)
"""Ports on which a host must not be reached either, unless it is allowed there."""
_HTTP, _HTTPS = 80, 443
_DNS = 53


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Our listeners near the container: addresses and ports, empty or 0 where there is none."""

    host_ports: Mapping[str, int] = field(default_factory=dict)
    """The port of our listener on this machine, by the gateway's address."""
    published: Mapping[str, int] = field(default_factory=dict)
    """A port that a container publishes, by the gateway's address."""
    addresses: tuple[str, ...] = ()
    """The addresses of another container on the same network."""
    port: int = 0
    """The port on which it listens."""
    resolvers: tuple[str, ...] = ()
    """Addresses that answer a question on port 53, and that the profile did not ask for."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The attempts of each question."""

    allow: tuple[Attempt, ...] = ()
    deny: tuple[Attempt, ...] = ()
    ipv6: tuple[Attempt, ...] = ()
    neighbours: tuple[Attempt, ...] = ()
    metadata: tuple[Attempt, ...] = ()
    dns: tuple[Attempt, ...] = ()
    own_dns: tuple[Attempt, ...] = ()
    """The profile's own resolvers."""
    proxy_allow: tuple[Attempt, ...] = ()
    proxy_deny: tuple[Attempt, ...] = ()

    def of(self, name: str) -> tuple[Attempt, ...]:
        """The attempts of a probe, by its name."""
        return {
            "egress-allow": self.allow,
            "egress-deny": self.deny,
            "egress-ipv6": self.ipv6,
            "egress-neighbours": self.neighbours,
            "egress-metadata": self.metadata,
            "egress-dns": (*self.dns, *self.own_dns),
            "egress-proxy": (*self.proxy_allow, *self.proxy_deny),
        }[name]

    @property
    def refused(self) -> tuple[Attempt, ...]:
        """Those that must not succeed, but for what a proxy is asked."""
        return (*self.deny, *self.ipv6, *self.neighbours, *self.metadata, *self.dns)

    @property
    def every(self) -> tuple[Attempt, ...]:
        """All of them, each once."""
        through = (*self.proxy_allow, *self.proxy_deny)
        return tuple(dict.fromkeys((*self.allow, *self.refused, *self.own_dns, *through)))


def plan(
    declared: EgressDeclaration,
    neighbours: Neighbours,
    *,
    denied: Sequence[str],
    own_resolvers: Sequence[str],
) -> Questions:
    """The attempts; `denied` are hosts that are not allowed, where the profile declares none."""
    allowed = [split_host(one) for one in declared.allow]
    refused = list(declared.deny or denied) + (list(declared.allow) if declared.proxy else [])
    v6 = [address for address in neighbours.addresses if family_of(address) == 6]
    return Questions(
        # Behind a proxy nothing goes out directly, allowed or not.
        allow=() if declared.proxy else tuple(Attempt(Kind.TLS, host, port) for host, port in allowed),
        deny=tuple(dict.fromkeys(_denied(declared, refused, 4)))
        or (Attempt(Kind.TCP, DOCUMENTATION[0], _HTTPS, 4),),
        ipv6=(
            *dict.fromkeys(_denied(declared, refused, 6)),
            *(Attempt(Kind.TCP, address, neighbours.port, 6, of="another container") for address in v6),
            Attempt(Kind.TCP, DOCUMENTATION[1], _HTTPS, 6),
        ),
        neighbours=tuple(_near(neighbours)),
        metadata=tuple(Attempt(Kind.TCP, address, _HTTP) for address in METADATA),
        dns=tuple(
            Attempt(kind, address, _DNS, of="another container" if address in neighbours.addresses else "")
            for address in neighbours.resolvers
            if address not in declared.resolvers
            for kind in (Kind.DNS, Kind.TCP)
        ),
        own_dns=tuple(Attempt(Kind.DNS, address, _DNS) for address in own_resolvers),
        **_through_proxy(declared, allowed, [split_host(one) for one in declared.deny or denied]),
    )


def _denied(declared: EgressDeclaration, refused: Sequence[str], family: int) -> Iterator[Attempt]:
    """The attempts on hosts that are refused, and on other ports of those that are allowed."""
    for written in dict.fromkeys(refused):
        host, port = split_host(written)
        if family_of(host) not in (0, family):
            continue
        asked = [Attempt(Kind.TLS, host, port, family)]
        if not _has_port(written):
            asked += [Attempt(Kind.TCP, host, other, family) for other in OTHER_PORTS]
            asked.append(Attempt(Kind.QUIC, host, _HTTPS, family))
        yield from (one for one in asked if declared.proxy or not _is_allowed(declared, one.host, one.port))
    for written in declared.allow if not declared.proxy else ():
        host, _ = split_host(written)
        if _has_port(written) and family_of(host) in (0, family):
            for other in OTHER_PORTS:
                if not _is_allowed(declared, host, other) and (host, other) not in map(split_host, refused):
                    yield Attempt(Kind.TCP, host, other, family)


def _is_allowed(declared: EgressDeclaration, host: str, port: int) -> bool:
    """True if the port is; a host that is allowed by its name alone is allowed on every port."""
    return any(
        split_host(written)[0] == host and (not _has_port(written) or split_host(written)[1] == port)
        for written in declared.allow
    )


def _has_port(written: str) -> bool:
    return split_host(written, 1) == split_host(written, 2)


def _near(neighbours: Neighbours) -> Iterator[Attempt]:
    for address, port in neighbours.host_ports.items():
        yield Attempt(Kind.TCP, address, port, of="the host")
    for address, port in neighbours.published.items():
        yield Attempt(Kind.TCP, address, port, of="a published port")
    for address in neighbours.addresses:
        yield Attempt(Kind.TCP, address, neighbours.port, of="another container")


def _through_proxy(
    declared: EgressDeclaration, allowed: Sequence[tuple[str, int]], refused: Sequence[tuple[str, int]]
) -> dict[str, tuple[Attempt, ...]]:
    if not declared.proxy:
        return {}
    host, port = split_host(declared.proxy.partition("://")[2].rstrip("/") or declared.proxy, 3128)

    def through(hosts: Sequence[tuple[str, int]]) -> tuple[Attempt, ...]:
        return tuple(Attempt(Kind.PROXY, host, port, 0, f"{name}:{number}") for name, number in hosts)

    return {"proxy_allow": through(allowed), "proxy_deny": through(refused)}


def by_address(attempts: Sequence[Attempt], found: Answers) -> tuple[Attempt, ...]:
    """The same by the addresses that the bare container finds: no resolver is in the way of them."""
    made = (
        replace(one, host=reply.address, family=family_of(reply.address), name=one.host)
        for one in attempts
        for reply in found.get(names_of(one), ())
        if not one.by_address
    )
    return tuple(dict.fromkeys(made))


def names_of(attempt: Attempt) -> Attempt:
    """The attempt that only asks for the addresses of its host."""
    return Attempt(Kind.NAME, attempt.host, _HTTPS, attempt.family)
