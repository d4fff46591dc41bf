"""One function per task: run, print, end with an exit code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from invoke.exceptions import Exit

from nestproof.cli.console import Progress, exits, tell, wants_color
from nestproof.cli.run_output import Output, show
from nestproof.cli.trust import require_trust
from nestproof.core.errors import UsageError
from nestproof.core.files import read_file, write
from nestproof.core.outcome import Outcome, Target, exit_code
from nestproof.core.own_files import require_own
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.nodes.session import Session
from nestproof.pipeline import ValidateRequest, validate
from nestproof.reports import terminal
from nestproof.reports.recorder import default_file

if TYPE_CHECKING:
    from nestproof.build.matrix import BuildRequest
    from nestproof.core.trust import TrustOptions


def run_checks(request: ValidateRequest, output: Output) -> NoReturn:
    """Run the steps, show each outcome as it comes, end with the exit code of the whole."""

    def ask(session: Session) -> Generator[Outcome]:
        if request.engine_steps:
            require_trust(session, request.profiles, request.trust, containers="smoke" in request.steps)
        yield from validate(request, session)

    show(ask, output)


def build(request: BuildRequest, output: Output, trust: TrustOptions) -> NoReturn:
    """Show the command lines, run them, show an outcome for each target, and exit."""
    from nestproof.build.matrix import build_matrix

    def ask(session: Session) -> Generator[Outcome]:
        require_trust(session, request.profiles, trust, containers=False)

        def print_lines(lines: Sequence[tuple[str, str]]) -> None:
            for where, command in lines:
                session.print_line(terminal.planned(where, command))

        return build_matrix(request, session, print_lines)

    show(ask, output)


def plan_build(request: BuildRequest, output: Output, trust: TrustOptions) -> NoReturn:
    """Print the command lines that a build would run, and nothing else, on stdout."""
    from nestproof.build.matrix import build_matrix

    progress = Progress()
    outcomes: list[Outcome] = []
    with exits():
        if output.json:
            raise UsageError("--dry-run and --json exclude each other", fix="give one of the two")

        def print_lines(lines: Sequence[tuple[str, str]]) -> None:
            progress.clear()
            for _, command in lines:
                tell(command, sys.stdout)

        session = Session(Path.cwd(), progress.show)
        require_trust(session, None, trust, containers=False)
        outcomes += build_matrix(request, session, print_lines, dry_run=True)
        if outcomes:
            tell(terminal.details(outcomes), sys.stderr)
    # Without an outcome there is nothing that could not be planned.
    raise Exit(code=exit_code(outcomes, allow_unverified=output.allow_unverified) if outcomes else 0)


def examine_machine(output: Output, agents: Sequence[str] | None = None) -> NoReturn:
    """Run the sandbox's probes on this machine itself, and say for whom a sandbox works.

    With `agents`, hold sessions of these instead, or of all that are found if it names none.
    """
    from nestproof.smoke import host, host_agents

    def examine(session: Session) -> Generator[Outcome]:
        if agents is None:
            yield from host.examine(host.accounts())
        else:
            yield from host_agents.examine_agents(host.accounts()[0], Path.cwd(), agents, session.say)

    show(examine, output, host.verdicts if agents is None else None)


def report(merge: Sequence[str], form: str, output: str) -> NoReturn:
    """Draw the evidence of the last run, or of several files; on stdout, or into a file."""
    from nestproof.checks.checks import RULES
    from nestproof.reports.evidence import LARGEST
    from nestproof.reports.formats import FORMATS, draw
    from nestproof.reports.merge import read_all

    with exits():
        if form and form not in FORMATS:
            raise UsageError(f"there is no format {form!r}", fix=f"one of: {', '.join(FORMATS)}")
        own = default_file(Path.cwd())
        evidence = read_all([Path(name) for name in merge] or [own])
        if not merge:
            require_own(own, read_file(own, limit=LARGEST), os.environ)
        text = draw(
            evidence,
            form or ("json" if merge else "terminal"),
            Path.cwd(),
            RULES,
            color=not output and wants_color(sys.stdout),
        )
        if output:
            write(Path(output), text)
        else:
            tell(text, sys.stdout, end="")
    raise Exit(code=0)


def open_shell(name: str, platform: str, node: str, trust: TrustOptions) -> NoReturn:
    """Give a person a terminal in a container of the profile, and end with the shell's exit status."""
    from nestproof.cli.shell import open_terminal

    with exits():
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("a shell needs a terminal", fix="nestproof smoke asks the probes without one")
        progress = Progress()
        session = Session(Path.cwd(), progress.show)
        require_trust(session, [name], trust)
        status = open_terminal(session, Target(name, platform), node, progress.clear)
    raise Exit(code=status)


def control_vm(*arguments: str) -> NoReturn:
    """Run the repository's own command for virtual machines, and end with its exit status."""
    from nestproof.nodes.vm import control

    with exits():
        session = Session(Path.cwd(), Progress().show)
        require_trust(session, None, containers=False)
        status = control(session.config.guest, Path.cwd(), *arguments)
    raise Exit(code=status)


def print_nodes() -> NoReturn:
    """Print a line for each node and platform: its fidelity, the reason, and its order."""
    from nestproof.nodes.node import Fidelity, Node

    with exits():
        session = Session(Path.cwd(), Progress().show)
        require_trust(session, None, containers=False)
        node_pool = session.open_nodes()
        for name, address, found, taken in node_pool.survey():
            if not isinstance(found, Node):
                print(f"{name:<14} {found.what}{f': {found.why}' if found.why else ''}")
                continue
            named = f"{name} *" if taken else name
            print(f"{named:<14} {found.platform:<12} {found.fidelity:<9} {address}  {found.reason}")
            if taken and found.fidelity is Fidelity.EMULATED:
                print(f"{'':<37} truer: {found.remedy}; here: nestproof node.up --platform {found.platform}")
    raise Exit(code=0)


def print_privileges(update: bool, base: str | None, as_json: bool) -> NoReturn:
    """Show the profiles' relaxations, write them into the lock, or compare them with a revision."""
    from nestproof.privileges import comparison, inventory, text

    profiles = ProfileReader(Path.cwd(), os.environ)
    answer: text.Answer
    with exits():
        if update and base is not None:
            raise UsageError("--update and --base exclude each other", fix="give one of the two")
        if update:
            answer = inventory.update(profiles)
        elif base is not None:
            answer = comparison.compare(profiles, base)
        else:
            answer = inventory.show(profiles)
        if as_json:
            print(json.dumps(text.to_json(answer), indent=2))
        else:
            print(text.text(answer, shutil.get_terminal_size((100, 24)).columns))
    raise Exit(code=answer.exit_code)


def init_repository(dry_run: bool, force: bool, source: str) -> NoReturn:
    """Show the files that the repository lacks for nestproof, and write them."""
    from nestproof.cli import init

    profiles = ProfileReader(Path.cwd(), os.environ)
    with exits():
        plan = init.decide(profiles, force=force, source=source)
        print(init.table(plan))
        if not dry_run:
            init.act(profiles, plan)
        print("\nnothing is written: --dry-run" if dry_run else "\nnext: nestproof validate")
    raise Exit(code=plan.exit_code)
