"""Hold a session of an agent with the scripted model: start it, let it ask, and see what it left."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from nestproof.agents.aim import ALWAYS_OFFERED, NOBODY, Aim
from nestproof.agents.model.server import Model
from nestproof.agents.model.turns import Script, Turn, ways_of
from nestproof.agents.relay import Listener, listening_beside
from nestproof.agents.session import Session
from nestproof.agents.state import State, read_state
from nestproof.agents.table import DEFAULT, DrivenAgent, Mode
from nestproof.engine.client import Engine
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec

SESSION_SECONDS = 60
"""The time of one session, on a machine that does not emulate."""
_CONTROL_SECONDS = 30
_KEPT_CHARACTERS = 20000
_MAX_OUTPUT = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """The container of a session, and who works there, on which PATH and in which folder."""

    engine: Engine
    container: Container
    image: str
    platform: str
    user: str
    folder: str
    environment: Mapping[str, str]
    timeout_factor: int = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A session to hold: an agent, the mode in which it is asked, and the ways out that are asked for."""

    agent: DrivenAgent
    mode: Mode = DEFAULT
    arguments: tuple[str, ...] = ()
    """Further arguments of its start line."""
    ways: tuple[str, ...] | None = None
    """None for all of the agent's."""


class Desk:
    """The place of the model, which answers one session after the other."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.model = Model(Script(()))

    def serve(self, connection: socket.socket) -> None:
        """Answer what comes on a connection."""
        self.model.serve(connection)


@contextlib.contextmanager
def at_desk(place: Place) -> Iterator[tuple[Desk, Listener]]:
    """Listen beside the container for as long as sessions are held there; raises EngineError."""
    desk = Desk(place)
    with listening_beside(place.engine, place.container, place.image, place.platform, desk.serve) as listener:
        yield desk, listener


def hold(desk: Desk, listener: Listener, planned: Planned) -> Session:
    """Hold one session; raises EngineError."""
    place, agent, mode = desk.place, planned.agent, planned.mode
    begin = time.monotonic()
    aim = Aim(f"np{secrets.token_hex(8)}", place.folder, listener)
    ways = agent.ways if planned.ways is None else planned.ways
    desk.model = Model(Script(()))
    said = _run(place, aim.control())[1]
    outside = read_state(said, f"{aim.token}-control")
    reached, connected = desk.model.reached, len(listener.unix_connections)
    aim = replace(
        aim,
        victim=outside.first("victim") or NOBODY,
        places=outside.first("places"),
        secrets=outside.first("secrets"),
    )
    _run(place, aim.write_command())
    turns = [Turn(aim.command()), *map(aim.turn, ways)]
    desk.model = model = Model(Script(tuple(turns)))
    address = f"http://127.0.0.1:{listener.tcp}"
    argv = agent.command_line(address, *mode.arguments, *planned.arguments)
    seconds = SESSION_SECONDS * place.timeout_factor
    status, said = _run(
        place,
        f"exec timeout -k 5 {seconds} {shlex.join(argv)}",
        agent.variables(address),
        seconds + _CONTROL_SECONDS,
    )
    after = _run(place, aim.clean_up())[1].splitlines()
    asked = [one.asked for one in model.requests if one.asked is not None and one.asked.tools]
    results = max((one.results for one in asked), key=len, default=())
    offered = ways_of(max((one.tools for one in asked), key=len, default=()))
    states = {
        way: read_state(result, f"{aim.token}-{way}")
        for way, result in zip_longest(ways, results[1 : len(ways) + 1], fillvalue="")
        if way in offered or way in ALWAYS_OFFERED
    }
    return Session(
        agent=agent,
        mode=mode,
        argv=tuple(argv),
        requests=tuple(model.requests),
        results=results,
        outside=outside,
        inside=read_state(results[0], aim.token) if results else State(),
        asked=ways,
        ways=states,
        left=tuple(line[5:] for line in after if line.startswith("left ")),
        victim_lives="alive" in after,
        reached=frozenset({*reached, *model.reached, *listener.datagrams}),
        unix_connections=len(listener.unix_connections) - connected,
        token=aim.token,
        exit_status=status,
        said=said[-_KEPT_CHARACTERS:],
        seconds=time.monotonic() - begin,
    )


def _run(
    place: Place, told: str, environment: Mapping[str, str] | None = None, timeout: float = _CONTROL_SECONDS
) -> tuple[int | None, str]:
    """Run a command in the container as the agent's user; its exit status and output."""
    command = Exec(
        place.container,
        ["/bin/sh", "-c", told],
        user=place.user,
        environment={**place.environment, **(environment or {})},
        timeout=timeout,
        folder=place.folder,
    )
    output = bytearray()
    for _, data in command:
        output += data[: max(0, _MAX_OUTPUT - len(output))]
    return command.exit_status, output.decode(errors="replace")
