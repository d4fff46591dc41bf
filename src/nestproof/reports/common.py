"""Words that all reports share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nestproof.core.outcome import Status
from nestproof.probes.table import PROBES
from nestproof.reports.evidence import Outcome, Run

ORDER = {f"{where}{probe.name}": n for n, probe in enumerate(PROBES) for where in ("smoke.", "doctor.")}


def in_words(counts: Mapping[Status, int]) -> str:
    """`37 pass, 3 degraded`; an empty run has words of its own."""
    seen = [f"{counts[status]} {status.value}" for status in Status if counts.get(status)]
    return ", ".join(seen) or "nothing was asked"


def describe_run(run: Run) -> Iterator[tuple[str, str]]:
    """List what was proved, by which version, on which machine: a name and a value each."""
    if run.revision:
        changed = ", and changes that are not committed" if run.revision.changed else ""
        yield "commit", run.revision.commit + changed
    yield "nestproof", f"{run.nestproof}, {run.began}"
    engine = run.engine
    if engine:
        yield (
            "engine",
            f"{engine.product} {engine.version} on {engine.operating_system}, {engine.kernel}, "
            f"{engine.platform}, {', '.join(engine.security_options) or 'no security options'}",
        )
    lsms = ", ".join(run.host.lsms) or "security modules unknown"
    yield "machine", f"{run.host.operating_system}, {run.host.kernel}, {run.host.machine}, {lsms}"
    yield "fingerprint", run.fingerprint


def in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Sort targets as they came, and a target's probes from causes to consequences."""
    return sorted(outcomes, key=lambda outcome: ORDER.get(outcome.id, -1))


def by_target(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """Map profile and platform to outcomes; both are empty for checks of files."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in in_order(outcomes):
        groups.setdefault((outcome.profile or "", outcome.platform or ""), []).append(outcome)
    return groups
