"""What every way in shares: words to the terminal, signals, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from invoke.exceptions import Exit

from nestbox import report
from nestbox.errors import NestboxError, UsageError
from nestbox.evidence import Evidence, to_json
from nestbox.interrupts import interrupted_by_signals
from nestbox.nodes import binfmt_flags
from nestbox.outcome import INTERRUPTED, Outcome, exit_code
from nestbox.profile import discover
from nestbox.validate import Request, Session, validate


@dataclass(frozen=True, slots=True)
class Output:
    """How a run is shown: to people, or as JSON or SARIF on stdout with the rest on stderr."""

    json: bool = False
    sarif: bool = False
    allow_unverified: bool = False

    @property
    def people(self) -> TextIO:
        """Where the words for people go."""
        return sys.stderr if self.json or self.sarif else sys.stdout


def prove(request: Request, output: Output) -> NoReturn:
    """Run the steps, show each outcome as it comes, end with the exit code of the whole."""
    show(lambda session: validate(request, session), output, request.workspace)


def examine_machine(output: Output) -> NoReturn:
    """Ask the probes of this machine itself, and say for whom a sandbox works here."""
    from nestbox import doctor

    def examine(_: Session) -> Generator[Outcome]:
        yield from doctor.examine(doctor.accounts())

    show(examine, output, Path.cwd(), doctor.verdicts)


def show(
    ask: Callable[[Session], Generator[Outcome]],
    output: Output,
    workspace: Path,
    conclude: Callable[[Sequence[Outcome]], str] | None = None,
    more: Callable[[], dict[str, Any]] = dict,
) -> NoReturn:
    """Show each outcome as it comes, then what did not pass, and end with the exit code of the whole.

    `conclude` has a last word for people, `more` what is added to the evidence for machines.
    """
    begin = time.monotonic()
    progress = Progress()
    session = Session(say=progress.show)
    outcomes: list[Outcome] = []
    interrupted = False
    with exits():
        if output.json and output.sarif:
            raise UsageError("--json and --sarif exclude each other", fix="run it twice")
        try:
            # Closed by hand: what is under way is cleaned up before anything else is said.
            with contextlib.closing(ask(session)) as coming:
                for outcome in coming:
                    progress.clear()
                    outcomes.append(outcome)
                    said = report.line(outcome, color=wants_color(output.people))
                    print(said, file=output.people, flush=True)
        except KeyboardInterrupt:
            interrupted = True
        progress.clear()
        run = Evidence(
            tuple(outcomes),
            session.facts,
            time.monotonic() - begin,
            interrupted,
            tuple(session.targets),
            binfmt_flags(),
        )
        _finish(workspace, run, output, conclude, more)
    raise Exit(code=exit_code(outcomes, allow_unverified=output.allow_unverified))


def _finish(
    workspace: Path,
    run: Evidence,
    output: Output,
    conclude: Callable[[Sequence[Outcome]], str] | None,
    more: Callable[[], dict[str, Any]],
) -> None:
    if blocks := report.details(run.outcomes):
        print(f"\n{blocks}\n", file=output.people)
    if conclude is not None and not run.interrupted and (said := conclude(run.outcomes)):
        print(f"{said}\n", file=output.people)
    if output.json:
        value = to_json(run, allow_unverified=output.allow_unverified) | more()
        print(json.dumps(value, indent=2))
    if output.sarif:
        from nestbox.checks import RULES
        from nestbox.sarif import to_sarif

        log = to_sarif(run.outcomes, RULES, root=workspace, profiles=discover(workspace))
        print(json.dumps(log, indent=2))
    if run.interrupted:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED)
    said = report.summary(run.outcomes, run.seconds, allow_unverified=output.allow_unverified)
    print(said, file=output.people)


def open_shell(name: str, platform: str) -> NoReturn:
    """Give a person a terminal in a container of the profile, and end with the shell's exit status."""
    from nestbox.shell import open_terminal

    with exits():
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("a shell needs a terminal", fix="nestbox smoke asks the probes without one")
        progress = Progress()
        status = open_terminal(Path.cwd(), Session(say=progress.show), name, platform, progress.clear)
    raise Exit(code=status)


def control_guest(*arguments: str) -> NoReturn:
    """Start, show or stop guests by the repository's own command, and end with its exit status."""
    from nestbox.config import load_config
    from nestbox.guests import control

    with exits():
        status = control(load_config(Path.cwd()).guest, Path.cwd(), *arguments)
    raise Exit(code=status)


def tell_nodes() -> NoReturn:
    """A line for each platform: which engine answers for it, how truly, and why."""
    from nestbox.engine import connect
    from nestbox.nodes import node_for
    from nestbox.platforms import PLATFORMS

    with exits():
        engine = connect()
        for platform in PLATFORMS:
            node = node_for(engine.facts, platform)
            print(f"{platform:<12} {node.truth:<9} {engine.facts.address}  {node.reason}")
            if node.remedy:
                print(f"{'':<23}truer: {node.remedy}; here: nestbox node.up --platform {platform}")
    raise Exit(code=0)


def tell_privileges(update: bool, base: str | None, as_json: bool) -> NoReturn:
    """Show what the profiles may have, write it into the lock, or compare it with a revision."""
    from nestbox import comparison, privileges, privileges_text

    workspace, environment = Path.cwd(), dict(os.environ)
    answer: privileges_text.Answer
    with exits():
        if update and base is not None:
            raise UsageError("--update and --base exclude each other", fix="give one of the two")
        if update:
            answer = privileges.update(workspace, environment)
        elif base is not None:
            answer = comparison.compare(workspace, base, environment)
        else:
            answer = privileges.show(workspace, environment)
        if as_json:
            print(json.dumps(privileges_text.to_json(answer), indent=2))
        else:
            print(privileges_text.text(answer, shutil.get_terminal_size((100, 24)).columns))
    raise Exit(code=answer.exit_code)


@contextlib.contextmanager
def exits() -> Iterator[None]:
    """Turn errors and interruptions into exit codes; SIGTERM and SIGHUP clean up as Ctrl-C does."""
    try:
        with interrupted_by_signals():
            yield
    except NestboxError as error:
        print(f"nestbox: {error}", file=sys.stderr)
        raise Exit(code=error.exit_code) from error
    except KeyboardInterrupt:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED) from None
    except BrokenPipeError:
        # The reader left (`| head`); Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=INTERRUPTED) from None


class Progress:
    """What goes on right now: one line that is written over on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        """Show what goes on."""
        if not self._live:
            print(f"… {text}"[:160], file=sys.stderr, flush=True)
            return
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        self._shown = True
        print(f"\r\x1b[K{f'… {text}'[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the live line away before something that stays is printed."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def wants_color(stream: object) -> bool:
    """Colour for terminals only, and not where NO_COLOR is set (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())
