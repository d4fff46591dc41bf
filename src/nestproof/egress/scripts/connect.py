"""Opens connections, all at once, and says how each ended; or listens.  See attempts.py of the package."""

import errno
import os
import selectors
import socket
import sys
import threading
import time

asking: "dict[str, list[threading.Thread]]" = {}
answered: "set[str]" = set()


def say(*words: str) -> None:
    """Write a line in one piece."""
    os.write(1, (" ".join(words) + "\n").encode())


def ask(number: str, kind: str, seconds: float, payload: bytes, found: tuple) -> None:  # type: ignore[type-arg]
    """Open one connection; sends the payload, and reads what comes first."""
    family, sort, _, _, address = found
    one = socket.socket(family, sort)
    one.settimeout(seconds)
    is_open = False
    try:
        one.connect(address)
        is_open = kind == "tcp"
        if not payload:
            say(number, address[0], "ok", "-")
            answered.add(number)
            return
        one.send(payload)
        data = one.recv(600)
        say(number, address[0], "ok", data.hex() or "-")
        if data:
            answered.add(number)
    except OSError as error:
        late = isinstance(error, socket.timeout)
        name = "timeout" if late else errno.errorcode.get(error.errno or 0, "E-unknown")
        say(number, address[0], "ok" if is_open else name, "-")


def attempt(line: str) -> None:
    """Resolve a name, and ask each of its addresses."""
    number, kind, family, host, port, seconds, pad, told = line.split(" ")
    payload = (b"" if told == "-" else bytes.fromhex(told)).ljust(int(pad), b"\0")
    sort = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    wanted = {"0": 0, "4": socket.AF_INET, "6": socket.AF_INET6}[family]
    try:
        addresses = socket.getaddrinfo(host, int(port), wanted, sort)
    except OSError:
        return
    for one in addresses:
        if kind == "name":
            say(number, str(one[4][0]), "ok", "-")
            continue
        arguments = (number, kind, float(seconds), payload, one)
        thread = threading.Thread(target=ask, args=arguments)
        thread.start()
        asking.setdefault(number, []).append(thread)


def serve(address: str, *ports: str) -> None:
    """Answer whoever connects, and send back what comes in a datagram."""
    waiting = selectors.DefaultSelector()
    for port in ports:
        family, _, _, _, where = socket.getaddrinfo(
            address, int(port), 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )[0]
        tcp, udp = socket.socket(family), socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            for one in (tcp, udp):
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        tcp.bind(where)
        tcp.listen(64)
        udp.bind(tcp.getsockname())
        waiting.register(tcp, selectors.EVENT_READ, "tcp")
        waiting.register(udp, selectors.EVENT_READ, "udp")
        say("ready", str(tcp.getsockname()[1]))
    while True:
        for key, _ in waiting.select():
            one = key.fileobj  # type: ignore[assignment]
            try:
                if key.data == "tcp":
                    connection, _ = one.accept()
                    connection.sendall(b"nestproof\n")
                    connection.close()
                else:
                    data, sender = one.recvfrom(4096)
                    one.sendto(data, sender)
            except OSError:
                pass


if sys.argv[1] == "listen":
    serve(*sys.argv[2:])
resolvers = []
for each in filter(None, sys.argv[2].split("\n")):
    resolvers.append((threading.Thread(target=attempt, args=(each,), daemon=True), float(each.split(" ")[5])))
    resolvers[-1][0].start()
# Names that nobody answers for are not waited for longer than the rest.
end = time.monotonic() + max((seconds for _, seconds in resolvers), default=0)
for resolver, _ in resolvers:
    resolver.join(max(0, end - time.monotonic()))
# One address that answers is enough.
while any(
    each.is_alive() for number, threads in asking.items() if number not in answered for each in threads
):
    time.sleep(0.01)
say("done")
os._exit(0)
