"""Work of threads that ends when it is asked to, and work at the side of a block."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from nestproof.core.cancellation import CancelToken, beside, cancelled_by, get_cancellable
from nestproof.core.errors import EngineError


def test_work_beside_a_block_gives_its_result_or_its_error() -> None:
    with beside(lambda: 42) as result:
        assert result() == 42

    def broken() -> int:
        raise EngineError("the engine is gone")

    with pytest.raises(EngineError, match="the engine is gone"), beside(broken) as result:
        result()


def test_work_beside_a_block_ends_with_it() -> None:
    ended = threading.Event()

    def endless() -> None:
        try:
            get_cancellable(queue.SimpleQueue[None]())
        finally:
            ended.set()

    with pytest.raises(ZeroDivisionError), beside(endless):
        raise ZeroDivisionError
    assert ended.is_set()


def test_who_waits_for_work_beside_it_can_be_cancelled() -> None:
    stop = CancelToken()
    stop.interrupt()
    with cancelled_by(stop), pytest.raises(KeyboardInterrupt), beside(lambda: time.sleep(0.3)) as result:
        result()
