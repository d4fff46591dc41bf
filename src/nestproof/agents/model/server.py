"""The scripted model's server: one script for one session, over connections that are handed to it.

It keeps each request: method, path, the names of its headers that hold credentials, the tools offered, the
results sent, what went wrong. No header's value is kept.
"""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

from nestproof.agents.model import chat_completions, generate_content, messages, responses
from nestproof.agents.model.turns import Asked, Script, UnknownToolError

REACHED = "/nestproof-reached/"
"""A path that a command asks for, followed by a word of its own, to show that it reaches this server."""

_MAX_REQUEST = 16 << 20
_MAX_RESULT = 65536
_MAX_WAIT = 60
_MAX_REQUESTS = 1000
_CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization")
PLACEHOLDER = "nestproof-placeholder"
"""The key that agents are given: no credential."""
_MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model"}], "models": []}


@dataclass(frozen=True)
class Request:
    """A request of an agent, without its headers' values."""

    method: str
    path: str
    credentials: tuple[str, ...]
    """The names of headers that hold a credential, other than the placeholder."""
    asked: Asked | None = None
    wrong: str = ""
    """The reason for which it was not answered."""


class Model(ThreadingMixIn, BaseServer):
    """Answers every request by the script, and keeps it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []
        self.ready = threading.Event()
        """Set once a session may begin: until then, a request waits."""
        self.reached: set[str] = set()
        """The words of those who reached it otherwise than as an agent."""

    def serve(self, connection: socket.socket) -> None:
        """Answer what comes on a connection, in a thread of its own, and close it."""
        self.process_request(connection, ("127.0.0.1", 0))

    def close_request(self, request: Any) -> None:
        """Close the connection."""
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave a connection that broke: the agent asks again, or its session has no end."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def log_message(self, *_: Any) -> None:
        """Say nothing: each request is told as JSON."""

    def do_HEAD(self) -> None:
        """Agents look whether the server is there."""
        self._send(200, "")

    def do_GET(self) -> None:
        """The list of models, whatever is asked for."""
        if self.path.startswith(REACHED):
            self.server.reached.add(self.path.removeprefix(REACHED))
        else:
            self._keep(None)
        self._send(200, json.dumps(_MODELS))

    def do_POST(self) -> None:
        """The next turn, in the words of the path's protocol."""
        self.server.ready.wait(_MAX_WAIT)
        try:
            asked, body = self._answer(self._read())
        except (UnknownToolError, ValueError, AttributeError, TypeError) as error:
            self._keep(None, f"{type(error).__name__}: {error}")
            self._send(400, json.dumps({"error": {"type": "invalid_request_error", "message": str(error)}}))
            return
        self._keep(asked)
        self._send(200, body, streamed=asked is not None and asked.streamed)

    def _read(self) -> dict[str, Any]:
        length = int(self.headers.get("content-length") or 0)
        if length > _MAX_REQUEST:
            raise ValueError(f"the request has {length} bytes")
        if (coding := self.headers.get("content-encoding", "identity")) != "identity":
            raise ValueError(f"the request is encoded as {coding}")
        request = json.loads(self.rfile.read(length) or b"{}")
        if not isinstance(request, dict):
            raise ValueError("the request is no object")
        return request

    def _answer(self, request: dict[str, Any]) -> tuple[Asked | None, str]:
        path, script = self.path.partition("?")[0], self.server.script
        if path.endswith("/responses"):
            asked = responses.read(request)
            return asked, responses.write(script.answer(asked), asked)
        if path.endswith("/messages"):
            asked = messages.read(request)
            return asked, messages.write(script.answer(asked), asked)
        if path.endswith("/chat/completions"):
            asked = chat_completions.read(request)
            return asked, chat_completions.write(script.answer(asked), asked)
        if path.endswith("enerateContent"):
            asked = generate_content.read(request, streamed="stream" in path)
            return asked, generate_content.write(script.answer(asked), asked)
        if path.endswith("/count_tokens"):
            return None, json.dumps({"input_tokens": 1})
        return None, "{}"

    def _keep(self, asked: Asked | None, wrong: str = "") -> None:
        sent = tuple(name for name in _CREDENTIALS if PLACEHOLDER not in self.headers.get(name, PLACEHOLDER))
        if asked is not None:
            asked = replace(asked, results=tuple(result[:_MAX_RESULT] for result in asked.results))
        if len(self.server.requests) < _MAX_REQUESTS:
            self.server.requests.append(Request(self.command, self.path, sent, asked, wrong))

    def _send(self, status: int, body: str, *, streamed: bool = False) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
