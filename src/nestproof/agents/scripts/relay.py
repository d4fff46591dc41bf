"""Carries what reaches the loopback address over standard input and output; see relay.py of the package."""

import os
import selectors
import socket
import sys

name = os.read(0, 4096).strip()
tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(b"\0" + name)
unix.listen()


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


say(f"ready {tcp.getsockname()[1]} {udp.getsockname()[1]} unix")
waiting = selectors.DefaultSelector()
for one in (0, tcp, udp, unix):
    waiting.register(one, selectors.EVENT_READ)
connections: "dict[str, socket.socket]" = {}
pending = b""


def end(number: str) -> None:
    """Close a connection."""
    gone = connections.pop(number, None)
    if gone is not None:
        waiting.unregister(gone)
        gone.close()


accepted = 0
while True:
    for key, _events in waiting.select():
        ready = key.fileobj
        if ready is tcp:
            accepted += 1
            connections[str(accepted)] = tcp.accept()[0]
            waiting.register(connections[str(accepted)], selectors.EVENT_READ, str(accepted))
        elif ready is unix:
            unix.accept()[0].close()
            say("unix")
        elif ready is udp:
            say(f"udp {udp.recv(4096).hex()}")
        elif ready == 0:
            data = os.read(0, 1 << 20)
            if not data:
                sys.exit()
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                target, _, text = line.decode().partition(" ")
                if not text:
                    end(target)
                elif target in connections:
                    try:
                        connections[target].sendall(bytes.fromhex(text))
                    except OSError:
                        end(target)
        elif key.data in connections:
            try:
                data = connections[key.data].recv(65536)
            except OSError:
                data = b""
            say(f"tcp {key.data} {data.hex()}")
            if not data:
                end(key.data)
