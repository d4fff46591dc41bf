"""Probes of the container's firewall; the package egress asks and judges them."""

from __future__ import annotations

from nestproof.core.outcome import Status
from nestproof.probes.probe import Probe

PACK = "egress"
_VERDICTS = frozenset(Status)


def _probe(name: str, question: str, why: str, fails: str, *, control: str) -> Probe:
    return Probe(
        name=f"egress-{name}",
        pack=PACK,
        question=question,
        why=why,
        control=(f"control: {control}",),
        fails=fails,
        verdicts=_VERDICTS,
    )


EGRESS = (
    _probe(
        "allow",
        "Is each allowed host reached by its name, with a TLS handshake?",
        "a script that ends between the policy and the rules leaves no network at all",
        "an allowed host is not reached",
        control="a container without the firewall reaches it",
    ),
    _probe(
        "deny",
        "Is every other host refused: by name, by address, on other ports, over UDP?",
        "a script that ends before its policy leaves everything open, and the container looks healthy",
        "a host that is not allowed is reached",
        control="a container without the firewall reaches it",
    ),
    _probe(
        "ipv6",
        "Is it refused over IPv6, too?",
        "iptables rules say nothing about IPv6",
        "a host that is not allowed is reached over IPv6",
        control="a container without the firewall reaches it over IPv6",
    ),
    _probe(
        "neighbours",
        "Are the host's own services, published ports and other containers refused?",
        "scripts often accept the whole subnet of the bridge",
        "the host or another container is reached",
        control="a container without the firewall reaches our own listeners there",
    ),
    _probe(
        "metadata",
        "Is the cloud's metadata address refused?",
        "it gives the credentials of the machine to whoever asks",
        "the cloud's metadata address is reached",
        control="a container without the firewall reaches something there",
    ),
    _probe(
        "dns",
        "Is no resolver asked but the profile's own?",
        "a name in a question is a way out",
        "a resolver that nobody named is asked",
        control="the profile's own resolver answers",
    ),
    _probe(
        "proxy",
        "Does the declared proxy refuse what is not allowed?",
        "a proxy that connects to everything is no firewall",
        "the proxy connects to a host that is not allowed",
        control="an allowed host is reached through it",
    ),
    _probe(
        "sandbox",
        "Is nothing reached from inside the agent's sandbox, allowed or not?",
        "what a model has run needs no network, unless the profile says so",
        "a command in the agent's sandbox reaches a host",
        control="outside of it, the same host is reached",
    ),
    _probe(
        "rerun",
        "After the start command runs a second time, is it still closed, and open for what is allowed?",
        "scripts that make a set a second time, or flush first, end in the middle",
        "the start command does not stand a second run",
        control="a container without the firewall reaches the same hosts",
    ),
    _probe(
        "restart",
        "After a restart, is it still closed, and open for what is allowed?",
        "a restart loses all rules",
        "a restart opens the firewall, or closes it for good",
        control="a container without the firewall reaches the same hosts",
    ),
    _probe(
        "tamper",
        "Can the remote user open it: by sudo, by the script's own variables and files, by a capability?",
        "a firewall that the agent's own user opens is none",
        "the remote user opens the firewall",
        control="a rule that root adds opens it",
    ),
)
