"""Verdicts on a firewall, from replies and rules alone: a refusal without its control counts for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nestproof.core.outcome import Status
from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.attempts import Answers, Attempt, Kind, Reply
from nestproof.egress.firewall import Chain, Firewall
from nestproof.egress.questions import Questions
from nestproof.egress.seen import Aborted, Seen
from nestproof.egress.verdicts import (
    JUDGES,
    judge_again,
    judge_allow,
    judge_deny,
    judge_dns,
    judge_ipv6,
    judge_metadata,
    judge_neighbours,
    judge_proxy,
    judge_sandbox,
)
from nestproof.probes.egress import EGRESS
from nestproof.probes.verdicts import Judgement

ALLOWED = Attempt(Kind.TLS, "api.example.net", 443)
DENIED = Attempt(Kind.TLS, "example.com", 443, 4)
ELSEWHERE = (Reply("203.0.113.10", "ok", b"\x16"),)
QUIC = Attempt(Kind.QUIC, "example.com", 443, 4)
SIX = Attempt(Kind.TLS, "example.com", 443, 6)
NEAR = Attempt(Kind.TCP, "172.18.0.5", 7, of="another container")
METADATA = Attempt(Kind.TCP, "169.254.169.254", 80)
OTHER = Attempt(Kind.DNS, "203.0.113.53", 53)
OWN = Attempt(Kind.DNS, "10.0.0.53", 53)
PROXY = Attempt(Kind.PROXY, "proxy", 3128, 0, "api.example.net:443")
PROXY_DENIED = Attempt(Kind.PROXY, "proxy", 3128, 0, "example.com:443")
QUESTIONS = Questions(
    (ALLOWED,), (DENIED, QUIC), (SIX,), (NEAR,), (METADATA,), (OTHER,), (OWN,), (PROXY,), (PROXY_DENIED,)
)
YES = (Reply("192.0.2.10", "ok", b"\x16"),)
YES_SIX = (Reply("2001:db8::10", "ok", b"\x16"),)
NO = (Reply("192.0.2.10", "EHOSTUNREACH"),)
HTTP = (Reply("192.0.2.1", "ok", b"HTTP/1.1 200 yes"),)
EVERYTHING: Answers = dict.fromkeys(QUESTIONS.every, YES) | {SIX: YES_SIX}
RIGHT: Answers = dict.fromkeys(QUESTIONS.every, NO) | {ALLOWED: YES, OWN: YES, PROXY: HTTP}
CLOSED = Chain(4, "iptables", "DROP", ("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -d 192.0.2.0/24 -j ACCEPT"))
CLOSED_SIX = Chain(6, "iptables", "DROP", ("-A OUTPUT -o lo -j ACCEPT",))
WALL = Firewall((CLOSED, CLOSED_SIX), {}, ("10.0.0.53",), frozenset(), readable=True)
OPEN = Firewall(readable=True)
ENDED = Aborted("postStartCommand", "aggregate: command not found", "line 7: aggregate -q", "/opt/init.sh")


def seen(
    here: Answers = RIGHT, *, bare: Answers = EVERYTHING, firewall: Firewall = WALL, **more: Any
) -> Seen:
    declared = EgressDeclaration.model_validate(more.pop("declared", {}))
    more.setdefault("closed", (DENIED, QUIC, SIX, METADATA, OTHER))
    return Seen(declared, QUESTIONS, {**RIGHT, **here}, {**EVERYTHING, **bare}, firewall, **more)


def after_a_restart(one: Seen) -> Judgement:
    return judge_again(one, "after a restart")


def in_the_sandbox(one: Seen) -> Judgement:
    """With what is allowed reached outside of it."""
    return judge_sandbox(one, seen())


EVERY: dict[str, Callable[[Seen], Judgement]] = {
    **JUDGES,
    "egress-restart": after_a_restart,
    "egress-sandbox": in_the_sandbox,
}


@pytest.mark.parametrize("name", [*JUDGES, "egress-restart"])
def test_what_is_closed_and_open_as_it_must_be_passes(name: str) -> None:
    judged = EVERY[name](seen())
    assert judged.status is Status.PASS, judged
    assert not judged.cause


def test_every_probe_of_the_table_is_judged() -> None:
    elsewhere = {"egress-rerun", "egress-tamper"}  # judge_again, and test_tamper.py
    assert {probe.name for probe in EGRESS} == set(EVERY) | elsewhere


@pytest.mark.parametrize(
    ("judge", "attempt", "said"),
    [
        (judge_deny, DENIED, "a host that is not allowed is reached: example.com:443"),
        (judge_deny, QUIC, "a host that is not allowed is reached: example.com:443 over UDP"),
        (judge_ipv6, SIX, "it is reached over IPv6: example.com:443 over IPv6"),
        (judge_neighbours, NEAR, "the host or another container is reached: another container (172.18"),
        (judge_metadata, METADATA, "the cloud's metadata service is reached: 169.254.169.254:80"),
        (judge_dns, OTHER, "any resolver is asked: 203.0.113.53:53 (DNS)"),
        (after_a_restart, DENIED, "after a restart it is open: example.com:443"),
        (after_a_restart, SIX, "after a restart it is open: example.com:443 over IPv6"),
    ],
)
def test_what_is_reached_and_must_not_be_is_a_fail(
    judge: Callable[[Seen], Judgement], attempt: Attempt, said: str
) -> None:
    judged = judge(seen({attempt: YES_SIX if attempt is SIX else YES}))
    assert judged.status is Status.FAIL
    assert judged.summary.startswith(said)
    assert judged.cause
    assert judged.fix


@pytest.mark.parametrize(
    ("judge", "attempts"),
    [
        (judge_deny, (DENIED, QUIC)),
        (judge_ipv6, (SIX,)),
        (judge_neighbours, (NEAR,)),
        (judge_metadata, (METADATA,)),
        (judge_dns, (OTHER,)),
        (judge_dns, (OTHER, OWN, ALLOWED)),
    ],
)
def test_a_refusal_without_its_control_shows_nothing(
    judge: Callable[[Seen], Judgement], attempts: tuple[Attempt, ...]
) -> None:
    dead: Answers = dict.fromkeys(attempts, NO)
    judged = judge(seen(dict.fromkeys(attempts, ()), bare=dead))
    assert judged.status is Status.UNVERIFIED, judged
    assert judged.cause


def test_what_nothing_answers_is_named_beside_what_was_shown() -> None:
    judged = judge_deny(seen(bare={QUIC: NO}))
    assert judged.status is Status.PASS
    assert judged.summary == (
        "hosts that are not allowed are refused: example.com:443; "
        "not shown, as nothing answers there: example.com:443 over UDP"
    )


def test_openness_needs_no_control() -> None:
    assert judge_deny(seen({DENIED: YES}, bare={DENIED: NO, QUIC: NO})).status is Status.FAIL


def test_an_allowed_host_that_is_dead_for_everybody_is_no_fail() -> None:
    assert judge_allow(seen({ALLOWED: NO}, bare={ALLOWED: NO})).status is Status.UNVERIFIED
    assert judge_allow(seen({ALLOWED: NO})).status is Status.FAIL


def test_a_declared_open_resolver_is_degraded() -> None:
    judged = judge_dns(seen({OTHER: YES}, declared={"dns": "open"}))
    assert judged.status is Status.DEGRADED
    assert judge_dns(seen(declared={"dns": "open"})).status is Status.PASS


def test_a_proxy_is_judged_by_its_own_words() -> None:
    assert judge_proxy(seen({PROXY_DENIED: HTTP})).status is Status.FAIL
    # What the proxy refuses is not there at all.
    assert judge_proxy(seen(bare={DENIED: NO, QUIC: NO})).status is Status.UNVERIFIED
    silent = judge_proxy(seen({PROXY: YES}))
    assert silent.status is Status.FAIL
    assert "nothing goes through the proxy" in silent.summary


NOTHING: Answers = dict.fromkeys(QUESTIONS.every, ())


def test_in_the_sandbox_nothing_is_reached() -> None:
    assert in_the_sandbox(seen(NOTHING)).status is Status.PASS
    assert in_the_sandbox(seen({**NOTHING, ALLOWED: YES})).status is Status.FAIL
    # What is not reached outside of it either shows nothing.
    assert judge_sandbox(seen(NOTHING), seen({ALLOWED: NO})).status is Status.UNVERIFIED


def test_a_sandbox_that_may_reach_what_is_allowed_reaches_that_alone() -> None:
    may: Any = {"declared": {"tools": "sandbox"}}
    assert in_the_sandbox(seen({**NOTHING, ALLOWED: YES}, **may)).status is Status.PASS
    assert in_the_sandbox(seen(NOTHING, **may)).status is Status.FAIL
    assert in_the_sandbox(seen({**NOTHING, ALLOWED: YES, DENIED: YES}, **may)).status is Status.FAIL


# The layer


def wall(*rules: str, policy: str = "DROP", **sets: tuple[str, ...]) -> Firewall:
    return Firewall((Chain(4, "iptables", policy, rules), CLOSED_SIX), sets, ("10.0.0.53",), readable=True)


@pytest.mark.parametrize(
    ("firewall", "cause", "fix"),
    [
        (OPEN, "there is no rule at all", "iptables -P OUTPUT DROP"),
        (Firewall(), "no tool in the image reads the rules", "iptables -P OUTPUT DROP"),
        (wall("-A OUTPUT -o lo -j ACCEPT", policy="ACCEPT"), "no rule refuses the rest", "-P OUTPUT DROP"),
        (
            wall("-A OUTPUT -j ACCEPT", "-A OUTPUT -j REJECT"),
            "the order of the rules: `-A OUTPUT -j ACCEPT`",
            "remove `-A OUTPUT -j ACCEPT`",
        ),
        (
            wall("-A OUTPUT -d 203.0.113.0/24 -j ACCEPT"),
            "the rule `-A OUTPUT -d 203.0.113.0/24 -j ACCEPT` lets it out",
            "narrow it",
        ),
        (
            wall("-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT"),
            "--dport 443 -j ACCEPT` lets it out",
            "narrow it",
        ),
        (
            wall("-A OUTPUT -m set --match-set allowed dst -j ACCEPT", allowed=("203.0.113.0/28",)),
            "--match-set allowed dst -j ACCEPT` lets it out",
            "narrow it",
        ),
        # Neither the other protocol's rule, nor that of a set without the address.
        (
            wall(
                "-A OUTPUT -p udp --dport 443 -j ACCEPT", "-A OUTPUT -m set --match-set a dst -j ACCEPT", a=()
            ),
            "a rule or set of the firewall lets it out",
            "iptables-save",
        ),
    ],
)
def test_the_layer_that_lets_a_connection_out(firewall: Firewall, cause: str, fix: str) -> None:
    judged = judge_deny(seen({DENIED: ELSEWHERE}, bare={DENIED: ELSEWHERE}, firewall=firewall))
    assert cause in judged.cause
    assert fix in judged.fix


def test_two_hosts_at_one_address_cannot_be_told_apart_by_rules() -> None:
    """As on a content delivery network."""
    rule = "-A OUTPUT -p tcp -d 192.0.2.10/32 --dport 443 -j ACCEPT"
    judged = judge_deny(seen({DENIED: YES}, firewall=wall(rule)))
    assert judged.status is Status.FAIL
    assert judged.cause.startswith("example.com has the address of api.example.net, which is allowed")
    assert "proxy" in judged.fix


def test_an_untouched_table_for_ipv6_is_named_beside_one_for_ipv4() -> None:
    only_four = Firewall((CLOSED,), {}, (), readable=True)
    judged = judge_ipv6(seen({SIX: YES_SIX}, firewall=only_four))
    assert judged.cause == "the IPv6 table is untouched: policy ACCEPT, no rule"
    assert judged.fix == "ip6tables -A OUTPUT -o lo -j ACCEPT, then ip6tables -P OUTPUT DROP"


@pytest.mark.parametrize(
    ("here", "firewall", "cause", "fix"),
    [
        (NO, wall("-A OUTPUT -o lo -j ACCEPT"), "no rule accepts what is allowed", "--dport 443 -j ACCEPT"),
        ((), wall("-A OUTPUT -d 10.0.0.1/32 -j ACCEPT"), "has no address inside", "-d 10.0.0.53 --dport 53"),
        (
            NO,
            wall("-A OUTPUT -m set --match-set allowed dst -j ACCEPT", allowed=()),
            "the set allowed is empty",
            "ipset add -exist allowed",
        ),
        (
            NO,
            wall("-A OUTPUT -m set --match-set allowed dst -j ACCEPT", allowed=("192.0.2.99",)),
            "api.example.net has the address 192.0.2.10, which no set and no rule has",
            "set the addresses again",
        ),
        (
            NO,
            wall("-A OUTPUT -p udp -d 192.0.2.10/32 -j ACCEPT"),
            "a rule of the firewall refuses it",
            "iptables-save",
        ),
    ],
)
def test_the_layer_that_holds_an_allowed_connection_back(
    here: tuple[Reply, ...], firewall: Firewall, cause: str, fix: str
) -> None:
    judged = judge_allow(seen({ALLOWED: here}, firewall=firewall))
    assert judged.status is Status.FAIL
    assert cause in judged.cause
    assert fix in judged.fix


def test_a_script_that_ended_is_the_cause_and_what_mends_it_the_fix() -> None:
    judged = judge_deny(seen({DENIED: YES}, firewall=OPEN, aborted=ENDED))
    assert judged.cause == (
        "there is no rule at all: policy ACCEPT, nothing is refused: /opt/init.sh ended at line 7: "
        "aggregate -q: the image lacks the program aggregate (aggregate: command not found)"
    )
    assert judged.fix == "install the package of aggregate in the Dockerfile"


def test_rules_that_a_restart_loses_are_those_of_a_command_that_runs_once() -> None:
    one = seen({DENIED: YES}, firewall=OPEN, at_each_start=False, starts="postCreateCommand")
    judged = judge_again(one, "after a restart")
    assert (
        judged.cause
        == "a restart loses the rules, and postCreateCommand runs only in a container that is new"
    )
    assert "postStartCommand" in judged.fix


def test_a_proxy_that_is_gone_or_open_after_a_restart_is_a_fail() -> None:
    assert "what is allowed is refused" in after_a_restart(seen({PROXY: NO})).summary
    assert "it is open" in after_a_restart(seen({PROXY_DENIED: HTTP})).summary


def test_a_rule_for_any_resolver_is_not_passed_over_where_none_could_be_asked() -> None:
    rule = "-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT"
    judged = judge_dns(seen(firewall=wall(rule)))
    assert judged.status is Status.UNVERIFIED
    assert rule in judged.summary


def test_a_profile_that_declares_nothing_fails_only_where_no_rule_is_there() -> None:
    dead: Answers = {DENIED: NO, QUIC: NO}
    assert judge_deny(seen(bare=dead, firewall=OPEN, declares=False)).status is Status.FAIL
    assert judge_deny(seen(bare=dead, firewall=WALL, declares=False)).status is Status.UNVERIFIED
