"""Justifications of several hosts as one Markdown table, for a reviewer to take as it is."""

from __future__ import annotations

from collections.abc import Iterable

from nestproof.justify.checks import check_of
from nestproof.justify.justification import Justification, Need, Row
from nestproof.justify.records import merge
from nestproof.justify.trials import Host
from nestproof.risks import risk_of


def hosts_table(records: Iterable[Justification]) -> str:
    """A row for each relaxation: what is said without it on each host, the check behind it, and its risk."""
    made = merge(records)
    names = dict.fromkeys(row.relaxation for one in made for row in one.rows)
    hosts = [f"{one.target.profile}, {host_in_words(one.host)}" for one in made]
    lines = [
        f"| relaxation | {' | '.join([*hosts, 'what asks for it', 'source', 'what it allows'])} |",
        f"| --- |{' --- |' * (len(made) + 3)}",
    ]
    for name in names:
        rows = [{row.relaxation: row for row in one.rows}.get(name) for one in made]
        cells = [_cell(row) for row in rows]
        check, risk = check_of(name), risk_of(name)
        granted = any(row is not None and row.by_default for row in rows)
        shown = f"`{name}`{' (granted by Docker)' if granted else ''}"
        allows = f"{risk.allows} ({risk.rank})"
        lines.append(f"| {shown} | {' | '.join([*cells, check.asks, check.source, allows])} |")
    return "\n".join(lines)


def host_in_words(host: Host) -> str:
    """A host by what decides: kernel and engine without their builds, AppArmor or not."""
    kernel = ".".join(host.kernel.split(".")[:2])
    engine = ".".join(host.engine.split(".")[:2])
    apparmor = "with" if host.confines_with("apparmor") else "without"
    mapped = ", root mapped" if host.maps_root else ""
    return f"Linux {kernel}, {engine}, {apparmor} AppArmor{mapped}"


def _cell(row: Row | None) -> str:
    if row is None:
        return "not asked for"
    if row.need is Need.NEEDED:
        return f"needed: `{row.said.partition(', likely because')[0]}`"
    return str(row.need)
