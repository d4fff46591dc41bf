"""A second engine on this machine, with state, network and keys of its own, as another machine would be."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nestproof.core.errors import EngineUnavailable
from nestproof.engine.client import Engine, connect
from tests.conftest import skip_or_fail

BRIDGE = "nestproof-2nd"  # at most 15 characters (IFNAMSIZ)
_ADDRESS = "198.51.100.1/24"  # TEST-NET-2 (RFC 5737): hardly anybody's own network
_START = 60.0


@dataclass(slots=True)
class SecondEngine:
    """dockerd, reached over TLS; killed and started again at will."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def start(self) -> Engine:
        """Start it, and wait until it answers."""
        keys = self.folder / "server"
        # Left by one that was killed; for their numbers' sake it would take itself to be running already.
        for name in ("dockerd.pid", "run/containerd/containerd.pid"):
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", f"tcp://127.0.0.1:{self.port}", "--tlsverify"]
                + [f"--tls{name}={keys / file}" for name, file in _FILES.items()]
                + [f"--data-root={self.folder}/data", f"--exec-root={self.folder}/run"]
                + [f"--pidfile={self.folder}/dockerd.pid", f"--bridge={BRIDGE}"]
                + ["--iptables=false", "--ip-forward=false", "--ip-masq=false"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.variables = {
            "DOCKER_HOST": f"tcp://127.0.0.1:{self.port}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.folder / "client"),
        }
        deadline = time.monotonic() + _START
        while True:
            try:
                return connect(self.variables)
            except EngineUnavailable:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log_end = (self.folder / "dockerd.log").read_text()[-2000:]
                    pytest.fail(f"the second engine did not start:\n{log_end}")
                time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, and to nothing that it started."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it in the middle of whatever it does; its containers go on."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(30)

    def stop(self) -> None:
        """End it in good order, started again if it was killed: only so does what it started end, too."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)


_FILES = {"cacert": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def _make_keys(folder: Path) -> None:
    """An authority, and a pair of keys for each side that it has signed."""
    for side in ("server", "client"):
        (folder / side).mkdir()
    authority = folder / "authority.key"
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
    sign = ("openssl", "x509", "-req", "-days", "1", "-CAcreateserial")
    certificate = folder / "server/ca.pem"
    _run(*new, "-x509", "-days", "1", "-subj", "/CN=ca", "-keyout", str(authority), "-out", str(certificate))
    shutil.copy(certificate, folder / "client/ca.pem")
    for side, use in (("server", "serverAuth\nsubjectAltName=IP:127.0.0.1"), ("client", "clientAuth")):
        key, wanted = str(folder / side / "key.pem"), str(folder / f"{side}.csr")
        _run(*new, "-subj", f"/CN={side}", "-keyout", key, "-out", wanted)
        extension = folder / f"{side}.ext"
        extension.write_text(f"extendedKeyUsage={use}\n")
        out = ("-in", wanted, "-out", str(folder / side / "cert.pem"), "-extfile", str(extension))
        _run(*sign, "-CA", str(certificate), "-CAkey", str(authority), *out)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def second_engine(folder: Path) -> Iterator[SecondEngine]:
    """One that runs, and is gone at the end with all that it made."""
    if os.geteuid() != 0:
        pytest.skip("only root can start an engine")
    missing = [name for name in ("dockerd", "openssl", "ip") if not shutil.which(name)]
    if missing:
        skip_or_fail(f"a second engine needs {', '.join(missing)}")
    _make_keys(folder)
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    engine = SecondEngine(folder, _free_port())
    try:
        _run("ip", "address", "add", _ADDRESS, "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        engine.start()
        yield engine
    finally:
        engine.stop()
        _run("ip", "link", "delete", BRIDGE)
        for mounted in _mounted_below(folder):
            _run("umount", mounted)


def _mounted_below(folder: Path) -> list[str]:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((one for one in mounts if Path(one).is_relative_to(folder)), reverse=True)
