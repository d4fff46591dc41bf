"""Rules as the container's own tools print them: chains, sets, and the end of a packet that nothing fits."""

from __future__ import annotations

import pytest

from nestproof.egress.firewall import Chain, parse_rules

# iptables 1.8.9, nftables 1.0.6 and ipset 7.17 in a container with NET_ADMIN.
BOTH = """\
== legacy4
== legacy6
*filter
:INPUT ACCEPT [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -o lo -j ACCEPT
COMMIT
== nft
# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain OUTPUT {
		type filter hook output priority filter; policy drop;
		oifname "lo" counter packets 0 bytes 0 accept
		tcp dport 443 xt match set counter packets 0 bytes 0 accept
	}
}
table inet agent {
	set named {
		type ipv4_addr
		elements = { 192.0.2.1,
		192.0.2.2 }
	}

	chain out {
		type filter hook output priority filter; policy accept;
		ip daddr @named counter packets 0 bytes 0 accept
		counter packets 3 bytes 180 reject with icmpx admin-prohibited
	}
}
== nft4
*filter
:OUTPUT DROP [0:0]
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 443 -m set --match-set allowed dst -j ACCEPT
-A OUTPUT -m comment --comment "the rest" -j REJECT --reject-with icmp-port-unreachable
COMMIT
== sets
create allowed hash:ip family inet hashsize 1024 maxelem 65536
add allowed 192.0.2.10
add allowed 192.0.2.11
create empty hash:net family inet
== resolvers
10.0.0.53
== capabilities
CapBnd:	00000000a80425fb
"""


def test_every_tool_is_read_and_no_table_twice() -> None:
    found = parse_rules(BOTH)
    assert [(chain.family, chain.tool, chain.policy, len(chain.rules)) for chain in found.chains] == [
        (6, "iptables-legacy", "DROP", 1),
        (4, "nft", "ACCEPT", 2),
        (6, "nft", "ACCEPT", 2),
        (4, "iptables", "DROP", 4),
    ]
    assert found.sets == {
        "named": ("192.0.2.1", "192.0.2.2"),
        "allowed": ("192.0.2.10", "192.0.2.11"),
        "empty": (),
    }
    assert found.resolvers == ("10.0.0.53",)
    assert "NET_ADMIN" not in found.capabilities
    assert "NET_RAW" in found.capabilities
    assert found.readable
    assert found.refuses(4)
    assert found.refuses(6)
    assert found.lets_any_resolver == "-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT"
    assert found.facts() == {
        "egress-ipv4": "policy ACCEPT, 2 rules (nft); policy DROP, 4 rules (iptables)",
        "egress-ipv6": "policy DROP, 1 rule (iptables-legacy); policy ACCEPT, 2 rules (nft)",
        "egress-sets": "named: 2, allowed: 2, empty: 0",
        "egress-resolvers": "10.0.0.53",
    }


def test_without_the_program_of_iptables_nft_its_tables_are_read_by_nft() -> None:
    found = parse_rules(BOTH.split("== nft4", maxsplit=1)[0])
    assert [(chain.family, chain.policy) for chain in found.chains] == [
        (6, "DROP"),
        (4, "DROP"),
        (4, "ACCEPT"),
        (6, "ACCEPT"),
    ]


@pytest.mark.parametrize(
    ("output", "readable"),
    [("", False), ("== sets\n== resolvers\n", False), ("== nft\n", True), ("== nft\n!! nft failed\n", False)],
)
def test_where_no_tool_reads_them_nothing_is_known(output: str, readable: bool) -> None:
    found = parse_rules(output)
    assert found.readable is readable
    assert found.is_untouched(4) is readable
    assert not found.refuses(4)


@pytest.mark.parametrize(
    ("policy", "rules", "end"),
    [
        ("DROP", (), "DROP"),
        ("ACCEPT", (), "ACCEPT"),
        ("ACCEPT", ("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -j REJECT --reject-with tcp-reset"), "REJECT"),
        ("DROP", ("-A OUTPUT -j ACCEPT", "-A OUTPUT -j REJECT"), "ACCEPT"),
        ("ACCEPT", ("-A OUTPUT -d 192.0.2.1/32 -j DROP",), "ACCEPT"),
        ("ACCEPT", ('-A OUTPUT -m comment --comment "all the rest" -j DROP',), "DROP"),
        ("ACCEPT", ('oifname "lo" accept', "REJECT with icmpx admin-prohibited"), "REJECT"),
        ("DROP", ("ip daddr 192.0.2.1 accept", "ACCEPT"), "ACCEPT"),
        ("DROP", ("-A OUTPUT -j AGENT",), "DROP"),
    ],
)
def test_the_end_of_a_packet_that_no_condition_fits(policy: str, rules: tuple[str, ...], end: str) -> None:
    assert Chain(4, "x", policy, rules).end == end
