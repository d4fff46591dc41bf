"""The task `justify`: run the experiments, and show them as text or JSON."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NoReturn

from nestproof.cli.console import exits
from nestproof.cli.run_output import Output, show
from nestproof.cli.trust import require_trust
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.engine.client import Engine
from nestproof.justify import residual
from nestproof.justify.justification import Justification
from nestproof.justify.outcomes import table
from nestproof.justify.records import to_json
from nestproof.justify.study import JustifyRequest, each_target, study
from nestproof.justify.suggest import suggest
from nestproof.justify.syscalls import calls_needed
from nestproof.nodes.session import Session
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.smoke.plan import SmokeRun


def answer(request: JustifyRequest, output: Output, *, suggestions: bool, attempts: bool) -> NoReturn:
    """Show the purpose of each relaxation or, if asked, the alternatives or the remaining risk."""
    with exits():
        if sum((suggestions, attempts, request.update_lock)) > 1:
            fix = "give one of the three"
            raise UsageError("--suggest, --residual and --update-lock exclude each other", fix=fix)
    if attempts:
        _attempt(request, output)
    if suggestions:
        _suggest(request, output)
    _justify(request, output)


def _justify(request: JustifyRequest, output: Output) -> NoReturn:
    made: list[Justification] = []

    def ask(session: Session) -> Generator[Outcome]:
        require_trust(session, request.profiles, request.trust)
        yield from study(request, session, made.append)

    show(
        ask,
        output,
        lambda _: table(made),
        lambda: {"profiles": [to_json(one) for one in made]} if made else {},
    )


def _suggest(request: JustifyRequest, output: Output) -> NoReturn:
    """Suggest a relaxation for failing profiles, and list the denied system calls of the others."""

    def ask(session: Session) -> Generator[Outcome]:
        def one(engine: Engine, run: SmokeRun) -> Iterator[Outcome]:
            passed = True
            for outcome in suggest(engine, run, session.say):
                passed = passed and outcome.status is Status.PASS
                yield outcome
            if passed:
                yield from calls_needed(engine, run, session.say)

        require_trust(session, request.profiles, request.trust)
        yield from each_target(request, session, one)

    show(ask, output)


def _attempt(request: JustifyRequest, output: Output) -> NoReturn:
    """Try what root, a user and a sandboxed command can do, beside Docker's defaults."""
    tried: dict[Target, list[residual.Attempt]] = {}
    mapped: set[Target] = set()

    def one(engine: Engine, run: SmokeRun) -> Iterator[Outcome]:
        if not relaxations_asked(run.profile.run):
            said = "relaxes nothing: nobody can do more in it than by Docker's defaults"
            yield Outcome("justify", Status.PASS, said, run.target)
            return
        tried[run.target] = list(residual.attempts(engine, run))
        if engine.facts.maps_root:
            mapped.add(run.target)
        yield from residual.outcomes_of(run.target, tried[run.target])

    def ask(session: Session) -> Generator[Outcome]:
        require_trust(session, request.profiles, request.trust)
        yield from each_target(request, session, one)

    show(
        ask,
        output,
        lambda _: "\n\n".join(residual.table(tried[one], mapped=one in mapped) for one in tried),
        lambda: {"residual": [residual.to_json(*one) for one in tried.items()]} if tried else {},
    )
