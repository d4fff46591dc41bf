"""Draw the evidence as text: a line for each outcome, the failures with their fixes, a last line."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from nestproof.core.outcome import Outcome, Status, count, exit_code
from nestproof.core.source import safe
from nestproof.probes.table import PROBES

_COLORS = {
    Status.PASS: "32",
    Status.FAIL: "1;31",
    Status.DEGRADED: "33",
    Status.UNVERIFIED: "35",
    Status.ERROR: "1;31",
}
# What is asked of probes: in containers, and of the machine itself.
COMMANDS = ("lifecycle.", "restart.postStartCommand")
PROBED = ("smoke.", "doctor.")
# Of many that fail for one cause, the first say where it begins; each has its own line above.
_NAMED = 4
# A report shows the end of an output: where a program says why.
_SHOWN_LINES = 40


def line(outcome: Outcome, *, color: bool = False) -> str:
    """One outcome in one line."""
    where = safe(str(outcome.target)) if outcome.target else "files"
    word = _word(outcome.status, color=color)
    return f"{word} {where:<20} {outcome.id:<24} {safe(outcome.summary)}{_seconds(outcome)}"


def planned(where: str, command: str) -> str:
    """A planned command line, on one line."""
    return f"{'plan':<10} {safe(where):<20} {'build':<24} {safe(command)}"


def details(outcomes: Sequence[Outcome]) -> str:
    """Describe every outcome that did not pass; empty if all passed."""
    red = in_order([o for o in outcomes if o.status in (Status.FAIL, Status.ERROR)])
    blocks = [_detail(group) for group in _alike(red)]
    warnings = [f for o in outcomes for f in o.findings if f.diagnostic.severity == "warning"]
    blocks += [str(finding) for finding in warnings]
    if unverified := _alike([outcome for outcome in outcomes if outcome.status is Status.UNVERIFIED]):
        reasons = [_reason(group) for group in unverified]
        blocks.append("\n".join(["UNVERIFIED, and not counted as a pass:", *reasons]))
    return "\n\n".join(blocks)


def summary(outcomes: Sequence[Outcome], seconds: float, *, allow_unverified: bool = False) -> str:
    """The last line: the count of each status, the duration, and the exit code with its meaning."""
    seen = count(outcomes)
    counts = (
        ", ".join(f"{seen[status]} {status.value}" for status in Status if seen[status])
        or "nothing was asked"
    )
    code = exit_code(outcomes, allow_unverified=allow_unverified)
    meaning = {
        0: "proved",
        1: "failed",
        3: "not all of it could be shown here",
        4: "nestproof could not ask",
    }[code]
    if code == 0 and seen[Status.UNVERIFIED]:
        meaning = f"proved, but for {seen[Status.UNVERIFIED]} unverified that --allow-unverified lets through"
    commands = [o.observation.seconds for o in outcomes if o.observation and o.id.startswith(COMMANDS)]
    of_it = f" ({sum(commands):.1f} s of it in lifecycle commands)" if commands else ""
    return f"{counts} in {seconds:.1f} s{of_it}: {meaning} (exit {code})"


def in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Sort outcomes: targets as they came; within one, causes before consequences."""
    targets = list(dict.fromkeys(outcome.target for outcome in outcomes))
    names = {f"{where}{probe.name}": number for number, probe in enumerate(PROBES) for where in PROBED}
    names |= {f"restart.{probe.name}": number for number, probe in enumerate(PROBES, len(PROBES))}
    return sorted(outcomes, key=lambda outcome: (targets.index(outcome.target), names.get(outcome.id, -1)))


def _alike(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Group outcomes of one target with the same words: one cause often stops many probes."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        # A known cause may be told in several words; without one, the words are all there is.
        said = (outcome.cause, outcome.fix) if outcome.fix else (outcome.summary, outcome.cause)
        groups.setdefault((outcome.status, outcome.target, *said), []).append(outcome)
    return list(groups.values())


def _where(group: Sequence[Outcome]) -> str:
    target = f"{safe(str(group[0].target))} " if group[0].target else ""
    names = [outcome.id for outcome in group[:_NAMED]]
    more = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
    return f"{target}{', '.join(names)}{more}"


def _detail(group: Sequence[Outcome]) -> str:
    first = group[0]
    lines = [f"{first.status.value.upper()} {_where(group)}: {safe(first.summary)}"]
    lines += [f"  cause: {part}" for part in map(safe, first.cause.splitlines())]
    lines += [f"  fix: {safe(first.fix)}"] if first.fix else []
    errors = [finding for finding in first.findings if finding.diagnostic.severity == "error"]
    lines += [f"  {part}" for finding in errors for part in str(finding).splitlines()]
    seen = first.observation
    # What was found says more than the output that it was found in.
    if seen is not None and not errors:
        lines.append(f"  command: {safe(shlex.join(seen.command))} (exit status {seen.exit_status})")
        for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr)):
            shown = text.rstrip().splitlines()[-_SHOWN_LINES:]
            lines += [f"  {name}: {safe(part)}" for part in shown]
    return "\n".join(lines)


def _reason(group: Sequence[Outcome]) -> str:
    first = group[0]
    lines = [f"- {_where(group)}: {safe(first.summary)}"]
    lines += [f"  why: {safe(first.cause)}"] if first.cause else []
    lines += [f"  what would answer: {safe(first.fix)}"] if first.fix else []
    return "\n".join(lines)


def _word(status: Status, *, color: bool) -> str:
    word = f"{status.value:<10}"
    return f"\x1b[{_COLORS[status]}m{word}\x1b[0m" if color else word


def _seconds(outcome: Outcome) -> str:
    seconds = outcome.observation.seconds if outcome.observation else 0.0
    return f"  ({seconds:.1f} s)" if seconds >= 0.1 else ""
