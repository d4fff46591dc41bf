"""Cooperative cancellation of worker threads: each looks at its token wherever it would wait for long."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn, TypeVar

from nestproof.core.errors import EngineError

T = TypeVar("T")

# How long anything waits before it looks again, in seconds.
POLL_SECONDS = 0.2


class CancelToken:
    """A shared request to end: the run is interrupted, or the node is lost."""

    def __init__(self) -> None:
        self.interrupted = False
        self._lost = ""
        self._why = ""

    def interrupt(self) -> None:
        """Ask the threads to end silently."""
        self.interrupted = True

    def lose(self, what: str, why: str) -> None:
        """Ask the threads to end with this error."""
        self._lost, self._why = what, why

    def check(self) -> None:
        """Raise KeyboardInterrupt, or EngineError, when it is time to end."""
        if self.interrupted:
            raise KeyboardInterrupt
        if self._lost:
            # A new one each time: several threads raise it.
            raise EngineError(self._lost, why=self._why)


class _Thread(threading.local):
    stop: CancelToken | None = None


_THREAD = _Thread()


@contextlib.contextmanager
def cancelled_by(stop: CancelToken) -> Iterator[None]:
    """Cancel this thread's work in the block by that token."""
    previous, _THREAD.stop = _THREAD.stop, stop
    try:
        yield
    finally:
        _THREAD.stop = previous


def current_token() -> CancelToken | None:
    """The token of this thread; None on the main thread, which has signals instead."""
    return _THREAD.stop


def check_cancelled() -> None:
    """Raise KeyboardInterrupt or EngineError when this thread is to end."""
    if _THREAD.stop is not None:
        _THREAD.stop.check()


def get_cancellable(things: queue.SimpleQueue[T]) -> T:
    """Wait for the queue's next item, and end if the token asks for it."""
    while True:
        check_cancelled()
        with contextlib.suppress(queue.Empty):
            return things.get(timeout=POLL_SECONDS)


@contextlib.contextmanager
def beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Do the work in a thread while the block runs; the block gets what waits for its result or error.

    Whatever ends the block before ends the work, too.
    """
    stop = CancelToken()
    done: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def follow() -> None:
        with cancelled_by(stop):
            try:
                made = work()
            except BaseException as error:  # whoever waits for the result gets it
                done.put(partial(_throw, error))
            else:
                done.put(lambda: made)

    def result() -> T:
        return get_cancellable(done)()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        stop.interrupt()
        thread.join()


def _throw(error: BaseException) -> NoReturn:
    raise error


@contextlib.contextmanager
def acquire(lock: threading.Lock) -> Iterator[None]:
    """Wait for the lock, and end if the token asks for it."""
    check_cancelled()
    while not lock.acquire(timeout=POLL_SECONDS):
        check_cancelled()
    try:
        yield
    finally:
        lock.release()
