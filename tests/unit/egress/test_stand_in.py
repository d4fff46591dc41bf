"""The names of a stand-in Internet: addresses of nobody, and what is asked for to go wrong."""

from __future__ import annotations

import ipaddress
from typing import Any

from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.stand_in.names import plan_names


def names(**declared: Any) -> dict[str, Any]:
    return plan_names(EgressDeclaration.model_validate(declared))


def test_allowed_and_denied_hosts_have_addresses_of_their_own() -> None:
    plan = names(allow=["api.example.net:443", "API.example.net:22", "192.0.2.77"], deny=["example.com"])
    assert plan["names"] == {
        "api.example.net": ["192.0.2.10", "2001:db8:1::10"],
        "example.com": ["203.0.113.10", "2001:db8:3::10"],
    }
    assert plan["rest"] == ["198.51.100.10", "2001:db8:2::10"]


def test_every_address_is_one_that_the_servers_answer_for() -> None:
    odd = {"several": ["a.example"], "duplicate": ["b.example"], "changing": ["a.example"]}
    plan = names(allow=["a.example", "b.example", "c.example:8443"], standIn=odd)
    networks = [ipaddress.ip_network(network) for network in plan["networks"]]
    given = [*plan["names"].values(), *plan["later"].values(), plan["rest"]]
    for address in (ipaddress.ip_address(one) for addresses in given for one in addresses):
        assert any(address in network for network in networks if network.version == address.version)
    assert 8443 in plan["tls"]
    assert not set(plan["tls"]) & set(plan["plain"])


def test_what_goes_wrong_with_names_is_as_declared() -> None:
    odd = {
        "several": ["a.example"],
        "duplicate": ["b.example", "c.example"],
        "changing": ["a.example"],
        "gone": ["d.example"],
    }
    plan = names(allow=["a.example", "b.example", "c.example"], standIn=odd)
    found = plan["names"]
    assert len(found["a.example"]) == 4
    assert found["b.example"] == found["c.example"]
    assert found["d.example"] == []
    assert set(plan["later"]) == {"a.example"}
    assert not set(plan["later"]["a.example"]) & set(found["a.example"])


def test_the_code_forges_list_of_addresses_is_its_own_in_there() -> None:
    assert names(allow=["api.github.com"])["meta"]["api"] == ["192.0.2.10/32", "2001:db8:1::10/128"]
    assert names()["meta"]["web"] == ["198.51.100.10/32", "2001:db8:2::10/128"]


def test_without_a_list_one_host_is_there_to_be_refused() -> None:
    assert names()["names"] == {"example.com": ["203.0.113.10", "2001:db8:3::10"]}
