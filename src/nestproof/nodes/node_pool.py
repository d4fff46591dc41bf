"""The nodes of a run: the docker client's own engine and configured ones, opened on demand."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from platform import machine

from nestproof.core.cancellation import acquire
from nestproof.core.config import DEFAULT_NODE, Config, ConfiguredNode
from nestproof.core.errors import (
    CommandError,
    EngineUnavailable,
    NestproofError,
    PlatformAbsentError,
    UsageError,
)
from nestproof.core.platforms import PLATFORMS, parse_platform
from nestproof.engine.client import CALL_TIMEOUT, Engine, connect
from nestproof.engine.container import remove_leftovers
from nestproof.nodes.liveness import watchdog
from nestproof.nodes.node import Fidelity, Node, node_for, vm_node

# What answers a question more truly comes first.
_RANK = (Fidelity.NATIVE, Fidelity.VIRTUAL, Fidelity.EMULATED, Fidelity.ABSENT)


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes that build and smoke a target: mostly the same one."""

    node: Node
    engine: Engine
    builder: Engine
    builder_name: str
    building: threading.Lock
    remote: bool = False
    """The engine does not see this machine's files."""

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Use the builder, one target at a time: it shares its machine out between the steps of one build.

        Two cached builds side by side took 1.2 times as long as one after the other.
        """
        with acquire(self.building), watchdog(self.builder, self.builder_name):
            yield


@dataclass(slots=True)
class _NodeState:
    """A node by its name, and its engine or error."""

    name: str
    settings: ConfiguredNode | None
    variables: Mapping[str, str] | None
    lock: threading.Lock = field(default_factory=threading.Lock)
    building: threading.Lock = field(default_factory=threading.Lock)
    engine: Engine | None = None
    error: NestproofError | None = None

    def is_kept_for(self, platform: str) -> bool:
        return bool(self.settings and platform in (self.settings.platforms or ()))

    @property
    def remote(self) -> bool:
        if self.settings and self.settings.local is not None:
            return not self.settings.local
        return self.engine is not None and not self.engine.facts.address.startswith(("unix://", "npipe://"))


def require_node(config: Config, name: str) -> None:
    """Raise UsageError unless there is a node of that name."""
    names = (DEFAULT_NODE, *(node.name for node in config.node))
    if name not in names:
        raise UsageError(f"there is no node {name!r}", fix=f"one of: {', '.join(names)}")


class NodePool:
    """All nodes by name; `say` gets progress messages."""

    def __init__(self, nodes: Sequence[ConfiguredNode], workspace: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._members = {DEFAULT_NODE: _NodeState(DEFAULT_NODE, None, None)}
        for node in nodes:
            self._members[node.name] = _NodeState(node.name, node, docker_variables(node, workspace))

    def reach(self, name: str) -> Engine:
        """Open the node's engine, and remove leftovers of killed runs; raises EngineError."""
        return _engine_of(self._reached(self._members[name]))

    def own_platform(self, name: str) -> str:
        """The platform of that node, or of the docker client's own engine, or of this machine."""
        try:
            return self.reach(name or DEFAULT_NODE).facts.platform
        except EngineUnavailable:
            return parse_platform(machine())

    def survey(self) -> Iterator[tuple[str, str, Node | NestproofError, bool]]:
        """Each node with its address, for each platform, and whether it is the one that would be taken.

        A node that does not answer is given once, with the error.
        """
        members = self._reached_all(list(self._members.values()))
        best = {platform: self._best(members, platform) for platform in PLATFORMS}
        for member in members:
            if member.engine is None:
                yield member.name, "", _error_of(member), False
                continue
            for platform in PLATFORMS:
                node = _node(member, platform)
                taken = node == best[platform] and node.fidelity is not Fidelity.ABSENT
                yield member.name, member.engine.facts.address, node, taken

    def place(self, platform: str, wanted: str = "") -> Placement:
        """Choose the node for a platform: native before virtual before emulated.

        Of those that are equally true, one whose configuration names the platform, then the docker client's
        own, then the first. With `wanted`, that node or none. Raises EngineUnavailable when none runs it.
        """
        if wanted:
            members = [self._reached(self._members[wanted])]
        else:
            members = [self._reached(self._members[DEFAULT_NODE])]
            node = self._best(members, platform)
            named = any(member.is_kept_for(platform) for member in self._members.values())
            if named or node is None or node.fidelity is not Fidelity.NATIVE:
                members = self._reached_all(list(self._members.values()))
        node = self._best(members, platform)
        silent = [member for member in members if member.engine is None]
        if node is None:
            raise _nothing(platform, silent)
        if node.fidelity is Fidelity.ABSENT:
            raise PlatformAbsentError(f"nothing here runs {platform}", why=node.reason, fix=node.remedy)
        if node.fidelity is Fidelity.EMULATED and silent:
            node = replace(node, remedy="; ".join((node.remedy, *map(_silence, silent))))
        return self._placed(self._members[node.name], node)

    def _placed(self, member: _NodeState, node: Node) -> Placement:
        engine, builder = _engine_of(member), member
        if member.settings and not member.settings.builds:
            builder = self._reached(self._members[DEFAULT_NODE])
        return Placement(
            node, engine, _engine_of(builder), builder.name, builder.building, remote=member.remote
        )

    def _reached(self, member: _NodeState) -> _NodeState:
        with member.lock:
            if member.engine is None and member.error is None:
                timeout = member.settings and member.settings.timeout
                try:
                    engine = connect(member.variables, timeout=timeout or CALL_TIMEOUT)
                    for left in remove_leftovers(engine):
                        self._say(f"removed {left}, left behind by an earlier run that was killed")
                    member.engine = engine
                except NestproofError as error:
                    member.error = error
        return member

    def _reached_all(self, members: list[_NodeState]) -> list[_NodeState]:
        # One that does not answer takes its whole timeout, which the others need not wait for.
        threads = [threading.Thread(target=self._reached, args=(one,), daemon=True) for one in members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return members

    def _best(self, members: Sequence[_NodeState], platform: str) -> Node | None:
        nodes = [_node(member, platform) for member in members if member.engine]

        def rank(node: Node) -> tuple[int, bool]:
            return _RANK.index(node.fidelity), not self._members[node.name].is_kept_for(platform)

        return min(nodes, key=rank, default=None)


def _node(member: _NodeState, platform: str) -> Node:
    engine, settings = _engine_of(member), member.settings
    if settings and settings.platforms is not None and platform not in settings.platforms:
        return Node(platform, Fidelity.ABSENT, "its configuration leaves this platform out", name=member.name)
    if settings and settings.virtual and engine.facts.platform == platform:
        return vm_node(engine.facts, member.name)
    try:
        return replace(node_for(engine.facts, platform, engine.variables), name=member.name)
    except CommandError as error:
        if settings is None:
            raise
        return Node(
            platform, Fidelity.ABSENT, ": ".join((error.what, error.why)), error.fix, name=member.name
        )


def _engine_of(member: _NodeState) -> Engine:
    if member.engine is None:
        raise _error_of(member)
    return member.engine


def _error_of(member: _NodeState) -> NestproofError:
    error = member.error or EngineUnavailable("nothing answers")
    if member.settings is None:
        return error
    return EngineUnavailable(f"the node {member.name} does not answer: {error.what}", why=error.why)


def _silence(member: _NodeState) -> str:
    error = _error_of(member)
    return ": ".join(filter(None, (error.what, error.why)))


def _nothing(platform: str, silent: Sequence[_NodeState]) -> NestproofError:
    if len(silent) == 1:
        return _error_of(silent[0])
    return EngineUnavailable(f"no node answers for {platform}", why="\n".join(map(_silence, silent)))


def docker_variables(node: ConfiguredNode, workspace: Path) -> dict[str, str]:
    """The environment that makes a docker client reach the node."""
    if node.context is not None:
        return {"DOCKER_CONTEXT": node.context}
    variables = {"DOCKER_HOST": node.host or ""}
    if node.tls is not None:
        folder = workspace / os.path.expanduser(node.tls)  # noqa: PTH111 # a Path fails for an unknown user
        variables |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    return variables
