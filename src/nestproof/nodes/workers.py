"""Work on targets in parallel: a pool for each node, with as many workers as the node carries."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from nestproof.core.cancellation import CancelToken, cancelled_by
from nestproof.core.outcome import Outcome
from nestproof.core.signals import interrupts_deferred

Job = Callable[[], Generator[Outcome]]


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """The work of one node, and how much of it runs at a time."""

    jobs: Sequence[Job]
    width: int


def run_workers(pools: Sequence[WorkerPool]) -> Generator[Outcome]:
    """Each outcome as it comes, of whichever job; raises what a job raises.

    Stopped early, or interrupted, it returns only when every job has cleaned up after itself.
    """
    coming: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    stops: list[CancelToken] = []
    for pool in pools:
        todo, stop = deque(pool.jobs), CancelToken()
        stops.append(stop)
        threads += [
            threading.Thread(target=_work, args=(todo, stop, coming), daemon=True)
            for _ in range(min(pool.width, len(pool.jobs)))
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


def _work(
    todo: deque[Job], stop: CancelToken, coming: queue.SimpleQueue[Outcome | BaseException | None]
) -> None:
    try:
        with cancelled_by(stop):
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


def _do(job: Job, stop: CancelToken, coming: queue.SimpleQueue[Outcome | BaseException | None]) -> None:
    # Closed here: what it cleans up, it cleans up in this thread, before the thread is said to have ended.
    with contextlib.closing(job()) as outcomes:
        for outcome in outcomes:
            coming.put(outcome)
            if stop.interrupted:
                return
