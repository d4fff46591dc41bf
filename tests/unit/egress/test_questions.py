"""The attempts of each question: only hosts that are named, our own listeners, documentation addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.attempts import Attempt, Kind, Reply, payload_of
from nestproof.egress.questions import DOCUMENTATION, METADATA, Neighbours, by_address, names_of, plan

NEAR = Neighbours(
    host_ports={"172.18.0.1": 40000},
    published={"172.18.0.1": 32768},
    addresses=("172.18.0.5", "fd00::5"),
    port=7,
    resolvers=("203.0.113.53", "172.18.0.5"),
)


def declared(**more: Any) -> EgressDeclaration:
    return EgressDeclaration.model_validate(
        {"allow": ["api.example.net:443", "registry.example.net"], "deny": ["example.com"], **more}
    )


def shown(attempts: tuple[Attempt, ...]) -> list[str]:
    return [f"{one}{f' v{one.family}' if one.family else ''}" for one in attempts]


def test_the_attempts_of_each_question() -> None:
    found = plan(declared(), NEAR, denied=(), own_resolvers=("10.0.0.53",))
    assert shown(found.allow) == ["api.example.net:443", "registry.example.net:443"]
    # Of registry.example.net every port is allowed.
    refused = ["example.com:443", "example.com:22", "example.com:80", "example.com:443 over UDP"]
    refused += ["api.example.net:22", "api.example.net:80"]
    assert shown(found.deny) == [f"{one} v4" for one in refused]
    assert shown(found.ipv6) == [
        *(f"{one} v6" for one in refused),
        "another container ([fd00::5]:7) v6",
        "[2001:db8::1]:443 v6",
    ]
    assert shown(found.neighbours) == [
        "the host (172.18.0.1:40000)",
        "a published port (172.18.0.1:32768)",
        "another container (172.18.0.5:7)",
        "another container ([fd00::5]:7)",
    ]
    assert shown(found.metadata) == ["169.254.169.254:80", "[fd00:ec2::254]:80"]
    assert shown(found.dns) == [
        "203.0.113.53:53 (DNS)",
        "203.0.113.53:53",
        "another container (172.18.0.5:53)",
        "another container (172.18.0.5:53)",
    ]
    assert shown(found.own_dns) == ["10.0.0.53:53 (DNS)"]
    assert found.proxy_allow == found.proxy_deny == ()
    assert len(found.every) == len(set(found.every))


@pytest.mark.parametrize(
    ("allow", "deny", "asked"),
    [
        (["h:443", "h:80"], ["h:22"], ["h:22 v4"]),
        (["h"], ["h:22"], ["192.0.2.1:443 v4"]),
        ([], ["h:22"], ["h:22 v4"]),
        ([], ["203.0.113.1:25", "[2001:db8::9]"], ["203.0.113.1:25 v4"]),
    ],
)
def test_what_is_allowed_is_never_asked_as_refused(
    allow: list[str], deny: list[str], asked: list[str]
) -> None:
    found = plan(declared(allow=allow, deny=deny), Neighbours(), denied=(), own_resolvers=())
    assert shown(found.deny) == asked


def test_an_address_of_ipv6_that_is_denied_is_asked_over_ipv6() -> None:
    found = plan(declared(allow=[], deny=["[2001:db8::9]"]), Neighbours(), denied=(), own_resolvers=())
    assert "[2001:db8::9]:443 v6" in shown(found.ipv6)


def test_a_resolver_that_is_declared_is_none_that_must_be_refused() -> None:
    found = plan(declared(dns=["203.0.113.53"]), NEAR, denied=(), own_resolvers=())
    assert shown(found.dns) == ["another container (172.18.0.5:53)", "another container (172.18.0.5:53)"]


def test_behind_a_proxy_nothing_goes_out_directly() -> None:
    found = plan(declared(proxy="http://proxy:3128/"), NEAR, denied=(), own_resolvers=())
    assert found.allow == ()
    assert {"api.example.net:443 v4", "example.com:443 v4"} <= set(shown(found.deny))
    assert shown(found.proxy_allow) == [
        "api.example.net:443 through proxy:3128",
        "registry.example.net:443 through proxy:3128",
    ]
    assert shown(found.proxy_deny) == ["example.com:443 through proxy:3128"]


@pytest.mark.parametrize("more", [{}, {"deny": []}, {"allow": [], "deny": []}, {"proxy": "127.0.0.1:8888"}])
def test_nobody_elses_host_is_ever_asked(more: dict[str, Any]) -> None:
    said = declared(**more)
    found = plan(said, NEAR, denied=(), own_resolvers=("10.0.0.53",))
    named = {one.split(":")[0] for one in (*said.allow, *said.deny, said.proxy)}
    ours = {*NEAR.host_ports, *NEAR.published, *NEAR.addresses, *NEAR.resolvers, *METADATA, "10.0.0.53"}
    for one in found.every:
        assert one.host in named | ours | set(DOCUMENTATION), one
        assert not one.through or one.through.split(":")[0] in named


def test_hosts_that_are_not_declared_stand_in_only_where_the_internet_is_ours() -> None:
    without = plan(declared(deny=[]), NEAR, denied=(), own_resolvers=())
    within = plan(declared(deny=[]), NEAR, denied=("example.com",), own_resolvers=())
    assert not any(one.host == "example.com" for one in without.every)
    assert "example.com:443 v4" in shown(within.deny)


def test_the_same_is_asked_by_the_addresses_that_the_control_finds() -> None:
    tls, quic = Attempt(Kind.TLS, "example.com", 443, 4), Attempt(Kind.QUIC, "example.com", 443, 4)
    found = {names_of(tls): (Reply("203.0.113.10", "ok"), Reply("203.0.113.11", "ok"))}
    made = by_address([tls, quic], found)
    assert shown(made) == [
        "203.0.113.10:443 v4",
        "203.0.113.11:443 v4",
        "203.0.113.10:443 over UDP v4",
        "203.0.113.11:443 over UDP v4",
    ]
    # The handshake still names the host.
    assert b"example.com" in payload_of(made[0])


def test_documentation_addresses_are_reserved_for_it() -> None:
    four, six = map(ipaddress.ip_address, DOCUMENTATION)
    assert four in ipaddress.ip_network("192.0.2.0/24")
    assert six in ipaddress.ip_network("2001:db8::/32")
