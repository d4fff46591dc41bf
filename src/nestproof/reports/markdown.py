"""Evidence ─▶ Markdown for a pull request: each step as a command with its result, the rest folded.

What containers and files say stands in code only, where it is neither markup nor a mention of somebody.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from nestproof.core.outcome import Status
from nestproof.core.source import safe
from nestproof.reports.common import by_target, describe_run, in_words
from nestproof.reports.evidence import Evidence, Outcome, Run, Target
from nestproof.reports.justification import attempted, justified
from nestproof.reports.merge import disagreements

LIMIT = 60_000
"""Characters; a comment on GitHub takes 65,536."""
SHOWN_LINES = 40

_MARKS = {
    Status.PASS: "✅",
    Status.FAIL: "❌",
    Status.DEGRADED: "⚠️",
    Status.UNVERIFIED: "❔",
    Status.ERROR: "🛑",
}


def to_markdown(evidence: Evidence, limit: int = LIMIT) -> str:
    """The evidence as Markdown; where it is longer than `limit`, what passed loses its details first."""
    for shown in (frozenset(Status), frozenset(Status) - {Status.PASS}, frozenset[Status]()):
        text = "\n".join(_lines(evidence, shown)) + "\n"
        if len(text) <= limit:
            break
    if len(text) > limit:
        text = text[: limit - 100].rpartition("\n")[0] + "\n\nThere is more: `nestproof report` shows it.\n"
    return text


def _lines(evidence: Evidence, shown: frozenset[Status]) -> Iterator[str]:
    for run in evidence.runs:
        yield from _run(run, shown)
    if len(evidence.runs) > 1:
        yield from _disagreements(evidence.runs)


def _run(run: Run, shown: frozenset[Status]) -> Iterator[str]:
    yield "## Validation"
    yield ""
    yield f"**{in_words(run.counts)}** in {run.seconds:.1f} s (exit {run.exit_code})"
    yield ""
    if run.interrupted:
        why = f": {code(run.trouble.splitlines()[0])}" if run.trouble else ""
        yield f"**This run was cut short{why}.** What is here is true; there would have been more."
        yield ""
    for name, value in describe_run(run):
        yield f"- {name}: {code(value)}"
    yield ""
    for (profile, platform), outcomes in by_target(run.outcomes).items():
        yield from _target(run, profile, platform, outcomes, shown)
    yield from _privileges(run)
    yield from _justified(run)


def _target(
    run: Run, profile: str, platform: str, outcomes: Sequence[Outcome], shown: frozenset[Status]
) -> Iterator[str]:
    yield f"### {code(profile)} on {platform}" if profile else "### Files"
    yield ""
    if any(outcome.by_hand for outcome in outcomes):
        opened = shlex.join(("nestproof", "shell", "--profile", profile, "--platform", platform))
        yield f"What is asked in the container can be typed there: {code(opened)}"
        yield ""
    for outcome in outcomes:
        yield from _item(outcome)
    yield ""
    details = [block for outcome in outcomes if outcome.status in shown for block in _transcript(outcome)]
    if details:
        yield from _folded("What was printed", "console", details)
    targets = [t for t in run.targets if (t.profile, t.platform) == (profile, platform)]
    if targets and shown:
        yield from _folded("The container", "console", list(_container(targets[0])))


def _item(outcome: Outcome) -> Iterator[str]:
    line = f"- {_MARKS[outcome.status]} {outcome.status.value}: {code(_command(outcome))}"
    yield f"{line} → {code(outcome.summary)}" if outcome.summary else line
    if outcome.status is not Status.PASS:
        for name, text in (("why", outcome.cause), ("what would help", outcome.fix)):
            yield from (f"  - {name}: {code(part)}" for part in text.splitlines() if part.strip())
    for finding in outcome.findings:
        yield f"  - {finding.severity}: {code(f'{finding.file}:{finding.line}: {finding.message}')}"


def _command(outcome: Outcome) -> str:
    """A reviewer's command: by hand if that is short, else the recorded one, else nestproof's."""
    if outcome.by_hand:
        return outcome.by_hand
    if outcome.id == "build" and outcome.observation:
        return quoted(outcome.observation.command)
    return quoted(outcome.again)


def _transcript(outcome: Outcome) -> Iterator[str]:
    seen = outcome.observation
    if seen is None:
        return
    yield f"$ {quoted(outcome.again)}"
    ended = "did not end" if seen.exit_status is None else f"exit status {seen.exit_status}"
    yield f"# {outcome.id}: {outcome.status.value}, {ended}, {seen.seconds:.2f} s"
    yield f"# ran: {quoted(seen.command)}"
    for text, left_out in ((seen.stdout, seen.stdout_left_out), (seen.stderr, seen.stderr_left_out)):
        lines = text.rstrip().splitlines()
        if left_out or len(lines) > SHOWN_LINES:
            yield "# … (the end of it)"
        yield from lines[-SHOWN_LINES:]


def _container(target: Target) -> Iterator[str]:
    yield f"# image {target.image}"
    yield f"# run arguments: {quoted(target.run_args)}"
    yield from (f"# {name}: {value}" for name, value in target.facts.items())


def _privileges(run: Run) -> Iterator[str]:
    rows = [(profile, relaxed) for profile in run.profiles for relaxed in profile.relaxations]
    if not rows:
        return
    yield "<details><summary>Privileges beyond Docker's defaults</summary>"
    yield ""
    yield "| profile | relaxation | rank | reason in the lock |"
    yield "| --- | --- | --- | --- |"
    for profile, relaxed in rows:
        cells = (profile.name, relaxed.relaxation, relaxed.rank, relaxed.reason or relaxed.standing)
        yield "| " + " | ".join(cell(text) for text in cells) + " |"
    yield ""
    yield "</details>"
    yield ""


def _justified(run: Run) -> Iterator[str]:
    for one in justified(run):
        yield f"<details><summary>What each relaxation of {code(one.title)} is there for</summary>"
        yield ""
        yield "| relaxation | on this host | without it | what breaks | what asks for it |"
        yield "| --- | --- | --- | --- | --- |"
        for reason in one.reasons:
            cells = (reason.relaxation, reason.need, reason.said, reason.breaks, reason.asked_by)
            yield "| " + " | ".join(cell(text) if text else "" for text in cells) + " |"
        yield ""
        yield from (f"- smallest set that works, {code(text)}" for text in one.minimal)
        yield ""
        yield "</details>"
        yield ""
    for title, tried in attempted(run):
        yield f"<details><summary>What can be done in {code(title)}, by trying</summary>"
        yield ""
        actors = [actor for actor, _ in tried[0].could] if tried else []
        yield "| | " + " | ".join(cell(text) for text in (*actors, "what it takes")) + " |"
        yield "| --- |" + " --- |" * (len(actors) + 1)
        for action in tried:
            could = [word for _, word in action.could]
            yield "| " + " | ".join(cell(text) for text in (action.what, *could, action.takes)) + " |"
        yield ""
        yield "</details>"
        yield ""


def _disagreements(runs: Sequence[Run]) -> Iterator[str]:
    found = list(disagreements(runs))
    yield "## Where the machines differ"
    yield ""
    if not found:
        yield "Nowhere: what more than one of them answered, they answered alike."
    for one in found:
        said = ", ".join(f"{status.value} on {code(run.fingerprint)}" for run, status in one.answers)
        yield f"- {code(' '.join(filter(None, one.question)))}: {said}"
    yield ""


def _folded(title: str, language: str, lines: Sequence[str]) -> Iterator[str]:
    text = [safe(line) for part in lines for line in (part.splitlines() or [""])]
    longest = max((len(run) for line in text for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"<details><summary>{title}</summary>", "", f"{fence}{language}", *text, fence, "")
    yield from ("</details>", "")


def code(text: str) -> str:
    """A code span on one line, whatever is in it."""
    bare = safe(" ".join(text.splitlines())) or " "
    ticks = "`" * (max((len(run) for run in re.findall("`+", bare)), default=0) + 1)
    pad = " " if bare.startswith("`") or bare.endswith("`") else ""
    return f"{ticks}{pad}{bare}{pad}{ticks}"


def cell(text: str) -> str:
    """The same in a table, in which a bar ends a cell also inside of code."""
    return code(text.replace("|", "¦"))


def quoted(arguments: Sequence[str]) -> str:
    """A command line to paste; a shell expands `~` only where it is not quoted."""
    return " ".join(
        f"~/{shlex.quote(argument[2:])}" if argument.startswith("~/") else shlex.quote(argument)
        for argument in arguments
    )
