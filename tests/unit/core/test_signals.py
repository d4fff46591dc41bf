"""Signals become interruptions, at moments at which nothing is cut in two."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from nestproof.core.signals import interrupted_by_signals, interrupts_deferred, interrupts_kept

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_signal_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    done: list[str] = []

    def work() -> None:
        with interrupts_deferred():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            done.append("to the end")

    with interrupted_by_signals():
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == ["to the end"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_without_a_signal_nothing_happens_and_the_handlers_are_back() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with interrupts_deferred():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_failure_in_the_block_is_the_one_that_is_seen() -> None:
    def work() -> None:
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("the work itself")

    with interrupted_by_signals(), pytest.raises(ValueError, match="the work itself"):
        work()


def test_other_threads_are_left_alone() -> None:
    entered: list[bool] = []

    def work() -> None:
        with interrupts_deferred():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]


class Translating:
    """A descriptor during whose `__set_name__` the signal comes, as it may in any import."""

    def __set_name__(self, owner: type, name: str) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt as error:
            # Python 3.11 does the same by itself.
            raise RuntimeError("Error calling __set_name__") from error


@pytest.mark.parametrize("within", [interrupts_kept, contextlib.nullcontext])
def test_an_interruption_that_became_another_error_is_one_still(
    within: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals(), within():
        type("Owner", (), {"name": Translating()})


def test_an_error_after_an_interruption_is_left_alone() -> None:
    def clean_up() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            raise ValueError("not removed")

    with pytest.raises(ValueError, match="not removed"), interrupted_by_signals():
        clean_up()


def swallow() -> None:
    """Make another error of an interruption, without a trace of it, as pydantic's core does."""
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    raise ValueError("Error building `model` serializer")


def test_an_interruption_of_which_no_trace_is_left_is_one_still() -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        swallow()


def test_an_interruption_that_was_received_makes_none_of_a_later_error() -> None:
    with interrupted_by_signals():
        with contextlib.suppress(KeyboardInterrupt), interrupts_kept():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(ValueError, match="later"), interrupts_kept():
            raise ValueError("later")
