"""The verdicts on a firewall: a denial counts only where the bare container was let through. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from nestproof.core.outcome import Status
from nestproof.egress.attempts import Attempt, named
from nestproof.egress.firewall import Firewall
from nestproof.egress.layers import what_holds_back, what_lets_out
from nestproof.egress.seen import Seen
from nestproof.probes.verdicts import Judgement

_DECLARE = '"egress": {"allow": ["HOST"], "deny": ["HOST"]} in customizations.nestproof declares it'
_NO_CONTROL = (
    "a container without the firewall reaches none of them either, and the silence of a dead host is no wall"
)


def judge_allow(seen: Seen) -> Judgement:
    """Every allowed host is reached by its name, with a TLS handshake where the host speaks it."""
    asked = seen.questions.allow
    if not asked:
        return Judgement(Status.PASS, "nothing is declared as allowed")
    held = [one for one in seen.shown(asked) if not seen.reached(one)]
    if held:
        cause, fix = what_holds_back(seen, held[0])
        return Judgement(Status.FAIL, f"not reached, although allowed: {named(held)}", cause, fix)
    through = seen.through(asked)
    if dead := [one for one in asked if one not in through]:
        return Judgement(
            Status.UNVERIFIED,
            f"not reached: {named(dead)}",
            "a container without the firewall does not reach them either",
            "ask where they answer, or with --stand-in-internet",
        )
    return Judgement(Status.PASS, f"reached by name: {named(through)}")


def judge_deny(seen: Seen) -> Judgement:
    """No other host is reached: by name, by address, on other ports, over UDP."""
    asked = seen.questions.deny
    if not seen.declares and not seen.shown(asked) and seen.firewall.is_untouched(4):
        cause, fix = what_lets_out(seen, asked[0])
        return Judgement(Status.FAIL, "no rule refuses anything", cause, fix)
    return _refused(
        seen, asked, "hosts that are not allowed are refused", "a host that is not allowed is reached"
    )


def judge_ipv6(seen: Seen) -> Judgement:
    """The same over IPv6."""
    dead = Judgement(
        Status.UNVERIFIED,
        f"IPv6 leads nowhere here; {seen.firewall.told(6)}",
        "a container without the firewall has no route for IPv6 either",
        "ask on a network with IPv6, or with --stand-in-internet",
    )
    return _refused(seen, seen.questions.ipv6, "IPv6 is refused as well", "it is reached over IPv6", dead)


def judge_neighbours(seen: Seen) -> Judgement:
    """Neither the host's own services, nor published ports, nor other containers are reached."""
    return _refused(
        seen,
        seen.questions.neighbours,
        "the host and other containers are refused",
        "the host or another container is reached",
    )


def judge_metadata(seen: Seen) -> Judgement:
    """The address at which a cloud gives credentials is not reached."""
    dead = Judgement(
        Status.UNVERIFIED,
        "nothing answers at 169.254.169.254 here",
        "a container without the firewall reaches no metadata service either",
        "ask on a machine of the cloud, or with --stand-in-internet",
    )
    return _refused(
        seen,
        seen.questions.metadata,
        "the cloud's metadata service is refused",
        "the cloud's metadata service is reached",
        dead,
    )


def judge_dns(seen: Seen) -> Judgement:
    """No resolver but the profile's own is asked: a name in a question is a way out."""
    asked, own = seen.questions.dns, seen.questions.own_dns
    through = seen.through(asked)
    if through:
        said = f"any resolver is asked: {named(through)}"
        if seen.declared.dns == "open":
            return Judgement(
                Status.DEGRADED, said, "declared: dns is open; a name in a question is a way out"
            )
        if rule := seen.firewall.lets_any_resolver:
            cause, fix = (
                f"the rule `{rule}` lets questions to any resolver out",
                f"narrow it: -d RESOLVER ({rule})",
            )
        else:
            cause, fix = what_lets_out(seen, through[0])
        return Judgement(Status.FAIL, said, cause, f'{fix}; or declare "dns": "open"')
    answers = [one for one in own if seen.reached(one)] or [
        one for one in seen.questions.allow if seen.is_resolved(one)
    ]
    if not answers:
        return Judgement(
            Status.UNVERIFIED,
            "no resolver answers at all",
            "without the answer of the profile's own resolver, the silence of others says nothing",
        )
    judged = _refused(
        seen, asked, "resolvers other than the container's own are refused", "another resolver is asked"
    )
    if judged.status is Status.PASS and (rule := seen.firewall.lets_any_resolver):
        said = f"refused where it could be asked; but the rule `{rule}` lets questions to any resolver out"
        return Judgement(Status.UNVERIFIED, said, "no such resolver could be asked", "narrow it: -d RESOLVER")
    return judged


def judge_proxy(seen: Seen) -> Judgement:
    """The proxy refuses what is not allowed, and lets the rest through."""
    allowed, refused = seen.questions.proxy_allow, seen.questions.proxy_deny
    opened = seen.through(refused)
    if opened:
        return Judgement(
            Status.FAIL,
            f"the proxy connects to a host that is not allowed: {named(opened)}",
            "the proxy refuses nothing, or has the host in its list",
            "let the proxy refuse by default, and list what is allowed (tinyproxy: FilterDefaultDeny Yes)",
        )
    if held := _held_by_proxy(seen):
        return Judgement(
            Status.FAIL,
            f"nothing goes through the proxy: {named(held)}",
            *what_holds_back(seen, held[0]),
        )
    # What the proxy refuses must be there: its refusal of a dead host says nothing.
    alive = {one.host for one in seen.shown(seen.questions.deny)}
    shown = [one for one in refused if one.through.rpartition(":")[0] in alive]
    if not shown or not allowed:
        said = "no host that the proxy must refuse is shown to answer"
        return Judgement(Status.UNVERIFIED, said, "" if refused else "none is declared", _how_to_show(seen))
    return Judgement(Status.PASS, f"the proxy connects to {named(allowed)}, and refuses {named(shown)}")


def _held_by_proxy(seen: Seen) -> tuple[Attempt, ...]:
    return tuple(one for one in seen.questions.proxy_allow if not seen.reached(one))


def judge_again(seen: Seen, when: str, read: Callable[[], Firewall] | None = None) -> Judgement:
    """Still closed, and still open for what is allowed: after the start command, or a restart.

    `read` reads the rules as they are now, where they are needed to name a layer.
    """
    open_to = seen.through((*seen.closed, *seen.questions.proxy_deny))
    held = [one for one in seen.shown(seen.questions.allow) if not seen.reached(one)]
    held += _held_by_proxy(seen)
    if read is not None and (open_to or held):
        seen = replace(seen, firewall=read())
    if open_to:
        cause, fix = what_lets_out(seen, open_to[0])
        if not seen.at_each_start and seen.firewall.is_untouched(4):
            cause = f"a restart loses the rules, and {seen.starts} runs only in a container that is new"
            fix = "run it in postStartCommand, which runs at each start"
        return Judgement(Status.FAIL, f"{when} it is open: {named(open_to)}", cause, fix)
    if held:
        cause, fix = what_holds_back(seen, held[0])
        return Judgement(Status.FAIL, f"{when} what is allowed is refused: {named(held)}", cause, fix)
    return Judgement(Status.PASS, f"{when} it is still closed, and open for what is allowed")


def judge_sandbox(seen: Seen, outside: Seen) -> Judgement:
    """In the agent's sandbox nothing is reached; or what is allowed alone, if that is declared.

    `outside` is what was seen without the sandbox: the control of what is allowed.
    """
    known = outside.through(outside.questions.allow)
    through = seen.through((*seen.questions.allow, *seen.closed))
    more = [one for one in through if seen.declared.tools != "sandbox" or one not in known]
    if more:
        return Judgement(
            Status.FAIL,
            f"a command in the agent's sandbox reaches {named(more)}",
            "the sandbox has more of the network than it is declared to have",
            "give it a network namespace of its own (bwrap --unshare-net)",
        )
    if not known:
        return Judgement(
            Status.UNVERIFIED, "nothing is reached from the sandbox", "nor is anything outside of it"
        )
    if seen.declared.tools == "sandbox":
        held = [one for one in known if one not in through]
        if held:
            cause, fix = what_holds_back(seen, held[0])
            return Judgement(Status.FAIL, f"not reached from the sandbox: {named(held)}", cause, fix)
        return Judgement(Status.PASS, f"a command in a sandbox reaches {named(known)}, and nothing else")
    return Judgement(Status.PASS, f"a command in bubblewrap without a network does not reach {named(known)}")


def _refused(
    seen: Seen, asked: Sequence[Attempt], closed: str, opened: str, dead: Judgement | None = None
) -> Judgement:
    """The verdict on attempts that must not succeed; `dead` is that where the control reaches none."""
    through = seen.through(asked)
    if through:
        cause, fix = what_lets_out(seen, through[0])
        return Judgement(Status.FAIL, f"{opened}: {named(through)}", cause, fix)
    shown = seen.shown(asked)
    if not shown:
        return dead or Judgement(Status.UNVERIFIED, f"not shown: {closed}", _NO_CONTROL, _how_to_show(seen))
    left = [one for one in asked if one not in shown]
    more = f"; not shown, as nothing answers there: {named(left)}" if left else ""
    return Judgement(Status.PASS, f"{closed}: {named(shown)}{more}")


def _how_to_show(seen: Seen) -> str:
    more = "" if seen.declared.deny else f"; {_DECLARE}"
    return f"ask with --stand-in-internet{more}"


Judge = Callable[[Seen], Judgement]
JUDGES: dict[str, Judge] = {
    "egress-allow": judge_allow,
    "egress-deny": judge_deny,
    "egress-ipv6": judge_ipv6,
    "egress-neighbours": judge_neighbours,
    "egress-metadata": judge_metadata,
    "egress-dns": judge_dns,
    "egress-proxy": judge_proxy,
}
"""The questions that are asked once the lifecycle commands have run."""
