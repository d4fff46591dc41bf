"""Turn a justification into outcomes, one for each relaxation and each way, and into a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nestproof.core.outcome import Outcome, Status
from nestproof.justify.justification import Justification, Minimum, Need, Row
from nestproof.justify.kernel_checks import check_of
from nestproof.justify.plan import OWN_CAPABILITIES
from nestproof.justify.records import merge
from nestproof.justify.search import Set
from nestproof.justify.trials import BwrapVariant, ExperimentHost
from nestproof.privileges.risks import risk_of


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


def host_in_words(host: ExperimentHost) -> str:
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


# One cause often stops many probes; --json has them all.
_NAMED = 4
_STATUS = {
    Need.NEEDED: Status.PASS,
    Need.REMOVABLE: Status.FAIL,
    Need.ELSEWHERE: Status.UNVERIFIED,
    Need.UNVERIFIED: Status.UNVERIFIED,
}


def outcomes_of(made: Justification, started: int) -> Iterator[Outcome]:
    """Outcomes for each relaxation, then for each way; `started` counts the containers."""
    sets = len({trial.options for trial in made.trials})
    said = f"{len(made.baseline.answers)} probes work with all of it; {sets} sets of options tried"
    known = f", {sets - started} of them known before" if sets > started else ""
    yield Outcome("justify.baseline", Status.PASS, said + known, made.target)
    for row in made.rows:
        yield _outcome(row, made)
    for small, large in made.contradictions:
        yield Outcome(
            "justify.contradiction",
            Status.ERROR,
            f"{_names(small)} is enough, and {_names(large)} is not",
            made.target,
            "the search takes it that more options never break what fewer allow; here they do",
            "judge the minimal sets by hand, from the trials in --json",
        )
    for minimum in made.minima:
        yield _minimal(minimum, made)


def _outcome(row: Row, made: Justification) -> Outcome:
    status = _STATUS[row.need]
    if row.by_default and row.need is Need.ELSEWHERE:
        status = Status.PASS  # Docker grants it to everybody: no relaxation of this profile
    fix = ""
    if row.need is Need.REMOVABLE:
        fix = (
            f"remove --{row.relaxation} from the profile and the privilege lock, or add a probe that shows "
            "what it is for ([[tool.nestproof.probe]])"
        )
    elif status is Status.UNVERIFIED:
        fix = f"ask one of the {row.hosts}" if row.hosts else ""
    return Outcome(f"justify.{row.relaxation}", status, summary(row), made.target, row.cause, fix)


def summary(row: Row) -> str:
    """The result for a relaxation, in a sentence."""
    match row.need:
        case Need.NEEDED:
            many = "probe breaks" if len(row.probes) == 1 else "probes break"
            granted = " (Docker grants it; all was dropped first)" if row.by_default else ""
            return f"needed{granted}: {len(row.probes)} {many} without it: {row.said}"
        case Need.REMOVABLE:
            return "removable: no probe breaks without it"
        case Need.ELSEWHERE:
            return f"not needed on this host; needed on {row.hosts}"
        case Need.UNVERIFIED:
            return f"nothing on this host enforces what it lifts; needed on {row.hosts}"


def _minimal(minimum: Minimum, made: Justification) -> Outcome:
    setuid = made.host.is_setuid and minimum.way is BwrapVariant.OWN
    name = "setuid" if setuid else "user-namespaces"
    kept = frozenset(row.relaxation for row in made.rows if row.need is Need.UNVERIFIED)
    sets = " or ".join(_names(options - kept) for options in minimum.sets)
    said = f"{whose(minimum.way, made)}: {sets or 'no set is enough'}"
    said += "" if minimum.complete else " (and perhaps others)"
    if not setuid and made.none_at_all:
        said += "; works with no capability at all"
    if setuid and made.others_idle:
        said += f"; of what Docker grants it needs no more than {_names(frozenset(OWN_CAPABILITIES))}"
    if kept:
        said += f"; {_names(kept)} stayed on, unverified"
    status = Status.PASS if minimum.sets else Status.UNVERIFIED
    return Outcome(f"justify.minimal.{name}", status, said, made.target)


def whose(way: BwrapVariant, made: Justification) -> str:
    """The bwrap of a way, in words."""
    if way is BwrapVariant.COPY:
        return "a copy of bwrap without the setuid bit, first on the PATH"
    return f"the image's own bwrap, {'setuid root' if made.host.is_setuid else 'not setuid'}"


def _some(probes: Sequence[str]) -> str:
    more = f" and {len(probes) - _NAMED} more" if len(probes) > _NAMED else ""
    return f"{', '.join(probes[:_NAMED])}{more}"


def _names(options: Set) -> str:
    return " + ".join(sorted(options)) if options else "nothing"


def table(made: Sequence[Justification]) -> str:
    """The table as text: each relaxation with its check, the source, and the probes that break."""
    lines = []
    for one in made:
        lines += [f"{one.target}, on {one.host}", ""]
        for row in one.rows:
            lines.append(f"  {row.relaxation}: {row.need}")
            lines += [f"    check:  {row.check}", f"    source: {row.source}"] if row.check else []
            lines += [f"    breaks: {_some(row.probes)}"] if row.probes else []
            lines += [f"    says:   {row.said}"] if row.said else []
            if row.copy_does_without:
                lines.append("    but a bwrap without the setuid bit does without it here")
        lines.append("")
    return "\n".join(lines).rstrip()
