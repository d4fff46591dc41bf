"""Worlds of firewalls, on a stand-in Internet: scripts as people have them, and how they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nestproof.core.outcome import Status
from tests.sabotage.world import World

ALLOWED = ("api.example.net", "registry.example.net")
TOOLS = (
    "RUN apt-get update && apt-get install -y --no-install-recommends sudo iptables ipset nftables dnsutils "
    "iproute2 libcap2-bin procps tinyproxy && rm -rf /var/lib/apt/lists/*\n"
)
RELAXATIONS = (
    "--cap-add=SYS_ADMIN",
    "--cap-add=SYS_PTRACE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
)
SCRIPT = "/usr/local/bin/init-firewall"
START: Mapping[str, Any] = {"postStartCommand": f"sudo {SCRIPT}"}
HEAD = "#!/bin/bash\nset -euo pipefail\n"
OPEN = "for tool in iptables ip6tables; do $tool -P OUTPUT ACCEPT; $tool -F OUTPUT; done\n"
SET = "ipset create -exist allowed hash:ip\nipset flush allowed\n"
FILL = """for name in {names}; do
    addresses=$(dig +short A "$name" | grep -E '^[0-9.]+$') || {{ echo "Failed to resolve $name"; {gone}; }}
    for address in $addresses; do ipset add {exist} allowed "$address"; done
done
"""
LOCAL = (
    "iptables -A OUTPUT -o lo -j ACCEPT\niptables -A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n"
)
DNS = (
    "iptables -A OUTPUT -p udp -d $(awk '/^nameserver/ {print $2; exit}' /etc/resolv.conf) "
    "--dport 53 -j ACCEPT\n"
)
ANY_DNS = "iptables -A OUTPUT -p udp --dport 53 -j ACCEPT\n"
ACCEPT = "iptables -A OUTPUT -p tcp --dport 443 -m set --match-set allowed dst -j ACCEPT\n"
CLOSE = "iptables -A OUTPUT -j REJECT --reject-with icmp-admin-prohibited\niptables -P OUTPUT DROP\n"
SIX = "ip6tables -A OUTPUT -o lo -j ACCEPT\nip6tables -A OUTPUT -j REJECT\nip6tables -P OUTPUT DROP\n"
RESOLVER = "resolver=$(awk '/^nameserver/ {print $2; exit}' /etc/resolv.conf)\n"
BRIDGE = "$(ip -4 route | awk '$2 == \"dev\" {print $1; exit}')"
NFT = """nft -f - <<END
table inet agent {{
    set allowed {{ type ipv4_addr; }}
    chain out {{
        type filter hook output priority 0; policy drop;
        oifname "lo" accept
        ct state established,related accept
        {dns}
        tcp dport 443 ip daddr @allowed accept
    }}
}}
END
for name in api.example.net registry.example.net; do
    for address in $(dig +short A "$name"); do nft add element inet agent allowed "{{ $address }}"; done
done
"""
PROXY = "127.0.0.1:8888"
PROXY_CONF = (
    "Port 8888\\nListen 127.0.0.1\\nUser tinyproxy\\nGroup tinyproxy\\nTimeout 20\\nConnectPort 443\\n"
)
FILTER = 'Filter "/etc/tinyproxy/allowed"\\nFilterDefaultDeny Yes\\nFilterExtended On\\n'


def fill(*names: str, exist: str = "-exist", gone: str = "exit 1") -> str:
    """Lines that put the addresses of names into the set."""
    return FILL.format(names=" ".join(names or ALLOWED), exist=exist, gone=gone)


GOOD_SCRIPT = (OPEN, SET, fill(), LOCAL, DNS, ACCEPT, CLOSE, SIX)


def sudoers(*may: str) -> str:
    """A Dockerfile line: what the remote user may run as root."""
    return f"RUN echo 'vscode ALL=(root) {', '.join(may)}' >/etc/sudoers.d/vscode\n"


def without(part: str, *, by: str = "", script: Sequence[str] = GOOD_SCRIPT) -> tuple[str, ...]:
    """The good script with a part taken out, or another in its place."""
    assert part in script
    return tuple(by if one == part else one for one in script)


def world(name: str, red: str = "", cause: str = "", **more: Any) -> World:
    """A world with a script, in the stand-in Internet."""
    script: Sequence[str] = more.pop("script", GOOD_SCRIPT)
    declared = {"allow": [f"{host}:443" for host in ALLOWED]} | more.pop("egress", {})
    nestproof = {"packs": ["egress", *more.pop("packs", ())], "degradations": {}} | more.pop("nestproof", {})
    later = ("egress-rerun", "egress-restart", "egress-tamper")
    # What is red at once is not asked again.
    asked = ("egress-allow", "egress-deny", "egress-ipv6", red) if red and red not in later else ()
    may = more.pop("may", (f'NOPASSWD: {SCRIPT} ""',))
    return World(
        name,
        red,
        cause,
        layer=f"{TOOLS}{sudoers(*may)}COPY --chmod=755 init-firewall {SCRIPT}\n{more.pop('layer', '')}",
        files={"init-firewall": HEAD + "".join(script)},
        without=more.pop("without", RELAXATIONS),
        config={**START, **more.pop("config", {})},
        nestproof={**nestproof, "egress": declared},
        only="smoke.egress",
        asked=asked,
        stand_in=True,
        **more,
    )


START_PROXY = (
    "pkill tinyproxy || true\nwhile pgrep tinyproxy >/dev/null; do sleep 0.1; done\n"
    "tinyproxy -c /etc/tinyproxy/own.conf\n"
)
PROXY_RULES = (
    OPEN,
    LOCAL,
    "iptables -A OUTPUT -m owner --uid-owner tinyproxy -j ACCEPT\n",
    CLOSE,
    SIX,
)


def with_proxy(name: str, red: str = "", cause: str = "", *, filtered: str = FILTER, **more: Any) -> World:
    """A world whose container has a proxy, through which everything goes."""
    script = more.pop("script", (*PROXY_RULES, START_PROXY))
    files = f"RUN printf '{PROXY_CONF}{filtered}' >/etc/tinyproxy/own.conf"
    names = "|".join(host.replace(".", "\\\\.") for host in ALLOWED)
    layer = f"{files} && printf '^({names})$\\n' >/etc/tinyproxy/allowed\n{more.pop('layer_more', '')}"
    return world(name, red, cause, script=script, layer=layer, egress={"proxy": PROXY}, **more)


LEGACY = tuple(
    part.replace("iptables", "iptables-legacy").replace("ip6tables", "ip6tables-legacy")
    for part in GOOD_SCRIPT
)

GIT = "iptables -A OUTPUT -p tcp --dport 22 -m set --match-set allowed dst -j ACCEPT\n"
WITH_GIT: Mapping[str, Any] = {"allow": [f"{host}:{port}" for host in ALLOWED for port in (443, 22)]}

BAD: tuple[World, ...] = (
    world(
        "a firewall's script that ends before its policy",
        "egress-deny",
        "there is no rule at all: policy ACCEPT, nothing is refused: "
        "/usr/local/bin/init-firewall ended at line 6: aggregate -q: the image lacks the program aggregate",
        script=(OPEN, SET, "aggregate -q\n", *GOOD_SCRIPT[2:]),
    ),
    world(
        "a firewall's script that ends between the policy and the rules",
        "egress-allow",
        "everything is refused, and no rule accepts what is allowed: "
        "/usr/local/bin/init-firewall ended at line 17: test -e /etc/agent/allowed: exit status 1",
        script=(OPEN, SET, fill(), LOCAL, CLOSE, SIX, "test -e /etc/agent/allowed\n", ACCEPT),
    ),
    world(
        "two names with one address, and an ipset that takes it once",
        "egress-deny",
        "two names share an address, and ipset takes each address once",
        script=without(fill(), by=fill(exist="")),
        egress={"standIn": {"duplicate": list(ALLOWED)}},
    ),
    world(
        "a name that is gone, and a script that ends for it",
        "egress-deny",
        "the name statsig.example.net is not resolved (any more), and the script ends for it",
        script=without(fill(), by=fill(*ALLOWED, "statsig.example.net")),
        egress={"standIn": {"gone": ["statsig.example.net"]}},
    ),
    world(
        "a script that does not stand a second run",
        "egress-rerun",
        "the set is there from an earlier run",
        script=without(SET, by="ipset create allowed hash:ip\n"),
    ),
    world(
        "a firewall in postCreateCommand alone",
        "egress-restart",
        "a restart loses the rules, and postCreateCommand runs only in a container that is new",
        config={"postStartCommand": "true", "postCreateCommand": f"sudo {SCRIPT}"},
    ),
    world("IPv6 that is left open", "egress-ipv6", "the IPv6 table is untouched", script=without(SIX)),
    world(
        "the whole subnet of the bridge accepted",
        "egress-neighbours",
        "-j ACCEPT` lets it out",
        script=without(ACCEPT, by=f"{ACCEPT}iptables -A OUTPUT -d {BRIDGE} -j ACCEPT\n"),
    ),
    world(
        "the cloud's metadata address accepted",
        "egress-metadata",
        "the rule `-A OUTPUT -d 169.254.169.254/32 -j ACCEPT` lets it out",
        script=without(ACCEPT, by=f"{ACCEPT}iptables -A OUTPUT -d 169.254.169.254 -j ACCEPT\n"),
    ),
    world(
        "questions to any resolver accepted",
        "egress-dns",
        "--dport 53 -j ACCEPT` lets questions to any resolver out",
        script=without(DNS, by=ANY_DNS),
    ),
    world(
        "a set of addresses that stays empty",
        "egress-allow",
        "the set allowed is empty, so that the rule for it accepts nothing",
        script=without(fill()),
    ),
    world(
        "a name that has another address by now",
        "egress-allow",
        "which no set and no rule has: it had another one when the firewall was set up",
        egress={"standIn": {"changing": [ALLOWED[0]]}},
    ),
    world(
        "a firewall without a rule for names",
        "egress-allow",
        "has no address inside: no resolver is reached, or it refuses",
        script=without(DNS),
    ),
    world(
        "accepting rules, and none that refuses",
        "egress-deny",
        "the policy of OUTPUT is ACCEPT, and no rule refuses the rest",
        script=without(CLOSE),
    ),
    world(
        "a rule for everything before the one that refuses",
        "egress-deny",
        "the order of the rules: `-A OUTPUT -j ACCEPT` accepts everything before a rule refuses anything",
        script=without(LOCAL, by=f"{LOCAL}iptables -A OUTPUT -j ACCEPT\n"),
    ),
    world(
        "every port of an allowed host accepted",
        "egress-deny",
        "-j ACCEPT` lets it out",
        script=without(ACCEPT, by=ACCEPT.replace("-p tcp --dport 443 ", "")),
    ),
    world(
        "UDP to port 443 of every host accepted",
        "egress-deny",
        "--dport 443 -j ACCEPT` lets it out",
        script=without(ACCEPT, by=f"{ACCEPT}iptables -A OUTPUT -p udp --dport 443 -j ACCEPT\n"),
    ),
    world(
        "port 22 of every host accepted",
        "egress-deny",
        "--dport 22 -j ACCEPT` lets it out",
        script=without(ACCEPT, by=f"{ACCEPT}iptables -A OUTPUT -p tcp --dport 22 -j ACCEPT\n"),
    ),
    world(
        "a container without NET_ADMIN",
        "egress-deny",
        "the script may not change the rules",
        without=(*RELAXATIONS, "--cap-add=NET_ADMIN"),
    ),
    world(
        "sudo for iptables",
        "egress-tamper",
        "sudo runs iptables, which flushes the rules",
        may=(f'NOPASSWD: {SCRIPT} ""', "NOPASSWD: /usr/sbin/iptables"),
    ),
    world(
        "sudo for everything",
        "egress-tamper",
        "sudo runs a shell, which flushes the rules",
        may=("NOPASSWD: ALL",),
    ),
    world(
        "sudo for the script with a variable that widens it",
        "egress-tamper",
        f"sudo runs {SCRIPT} with EXTRA_DOMAINS=",
        script=without(fill(), by=fill(*ALLOWED, "${EXTRA_DOMAINS:-}")),
        may=(f'SETENV: NOPASSWD: {SCRIPT} ""',),
    ),
    world(
        "sudo for a script that is widened, and ends with a check that fails for it",
        "egress-tamper",
        f"sudo runs {SCRIPT} with EXTRA_DOMAINS=",
        script=(
            *without(fill(), by=fill(*ALLOWED, "${EXTRA_DOMAINS:-}")),
            "! timeout 2 bash -c 'exec 3<>/dev/tcp/example.com/443' 2>/dev/null\n",
        ),
        may=(f'SETENV: NOPASSWD: {SCRIPT} ""',),
    ),
    world(
        "sudo for ip6tables",
        "egress-tamper",
        "sudo runs ip6tables, which flushes the rules",
        may=(f'NOPASSWD: {SCRIPT} ""', "NOPASSWD: /usr/sbin/ip6tables"),
    ),
    world(
        "sudo for bash alone",
        "egress-tamper",
        "sudo runs a shell, which flushes the rules",
        may=(f'NOPASSWD: {SCRIPT} ""', "NOPASSWD: /bin/bash, /usr/bin/bash"),
    ),
    world(
        "a script in a folder of the remote user's",
        "egress-tamper",
        "runs as root at the next start",
        layer=f"RUN install -d -o vscode /opt/own && mv {SCRIPT} /opt/own/init-firewall\n",
        may=("NOPASSWD: /opt/own/init-firewall",),
        config={"postStartCommand": "sudo /opt/own/init-firewall"},
    ),
    with_proxy(
        "a proxy that only a new container starts",
        "egress-restart",
        "the proxy does not answer",
        script=PROXY_RULES,
        layer_more="RUN echo 'vscode ALL=(root) NOPASSWD: /usr/bin/tinyproxy' >>/etc/sudoers.d/vscode\n",
        config={"postCreateCommand": "sudo tinyproxy -c /etc/tinyproxy/own.conf"},
    ),
    world(
        "sudo for the script with an argument that widens it",
        "egress-tamper",
        f"sudo runs {SCRIPT} with the argument",
        script=without(fill(), by=fill(*ALLOWED, "$@")),
        may=(f"NOPASSWD: {SCRIPT}",),
    ),
    world(
        "a list of hosts that the remote user may write",
        "egress-tamper",
        f"the remote user may write /opt/agent/allowed, which {SCRIPT} reads",
        script=without(fill(), by=fill(*ALLOWED, "$(cat /opt/agent/allowed)")),
        layer="RUN mkdir -p /opt/agent && : >/opt/agent/allowed && chown vscode: /opt/agent/allowed\n",
    ),
    world(
        "iptables with file capabilities",
        "egress-tamper",
        "its own capabilities run iptables, which flushes the rules",
        layer="RUN setcap cap_net_admin,cap_net_raw+ep /usr/sbin/xtables-nft-multi\n",
    ),
    world(
        "nft rules for IPv4 alone",
        "egress-ipv6",
        "the IPv6 table is untouched",
        script=(
            "nft flush ruleset\n",
            NFT.format(dns="udp dport 53 accept")
            .replace("table inet", "table ip")
            .replace("inet agent", "ip agent"),
        ),
        egress={"dns": "open"},
    ),
    world(
        "iptables-legacy rules that end before the policy",
        "egress-deny",
        "the policy of OUTPUT is ACCEPT, and no rule refuses the rest",
        script=tuple(part for part in LEGACY if "REJECT --reject-with" not in part),
    ),
    with_proxy(
        "a proxy that refuses nothing",
        "egress-proxy",
        "the proxy refuses nothing, or has the host in its list",
        filtered="",
    ),
    with_proxy(
        "a proxy beside an open way out",
        "egress-deny",
        "there is no rule at all",
        script=(START_PROXY,),
    ),
)

GOOD: tuple[World, ...] = (
    world(
        "port 22 of one host accepted, as allowed",
        script=without(ACCEPT, by=f"{ACCEPT}{GIT}"),
        egress=WITH_GIT,
    ),
    world(
        "names that share an address, and a list in a file of root's",
        script=without(fill(), by=fill(*ALLOWED, "$(cat /opt/agent/allowed)")),
        layer="RUN mkdir -p /opt/agent && : >/opt/agent/allowed\n",
        egress={"standIn": {"duplicate": list(ALLOWED)}},
    ),
    world(
        "a script that a wrapper calls, in a folder of root's",
        script=GOOD_SCRIPT,
        layer=f"RUN printf '#!/bin/sh\\nexec {SCRIPT}\\n' >/opt/wrapper && chmod 755 /opt/wrapper\n",
        may=('NOPASSWD: /opt/wrapper ""',),
        config={"postStartCommand": "sudo /opt/wrapper"},
    ),
    world("a firewall by iptables and ipset"),
    world(
        "a firewall by nft",
        script=("nft flush ruleset\n", RESOLVER, NFT.format(dns="udp dport 53 ip daddr $resolver accept")),
    ),
    world("a firewall by iptables-legacy", script=LEGACY),
    world("names with several addresses", egress={"standIn": {"several": list(ALLOWED)}}),
    world("two names with one address, taken", egress={"standIn": {"duplicate": list(ALLOWED)}}),
    world(
        "a name that is gone, and a script that goes on",
        script=without(fill(), by=fill(*ALLOWED, "statsig.example.net", gone="continue")),
        egress={"standIn": {"gone": ["statsig.example.net"]}},
    ),
    world("any resolver, as declared", script=without(DNS, by=ANY_DNS), egress={"dns": "open"}),
    world("packets that are dropped without a word", script=without(CLOSE, by="iptables -P OUTPUT DROP\n")),
    world(
        "a chain of its own",
        script=without(
            CLOSE,
            by="iptables -N AGENT 2>/dev/null || iptables -F AGENT\niptables -A AGENT -j REJECT\n"
            "iptables -A OUTPUT -j AGENT\niptables -P OUTPUT DROP\n",
        ),
    ),
    world(
        "hosts that are allowed on every port",
        script=without(ACCEPT, by=ACCEPT.replace("-p tcp --dport 443 ", "")),
        egress={"allow": list(ALLOWED)},
    ),
    world(
        "nothing allowed at all",
        script=(OPEN, LOCAL, DNS, CLOSE, SIX),
        egress={"allow": []},
    ),
    world(
        "the subnet of the bridge accepted, as declared",
        script=without(ACCEPT, by=f"{ACCEPT}iptables -A OUTPUT -d {BRIDGE} -j ACCEPT\n"),
        nestproof={"degradations": {"egress-neighbours": "the database stands beside it"}},
        egress={"dns": "open"},
    ),
    with_proxy("a proxy with a list, and nothing beside it"),
    world(
        "an agent's sandbox behind a firewall",
        packs=("bubblewrap",),
        without=(),
        nestproof={
            "degradations": {
                "bwrap-proc": "Codex retries without",
                "contain-processes": "no outer process can be signalled",
            }
        },
        lock=("cap-add=NET_ADMIN",),
    ),
)

__all__ = ["BAD", "GOOD", "Status"]
