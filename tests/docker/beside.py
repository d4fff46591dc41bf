"""What is tried beside the engine: a registry, and an engine of another version or with other settings.

The second engine has a network of its own, where it cannot touch the first one's bridge and rules; whoever is
to reach the same registry as it enters there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, skip_or_fail

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# A new network has a loopback device that is down; SIOCSIFFLAGS with IFF_UP.
_UP = (
    "import fcntl, os, socket, struct, sys\n"
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1))\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)
_INSTEAD = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
# Asked from inside of the network; the first line of the answer is its digest.
_ASK = (
    "import sys, urllib.request\n"
    "request = urllib.request.Request(sys.argv[1], headers={'Accept': sys.argv[2]})\n"
    "print(urllib.request.urlopen(request, timeout=20).read().decode())\n"
)


def program(name: str) -> str:
    """One of scripts/peers; where Debian's packages cannot be had the test is skipped."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        pytest.skip(f"{name} is taken from Debian's packages, as root")
    found = subprocess.run([ROOT / "scripts/peers", name], capture_output=True, text=True, check=False)
    if found.returncode:
        skip_or_fail(found.stderr)
    return found.stdout.strip()


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry on this machine; `enter` is what gets into its network."""

    address: str
    enter: tuple[str, ...] = ()

    def get(self, path: str) -> Any:
        """What its HTTP API says."""
        argv = [
            *self.enter,
            sys.executable,
            "-c",
            _ASK,
            f"http://{self.address}/v2/{path}",
            ", ".join(MANIFESTS),
        ]
        return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    def platforms(self, name: str, reference: str) -> list[str]:
        """The platforms of all configurations under a tag, attestations left out."""
        manifest = self.get(f"{name}/manifests/{reference}")
        if "config" in manifest:
            config = self.get(f"{name}/blobs/{manifest['config']['digest']}")
            return [f"{config['os']}/{config['architecture']}"]
        parts = [part for part in manifest["manifests"] if part["platform"]["os"] != "unknown"]
        return [platform for part in parts for platform in self.platforms(name, part["digest"])]


@contextlib.contextmanager
def running_registry(port: int, enter: tuple[str, ...] = ()) -> Iterator[Registry]:
    """A registry with nothing in it, gone afterwards."""
    registry = Registry(f"127.0.0.1:{port}", enter)
    with tempfile.TemporaryDirectory(prefix="nestproof-registry-") as folder:
        file = Path(folder) / "config.yml"
        storage = {"filesystem": {"rootdirectory": f"{folder}/blobs"}}
        # JSON is YAML.
        file.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": registry.address}}))
        argv = [*enter, program("docker-registry"), "serve", str(file)]
        with _running(argv, Path(folder) / "log", lambda: registry.get("") == {}):
            yield registry


@dataclass(frozen=True, slots=True)
class Second:
    """The second engine: its address, and what gets into its network."""

    host: str
    enter: tuple[str, ...]


# Docker's name for an image store that holds several platforms.
CONTAINERD = {"containerd-snapshotter": True}


@contextlib.contextmanager
def running_engine(
    program: str, *, bridge: bool = False, files: Mapping[str, str] | None = None, **config: Any
) -> Iterator[Second]:
    """An engine with no images, gone afterwards; `config` is its daemon.json.

    It sees `files` in place of the machine's own, and nobody else does.
    """
    with tempfile.TemporaryDirectory(prefix="nbe-", ignore_cleanup_errors=True) as folder:
        # A root that is mapped comes in as another user.
        Path(folder).chmod(0o711)
        host = f"unix://{folder}/docker.sock"
        file = Path(folder) / "daemon.json"
        file.write_text(json.dumps(config))
        argv = ["unshare", "--net", "--mount"]
        for number, (path, text) in enumerate((files or {}).items()):
            (Path(folder) / f"file-{number}").write_text(text)
            argv += ["sh", "-c", _INSTEAD, "sh", f"{folder}/file-{number}", path]
        argv += [sys.executable, "-c", _UP, program]
        argv += ["--config-file", str(file), "--host", host, "--pidfile", f"{folder}/pid"]
        argv += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/run"]
        argv += ["--iptables=false", *(() if bridge else ("--bridge", "none"))]
        ping = ["docker", "--host", host, "version"]
        with _running(argv, Path(folder) / "log", lambda: _succeeds(ping)) as pid:
            yield Second(host, ("nsenter", f"--net=/proc/{pid}/ns/net"))


def _succeeds(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _running(argv: list[str], log: Path, answers: Callable[[], bool]) -> Iterator[int]:
    with (
        log.open("wb") as output,
        subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while not _asked(answers):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{argv} did not come up:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _asked(answers: Callable[[], bool]) -> bool:
    with contextlib.suppress(subprocess.CalledProcessError):
        return answers()
    return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def buildkit_of(second: Second) -> Iterator[str]:
    """The address at which the second engine's BuildKit answers as a daemon of its own would.

    The engine serves the same API behind an upgrade of the connection, which is all that is added here.
    """
    with tempfile.TemporaryDirectory(prefix="nbb-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/buildkit.sock")
        door.listen()
        threading.Thread(
            target=_let_in, args=(door, second.host.removeprefix("unix://")), daemon=True
        ).start()
        yield f"unix://{folder}/buildkit.sock"
        door.shutdown(socket.SHUT_RDWR)


def _let_in(door: socket.socket, engine: str) -> None:
    with contextlib.suppress(OSError):  # closed, when it is over
        while True:
            client, _ = door.accept()
            threading.Thread(target=_upgraded, args=(client, engine), daemon=True).start()


def _upgraded(client: socket.socket, engine: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as behind:
        behind.connect(engine)
        asking = ("POST /grpc HTTP/1.1", "Host: engine", "Connection: Upgrade", "Upgrade: h2c", "", "")
        behind.sendall("\r\n".join(asking).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += behind.recv(1)
        threading.Thread(target=_pass_on, args=(client, behind), daemon=True).start()
        _pass_on(behind, client)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
