"""OpenAI's Chat Completions, which opencode and many others speak: POST …/chat/completions."""

from __future__ import annotations

import json
from typing import Any

from nestproof.agents.model.events import events
from nestproof.agents.model.turns import Asked, Call

_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def read(request: dict[str, Any]) -> Asked:
    """The tools and results of a request."""
    tools = (str(tool.get("function", {}).get("name")) for tool in request.get("tools") or ())
    messages = request.get("messages") or ()
    results = (str(message.get("content")) for message in messages if message.get("role") == "tool")
    return Asked(tuple(tools), tuple(results), str(request.get("model")), bool(request.get("stream")))


def write(answer: Call | str, asked: Asked) -> str:
    """The answer's body."""
    number = len(asked.results) + 1
    message: dict[str, Any]
    if isinstance(answer, Call):
        function = {"name": answer.tool, "arguments": json.dumps(answer.arguments)}
        calls = [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]
        message, reason = {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
    else:
        message, reason = {"role": "assistant", "content": answer}, "stop"
    made = {"id": f"chat_{number}", "created": 1, "model": asked.model}
    if not asked.streamed:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return json.dumps(made | {"object": "chat.completion", "choices": [choice], "usage": _USAGE})
    made["object"] = "chat.completion.chunk"
    first = {"index": 0, "delta": message, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": reason}
    parts = (made | {"choices": [first]}, made | {"choices": [last], "usage": _USAGE})
    return events(parts, named=False, end="[DONE]")
