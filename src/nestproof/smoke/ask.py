"""Run scripts in a container, side by side in one command for each user."""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nestproof.core.cancellation import get_cancellable
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation
from nestproof.engine.client import engine_errors
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec
from nestproof.probes.probe import Probe
from nestproof.probes.runner_protocol import FrameReader, Record
from nestproof.probes.table import script

# Beside the scripts' own time: starting the shell in the container, on a busy or emulated machine.
GRACE = 15.0


@dataclass(frozen=True, slots=True)
class Script:
    """A script by its name, and how many seconds it may take."""

    name: str
    timeout: int
    text: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Questions without an answer, and the reason in the container's words."""

    names: tuple[str, ...]
    why: str


Answer = Record | NoAnswer


def observed(probe: Probe, answer: Record) -> Observation:
    """The observation of a probe; its command is the script's name, or the text that a repository adds."""
    command = ("sh", "-c", probe.text) if probe.text else ("sh", f"{probe.name}.sh")
    return Observation(command, answer.exit_status, answer.stdout, answer.stderr, answer.seconds)


def ask_all(
    container: Container, questions: Mapping[str, Sequence[Script]], environment: Mapping[str, str]
) -> Iterator[Answer]:
    """Run each user's scripts at the same time; yields an answer or NoAnswer for each.

    Stopped early, it leaves the commands to the end of their container.
    """
    answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()

    def collect(user: str, asked: Sequence[Script]) -> None:
        # What a library fails with by surprise must not leave the one who waits waiting.
        trouble: str | None = "nestproof itself failed"
        try:
            for answer in _ask(container, user, asked, environment):
                answers.put(answer)
            trouble = None
        finally:
            if trouble is not None:
                answers.put(NoAnswer(tuple(question.name for question in asked), trouble))
            answers.put(None)

    for user, asked in questions.items():
        threading.Thread(target=collect, args=(user, asked), daemon=True).start()
    running = len(questions)
    while running:
        answer = get_cancellable(answers)
        if answer is None:
            running -= 1
        else:
            yield answer


def _ask(
    container: Container, user: str, questions: Sequence[Script], environment: Mapping[str, str]
) -> Iterator[Answer]:
    waiting = {question.name for question in questions}
    trouble = "the runner ended without asking"
    reader = FrameReader(nonce=f"nestproof-{secrets.token_hex(16)}")
    try:
        with contextlib.closing(_records(container, user, questions, environment, reader)) as records:
            for record in records:
                # Each name is answered once, whatever a container may repeat.
                if record.name in waiting:
                    waiting.remove(record.name)
                    yield record
    except EngineError as error:
        trouble = error.what
    else:
        trouble = reader.noise.decode(errors="replace").strip()[-400:] or trouble
    if waiting:
        yield NoAnswer(tuple(q.name for q in questions if q.name in waiting), trouble)


def _records(
    container: Container,
    user: str,
    questions: Sequence[Script],
    environment: Mapping[str, str],
    reader: FrameReader,
) -> Generator[Record]:
    argv = ["/bin/sh", "-c", script("runner"), "nestproof", reader.nonce]
    for question in questions:
        argv += [question.name, str(question.timeout), question.text]
    command = Exec(
        container,
        argv,
        user=user,
        environment={**environment, "NESTPROOF_TOKEN": secrets.token_hex(8)},
        timeout=max(question.timeout for question in questions) + GRACE,
    )
    with engine_errors("asking the probes"):
        for kind, data in command:
            if kind == 1:
                yield from reader.feed(data)
            else:
                reader.noise += data
