"""Stands for the Internet: a resolver (dnsmasq), and servers for TLS, HTTP and UDP, on every address.

Its first argument is a plan in JSON: `names` maps a name to its addresses, none for a name that is gone;
`later` does so for names that change; `rest` has the addresses of every other name; `networks` are those that
it answers for.  It prints the certificate of its authority, then a line `ready`; SIGHUP makes the names
change.
"""

import contextlib
import http.server
import json
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

plan = json.loads(sys.argv[1])
folder = Path(tempfile.mkdtemp())
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


def run(*argv: str) -> None:
    """Run a program, which must succeed."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def write(name: str, text: str) -> Path:
    """Write a file of the folder, and return its path."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


for network in plan["networks"]:
    version = "-6" if ":" in network else "-4"
    run("ip", version, "route", "add", "local", network, "dev", "lo")

authority, key = str(folder / "ca.pem"), str(folder / "ca.key")
run(
    "openssl", "req", "-x509", "-subj", "/CN=nestproof stand-in", *NEW_KEY, "-keyout", key, "-out", authority,
    "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
)  # fmt: skip
contexts: "dict[str, ssl.SSLContext]" = {}
making = threading.Lock()


def context_for(name: str) -> ssl.SSLContext:
    """A context with a certificate for the name, made when it is first asked for."""
    with making:
        if name not in contexts:
            stem = str(folder / f"{len(contexts)}")
            extensions = write("extensions", f"subjectAltName=DNS:{name}\n")
            run("openssl", "req", "-new", "-subj", "/CN=stand-in", *NEW_KEY[:-2], "-keyout", f"{stem}.key",
                "-out", f"{stem}.csr")  # fmt: skip
            run("openssl", "x509", "-req", "-in", f"{stem}.csr", "-CA", authority, "-CAkey", key, "-days",
                "2", "-CAcreateserial", "-extfile", str(extensions), "-out", f"{stem}.pem")  # fmt: skip
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[name].load_cert_chain(f"{stem}.pem", f"{stem}.key")
        return contexts[name]


def choose(connection: ssl.SSLSocket, name: "str | None", _: ssl.SSLContext) -> None:
    """Take the certificate of the name that the client asks for."""
    if name and all(part.isalnum() or part in "-." for part in name):
        connection.context = context_for(name)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page; GitHub's list of its addresses is one of the stand-in."""

    timeout = 10

    def do_GET(self) -> None:
        """Answer a GET."""
        body = json.dumps(plan["meta"]) if self.path.startswith("/meta") else "stand-in\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body.encode())

    do_HEAD = do_GET  # noqa: N815 # the name by which the library calls it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A server on every address of both families."""

    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128
    secure = False

    def server_bind(self) -> None:
        """Listen for IPv4, too."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)

    def finish_request(self, request: "Any", client_address: object) -> None:
        """Shake hands in the thread of the connection."""
        if self.secure:
            request.settimeout(10)
            request = context_for("stand-in.invalid").wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_: object) -> None:
        """Take it that clients go away in the middle of a handshake."""


def answer_datagrams(port: int) -> None:
    """Send back what comes from the address that it came to."""
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    one.bind(("::", port))
    while True:
        data, control, _, sender = one.recvmsg(4096, 256)
        told = [item for item in control if item[:2] == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)]
        with contextlib.suppress(OSError):
            one.sendmsg([data], told, 0, sender)


def resolve(names: "dict[str, list[str]]") -> str:
    """The configuration of dnsmasq."""
    lines = []
    for name, addresses in names.items():
        lines += [f"address=/{name}/{address}" for address in addresses] or [f"address=/{name}/"]
    return "\n".join([*lines, *(f"address=/#/{address}" for address in plan["rest"]), ""])


def start_resolver(names: "dict[str, list[str]]") -> "subprocess.Popen[bytes]":
    """Start dnsmasq, which answers without asking anybody."""
    conf = write("dnsmasq.conf", resolve(names))
    argv = ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
    argv += [f"--conf-file={conf}", "--cache-size=0", "--local-ttl=1"]
    return subprocess.Popen(argv)


context_for("stand-in.invalid").sni_callback = choose  # type: ignore[assignment]
for number, secure in (*((port, True) for port in plan["tls"]), *((port, False) for port in plan["plain"])):
    server = Server(("::", number), Handler)
    server.secure = secure
    threading.Thread(target=server.serve_forever, daemon=True).start()
threading.Thread(target=answer_datagrams, args=(443,), daemon=True).start()
resolver = start_resolver(plan["names"])
sys.stdout.write(Path(authority).read_text("ascii"))
print("ready", flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def change(*_: object) -> None:
    """Give the names that change their other addresses."""
    resolver.terminate()
    resolver.wait()
    globals()["resolver"] = start_resolver({**plan["names"], **plan["later"]})
    print("changed", flush=True)


signal.signal(signal.SIGHUP, change)
while True:
    signal.pause()
