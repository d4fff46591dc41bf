"""Signals that ask a run to end, and how they are held back while something must not be cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interruption:
    """The interruption of the main thread that was raised and not received yet, if any."""

    raised = False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _Interruption.raised = True
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
    """Raise KeyboardInterrupt where code in the block made another exception of one.

    Python 3.11 makes a RuntimeError of it in a class's `__set_name__`, and pydantic's core a SchemaError
    while it builds a model, without naming a cause; so either may happen in any import. An error that follows
    an interruption, as in a clean-up, is left alone.
    """
    try:
        yield
    except KeyboardInterrupt:
        _Interruption.raised = False
        raise
    except Exception as error:
        if not _is_interruption(error):
            raise
        _Interruption.raised = False
        raise KeyboardInterrupt from error


def _is_interruption(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__cause__
    follows: BaseException | None = error
    while follows is not None:
        if isinstance(follows, KeyboardInterrupt):
            return False
        follows = follows.__cause__ or follows.__context__
    return _Interruption.raised


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
