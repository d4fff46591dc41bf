"""Find what of a profile sets a firewall up, or looks as if it did. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nestproof.devcontainer.compose_service import shared_with_services
from nestproof.devcontainer.profile import Profile
from nestproof.lifecycle.commands import Command, plan_phases

_FIREWALL = re.compile(r"firewall|ip6?tables|ipset|\bnft\b|nftables|egress|\bufw\b", re.IGNORECASE)
_LIST = re.compile(r"ALLOWED?_(DOMAINS?|HOSTS?)|(DOMAINS?|HOSTS?)_ALLOWED|DOMAIN_WHITELIST|EXTRA_DOMAINS")
_PROXY = re.compile(r"https?_proxy", re.IGNORECASE)
_GATEWAY = re.compile(r"gateway|proxy|squid|egress|firewall", re.IGNORECASE)


def firewall_commands(profile: Profile) -> tuple[Command, ...]:
    """The lifecycle commands that name a firewall or its programs."""
    return tuple(
        command
        for _, groups in plan_phases(profile)
        for group in groups
        for command in group
        if _FIREWALL.search(f"{command.text} {command.key}")
    )


def looks_meant(profile: Profile) -> tuple[str, ...]:
    """Signs that the profile means a firewall, in words; none where it means none."""
    return tuple(_signs(profile))


def _signs(profile: Profile) -> Iterator[str]:
    for command in firewall_commands(profile):
        yield f"{command.phase} runs `{command.text}`"
    config = profile.config
    for name, value in {**config.container_env, **config.remote_env}.items():
        if value and (_LIST.search(name) or _PROXY.fullmatch(name)):
            yield f"the variable {name} is set"
    if gateway := gateway_of(profile):
        yield f"the service {gateway} stands beside it"


def gateway_of(profile: Profile) -> str:
    """The Compose service through which the container's own seems to reach the network; empty without one."""
    if profile.service is None:
        return ""
    shared = shared_with_services(profile.run).get("network")
    return shared or next((other for other in profile.service.others if _GATEWAY.search(other)), "")
