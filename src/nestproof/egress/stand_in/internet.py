"""Put a container on a network of our own, where everything outside is a stand-in."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from nestproof.core.cancellation import check_cancelled
from nestproof.core.errors import EngineError
from nestproof.core.platforms import architecture
from nestproof.core.signals import interrupts_deferred
from nestproof.egress.connect import said, wait_for_logs
from nestproof.engine.client import Engine, engine_errors, find_image
from nestproof.engine.container import Container, started_container
from nestproof.engine.labels import new_run_labels

_FILES = ("Dockerfile", "server.py")
_START_SECONDS = 30
_SLEEP = ["-c", "exec sleep 3600"]
# Debian and Alpine, Fedora, openSUSE: where programs look for the authorities that they trust.
_TRUSTED = (
    "/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem "
    "/etc/ssl/cert.pem"
)


class NoStandInError(EngineError):
    """The stand-in cannot be had on this machine."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Internet:
    """A stand-in that runs."""

    engine: Engine
    image: str
    network: str
    server: Container
    addresses: tuple[str, str]
    """Of its server on the network, IPv4 and IPv6."""
    certificate: str
    """That of the run's own authority."""

    keeps_resolver: bool = False
    """True if a container asks the engine's resolver, as on a network of its own; else the stand-in's."""

    def place(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The create request of a container whose network is the stand-in."""
        host = {**request["HostConfig"], "NetworkMode": self.network, "Dns": [self.addresses[0]]}
        return {**request, "HostConfig": host}

    def attach(self, container: Container) -> None:
        """Lead everything that the container sends out to the stand-in; raises EngineError."""
        four, six = self.addresses
        lines = f"ip route replace default via {four} && ip -6 route replace default via {six}"
        if not self.keeps_resolver:
            # On the engine's default network the file names the resolvers; the helper has the same file.
            lines += f" && echo nameserver {four} >/etc/resolv.conf"
        lines += " && echo attached"
        body = {
            "Image": self.image,
            "User": "0:0",
            "Entrypoint": ["/bin/sh"],
            "Cmd": _SLEEP,
            "Labels": new_run_labels(),
            "HostConfig": {
                "NetworkMode": f"container:{container.inspection['Id']}",
                "CapDrop": ["ALL"],
                "CapAdd": ["NET_ADMIN"],
                "SecurityOpt": ["no-new-privileges"],
            },
        }
        with started_container(self.engine, body, self.engine.facts.platform, keep_volumes=True) as helper:
            answer = said(helper, ["/bin/sh", "-c", lines])
        if "attached" not in answer:
            raise EngineError("the container cannot be put on the stand-in Internet", why=answer.strip())

    def trust(self, container: Container) -> None:
        """Have the container's programs trust the run's authority, where they read a list of them."""
        script = f'for file in {_TRUSTED}; do [ ! -f $file ] || printf "%s\\n" "$1" >>$file; done'
        said(container, ["/bin/sh", "-c", script, "sh", self.certificate])

    def change(self) -> None:
        """Give the names that change their other addresses."""
        with engine_errors("changing names of the stand-in"):
            self.server.api.kill(self.server.name, signal="HUP")
        _wait_for(self.server, "changed")


@contextlib.contextmanager
def stand_in(
    engine: Engine,
    base: str,
    plan: Mapping[str, Any],
    say: Callable[[str], None],
    *,
    keeps_resolver: bool = False,
) -> Iterator[Internet]:
    """A stand-in of that plan (names.py) on a network of its own; raises EngineError."""
    image = _image(engine, base, say)
    with _network(engine) as network:
        body = {
            "Image": image,
            "Cmd": [json.dumps(plan)],
            "Labels": new_run_labels(),
            "HostConfig": {
                "NetworkMode": network,
                "CapAdd": ["NET_ADMIN"],
                "Sysctls": {"net.ipv4.ip_forward": "0", "net.ipv6.ip_nonlocal_bind": "1"},
            },
        }
        with started_container(engine, body, engine.facts.platform, keep_volumes=True) as server:
            certificate = _wait_for(server, "ready")
            own = server.inspection["NetworkSettings"]["Networks"][network]
            addresses = (own["IPAddress"], own["GlobalIPv6Address"])
            yield Internet(engine, image, network, server, addresses, certificate, keeps_resolver)


@contextlib.contextmanager
def _network(engine: Engine) -> Iterator[str]:
    """A network for IPv4 and IPv6 that leads nowhere by itself."""
    from docker.types import IPAMConfig, IPAMPool

    name = f"nestproof-{secrets.token_hex(6)}"
    # A prefix of those that everybody may choose by chance (RFC 4193).
    prefix = f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"
    try:
        with engine_errors("making the network of the stand-in"), interrupts_deferred():
            engine.api.create_network(
                name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=prefix)]),
                enable_ipv6=True,
                labels=new_run_labels(),
                options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
            )
        yield name
    finally:
        with interrupts_deferred():
            _remove_network(engine, name)


def _remove_network(engine: Engine, name: str) -> None:
    from docker.errors import NotFound

    with engine_errors(f"removing the network {name}"), contextlib.suppress(NotFound):
        engine.api.remove_network(name)


def _image(engine: Engine, base: str, say: Callable[[str], None]) -> str:
    """The tag of the image of its servers, built once for each base and release."""
    texts = {name: (files(__package__) / name).read_bytes() for name in _FILES}
    made_of = hashlib.sha256(b"\0".join([base.encode(), *texts.values()])).hexdigest()[:12]
    tag = f"nestproof/stand-in-internet:{made_of}-{architecture(engine.facts.platform)}"
    if find_image(engine, tag) is not None:
        return tag
    say(f"building the stand-in Internet on {base}")
    lines: list[str] = []
    with engine_errors("building the stand-in Internet"):
        stream = engine.api.build(
            fileobj=_archive(texts),
            custom_context=True,
            tag=tag,
            buildargs={"BASE": base},
            rm=True,
            decode=True,
        )
        for event in stream:
            check_cancelled()
            lines.append(str(event.get("error") or event.get("stream") or "").strip())
    if find_image(engine, tag) is None:
        why = "; ".join([line for line in lines if line][-3:])
        raise NoStandInError(
            "the stand-in Internet cannot be built",
            why=why,
            fix="it takes packages of Debian or Ubuntu (docs/egress.md)",
        )
    return tag


def _archive(texts: Mapping[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, text in texts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    file.seek(0)
    return file


def _wait_for(server: Container, word: str) -> str:
    """Wait until the server prints the word on a line of its own; returns what it printed before."""
    before, found, _ = wait_for_logs(server, lambda text: f"{word}\n" in text, _START_SECONDS).partition(
        f"{word}\n"
    )
    if not found:
        raise NoStandInError("the stand-in Internet does not start", why=before.strip()[-400:])
    return before
