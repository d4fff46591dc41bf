"""Prove the agents of a container: hold their sessions, and judge each question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from nestproof.agents.drive import Place, Planned, at_desk, hold
from nestproof.agents.model.server import Request
from nestproof.agents.relay import NothingListensError
from nestproof.agents.session import Session
from nestproof.agents.table import DRIVEN_AGENTS, DrivenAgent, Mode
from nestproof.agents.verdicts import is_promised, judge
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.text import plural
from nestproof.probes.facts import SandboxFacts
from nestproof.probes.verdicts import Judgement


def plan(
    programs: Sequence[str], starts: Sequence[str], arguments: Mapping[str, tuple[str, ...]]
) -> tuple[Planned, ...]:
    """The sessions for these programs: in the default mode, and in each that one of the start lines has.

    `arguments` are those that a profile declares for a program.
    """
    return tuple(
        Planned(agent, mode, arguments.get(agent.program, ()))
        for agent in DRIVEN_AGENTS
        if agent.program in programs
        for mode in (agent.default, *(mode for mode in agent.modes if _is_used(agent, mode, starts)))
    )


def _is_used(agent: DrivenAgent, mode: Mode, starts: Sequence[str]) -> bool:
    lines = (re.split(r"[\s'\"=;&|\[\],]+", line) for line in starts)
    return any(agent.program in words and set(mode.flags) & set(words) for words in lines)


def prove(
    place: Place,
    planned: Sequence[Planned],
    target: Target,
    *,
    walls_are_down: bool,
    declared: Mapping[str, bool],
    facts: SandboxFacts | None,
    say: Callable[[str], None],
) -> Iterator[Outcome]:
    """Hold each session and yield the verdict on each of its questions.

    `declared` says for a program that it promises a sandbox, or none; else its kind and settings say it.
    """
    try:
        with at_desk(place) as (desk, listener):
            for one in planned:
                say(f"{target}: asking {one.agent.name} with a scripted model")
                session = hold(desk, listener, one)
                said = declared.get(one.agent.program)
                promised = is_promised(session, walls_are_down=walls_are_down) if said is None else said
                for answered in judge(session, promised=promised, facts=facts):
                    judgement, way = answered.judgement, answered.question
                    closing = one.agent.closings.get(way)
                    if judgement.status is Status.FAIL and closing is not None:
                        more = (*one.arguments, *closing.arguments)
                        again = hold(desk, listener, replace(one, arguments=more, ways=(way,)))
                        judgement = _with_proof(judgement, again, way)
                    yield _outcome(session, way, judgement, target)
    except EngineError as error:
        status = Status.UNVERIFIED if isinstance(error, NothingListensError) else Status.ERROR
        for program in dict.fromkeys(one.agent.program for one in planned):
            yield Outcome(f"agent.{program}", status, error.what, target, error.why or error.what, error.fix)


def _with_proof(judgement: Judgement, again: Session, way: str) -> Judgement:
    """The fix, with what a second session under it showed."""
    closed = again.inside.whole and not again.escaped(way)
    said = "with it, the same request stays inside" if closed else "it was tried, and does not close the way"
    return replace(judgement, fix=f"{judgement.fix} ({said})")


def _outcome(session: Session, question: str, judgement: Judgement, target: Target) -> Outcome:
    mode = f".{session.mode.name}" if session.mode.name else ""
    return Outcome(
        f"agent.{session.agent.program}{mode}.{question}",
        judgement.status,
        judgement.summary,
        target,
        judgement.cause,
        judgement.fix,
        Observation(
            session.argv,
            session.exit_status,
            "\n".join((*map(_told, session.requests), *session.results)),
            session.said,
            round(session.seconds, 2),
        )
        if question == "sandbox"
        else None,
    )


def _told(request: Request) -> str:
    """A request in a line: its content is large, and in part the agent's own prompt."""
    asked = request.asked
    counts = f"{len(asked.tools)} tools, {plural(len(asked.results), 'result')}" if asked else "no session"
    wrong = f", not understood: {request.wrong}" if request.wrong else ""
    return f"{request.method} {request.path}: {counts}{wrong}"
