"""Signals that ask a run to end, and how they are held back while something must not be cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP clean up as Ctrl-C does, for as long as there may be something to clean up."""
    previous = {number: signal.signal(number, _interrupt) for number in _ASKING}
    try:
        with interrupts_kept():
            yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise KeyboardInterrupt where the block made another exception of one.

    Python 3.11 makes a RuntimeError of it in a class's `__set_name__`, so wherever an import is under way.
    An error that follows an interruption, as in a clean-up, is left alone.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__cause__
        if cause is not None:
            raise KeyboardInterrupt from error
        raise


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Hold signals back until the block is done, then raise KeyboardInterrupt if one came.

    For short calls with a timeout of their own: an engine goes on making a container whose request was
    interrupted, and a clean-up that is interrupted leaves what it was to remove.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted; it cancels the others (cancellation.py)
        return
    came: list[int] = []
    previous = {number: signal.signal(number, lambda got, _frame: came.append(got)) for number in _ASKING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
