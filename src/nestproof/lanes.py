"""Targets side by side: a lane for each node, and in it as many at a time as the node carries."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from nestproof.engine import Engine, engine_errors
from nestproof.errors import EngineError
from nestproof.interrupts import interrupts_deferred
from nestproof.outcome import Outcome, Status
from nestproof.stopping import Stop, current_stop, stopped_by

# Between two looks at a node, in seconds.
PULSE = 2.0
# A lost node's containers cannot be removed; to find that out again must not take its whole timeout.
_TIMEOUT_OF_THE_LOST = 2

Job = Callable[[], Generator[Outcome]]


@dataclass(frozen=True, slots=True)
class Lane:
    """What one node is to do, and how much of it at a time."""

    jobs: Sequence[Job]
    width: int


def run_lanes(lanes: Sequence[Lane]) -> Generator[Outcome]:
    """Each outcome as it comes, of whichever job; raises what a job raises.

    Stopped early, or interrupted, it returns only when every job has cleaned up after itself.
    """
    coming: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    stops: list[Stop] = []
    for lane in lanes:
        todo, stop = deque(lane.jobs), Stop()
        stops.append(stop)
        threads += [
            threading.Thread(target=_work, args=(todo, stop, coming), daemon=True)
            for _ in range(min(lane.width, len(lane.jobs)))
        ]
    try:
        with interrupts_deferred():
            for thread in threads:
                thread.start()
        running = len(threads)
        while running:
            one = coming.get()
            if one is None:
                running -= 1
            elif isinstance(one, Outcome):
                yield one
            else:
                raise one
    finally:
        with interrupts_deferred():
            for stop in stops:
                stop.interrupt()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()


def _work(todo: deque[Job], stop: Stop, coming: queue.SimpleQueue[Outcome | BaseException | None]) -> None:
    try:
        with stopped_by(stop):
            while not stop.interrupted and (job := _take(todo)):
                _do(job, stop, coming)
    except BaseException as error:  # it is raised where somebody sees it
        coming.put(error)
    finally:
        coming.put(None)


def _take(todo: deque[Job]) -> Job | None:
    try:
        return todo.popleft()
    except IndexError:
        return None


def _do(job: Job, stop: Stop, coming: queue.SimpleQueue[Outcome | BaseException | None]) -> None:
    # Closed here: what it cleans up, it cleans up in this thread, before the thread is said to have ended.
    with contextlib.closing(job()) as outcomes:
        for outcome in outcomes:
            coming.put(outcome)
            if stop.interrupted:
                return


def while_alive(engine: Engine, name: str, outcomes: Generator[Outcome]) -> Generator[Outcome]:
    """The outcomes, as long as the node answers; raises EngineError when it does not, whatever they say.

    A fail counts only if the node still answers: what dies or stalls answers every question wrong.
    """
    with watched(engine, name), contextlib.closing(outcomes):
        for outcome in outcomes:
            if outcome.status in (Status.FAIL, Status.ERROR):
                try:
                    ask_for_life(engine, name)
                except EngineError as error:
                    _lose(engine, error, current_stop())
                    # It ends by itself, and tries to clean up; the next run that reaches the node does so.
                    for _ in outcomes:
                        pass
                    raise
            yield outcome


def ask_for_life(engine: Engine, name: str) -> None:
    """Raise EngineError unless the node answers."""
    try:
        with engine_errors("asking whether it is there"):
            engine.api.ping()
    except EngineError as error:
        raise EngineError(f"the node {name} is lost", why=error.what) from error


@contextlib.contextmanager
def watched(engine: Engine, name: str) -> Iterator[None]:
    """Look after the node during the block, and end the lane when it does not answer within its timeout."""
    stop, over = current_stop(), threading.Event()

    def watch() -> None:
        while not over.wait(PULSE):
            try:
                ask_for_life(engine, name)
            except EngineError as error:
                _lose(engine, error, stop)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _lose(engine: Engine, error: EngineError, stop: Stop | None) -> None:
    """Let nothing wait for the engine any more."""
    engine.api.timeout = _TIMEOUT_OF_THE_LOST
    if stop is not None:
        stop.lose(error.what, error.why)
