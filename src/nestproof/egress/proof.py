"""Ask about the firewall of a container, with a bare container beside it as the control."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from nestproof.core.cancellation import beside
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation
from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.aborts import ended_at, last_words
from nestproof.egress.attempts import NEAR_SECONDS, QUICK_SECONDS, Attempt, Replies
from nestproof.egress.connect import connect, listening, said
from nestproof.egress.firewall import Firewall, parse_rules
from nestproof.egress.questions import Neighbours, by_address, names_of, plan
from nestproof.egress.scripts import script
from nestproof.egress.seen import Aborted, Seen
from nestproof.egress.stand_in.internet import Internet
from nestproof.egress.stand_in.names import DENIED, FOREIGN_RESOLVERS
from nestproof.egress.tamper import scripts_of
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, started_container
from nestproof.engine.labels import new_run_labels
from nestproof.lifecycle.commands import Command

_PORT, _DNS = 7, 53
_NOBODY = "65534:65534"
# Bash takes no PS4 from root's environment.
_TRACE = """{shell} -c 'PS4="+nestproof:\\$LINENO: "; set -x; . "$0"' {script} </dev/null 2>&1 | tail -n 40"""
_TRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """The container whose firewall is asked, and how its remote user runs commands there."""

    engine: Engine
    container: Container
    request: Mapping[str, Any]
    """Its create request."""
    image: str
    user: str
    environment: Mapping[str, str]
    declared: EgressDeclaration
    declares: bool
    """False if the profile only looks as if it meant a firewall."""
    commands: tuple[Command, ...]
    """The lifecycle commands that set the firewall up."""
    at_each_start: bool
    folder: str = ""
    """The workspace, in which the commands run."""
    trusted: bool = True
    """False if the image's programs may not run in the network of this machine, to listen there."""
    internet: Internet | None = None
    timeout_factor: int = 1

    def connect(
        self, attempts: Sequence[Attempt], inside: Sequence[str] = (), *, quick: Sequence[Attempt] = ()
    ) -> dict[Attempt, Replies]:
        """Make the attempts as the remote user; `quick` are known to succeed if nothing is there."""
        return connect(
            self.container,
            attempts,
            user=self.user,
            environment=self.environment,
            inside=inside,
            quick=dict.fromkeys(quick, QUICK_SECONDS if self.internet is None else NEAR_SECONDS),
            timeout_factor=self.timeout_factor,
        )

    def rules(self) -> Firewall:
        """The rules as root reads them there."""
        return parse_rules(said(self.container, ["/bin/sh", "-c", script("rules.sh")]))


@dataclass(frozen=True, slots=True)
class Control:
    """The bare container, and what listens for it."""

    container: Container
    neighbours: Neighbours = field(default_factory=Neighbours)


@contextlib.contextmanager
def controls(place: Place) -> Iterator[Control]:
    """Start what the answers are held against, on the container's own network; raises EngineError."""
    networks = place.container.inspection["NetworkSettings"]["Networks"]
    gateway = next((one["Gateway"] for one in networks.values() if one.get("Gateway")), "")
    engine = place.engine

    def listen(stack: contextlib.ExitStack) -> Neighbours:
        with contextlib.suppress(EngineError):  # without a listener there is no control, and that is told
            return stack.enter_context(_another_container(place, gateway))
        return Neighbours()

    def listen_on_the_host(stack: contextlib.ExitStack) -> dict[str, int]:
        body = _bare(place, User=_NOBODY)
        body["HostConfig"] |= {"NetworkMode": "host", "Dns": []}
        if gateway and place.trusted:
            with contextlib.suppress(EngineError):
                _, (port,) = stack.enter_context(listening(engine, body, gateway, [0]))
                return {gateway: port}
        return {}

    # What a thread starts is on this stack, which is left when none of them is at work any more.
    with contextlib.ExitStack() as stack:
        with beside(partial(listen, stack)) as near, beside(partial(listen_on_the_host, stack)) as host:
            body = _bare(place, User=place.user, Entrypoint=["/bin/sh"], Cmd=["-c", "exec sleep 3600"])
            bare = stack.enter_context(
                started_container(engine, body, engine.facts.platform, keep_volumes=True)
            )
            if place.internet is not None:
                place.internet.attach(bare)
            neighbours = replace(near(), host_ports=host())
        if place.internet is not None:
            resolvers = (*FOREIGN_RESOLVERS[:1], *neighbours.resolvers)
            neighbours = replace(neighbours, resolvers=resolvers)
        yield Control(bare, neighbours)


@contextlib.contextmanager
def _another_container(place: Place, gateway: str) -> Iterator[Neighbours]:
    body = _bare(place, User="0:0", ExposedPorts={f"{_PORT}/tcp": {}})
    body["HostConfig"]["CapAdd"] = ["NET_BIND_SERVICE"]
    if gateway:
        published = [{"HostIp": gateway, "HostPort": ""}]
        body["HostConfig"]["PortBindings"] = {f"{_PORT}/tcp": published}
    with listening(place.engine, body, "::", [_PORT, _DNS]) as (container, _):
        settings = container.api.inspect_container(container.name)["NetworkSettings"]
        own = list(settings["Networks"].values())
        addresses = [one[key] for one in own for key in ("IPAddress", "GlobalIPv6Address") if one.get(key)]
        ports = (settings.get("Ports") or {}).get(f"{_PORT}/tcp") or ()
        yield Neighbours(
            published={one["HostIp"]: int(one["HostPort"]) for one in ports if one["HostIp"]},
            addresses=tuple(addresses),
            port=_PORT,
            resolvers=tuple(address for address in addresses if ":" not in address),
        )


def _bare(place: Place, **more: Any) -> dict[str, Any]:
    """A create request on the same network, of the same image, without anything else of the profile."""
    own = place.request["HostConfig"]
    kept = {
        key: own[key] for key in ("Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "Sysctls") if own.get(key)
    }
    mode = own.get("NetworkMode", "default")
    host = kept | {
        "NetworkMode": "default" if mode == "none" else mode,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": 4096,
    }
    return {"Image": place.image, "Labels": new_run_labels(), "HostConfig": host, **more}


def ask(place: Place, control: Control, aborted: Aborted | None = None) -> Seen:
    """Make every attempt, in the container and in the bare one at once."""
    firewall = place.rules()
    questions = plan(
        place.declared,
        control.neighbours,
        denied=DENIED if place.internet is not None else (),
        own_resolvers=firewall.resolvers,
    )
    resolve = partial(
        connect, control.container, user="", environment={}, timeout_factor=place.timeout_factor
    )
    named = [one for one in (*questions.deny, *questions.ipv6) if not one.by_address]
    found = resolve(tuple(dict.fromkeys(map(names_of, named))))
    questions = replace(
        questions,
        deny=(*questions.deny, *by_address(questions.deny, found)),
        ipv6=(*questions.ipv6, *by_address(questions.ipv6, found)),
    )
    with beside(partial(resolve, questions.every)) as bare:
        # What is refused must not be waited for longer than it takes to be let through.
        near = questions.refused if place.internet else ()
        here = place.connect(questions.every, quick=near)
        answers = bare()
    if aborted is not None:
        aborted = traced(place, aborted)
    return Seen(
        place.declared,
        questions,
        here,
        answers,
        firewall,
        aborted,
        place.at_each_start,
        place.declares,
        starts=", ".join(dict.fromkeys(command.phase for command in place.commands)),
    )


def again(place: Place, seen: Seen, aborted: Aborted | None = None, inside: Sequence[str] = ()) -> Seen:
    """The attempts on what is allowed and what is refused, once more."""
    through = (*seen.questions.allow, *seen.questions.proxy_allow, *seen.questions.proxy_deny)
    here = place.connect((*through, *seen.closed), inside, quick=seen.closed)
    ended = traced(place, aborted) if aborted is not None else None
    return replace(seen, here=here, aborted=ended)


def traced(place: Place, aborted: Aborted) -> Aborted:
    """The same, with the line of the script at which it ended, by running it once more under a trace."""
    found = firewall_scripts(place)
    for path in found[-1:]:
        shell = "bash" if "bash" in said(place.container, ["head", "-n1", path]) else "sh"
        run = _TRACE.format(shell=shell, script=shlex.quote(path))
        try:
            trace = said(place.container, ["/bin/sh", "-c", run], timeout=_TRACE_SECONDS)
        except EngineError:
            break  # what the answers show counts without it
        if line := ended_at(trace):
            return replace(aborted, line=line, script=path, said=aborted.said or last_words(trace))
    return aborted


def firewall_scripts(place: Place) -> list[str]:
    """The scripts that the firewall's commands run."""
    words = [word for command in place.commands for word in re.split(r"[\s'\"=;&|()]+", command.text) if word]
    argv = ["/bin/sh", "-c", script("scripts.sh"), "sh", *words]
    return list(scripts_of(said(place.container, argv, folder=place.folder)))


def observation(seen: Seen, attempts: Sequence[Attempt]) -> Observation:
    """The attempts as they came out, for the evidence."""
    return Observation(("connect",), 0, seen.table(attempts))
