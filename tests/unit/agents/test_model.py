"""The scripted model over HTTP, asked as agents ask it: their requests, cut down to what is read."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import pytest

from nestproof.agents.model.server import REACHED, Model
from nestproof.agents.model.turns import Asked, Call, Script, Turn, UnknownToolError, call, ways_of

ECHO = Script((Turn("echo one"), Turn("echo two", way="escalate")))


@pytest.fixture
def model() -> Model:
    made = Model(ECHO)
    made.ready.set()
    return made


def ask(model: Model, method: str, path: str, body: Any = b"", **headers: str) -> tuple[int, str]:
    """Send a request as an agent does, over one of two sockets that know each other."""
    ours, theirs = socket.socketpair()
    model.serve(theirs)
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = ours
    ours.settimeout(10)
    connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


def post(model: Model, path: str, body: Any, **headers: str) -> str:
    status, said = ask(model, "POST", path, body, **headers)
    assert status == 200, said
    return said


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


def test_codex_is_told_to_run_each_command_then_that_it_is_done(model: Model) -> None:
    url = "/v1/responses"
    results: list[dict[str, str]] = []
    said: list[Any] = []
    for number in range(3):
        created, item, completed = streamed(post(model, url, {**CODEX, "input": results}))
        assert (created["type"], completed["type"]) == ("response.created", "response.completed")
        said.append(item["item"].get("arguments") or item["item"]["content"][0]["text"])
        results = [*results, {"type": "function_call_output", "output": f"result {number}"}]
    assert json.loads(said[0]) == {"cmd": "echo one"}
    assert json.loads(said[1])["sandbox_permissions"] == "require_escalated"
    assert said[2] == "done"


def test_an_answer_that_is_not_streamed_is_whole(model: Model) -> None:
    answer = json.loads(post(model, "/v1/responses", {**CODEX, "stream": False, "input": []}))
    assert (answer["status"], answer["output"][0]["name"]) == ("completed", "exec_command")


# The Messages API

CLAUDE: dict[str, Any] = {"model": "m", "stream": True, "tools": [{"name": "Bash"}, {"name": "Write"}]}


def test_claude_code_is_told_to_leave_its_sandbox_in_its_own_words(model: Model) -> None:
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "content": [{"type": "text", "text": "one"}]}],
    }
    url = "/v1/messages?beta=true"
    first = streamed(post(model, url, {**CLAUDE, "messages": [{"role": "user", "content": "go"}]}))
    assert [one["type"] for one in first][:2] == ["message_start", "content_block_start"]
    assert json.loads(first[2]["delta"]["partial_json"])["command"] == "echo one"
    second = json.loads(post(model, url, {**CLAUDE, "stream": False, "messages": [result]}))
    assert second["stop_reason"] == "tool_use"
    assert second["content"][0]["input"]["dangerouslyDisableSandbox"] is True
    last = streamed(post(model, url, {**CLAUDE, "messages": [result, result]}))
    assert last[-2]["delta"]["stop_reason"] == "end_turn"
    assert json.loads(post(model, "/v1/messages/count_tokens", {})) == {"input_tokens": 1}


# Chat Completions

OPENCODE: dict[str, Any] = {"model": "m", "stream": True, "tools": [{"function": {"name": "bash"}}]}


def test_opencode_gets_a_call_and_an_end_mark(model: Model) -> None:
    url = "/v1/chat/completions"
    text = post(model, url, {**OPENCODE, "messages": []})
    first, last = streamed(text)
    assert text.endswith("data: [DONE]\n\n")
    function = first["choices"][0]["delta"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])["command"]) == ("bash", "echo one")
    assert last["choices"][0]["finish_reason"] == "tool_calls"
    done = [{"role": "tool", "content": "x"}] * 2
    whole = json.loads(post(model, url, {**OPENCODE, "stream": False, "messages": done}))
    assert whole["choices"][0]["message"]["content"] == "done"


def test_a_request_beside_the_session_gets_a_text(model: Model) -> None:
    """A title, for example: it offers no tools."""
    (first, _) = streamed(post(model, "/v1/chat/completions", {"stream": True, "messages": []}))
    assert first["choices"][0]["delta"]["content"] == "done"


# generateContent


@pytest.mark.parametrize("method", ["streamGenerateContent?alt=sse", "generateContent"])
def test_gemini_gets_a_function_call(model: Model, method: str) -> None:
    body = {"tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}], "contents": []}
    text = post(model, f"/v1beta/models/m:{method}", body)
    (answer,) = streamed(text) if method.startswith("stream") else [json.loads(text)]
    (part,) = answer["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"]["command"] == "echo one"


# What is kept


def test_each_request_is_kept_with_the_names_of_its_credentials_alone(model: Model) -> None:
    items = [{"type": "function_call_output", "output": "what it said"}]
    post(model, "/v1/responses", {**CODEX, "input": items}, Authorization="Bearer a-token")
    (one,) = model.requests
    assert one.credentials == ("authorization",)
    assert one.asked is not None
    assert (one.asked.tools, one.asked.results) == (("exec_command", "web_search"), ("what it said",))
    assert "a-token" not in repr(one)


def test_the_placeholder_is_no_credential(model: Model) -> None:
    post(model, "/v1/messages", CLAUDE, **{"x-api-key": "nestproof-placeholder"})
    assert model.requests[0].credentials == ()


def test_a_command_that_reaches_the_server_is_known_by_its_word(model: Model) -> None:
    assert ask(model, "GET", f"{REACHED}np1-escalate")[0] == 200
    assert (model.reached, model.requests) == ({"np1-escalate"}, [])
    assert "data" in json.loads(ask(model, "GET", "/v1/models")[1])
    assert ask(model, "HEAD", "/")[0] == 200


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
def test_what_is_not_understood_is_kept_and_refused(
    model: Model, body: bytes, headers: dict[str, str], wrong: str
) -> None:
    assert ask(model, "POST", "/v1/responses", body, **headers)[0] == 400
    assert wrong in model.requests[0].wrong


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


@pytest.mark.parametrize(
    ("tool", "asks"),
    [
        ("exec_command", {"sandbox_permissions": "require_escalated"}),
        ("Bash", {"dangerouslyDisableSandbox": True}),
        ("shell", {"with_escalated_permissions": True}),
    ],
)
def test_a_way_out_is_asked_for_in_the_tools_own_words(tool: str, asks: dict[str, Any]) -> None:
    assert call(Turn("id", way="escalate"), (tool,)).arguments.items() >= asks.items()
    assert "escalate" in ways_of((tool,))
    assert call(Turn("id", way="nowhere"), (tool,)) == call(Turn("id"), (tool,))


def test_a_file_is_written_by_the_tool_for_it_or_by_a_patch() -> None:
    turn = Turn(write="/etc/x", text="one")
    assert call(turn, ("Bash", "Write")) == Call("Write", {"file_path": "/etc/x", "content": "one"})
    assert call(turn, ("bash", "create")) == Call("create", {"path": "/etc/x", "file_text": "one"})
    assert "*** Add File: /etc/x\n+one\n" in call(turn, ("exec_command",)).arguments["cmd"]
