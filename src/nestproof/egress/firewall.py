"""The rules of a container's network as its own tools print them. Pure.

Sources: iptables-save(8), nft(8), ipset(8). What decides is whether a connection is refused;
the rules say why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nestproof.core.capabilities import decode
from nestproof.core.text import plural

_HOOK = re.compile(r"type (?:filter|route) hook output .*policy (\w+)")
_COUNTER = re.compile(r"\s*counter packets \d+ bytes \d+")
_ALWAYS = re.compile(
    r"(?:-A OUTPUT )?(?:-m comment --comment (?:\"[^\"]*\"|\S+) )?(?:-j )?(ACCEPT|DROP|REJECT)\b(?: .*)?"
)
_IPTABLES = ("legacy4", "legacy6", "nft4", "nft6", "tables4", "tables6")
_NFT_FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_ANY_DNS = re.compile(r"--dport 53\b|dport 53\b")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that each packet of the container passes on its way out."""

    family: int
    """4 or 6."""
    tool: str
    """The program that prints it."""
    policy: str
    """ACCEPT or DROP."""
    rules: tuple[str, ...]

    @property
    def end(self) -> str:
        """The end of a packet that no condition fits: ACCEPT, DROP or REJECT."""
        for rule in self.rules:
            if found := _ALWAYS.fullmatch(rule):
                return found[1]
        return self.policy

    def __str__(self) -> str:
        return f"policy {self.policy}, {plural(len(self.rules), 'rule')} ({self.tool})"


@dataclass(frozen=True, slots=True)
class Firewall:
    """The network's rules, sets and resolvers in the words of the container's own tools."""

    chains: tuple[Chain, ...] = ()
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses and networks of each set."""
    resolvers: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    """The most that a process of the container can have."""
    readable: bool = False
    """False if no tool of the image could read the rules."""
    elsewhere: bool = False
    """True if other tables than the filter's have rules for what goes out, beside Docker's own."""

    def of(self, family: int) -> tuple[Chain, ...]:
        """The chains for IPv4 or IPv6."""
        return tuple(chain for chain in self.chains if chain.family == family)

    def is_untouched(self, family: int) -> bool:
        """True if it is known that no rule holds anything back."""
        chains = self.of(family)
        return (
            self.readable
            and not self.elsewhere
            and all(chain.policy == "ACCEPT" and not chain.rules for chain in chains)
        )

    def refuses(self, family: int) -> bool:
        """True if a packet that no condition fits is refused."""
        return any(chain.end != "ACCEPT" for chain in self.of(family))

    def told(self, family: int) -> str:
        """The chains in words."""
        if not self.readable:
            return "the rules cannot be read from inside the container"
        return "; ".join(map(str, self.of(family))) or "no rule at all"

    @property
    def lets_any_resolver(self) -> str:
        """The rule that lets a question to any resolver out; empty if there is none."""
        for chain in self.chains:
            for rule in chain.rules:
                accepts = rule.endswith(("-j ACCEPT", "accept"))
                if _ANY_DNS.search(rule) and accepts and not re.search(r"-d |daddr|-o lo\b|oifname", rule):
                    return rule
        return ""

    def facts(self) -> dict[str, str]:
        """The same for the evidence."""
        told = {f"egress-ipv{family}": self.told(family) for family in (4, 6)}
        if self.sets:
            told["egress-sets"] = ", ".join(f"{name}: {len(members)}" for name, members in self.sets.items())
        return told | {"egress-resolvers": " ".join(self.resolvers)}


def parse_rules(output: str) -> Firewall:
    """Read the output of rules.sh."""
    parts = _parts(output)
    chains: list[Chain] = []
    sets: dict[str, tuple[str, ...]] = {}
    for name, lines in parts.items():
        if name in _IPTABLES:
            chains += _iptables(lines, int(name[-1]), "iptables-legacy" if name[0] == "l" else "iptables")
        elif name == "nft":
            # The tables of iptables-nft are told better by its own program, where there is one.
            found, own = _nft(lines, () if "nft4" not in parts else ("ip filter", "ip6 filter"))
            chains += found
            sets |= own
        elif name == "sets":
            sets |= _ipset(lines)
    bounding = re.search(r"CapBnd:\s*([0-9a-f]+)", "\n".join(parts.get("capabilities", ())))
    mask = bounding[1] if bounding else ""
    return Firewall(
        tuple(chain for chain in chains if chain.rules or chain.policy != "ACCEPT"),
        sets,
        tuple(parts.get("resolvers", ())),
        decode(int(mask, 16)) if mask else frozenset(),
        any(name in (*_IPTABLES, "nft") for name in parts),
        _elsewhere(parts),
    )


def _elsewhere(parts: Mapping[str, list[str]]) -> bool:
    table = ""
    for line in (line for name in _IPTABLES for line in parts.get(name, ())):
        table = line[1:] if line.startswith("*") else table
        if (
            line.startswith("-A OUTPUT ")
            and table in ("nat", "mangle", "raw")
            and "DOCKER_OUTPUT" not in line
        ):
            return True
    return False


def _parts(output: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output.splitlines():
        if line.startswith("== "):
            current = parts.setdefault(line.removeprefix("== "), [])
        elif line.startswith("!! "):
            parts.pop(line.removeprefix("!! ").partition(" ")[0], None)
        elif line.strip():
            current.append(line)
    return parts


def _iptables(lines: list[str], family: int, tool: str) -> Iterator[Chain]:
    table, policy = "", ""
    rules: list[str] = []
    for line in lines:
        if line.startswith("*"):
            table, policy, rules = line[1:], "", []
        elif line.startswith(":OUTPUT ") and table == "filter":
            policy = line.split()[1]
        elif line.startswith("-A OUTPUT ") and table == "filter":
            rules.append(line.rstrip())
        elif line.startswith("COMMIT") and policy:
            yield Chain(family, tool, policy, tuple(rules))


def _nft(lines: list[str], others: Sequence[str]) -> tuple[list[Chain], dict[str, tuple[str, ...]]]:
    chains: list[Chain] = []
    sets: dict[str, tuple[str, ...]] = {}
    families: tuple[int, ...] = ()
    name, policy, rules, elements = "", "", list[str](), ""
    for line in lines:
        words = _COUNTER.sub("", line).strip()
        if words.startswith("table "):
            family, table = [*words.partition("{")[0].split(), "", ""][1:3]
            families = () if f"{family} {table}" in others else _NFT_FAMILIES.get(family, ())
        elif words.startswith(("chain ", "set ")):
            name, policy, rules, elements = words, "", [], ""
        elif words == "}":
            if name.startswith("set "):
                listed = elements.partition("{")[2].partition("}")[0]
                sets[name.split()[1]] = tuple(one.strip() for one in listed.split(",") if one.strip())
            elif policy:
                chains += [Chain(family, "nft", policy, tuple(rules)) for family in families]
            name, policy = "", ""
        elif found := _HOOK.search(words):
            policy = found[1].upper()
        elif name.startswith("set "):
            elements += words if elements or words.startswith("elements") else ""
        elif name:
            rules.append(_upper(words))
    return chains, sets


def _upper(rule: str) -> str:
    """The rule, with its verdict as iptables writes it, where that is all it has."""
    word = rule.split(maxsplit=1)[0] if rule.split() else ""
    return rule.replace(word, word.upper(), 1) if word in ("accept", "drop", "reject") else rule


def _ipset(lines: list[str]) -> dict[str, tuple[str, ...]]:
    sets: dict[str, list[str]] = {}
    for line in lines:
        match line.split():
            case ["create", name, *_]:
                sets.setdefault(name, [])
            case ["add", name, member, *_]:
                sets.setdefault(name, []).append(member)
    return {name: tuple(members) for name, members in sets.items()}
