"""Show a run: each outcome as it comes, the details of those that did not pass, a last line; and keep it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from invoke.exceptions import Exit

from nestproof.cli.console import Progress, exits, tell, wants_color
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import INTERRUPTED, Outcome, exit_code
from nestproof.core.signals import interrupts_kept
from nestproof.nodes.session import Session
from nestproof.reports import terminal
from nestproof.reports.evidence import to_json
from nestproof.reports.github_actions import in_actions, json_text, tell_actions
from nestproof.reports.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Output:
    """The destination of a run's evidence, and the form in which the run is shown."""

    json: bool = False
    sarif: bool = False
    allow_unverified: bool = False
    evidence: str = ""
    """The file that the evidence is written to, if any."""

    @property
    def people(self) -> TextIO:
        """The stream for human readers."""
        return sys.stderr if self.json or self.sarif else sys.stdout

    @property
    def file(self) -> Path | None:
        """The same as a path."""
        return Path(self.evidence) if self.evidence else None


def show(
    ask: Callable[[Session], Generator[Outcome]],
    output: Output,
    conclude: Callable[[Sequence[Outcome]], str] | None = None,
    more: Callable[[], dict[str, Any]] = dict,
) -> NoReturn:
    """Show each outcome as it comes, then what did not pass, and end with the exit code of the whole.

    `conclude` has a last word for people, `more` what experiments add to the evidence.
    """
    progress = Progress()
    session = Session(
        Path.cwd(),
        say=lambda text: progress.show(run.on_progress(text)),
        print_line=lambda text: keep(run.hide(text)),
    )
    run = Recorder(session, output.file)

    def keep(text: str) -> None:
        progress.say(text, output.people)

    interrupted = False
    with exits(run.hide):
        if output.json and output.sarif:
            raise UsageError("--json and --sarif exclude each other", fix="run it twice")
        try:
            # Closed by hand: what is under way is cleaned up before anything else is said.
            with interrupts_kept(), contextlib.closing(ask(session)) as coming:
                for outcome in coming:
                    keep(terminal.line(run.add(outcome), color=wants_color(output.people)))
        except KeyboardInterrupt:
            interrupted = True
        except NestproofError as error:
            if run.outcomes:
                run.finish(error.exit_code, interrupted=True, trouble=str(error))
            raise
        progress.clear()
        _finish(session, run, output, conclude, more, interrupted=interrupted)
    raise Exit(code=exit_code(run.outcomes, allow_unverified=output.allow_unverified))


def _finish(
    session: Session,
    run: Recorder,
    output: Output,
    conclude: Callable[[Sequence[Outcome]], str] | None,
    more: Callable[[], dict[str, Any]],
    *,
    interrupted: bool,
) -> None:
    code = INTERRUPTED if interrupted else exit_code(run.outcomes, allow_unverified=output.allow_unverified)
    run.justification = more() or None
    evidence = run.finish(code, interrupted=interrupted)
    if blocks := terminal.details(run.outcomes):
        tell(f"\n{blocks}\n", output.people)
    if conclude is not None and not interrupted and (words := conclude(run.outcomes)):
        tell(f"{words}\n", output.people)
    if output.json:
        tell(json_text(to_json(evidence)), sys.stdout)
    if output.sarif:
        from nestproof.checks.checks import RULES
        from nestproof.reports.sarif import to_sarif

        log = to_sarif(run.outcomes, RULES, root=session.workspace, profiles=session.profiles.files)
        tell(json_text(log), sys.stdout)
    if in_actions():
        tell_actions(evidence, session.workspace, output.people)
    if interrupted:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED)
    said = terminal.summary(run.outcomes, run.seconds, allow_unverified=output.allow_unverified)
    tell(said, output.people)
