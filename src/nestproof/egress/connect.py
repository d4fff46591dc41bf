"""Make the attempts in a container, as one of its users; and listen in others, to be reached."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nestproof.core.cancellation import POLL_SECONDS, check_cancelled
from nestproof.core.errors import EngineError
from nestproof.egress.attempts import SECONDS, Attempt, Replies, parse_replies, to_lines
from nestproof.egress.scripts import script
from nestproof.engine.client import Engine, engine_errors
from nestproof.engine.container import Container, started_container
from nestproof.engine.exec import Exec

_AT_ONCE = 60
_MOST_OUTPUT = 1 << 20
_START_SECONDS = 20
# The resolver of the C library waits for five seconds, and asks twice, unless told otherwise.
_RESOLVER = {"RES_OPTIONS": f"timeout:{SECONDS} attempts:1"}


class NothingConnectsError(EngineError):
    """The image has no language to connect with."""

    exit_code = 3


def command(*arguments: str) -> list[str]:
    """The command line of the script that connects, or listens."""
    texts = [script(f"connect.{language}") for language in ("pl", "py", "js")]
    return ["/bin/sh", "-c", script("connect.sh"), "connect", *texts, *arguments]


def connect(
    container: Container,
    attempts: Sequence[Attempt],
    *,
    user: str,
    environment: Mapping[str, str],
    inside: Sequence[str] = (),
    quick: Mapping[Attempt, float] | None = None,
    timeout_factor: int = 1,
) -> dict[Attempt, Replies]:
    """Make the attempts, all at once; raises EngineError, and NothingConnectsError.

    `inside` are the first words of a command line that runs another in a sandbox; `quick` has the
    seconds of attempts that are waited for only shortly.
    """
    replies: dict[Attempt, Replies] = {}
    # One argument of a command takes 128 KiB, and each attempt is a process or more.
    for start in range(0, len(attempts), _AT_ONCE):
        some = attempts[start : start + _AT_ONCE]
        told = to_lines({one: (quick or {}).get(one, SECONDS) * timeout_factor for one in some})
        argv = [*inside, *command("connect", told)]
        output = said(container, argv, user=user, environment={**environment, **_RESOLVER})
        if output.startswith("unavailable: "):
            why = output.removeprefix("unavailable: ").strip()
            raise NothingConnectsError("no connection can be tried", why=why)
        if "done" not in output.splitlines():
            why = output.strip()[-400:]
            raise EngineError("the attempts to connect did not come to their end", why=why)
        replies |= parse_replies(some, output)
    return replies


def said(
    container: Container,
    argv: Sequence[str],
    *,
    user: str = "root",
    environment: Mapping[str, str] | None = None,
    timeout: float = 60,
    folder: str = "",
) -> str:
    """The output of a command in the container, both streams; raises EngineError."""
    output = bytearray()
    run = Exec(
        container, argv, user=user, environment=dict(environment or {}), timeout=timeout, folder=folder
    )
    for _, data in run:
        output += data[: max(0, _MOST_OUTPUT - len(output))]
    return output.decode(errors="replace")


@contextlib.contextmanager
def listening(
    engine: Engine, request: Mapping[str, Any], address: str, ports: Sequence[int]
) -> Iterator[tuple[Container, tuple[int, ...]]]:
    """A container that listens at the address for TCP and UDP; yields it with its ports (0 takes any).

    Raises EngineError where it cannot.
    """
    shell, *rest = command("listen", address, *map(str, ports))
    body = {**request, "Entrypoint": [shell], "Cmd": rest}
    with started_container(engine, body, engine.facts.platform, keep_volumes=True) as container:
        yield container, _ready(container, len(ports))


def _ready(container: Container, count: int) -> tuple[int, ...]:
    """Wait until it listens on as many ports; returns them."""

    def ports(text: str) -> tuple[int, ...]:
        return tuple(int(line.split()[1]) for line in text.splitlines() if line.startswith("ready "))

    text = wait_for_logs(container, lambda text: len(ports(text)) == count, _START_SECONDS)
    if len(ports(text)) != count:
        raise NothingConnectsError("nothing listens for it", why="; ".join(text.splitlines()[-3:]))
    return ports(text)


def wait_for_logs(container: Container, is_enough: Callable[[str], bool], seconds: float) -> str:
    """The container's output once it is enough, or its last where it ends, or the time does, before."""
    deadline = time.monotonic() + seconds
    while True:
        check_cancelled()
        with engine_errors("starting a container beside the one that is asked"):
            running = container.api.inspect_container(container.name)["State"]["Running"]
            logs: bytes = container.api.logs(container.name)
        text = logs.decode(errors="replace")
        if is_enough(text) or not running or time.monotonic() > deadline:
            return text
        time.sleep(POLL_SECONDS / 4)
