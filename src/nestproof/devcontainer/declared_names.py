"""Find names in `customizations.nestproof` that nothing has: of packs, and of probes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from nestproof.core.diagnostics import Diagnostic
from nestproof.core.source import short
from nestproof.core.text import nearest
from nestproof.devcontainer.jsonc import JsonNode
from nestproof.devcontainer.model_rules import mistake
from nestproof.probes.table import PACKS, PROBES


def unknown_names(root: JsonNode) -> Iterator[Diagnostic]:
    """A mistake for each pack, and each probe of a degradation, that does not exist."""
    packs = root.at("customizations", "nestproof", "packs")
    for item in packs.items if packs is not None else ():
        if item.kind == "string" and item.value not in PACKS:
            yield _mistake("pack", str(item.value), PACKS, item)
    degradations = root.at("customizations", "nestproof", "degradations")
    known = [probe.name for probe in PROBES]
    for name, member in degradations.members.items() if degradations is not None else ():
        if name not in known:
            yield _mistake("probe", name, known, member.key)


def contradictions(root: JsonNode) -> Iterator[Diagnostic]:
    """A mistake for each host that is allowed and denied at once."""
    egress = root.at("customizations", "nestproof", "egress")
    lists = [egress.at(name) if egress is not None else None for name in ("allow", "deny")]
    allowed, denied = (
        {str(item.value): item for item in one.items} if one is not None else {} for one in lists
    )
    for host in allowed.keys() & denied.keys():
        yield mistake("model-bad-value", f"`{short(host)}` is both allowed and denied", denied[host])


def _mistake(kind: str, name: str, known: Collection[str], node: JsonNode) -> Diagnostic:
    near = nearest(name.removeprefix("smoke."), known, 0.6)
    meant = f"; did you mean `{near}`?" if near else f"; there are: {', '.join(known)}"
    return mistake("model-bad-value", f"there is no {kind} `{short(name)}`{meant}", node)
