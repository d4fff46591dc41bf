"""Hold a session of an agent with the scripted model: start it, let it ask, and see what it left."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import zip_longest

from nestproof.agents.aim import FILE, SYMLINK, Aim
from nestproof.agents.listener import Listener
from nestproof.agents.model.server import Model
from nestproof.agents.model.turns import Script, Turn, ways_of
from nestproof.agents.session import Session
from nestproof.agents.state import State, read_state
from nestproof.agents.table import DEFAULT, DrivenAgent, Mode
from nestproof.core.cancellation import beside

SESSION_SECONDS = 60
"""The time of one session, on a machine that does not emulate."""
_CONTROL_SECONDS = 30
_KEPT_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a session: in_container.py makes one of a container, here.py of this machine."""

    run: Callable[[str, Mapping[str, str], float], tuple[int | None, str]]
    """Runs a shell's command as the agent's user, with this environment and time; its status and output."""
    listen: Callable[[Callable[[socket.socket], None]], AbstractContextManager[Listener]]
    """Listens on the agent's loopback address, and gives each connection to a server."""
    folder: str
    """The workspace."""
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
    """Listen for as long as sessions are held there; raises EngineError."""
    desk = Desk(place)
    with place.listen(desk.serve) as listener:
        yield desk, listener


def hold(desk: Desk, listener: Listener, planned: Planned) -> Session:
    """Hold one session; raises EngineError."""
    place, agent, mode = desk.place, planned.agent, planned.mode
    begin = time.monotonic()
    aim = Aim(f"np{secrets.token_hex(8)}", place.folder, listener)
    ways = agent.ways if planned.ways is None else planned.ways
    desk.model = model = Model(Script((Turn(aim.command()), *map(aim.turn, ways))))
    address = f"http://127.0.0.1:{listener.tcp}"
    argv = agent.command_line(address, *mode.arguments, *planned.arguments)
    seconds = SESSION_SECONDS * place.timeout_factor
    told = f"exec timeout -k 5 {seconds} {shlex.join(argv)}"
    outside = State()

    connected = len(listener.unix_connections)

    def control() -> State:
        try:
            said = place.run(aim.control(), {}, _CONTROL_SECONDS)[1]
        finally:
            model.ready.set()
        return read_state(said, f"{aim.token}-control")

    try:
        # It takes no time of its own: it is over before the agent has come to its first question.
        with beside(control) as controlled:
            status, said = place.run(told, agent.variables(address), seconds + _CONTROL_SECONDS)
            outside = controlled()
    finally:
        after = place.run(aim.clean_up(outside.first("victim")), {}, _CONTROL_SECONDS)[1].splitlines()
    asked = [one.asked for one in model.requests if one.asked is not None and one.asked.tools]
    results = max((one.results for one in asked), key=len, default=())
    offered = ways_of(max((one.tools for one in asked), key=len, default=()))
    states = {
        way: read_state(result, f"{aim.token}-{way}")
        for way, result in zip_longest(ways, results[1 : len(ways) + 1], fillvalue="")
        if way in offered or way == FILE
    }
    if results:
        states[SYMLINK] = read_state(results[0], f"{aim.token}-{SYMLINK}")
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
        reached=frozenset({*model.reached, *listener.datagrams}),
        # The control's own is told in its own time.
        unix_connections=len(listener.unix_connections) - connected - len(outside.all("unix")),
        token=aim.token,
        exit_status=status,
        said=said[-_KEPT_CHARACTERS:],
        seconds=time.monotonic() - begin,
    )
