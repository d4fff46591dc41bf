"""Watch over a node while work runs on it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator

from nestproof.core.cancellation import CancelToken, current_token
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status
from nestproof.engine.client import Engine, engine_errors

# Between two looks at a node, in seconds.
PULSE = 2.0
# A lost node's containers cannot be removed; to find that out again must not take its whole timeout.
_TIMEOUT_OF_THE_LOST = 2


def while_alive(engine: Engine, name: str, outcomes: Generator[Outcome]) -> Generator[Outcome]:
    """The outcomes, as long as the node answers; raises EngineError when it does not, whatever they say.

    A fail counts only if the node still answers: what dies or stalls answers every question wrong.
    """
    with watchdog(engine, name), contextlib.closing(outcomes):
        for outcome in outcomes:
            if outcome.status in (Status.FAIL, Status.ERROR):
                try:
                    ping(engine, name)
                except EngineError as error:
                    _mark_lost(engine, error, current_token())
                    # It ends by itself, and tries to clean up; the next run that reaches the node does so.
                    for _ in outcomes:
                        pass
                    raise
            yield outcome


def ping(engine: Engine, name: str) -> None:
    """Raise EngineError unless the node answers."""
    try:
        with engine_errors("asking whether it is there"):
            engine.api.ping()
    except EngineError as error:
        raise EngineError(f"the node {name} is lost", why=error.what) from error


@contextlib.contextmanager
def watchdog(engine: Engine, name: str) -> Iterator[None]:
    """Ping the node during the block, and cancel its work if it does not answer within its timeout."""
    stop, over = current_token(), threading.Event()

    def watch() -> None:
        while not over.wait(PULSE):
            try:
                ping(engine, name)
            except EngineError as error:
                _mark_lost(engine, error, stop)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _mark_lost(engine: Engine, error: EngineError, stop: CancelToken | None) -> None:
    """Cancel everything that waits for the engine."""
    engine.api.timeout = _TIMEOUT_OF_THE_LOST
    if stop is not None:
        stop.lose(error.what, error.why)
