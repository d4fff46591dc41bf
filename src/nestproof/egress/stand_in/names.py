"""The names and addresses of a stand-in Internet: documentation addresses, which nobody has. Pure.

Sources: RFC 5737 and RFC 3849.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.attempts import family_of, split_host
from nestproof.egress.questions import METADATA

DENIED = ("example.com",)
"""The hosts that are not allowed, where the profile names none."""
FOREIGN_RESOLVERS = ("203.0.113.53", "2001:db8:3::53")
_NETWORKS = (
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32",
    f"{METADATA[0]}/32", f"{METADATA[1]}/128",
)  # fmt: skip
_REST = ("198.51.100.10", "2001:db8:2::10")
_SHARED = ("192.0.2.200", "2001:db8:1::200")
_FIRST, _SECOND, _LATER = 10, 90, 150
_MOST = 60
_TLS = (443, 853, 8443)
_PLAIN = (22, 80, 8080)


def plan_names(declared: EgressDeclaration) -> dict[str, Any]:
    """The plan for the servers: see stand_in/server.py."""
    odd = declared.stand_in
    allowed = _hosts(declared.allow)
    denied = _hosts(declared.deny or DENIED)
    names: dict[str, list[str]] = {}
    later: dict[str, list[str]] = {}
    for index, name in enumerate(allowed):
        names[name] = _pair("192.0.2", "1", _FIRST + index)
        if name in odd.several:
            names[name] += _pair("192.0.2", "1", _SECOND + index)
        if name in odd.changing:
            later[name] = _pair("192.0.2", "1", _LATER + index)
        if name in odd.duplicate:
            names[name] = list(_SHARED)
    names |= {name: _pair("203.0.113", "3", _FIRST + index) for index, name in enumerate(denied)}
    names |= {name: [] for name in odd.gone}
    ports = {port for _, port in map(split_host, (*declared.allow, *declared.deny))}
    github = next((names[name] for name in names if name.endswith("github.com") and names[name]), list(_REST))
    ranges = [f"{address}/{128 if ':' in address else 32}" for address in github]
    return {
        "names": names,
        "later": later,
        "rest": list(_REST),
        "networks": list(_NETWORKS),
        "tls": sorted({*_TLS, *ports} - set(_PLAIN)),
        "plain": list(_PLAIN),
        "meta": dict.fromkeys("web api git hooks packages actions".split(), ranges),
    }


def _hosts(written: Sequence[str]) -> tuple[str, ...]:
    hosts = [split_host(one)[0].lower() for one in written]
    return tuple(dict.fromkeys(host for host in hosts if not family_of(host)))[:_MOST]


def _pair(four: str, six: str, number: int) -> list[str]:
    return [f"{four}.{number}", f"2001:db8:{six}::{number}"]
