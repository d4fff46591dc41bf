"""Lanes: jobs side by side, ended in good order; the node is a stand-in that dies or stalls on request."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator
from functools import partial
from typing import cast

import pytest

from docker import APIClient
from nestproof.core.cancellation import CancelToken, acquire, cancelled_by, check_cancelled, current_token
from nestproof.core.errors import EngineError, UsageError
from nestproof.core.outcome import Outcome, Status
from nestproof.engine.client import Engine, EngineFacts
from nestproof.nodes.liveness import watchdog, while_alive
from nestproof.nodes.workers import WorkerPool, run_workers

FACTS = EngineFacts("tcp://x", "1", "Debian", "6.1.0", "linux/amd64", "overlay2", ())


class Api:
    """The part of an engine that says whether it is there."""

    def __init__(self) -> None:
        self.timeout = 60
        self.asked = 0
        self.dead = threading.Event()

    def ping(self) -> str:
        self.asked += 1
        if self.dead.is_set():
            raise ConnectionRefusedError("connection refused")
        return "OK"


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def engine(api: Api) -> Engine:
    return Engine(cast(APIClient, api), FACTS)


def said(name: str, status: Status = Status.PASS) -> Outcome:
    return Outcome(name, status, "")


def wait_until_stopped(limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        check_cancelled()
        time.sleep(0.01)
    pytest.fail("nobody asked it to stop")


def test_lanes_run_at_the_same_time_and_jobs_of_a_lane_as_many_as_it_is_wide() -> None:
    meeting = threading.Barrier(3, timeout=10)
    running, most = [0], [0]
    lock = threading.Lock()

    def meet(name: str) -> Generator[Outcome]:
        meeting.wait()
        yield said(name)

    def count(name: str) -> Generator[Outcome]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1
        yield said(name)

    # Three must meet: two of a pool with two workers, and one of another.
    met = run_workers(
        [WorkerPool([partial(meet, "a"), partial(meet, "b")], 2), WorkerPool([partial(meet, "c")], 1)]
    )
    assert sorted(outcome.id for outcome in met) == ["a", "b", "c"]
    assert len(list(run_workers([WorkerPool([partial(count, str(n)) for n in range(9)], 3)]))) == 9
    assert most[0] == 3


def test_nothing_to_do_is_no_outcome() -> None:
    assert list(run_workers([])) == []


@pytest.mark.parametrize(
    "error", [UsageError("wrong"), RuntimeError("a mistake of ours"), IndexError("same")]
)
def test_what_a_job_raises_is_raised_and_the_others_clean_up(error: Exception) -> None:
    cleaned = []

    def wait() -> Generator[Outcome]:
        try:
            yield said("begun")
            wait_until_stopped()
        finally:
            cleaned.append(threading.current_thread())

    def fail() -> Generator[Outcome]:
        time.sleep(0.1)
        yield from broken()

    def broken() -> Generator[Outcome]:
        if error:
            raise error
        yield said("never")

    with pytest.raises(type(error), match=str(error)):
        list(run_workers([WorkerPool([wait], 1), WorkerPool([fail], 1)]))
    assert cleaned
    assert not cleaned[0].is_alive()
    assert cleaned[0] is not threading.main_thread()


def test_who_stops_listening_waits_for_all_to_clean_up_and_nothing_more_begins() -> None:
    begun, cleaned = [], []

    def job(name: str) -> Generator[Outcome]:
        begun.append(name)
        try:
            yield said(name)
            wait_until_stopped()
        finally:
            time.sleep(0.2)
            cleaned.append(name)

    pools = [WorkerPool([partial(job, "a1"), partial(job, "a2")], 1), WorkerPool([partial(job, "b")], 1)]
    with contextlib.closing(run_workers(pools)) as coming:
        next(coming)
        next(coming)
    assert sorted(begun) == sorted(cleaned) == ["a1", "b"]


def test_a_job_between_two_outcomes_is_closed_in_its_own_thread() -> None:
    closed = []

    def job() -> Generator[Outcome]:
        try:
            while True:
                yield said("again")
        finally:
            closed.append(threading.current_thread())

    with contextlib.closing(run_workers([WorkerPool([job], 1)])) as coming:
        next(coming)
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()


@pytest.mark.parametrize("status", [Status.FAIL, Status.ERROR])
def test_a_bad_answer_of_a_dead_node_does_not_count(engine: Engine, api: Api, status: Status) -> None:
    cleaned = []

    def answers() -> Generator[Outcome]:
        try:
            yield said("one")
            api.dead.set()
            yield said("two", status)
            yield said("three", Status.ERROR)
        finally:
            cleaned.append(True)

    got: list[str] = []
    with pytest.raises(EngineError, match="the node far is lost") as caught:
        got.extend(outcome.id for outcome in while_alive(engine, "far", answers()))
    assert "connection refused" in caught.value.why
    assert cleaned
    assert api.timeout < 10, "cleaning up waits for a dead node"


def test_a_bad_answer_of_a_living_node_counts(engine: Engine, api: Api) -> None:
    def answers() -> Generator[Outcome]:
        yield said("one", Status.FAIL)
        yield said("two", Status.ERROR)

    assert [outcome.id for outcome in while_alive(engine, "far", answers())] == ["one", "two"]
    assert api.asked == 2
    assert api.timeout == 60


def test_good_answers_ask_nothing_more(engine: Engine, api: Api) -> None:
    def answers() -> Generator[Outcome]:
        yield said("one")
        yield said("two", Status.UNVERIFIED)

    assert len(list(while_alive(engine, "far", answers()))) == 2
    assert api.asked == 0


def test_a_node_that_dies_ends_its_lane_and_no_other(
    engine: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nestproof.nodes.liveness.PULSE", 0.05)

    def doomed() -> Generator[Outcome]:
        try:
            with watchdog(engine, "far"):
                api.dead.set()
                wait_until_stopped()
        except EngineError as error:
            yield Outcome("doomed", Status.ERROR, error.what)

    def later() -> Generator[Outcome]:
        try:
            check_cancelled()
            yield said("later")
        except EngineError as error:
            yield Outcome("later", Status.ERROR, error.what)

    def well() -> Generator[Outcome]:
        time.sleep(0.5)
        check_cancelled()
        yield said("well")

    outcomes = list(run_workers([WorkerPool([doomed, later], 1), WorkerPool([well], 1)]))
    assert {(o.id, o.status, o.summary) for o in outcomes} == {
        ("doomed", Status.ERROR, "the node far is lost"),
        ("later", Status.ERROR, "the node far is lost"),
        ("well", Status.PASS, ""),
    }


def test_nobody_looks_after_a_node_any_longer_than_need_be(
    engine: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nestproof.nodes.liveness.PULSE", 0.02)
    with watchdog(engine, "far"):
        time.sleep(0.2)
    seen = api.asked
    assert seen >= 3
    time.sleep(0.2)
    assert api.asked <= seen + 1


def test_a_lock_is_waited_for_until_it_is_time_to_end() -> None:
    lock, stop = threading.Lock(), CancelToken()
    lock.acquire()
    threading.Timer(0.3, stop.interrupt).start()
    begin = time.monotonic()
    with cancelled_by(stop), pytest.raises(KeyboardInterrupt), acquire(lock):
        pytest.fail("it was taken")
    assert time.monotonic() - begin < 2
    lock.release()
    with acquire(lock):
        assert lock.locked()
    assert not lock.locked()


def test_the_word_to_end_is_for_its_own_threads() -> None:
    stop = CancelToken()
    stop.interrupt()
    check_cancelled()
    with cancelled_by(stop):
        assert current_token() is stop
        with pytest.raises(KeyboardInterrupt):
            check_cancelled()
    check_cancelled()
