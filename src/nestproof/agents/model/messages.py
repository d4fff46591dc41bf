"""Anthropic's Messages API, which Claude Code speaks: POST …/messages."""

from __future__ import annotations

import json
from typing import Any

from nestproof.agents.model.events import events
from nestproof.agents.model.turns import Asked, Call


def read(request: dict[str, Any]) -> Asked:
    """The tools and results of a request."""
    tools = (str(tool.get("name")) for tool in request.get("tools") or ())
    blocks = [
        block
        for message in request.get("messages") or ()
        for block in (message.get("content") if isinstance(message.get("content"), list) else ())
    ]
    results = (_text(block.get("content")) for block in blocks if block.get("type") == "tool_result")
    return Asked(tuple(tools), tuple(results), str(request.get("model")), bool(request.get("stream")))


def write(answer: Call | str, asked: Asked) -> str:
    """The answer's body."""
    number = len(asked.results) + 1
    message: dict[str, Any] = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
    }
    message |= {"stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    block: dict[str, Any]
    if isinstance(answer, Call):
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": answer.tool}
        block, whole, reason = use | {"input": {}}, use | {"input": answer.arguments}, "tool_use"
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
    else:
        block, whole, reason = {"type": "text", "text": ""}, {"type": "text", "text": answer}, "end_turn"
        delta = {"type": "text_delta", "text": answer}
    if not asked.streamed:
        return json.dumps(message | {"content": [whole], "stop_reason": reason})
    stopped = {"stop_reason": reason, "stop_sequence": None}
    return events(
        (
            {"type": "message_start", "message": message | {"content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        )
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)
