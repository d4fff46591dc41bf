"""Name the layer that lets a connection out, or holds one back, and the line to write. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from nestproof.egress.aborts import diagnose_abort
from nestproof.egress.attempts import Attempt, Kind
from nestproof.egress.firewall import Chain
from nestproof.egress.seen import Seen

_NETWORK = re.compile(r"(?:-d |daddr )([0-9a-fA-F.:]+(?:/\d+)?)")
_TOOLS = {4: "iptables", 6: "ip6tables"}


def what_lets_out(seen: Seen, attempt: Attempt) -> tuple[str, str]:
    """The cause and the fix for a connection that should have been refused."""
    family = _family_of(attempt)
    tool, firewall = _TOOLS[family], seen.firewall
    closing = f"{tool} -A OUTPUT -o lo -j ACCEPT, then {tool} -P OUTPUT DROP"
    if not firewall.readable:
        said = "no tool in the image reads the rules (iptables-save, nft), so that the layer is not known"
        return _with_abort(seen, said, closing)
    if firewall.is_untouched(family):
        if family == 6 and not firewall.is_untouched(4):
            return "the IPv6 table is untouched: policy ACCEPT, no rule", closing
        return _with_abort(seen, "there is no rule at all: policy ACCEPT, nothing is refused", closing)
    if not firewall.refuses(family):
        return _no_end(seen, family)
    return _lets_it_out(seen, attempt, family)


def _lets_it_out(seen: Seen, attempt: Attempt, family: int) -> tuple[str, str]:
    """The cause and the fix where a rule of a firewall that stands accepts the connection."""
    if shared := _shares_an_address(seen, attempt):
        said = f"{attempt.host} has the address of {shared}, which is allowed: rules about addresses"
        return (
            f"{said} do not tell the two apart",
            "go through a proxy that knows names, or take the host out of what is to be refused",
        )
    for rule in _rules_for(seen, attempt, family):
        return f"the rule `{rule}` lets it out", f"remove that rule, or narrow it: {_narrow(attempt)}"
    tool = _TOOLS[family]
    return "a rule or set of the firewall lets it out", f"{tool}-save shows the rules: remove the one for it"


def _shares_an_address(seen: Seen, attempt: Attempt) -> str:
    """The allowed host at the same address and port; empty if there is none."""
    addresses = set(seen.addresses(attempt))
    others = [one for one in seen.questions.allow if one.port == attempt.port and one.host != attempt.host]
    return next((one.host for one in others if addresses.intersection(seen.addresses(one))), "")


def _no_end(seen: Seen, family: int) -> tuple[str, str]:
    """The cause and the fix where there are rules, and what none of them fits is accepted."""
    for chain in seen.firewall.of(family):
        if early := _early_accept(chain):
            return (
                f"the order of the rules: `{early}` accepts everything before a rule refuses anything",
                f"remove `{early}`, or write it with what it is for (-d, -o, --dport)",
            )
    said = "the policy of OUTPUT is ACCEPT, and no rule refuses the rest"
    return _with_abort(seen, said, f"{_TOOLS[family]} -P OUTPUT DROP")


def what_holds_back(seen: Seen, attempt: Attempt) -> tuple[str, str]:
    """The cause and the fix for an allowed connection that is refused."""
    if attempt.kind is Kind.PROXY:
        return (
            "the proxy does not answer, or refuses what is allowed",
            "look at the proxy's log, and at the rule that lets its user out; start it in postStartCommand, "
            "as a restart ends it",
        )
    firewall, family = seen.firewall, _family_of(attempt)
    accepting = [rule for rule in _accepting(seen, family) if not re.search(r"\blo\b|ESTABLISHED", rule)]
    if firewall.readable and firewall.refuses(family) and not accepting:
        rule = f"iptables -A OUTPUT -d ADDRESS -p tcp --dport {attempt.port} -j ACCEPT"
        said = "everything is refused, and no rule accepts what is allowed"
        return _with_abort(seen, said, f"{rule} before the policy is DROP")
    if not seen.is_resolved(attempt):
        resolver = next((one for one in firewall.resolvers if not one.startswith("127.")), "RESOLVER")
        behind = " (Docker's 127.0.0.11 asks the one behind it from inside)" if resolver == "RESOLVER" else ""
        said = f"the name {attempt.host} has no address inside: no resolver is reached, or it refuses{behind}"
        rule = f"iptables -A OUTPUT -p udp -d {resolver} --dport 53 -j ACCEPT"
        return _with_abort(seen, said, f"{rule} before the policy is DROP")
    for name, members in firewall.sets.items():
        if not members and any(name in rule for chain in firewall.chains for rule in chain.rules):
            said = f"the set {name} is empty, so that the rule for it accepts nothing"
            return _with_abort(seen, said, f"ipset add -exist {name} ADDRESS for each address of each name")
    addresses = [reply.address for reply in seen.here.get(attempt, ())]
    if firewall.readable and not any(_is_accepted(seen, address) for address in addresses):
        said = (
            f"{attempt.host} has the address {', '.join(addresses)}, which no set and no rule has: it had "
            "another one when the firewall was set up, or was left out"
        )
        often = "set the addresses again from time to time, or go through a proxy that knows names"
        return _with_abort(seen, said, often)
    return _with_abort(seen, "a rule of the firewall refuses it", "iptables-save shows the rules")


def _with_abort(seen: Seen, cause: str, fix: str) -> tuple[str, str]:
    """The same, with the command that failed in the place of the line to write, where one did."""
    if seen.aborted is None:
        return cause, fix
    ended = seen.aborted
    where = f"{ended.script or ended.name} ended at {ended.line}" if ended.line else f"{ended.name} failed"
    diagnosis = diagnose_abort(ended.said)
    why = f"{diagnosis.cause} ({ended.said})" if diagnosis else ended.said
    return f"{cause}: {where}: {why}", diagnosis.fix if diagnosis else f"mend {ended.name}, then: {fix}"


def _family_of(attempt: Attempt) -> int:
    """The family whose rules decide; of a name that has addresses of both, those of IPv4."""
    return attempt.family or (6 if ":" in attempt.host else 4)


def _early_accept(chain: Chain) -> str:
    rules = [rule for rule in chain.rules if re.fullmatch(r"(?:-A OUTPUT -j )?ACCEPT(?: .*)?", rule)]
    return rules[0] if rules else ""


def _accepting(seen: Seen, family: int) -> Iterator[str]:
    for chain in seen.firewall.of(family):
        yield from (rule for rule in chain.rules if re.search(r"\baccept\b", rule, re.IGNORECASE))


def _rules_for(seen: Seen, attempt: Attempt, family: int) -> Iterator[str]:
    """The accepting rules that name the address, a network around it, or its port for everybody."""
    addresses = seen.addresses(attempt) or (attempt.host,)
    other = "tcp" if attempt.kind in (Kind.QUIC, Kind.DNS) else "udp"
    rules = [rule for rule in _accepting(seen, family) if not re.search(rf"\b{other}\b", rule)]
    for rule in rules:
        networks = _NETWORK.findall(rule)
        port = re.search(r"dport (\d+)", rule)
        is_for_anybody = not networks and not re.search(r"match-set|@", rule)
        if any(_within(address, network) for network in networks for address in addresses) or (
            port is not None and int(port[1]) == attempt.port and is_for_anybody
        ):
            yield rule
    for name, members in seen.firewall.sets.items():
        if any(_within(address, member) for member in members for address in addresses):
            yield from (rule for rule in rules if name in rule)


def _is_accepted(seen: Seen, address: str) -> bool:
    networks = [n for family in (4, 6) for rule in _accepting(seen, family) for n in _NETWORK.findall(rule)]
    members = [member for one in seen.firewall.sets.values() for member in one]
    return any(_within(address, network) for network in (*networks, *members))


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _narrow(attempt: Attempt) -> str:
    if attempt.port == 53:
        return "-d RESOLVER --dport 53"
    return "-d ADDRESS -p tcp --dport PORT for each that is needed"
