"""The facts around the remote user's processes: read, kept as evidence, and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nestproof.core.outcome import Outcome, Status
from nestproof.engine.client import Engine
from nestproof.engine.run_options import spelled
from nestproof.probes.causes.diagnosis import diagnose
from nestproof.probes.facts import SandboxFacts, parse_facts
from nestproof.probes.probe import Probe
from nestproof.probes.table import text_of
from nestproof.probes.verdicts import Judgement
from nestproof.smoke.plan import SmokeRun


def read_facts(run: SmokeRun, said: str) -> SandboxFacts:
    """The facts that were printed, with the options that the container was started with."""
    service = run.profile.service.name if run.profile.service else ""
    return replace(parse_facts(said), options=spelled(run.profile.run), service=service)


def facts_for_evidence(engine: Engine, run: SmokeRun, found: SandboxFacts | None) -> dict[str, str]:
    """The container's facts and node, for the evidence."""
    workspace = "copied into a volume" if run.copied else "bound"
    where = {"node": f"{run.node.fidelity}: {run.node.reason}", "engine": engine.facts.address}
    where["node-name"] = run.node.name
    if run.limits is not None:
        where["limits"] = f"{run.limits}: nobody trusts this repository"
    return {**where, "workspace": workspace, **(found.found if found else {})}


NOT_ASKED = Judgement(
    Status.UNVERIFIED,
    "not asked: it needs a folder in which this user can make files",
    "the container has none (smoke.temporary-files)",
    "mend that, and ask again",
)


def takes_no_file(found: SandboxFacts, probe: Probe) -> bool:
    """True if a probe that makes files cannot be asked, because no folder takes them."""
    return "no-place" in found.found and "mktemp" in text_of(probe)


def tell_facts(run: SmokeRun, found: SandboxFacts | None) -> Iterator[Outcome]:
    """One fail for a folder that every program relies on, in place of one for each that does."""
    said = found.found.get("temporary", "") if found else ""
    if said:
        diagnosis = diagnose(said, found)
        yield Outcome(
            "smoke.temporary-files",
            Status.FAIL,
            said,
            run.target,
            f"{diagnosis.cause} ({diagnosis.layer})" if diagnosis else "this user can make no temporary file",
            diagnosis.fix if diagnosis else 'add "--tmpfs=/tmp" to runArgs',
        )
