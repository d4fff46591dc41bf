"""The scripted model over HTTP, asked as agents ask it: their requests, cut down to what is read."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nestproof.agents.model
from nestproof.agents.model.server import Model
from nestproof.agents.model.turns import Asked, Call, Script, Turn, UnknownToolError, call

ECHO = Script((Turn("echo one"), Turn("echo two", escalate=True)))


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def address(told: list[dict[str, Any]]) -> Iterator[str]:
    model = Model(0, ECHO, told.append)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{model.server_address[1]}"
    model.shutdown()
    model.server_close()


def post(url: str, body: Any, **headers: str) -> str:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers)  # noqa: S310 # our own server, on the loopback address
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 # the same
        return str(answer.read().decode())


def streamed(text: str) -> list[dict[str, Any]]:
    """The data of each event, without the end mark."""
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


# The Responses API


CODEX: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "tools": [{"name": "exec_command"}, {"type": "web_search"}],
}


def test_codex_is_told_to_run_each_command_then_that_it_is_done(address: str) -> None:
    url = f"{address}/v1/responses"
    results: list[dict[str, str]] = []
    said: list[Any] = []
    for number in range(3):
        created, item, completed = streamed(post(url, {**CODEX, "input": results}))
        assert (created["type"], completed["type"]) == ("response.created", "response.completed")
        said.append(item["item"].get("arguments") or item["item"]["content"][0]["text"])
        results = [*results, {"type": "function_call_output", "output": f"result {number}"}]
    assert json.loads(said[0]) == {"cmd": "echo one"}
    assert json.loads(said[1])["sandbox_permissions"] == "require_escalated"
    assert said[2] == "done"


def test_an_answer_that_is_not_streamed_is_whole(address: str) -> None:
    answer = json.loads(post(f"{address}/v1/responses", {**CODEX, "stream": False, "input": []}))
    assert (answer["status"], answer["output"][0]["name"]) == ("completed", "exec_command")


# The Messages API

CLAUDE: dict[str, Any] = {"model": "m", "stream": True, "tools": [{"name": "Bash"}, {"name": "Write"}]}


def test_claude_code_is_told_to_leave_its_sandbox_in_its_own_words(address: str) -> None:
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "content": [{"type": "text", "text": "one"}]}],
    }
    url = f"{address}/v1/messages?beta=true"
    first = streamed(post(url, {**CLAUDE, "messages": [{"role": "user", "content": "go"}]}))
    assert [one["type"] for one in first][:2] == ["message_start", "content_block_start"]
    assert json.loads(first[2]["delta"]["partial_json"])["command"] == "echo one"
    second = json.loads(post(url, {**CLAUDE, "stream": False, "messages": [result]}))
    assert second["stop_reason"] == "tool_use"
    assert second["content"][0]["input"]["dangerouslyDisableSandbox"] is True
    last = streamed(post(url, {**CLAUDE, "messages": [result, result]}))
    assert last[-2]["delta"]["stop_reason"] == "end_turn"
    assert json.loads(post(f"{address}/v1/messages/count_tokens", {})) == {"input_tokens": 1}


# Chat Completions

OPENCODE: dict[str, Any] = {"model": "m", "stream": True, "tools": [{"function": {"name": "bash"}}]}


def test_opencode_gets_a_call_and_an_end_mark(address: str) -> None:
    url = f"{address}/v1/chat/completions"
    text = post(url, {**OPENCODE, "messages": []})
    first, last = streamed(text)
    assert text.endswith("data: [DONE]\n\n")
    function = first["choices"][0]["delta"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])["command"]) == ("bash", "echo one")
    assert last["choices"][0]["finish_reason"] == "tool_calls"
    done = [{"role": "tool", "content": "x"}] * 2
    whole = json.loads(post(url, {**OPENCODE, "stream": False, "messages": done}))
    assert whole["choices"][0]["message"]["content"] == "done"


def test_a_request_beside_the_session_gets_a_text(address: str) -> None:
    """A title, for example: it offers no tools."""
    (first, _) = streamed(post(f"{address}/v1/chat/completions", {"stream": True, "messages": []}))
    assert first["choices"][0]["delta"]["content"] == "done"


# generateContent


@pytest.mark.parametrize("method", ["streamGenerateContent?alt=sse", "generateContent"])
def test_gemini_gets_a_function_call(address: str, method: str) -> None:
    body = {"tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}], "contents": []}
    text = post(f"{address}/v1beta/models/m:{method}", body)
    (answer,) = streamed(text) if method.startswith("stream") else [json.loads(text)]
    (part,) = answer["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"]["command"] == "echo one"


# What is told


def test_each_request_is_told_with_the_names_of_its_credentials_alone(
    address: str, told: list[dict[str, Any]]
) -> None:
    items = [{"type": "function_call_output", "output": "what it said"}]
    post(f"{address}/v1/responses", {**CODEX, "input": items}, Authorization="Bearer a-token")
    (one,) = told
    assert one["credentials"] == ["authorization"]
    assert (one["tools"], one["results"]) == (["exec_command", "web_search"], ["what it said"])
    assert "a-token" not in json.dumps(told)


@pytest.mark.parametrize(
    ("body", "headers", "wrong"),
    [
        (b"{", {}, "JSONDecodeError"),
        (b"[]", {}, "the request is no object"),
        (b"{}", {"content-encoding": "zstd"}, "the request is encoded as zstd"),
        (
            json.dumps({"tools": [{"name": "fly"}]}).encode(),
            {},
            "none of the tools offered runs a command: fly",
        ),
        (json.dumps({"tools": 5}).encode(), {}, "TypeError"),
    ],
)
def test_what_is_not_understood_is_told_and_refused(
    address: str, told: list[dict[str, Any]], body: bytes, headers: dict[str, str], wrong: str
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(f"{address}/v1/responses", body, **headers)
    assert wrong in told[0]["wrong"]


# The turns


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("exec_command", {"cmd": "id"}),
        ("shell_command", {"command": "id"}),
        ("shell", {"command": ["sh", "-c", "id"]}),
        ("Bash", {"command": "id", "description": "a question of nestproof"}),
    ],
)
def test_a_command_is_put_as_the_tool_takes_it(tool: str, arguments: dict[str, Any]) -> None:
    assert call(Turn("id"), ("Write", tool)) == Call(tool, arguments)


def test_a_tool_that_nobody_knows_is_no_answer() -> None:
    with pytest.raises(UnknownToolError):
        ECHO.answer(Asked(("Write",)))


def test_the_program_needs_nothing_but_pythons_own_library(tmp_path: Path) -> None:
    """It runs where nestproof is not installed, and ends with its input."""
    (tmp_path / "model").symlink_to(Path(nestproof.agents.model.__file__).parent)
    argv = [sys.executable, "-S", "-E", "-m", "model.server", "0"]
    script = json.dumps([{"command": "echo one"}])
    done = subprocess.run(
        argv, cwd=tmp_path, input=f"{script}\n", capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("ready\n", "")
