"""The scripted model's server: one script for one session, on the loopback address.

Usage: python3 -m model.server PORT, with the script as a line of stdin; it serves until stdin ends. The first
line of output is `ready`. Each line after it is a request as JSON: method, path, the names of its headers
that hold credentials, the tools offered, the results sent, what went wrong. No header's value is kept.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import chat_completions, generate_content, messages, responses
from .turns import Asked, Script, UnknownToolError, read_script

_MAX_REQUEST = 16 << 20
_MAX_RESULT = 65536
_CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization")
_MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model"}], "models": []}
Tell = Callable[[dict[str, Any]], None]


class Model(ThreadingHTTPServer):
    """Answers every request by the script, and tells of each."""

    daemon_threads = True

    def __init__(self, port: int, script: Script, tell: Tell) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = script
        self.tell = tell


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
        self._tell(None)
        self._send(200, json.dumps(_MODELS))

    def do_POST(self) -> None:
        """The next turn, in the words of the path's protocol."""
        try:
            asked, body = self._answer(self._read())
        except (UnknownToolError, ValueError, AttributeError, TypeError) as error:
            self._tell(None, f"{type(error).__name__}: {error}")
            self._send(400, json.dumps({"error": {"type": "invalid_request_error", "message": str(error)}}))
            return
        self._tell(asked)
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

    def _tell(self, asked: Asked | None, wrong: str = "") -> None:
        sent = {name.lower() for name in self.headers}
        told: dict[str, Any] = {"method": self.command, "path": self.path, "wrong": wrong}
        told["credentials"] = [name for name in _CREDENTIALS if name in sent]
        if asked is not None:
            told["tools"] = list(asked.tools)
            told["results"] = [result[:_MAX_RESULT] for result in asked.results]
        self.server.tell(told)

    def _send(self, status: int, body: str, *, streamed: bool = False) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    """Serve until stdin ends."""
    turn = threading.Lock()

    def tell(told: dict[str, Any]) -> None:
        with turn:
            print(json.dumps(told), flush=True)

    script = read_script(sys.stdin.readline())
    model = Model(int(sys.argv[1]), script, tell)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
