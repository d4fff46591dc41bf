"""How what runs beside the main thread is asked to end: it looks, wherever it would wait for long."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

from nestproof.core.errors import EngineError

T = TypeVar("T")

# How long anything waits before it looks again, in seconds.
POLL_SECONDS = 0.2


class CancelToken:
    """A word to some threads that they are to end: the run is interrupted, or their node is lost."""

    def __init__(self) -> None:
        self.interrupted = False
        self._lost = ""
        self._why = ""

    def interrupt(self) -> None:
        """End without a word: nobody listens any more."""
        self.interrupted = True

    def lose(self, what: str, why: str) -> None:
        """End with an error, whatever is under way."""
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
    """Let what this thread does in the block end by that word."""
    previous, _THREAD.stop = _THREAD.stop, stop
    try:
        yield
    finally:
        _THREAD.stop = previous


def current_token() -> CancelToken | None:
    """What this thread is stopped by; the main thread has signals instead."""
    return _THREAD.stop


def check_cancelled() -> None:
    """Raise KeyboardInterrupt or EngineError when this thread is to end."""
    if _THREAD.stop is not None:
        _THREAD.stop.check()


def get_cancellable(things: queue.SimpleQueue[T]) -> T:
    """The queue's next thing, waited for with an eye on the word to end."""
    while True:
        check_cancelled()
        with contextlib.suppress(queue.Empty):
            return things.get(timeout=POLL_SECONDS)


@contextlib.contextmanager
def acquire(lock: threading.Lock) -> Iterator[None]:
    """The lock, waited for with an eye on the word to end."""
    check_cancelled()
    while not lock.acquire(timeout=POLL_SECONDS):
        check_cancelled()
    try:
        yield
    finally:
        lock.release()
