"""What every way in shares: words to the terminal, signals, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from invoke.exceptions import Exit

from nestbox import report
from nestbox.errors import NestboxError, UsageError
from nestbox.evidence import Evidence, to_json
from nestbox.interrupts import interrupted_by_signals
from nestbox.nodes import binfmt_flags
from nestbox.outcome import INTERRUPTED, Outcome, Target, exit_code
from nestbox.profile import discover
from nestbox.validate import Request, Session, validate

if TYPE_CHECKING:
    from nestbox.build_matrix import BuildRequest


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


def build(request: BuildRequest, output: Output) -> NoReturn:
    """Show the command lines, run them, show an outcome for each target, end with the whole's exit code."""
    from nestbox.build_matrix import build_matrix

    def ask(session: Session) -> Generator[Outcome]:
        def print_lines(lines: Sequence[tuple[str, str]]) -> None:
            for where, command in lines:
                session.tell(report.planned(where, command))

        return build_matrix(request, session, print_lines)

    show(ask, output, request.workspace)


def plan_build(request: BuildRequest, output: Output) -> NoReturn:
    """Print the command lines that a build would run, and nothing else, on stdout."""
    from nestbox.build_matrix import build_matrix

    progress = Progress()
    outcomes: list[Outcome] = []
    with exits():
        if output.json:
            raise UsageError("--dry-run and --json exclude each other", fix="give one of the two")

        def print_lines(lines: Sequence[tuple[str, str]]) -> None:
            progress.clear()
            for _, command in lines:
                print(command)

        session = Session(say=progress.show)
        outcomes += build_matrix(request, session, print_lines, dry_run=True)
        if outcomes:
            print(report.details(outcomes), file=sys.stderr)
    # Without an outcome there is nothing that could not be planned.
    raise Exit(code=exit_code(outcomes, allow_unverified=output.allow_unverified) if outcomes else 0)


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

    def tell(text: str) -> None:
        progress.say(text, output.people)

    session = Session(say=progress.show, tell=tell)
    outcomes: list[Outcome] = []
    interrupted = False
    with exits():
        if output.json and output.sarif:
            raise UsageError("--json and --sarif exclude each other", fix="run it twice")
        try:
            # Closed by hand: what is under way is cleaned up before anything else is said.
            with contextlib.closing(ask(session)) as coming:
                for outcome in coming:
                    outcomes.append(outcome)
                    tell(report.line(outcome, color=wants_color(output.people)))
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


def open_shell(name: str, platform: str, node: str) -> NoReturn:
    """Give a person a terminal in a container of the profile, and end with the shell's exit status."""
    from nestbox.shell import open_terminal

    with exits():
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("a shell needs a terminal", fix="nestbox smoke asks the probes without one")
        progress = Progress()
        session = Session(say=progress.show)
        status = open_terminal(Path.cwd(), session, Target(name, platform), node, progress.clear)
    raise Exit(code=status)


def control_guest(*arguments: str) -> NoReturn:
    """Start, show or stop guests by the repository's own command, and end with its exit status."""
    from nestbox.config import load_config
    from nestbox.guests import control

    with exits():
        status = control(load_config(Path.cwd()).guest, Path.cwd(), *arguments)
    raise Exit(code=status)


def tell_nodes() -> NoReturn:
    """A line for each node and platform: how truly it answers, why, and whether it is asked first."""
    from nestbox.config import load_config
    from nestbox.fleet import Fleet
    from nestbox.nodes import Node, Truth

    with exits():
        fleet = Fleet(load_config(Path.cwd()).node, Path.cwd(), Progress().show)
        for name, address, found, taken in fleet.survey():
            if not isinstance(found, Node):
                print(f"{name:<14} {found.what}{f': {found.why}' if found.why else ''}")
                continue
            named = f"{name} *" if taken else name
            print(f"{named:<14} {found.platform:<12} {found.truth:<9} {address}  {found.reason}")
            if taken and found.truth is Truth.EMULATED:
                print(f"{'':<37} truer: {found.remedy}; here: nestbox node.up --platform {found.platform}")
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
    """What goes on right now: one line that is written over on a terminal, plain lines elsewhere.

    Several threads tell it; each line stays whole.
    """

    def __init__(self) -> None:
        # An interruption may come while it is held, and what is cleaned up then is told, too.
        self._lock = threading.RLock()
        # A log is read afterwards, also where CI gives it a terminal.
        self._live = sys.stderr.isatty() and not os.environ.get("CI")
        self._shown = False

    def show(self, text: str) -> None:
        """Show what goes on."""
        with self._lock:
            if not self._live:
                print(f"… {text}"[:160], file=sys.stderr, flush=True)
                return
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            self._shown = True
            print(f"\r\x1b[K{f'… {text}'[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def say(self, text: str, stream: TextIO) -> None:
        """Print a line that stays."""
        with self._lock:
            self.clear()
            print(text, file=stream, flush=True)

    def clear(self) -> None:
        """Take the live line away before something that stays is printed."""
        with self._lock:
            if self._shown:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                self._shown = False


def wants_color(stream: object) -> bool:
    """Colour for terminals only, and not where NO_COLOR is set (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())
