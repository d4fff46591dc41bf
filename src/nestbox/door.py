"""What every way in shares: words to the terminal, signals, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from invoke.exceptions import Exit

from nestbox.actions import in_actions, inert, json_text, tell_actions
from nestbox.errors import NestboxError, UsageError
from nestbox.evidence import to_json
from nestbox.interrupts import interrupted_by_signals
from nestbox.outcome import INTERRUPTED, Outcome, Target, exit_code
from nestbox.profile import discover
from nestbox.recording import Recorder, default_file, write
from nestbox.redaction import Redactor
from nestbox.reports import terminal
from nestbox.validate import Request, Session, validate

if TYPE_CHECKING:
    from nestbox.build_matrix import BuildRequest


@dataclass(frozen=True, slots=True)
class Output:
    """Where a run is kept, and how it is shown: to people, or as JSON or SARIF with the rest on stderr."""

    json: bool = False
    sarif: bool = False
    allow_unverified: bool = False
    evidence: str = ""
    """The file that the evidence is written to, if any."""

    @property
    def people(self) -> TextIO:
        """Where the words for people go."""
        return sys.stderr if self.json or self.sarif else sys.stdout

    @property
    def file(self) -> Path | None:
        """The same as a path."""
        return Path(self.evidence) if self.evidence else None


def prove(request: Request, output: Output) -> NoReturn:
    """Run the steps, show each outcome as it comes, end with the exit code of the whole."""
    _show(lambda session: validate(request, session), output, request.workspace)


def build(request: BuildRequest, output: Output) -> NoReturn:
    """Show the command lines, run them, show an outcome for each target, end with the whole's exit code."""
    from nestbox.build_matrix import build_matrix

    def ask(session: Session) -> Generator[Outcome]:
        def show(lines: Sequence[tuple[str, str]]) -> None:
            for where, command in lines:
                session.tell(terminal.planned(where, command))

        return build_matrix(request, session, show)

    _show(ask, output, request.workspace)


def plan_build(request: BuildRequest, output: Output) -> NoReturn:
    """Print the command lines that a build would run, and nothing else, on stdout."""
    from nestbox.build_matrix import build_matrix

    progress = Progress()
    outcomes: list[Outcome] = []
    with exits():
        if output.json:
            raise UsageError("--dry-run and --json exclude each other", fix="give one of the two")

        def show(lines: Sequence[tuple[str, str]]) -> None:
            progress.clear()
            for _, command in lines:
                tell(command, sys.stdout)

        session = Session(say=progress.show)
        outcomes += build_matrix(request, session, show, dry_run=True)
        if outcomes:
            tell(terminal.details(outcomes), sys.stderr)
    # Without an outcome there is nothing that could not be planned.
    raise Exit(code=exit_code(outcomes, allow_unverified=output.allow_unverified) if outcomes else 0)


def examine_machine(output: Output) -> NoReturn:
    """Ask the probes of this machine itself, and say for whom a sandbox works here."""
    from nestbox import doctor

    def examine(_: Session) -> Generator[Outcome]:
        yield from doctor.examine(doctor.accounts())

    _show(examine, output, Path.cwd(), doctor.verdicts)


def _show(
    ask: Callable[[Session], Generator[Outcome]],
    output: Output,
    workspace: Path,
    conclude: Callable[[Sequence[Outcome]], str] | None = None,
) -> NoReturn:
    progress = Progress()
    session = Session(
        say=lambda text: progress.show(run.heard(text)),
        tell=lambda text: show(run.redactor.text(text)),
    )
    run = Recorder(workspace, session, output.file)

    def show(text: str) -> None:
        progress.say(text, output.people)

    interrupted = False
    with exits():
        if output.json and output.sarif:
            raise UsageError("--json and --sarif exclude each other", fix="run it twice")
        try:
            # Closed by hand: what is under way is cleaned up before anything else is said.
            with contextlib.closing(ask(session)) as coming:
                for outcome in coming:
                    show(terminal.line(run.add(outcome), color=wants_color(output.people)))
        except KeyboardInterrupt:
            interrupted = True
        except NestboxError as error:
            if run.outcomes:
                run.finish(error.exit_code, interrupted=True, trouble=str(error))
            raise
        progress.clear()
        _finish(workspace, run, output, conclude, interrupted=interrupted)
    raise Exit(code=exit_code(run.outcomes, allow_unverified=output.allow_unverified))


def _finish(
    workspace: Path,
    run: Recorder,
    output: Output,
    conclude: Callable[[Sequence[Outcome]], str] | None,
    *,
    interrupted: bool,
) -> None:
    code = INTERRUPTED if interrupted else exit_code(run.outcomes, allow_unverified=output.allow_unverified)
    evidence = run.finish(code, interrupted=interrupted)
    if blocks := terminal.details(run.outcomes):
        tell(f"\n{blocks}\n", output.people)
    if conclude is not None and not interrupted:
        tell(f"{conclude(run.outcomes)}\n", output.people)
    if output.json:
        tell(json_text(to_json(evidence)), sys.stdout)
    if output.sarif:
        from nestbox.checks import RULES
        from nestbox.reports.sarif import to_sarif

        log = to_sarif(run.outcomes, RULES, root=workspace, profiles=discover(workspace))
        tell(json_text(log), sys.stdout)
    if in_actions():
        tell_actions(evidence, workspace, output.people)
    if interrupted:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED)
    said = terminal.summary(run.outcomes, run.seconds, allow_unverified=output.allow_unverified)
    tell(said, output.people)


def report(merge: Sequence[str], form: str, output: str) -> NoReturn:
    """Draw the evidence of the last run, or of several files; on stdout, or into a file."""
    from nestbox.drawing import FORMATS, draw
    from nestbox.merging import read_all

    with exits():
        if form and form not in FORMATS:
            raise UsageError(f"there is no format {form!r}", fix=f"one of: {', '.join(FORMATS)}")
        evidence = read_all([Path(name) for name in merge] or [default_file(Path.cwd())])
        text = draw(
            evidence,
            form or ("json" if merge else "terminal"),
            Path.cwd(),
            color=not output and wants_color(sys.stdout),
        )
        if output:
            write(Path(output), text)
        else:
            tell(text, sys.stdout, end="")
    raise Exit(code=0)


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


def set_up(dry_run: bool, force: bool, source: str) -> NoReturn:
    """Show what the repository lacks to be proved, and write it."""
    from nestbox import init

    workspace, environment = Path.cwd(), dict(os.environ)
    with exits():
        plan = init.decide(workspace, environment, force=force, source=source)
        print(init.table(plan))
        if not dry_run:
            init.act(workspace, environment, plan)
        print("\nnothing is written: --dry-run" if dry_run else "\nnext: nestbox validate")
    raise Exit(code=plan.exit_code)


@contextlib.contextmanager
def exits() -> Iterator[None]:
    """Turn errors and interruptions into exit codes; SIGTERM and SIGHUP clean up as Ctrl-C does."""
    try:
        with interrupted_by_signals():
            yield
    except NestboxError as error:
        tell(f"nestbox: {Redactor.of(os.environ).text(str(error))}", sys.stderr)
        raise Exit(code=error.exit_code) from error
    except KeyboardInterrupt:
        print("interrupted; containers and temporary files are removed", file=sys.stderr)
        raise Exit(code=INTERRUPTED) from None
    except BrokenPipeError:
        # The reader left (`| head`); Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(code=INTERRUPTED) from None


def tell(text: str, stream: TextIO, end: str = "\n") -> None:
    """Print; nothing that is printed in GitHub Actions is a workflow command by accident, or by malice."""
    print(inert(text) if in_actions() else text, file=stream, end=end, flush=True)


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
                tell(f"… {text}"[:160], sys.stderr)
                return
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            self._shown = True
            print(f"\r\x1b[K{f'… {text}'[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def say(self, text: str, stream: TextIO) -> None:
        """Print a line that stays."""
        with self._lock:
            self.clear()
            tell(text, stream)

    def clear(self) -> None:
        """Take the live line away before something that stays is printed."""
        with self._lock:
            if self._shown:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                self._shown = False


def wants_color(stream: object) -> bool:
    """Colour for terminals only, and not where NO_COLOR is set (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())
