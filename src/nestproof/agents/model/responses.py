"""OpenAI's Responses API, which Codex speaks: POST …/responses."""

from __future__ import annotations

import json
from typing import Any

from nestproof.agents.model.events import events
from nestproof.agents.model.turns import Asked, Call

_USAGE = {
    "input_tokens": 1,
    "input_tokens_details": None,
    "output_tokens": 1,
    "output_tokens_details": None,
    "total_tokens": 2,
}


def read(request: dict[str, Any]) -> Asked:
    """The tools and results of a request."""
    tools = (tool.get("name") or tool.get("type") or "" for tool in request.get("tools") or ())
    items = [item for item in request.get("input") or () if isinstance(item, dict)]
    results = (_text(item.get("output")) for item in items if str(item.get("type")).endswith("_call_output"))
    return Asked(tuple(tools), tuple(results), str(request.get("model")), bool(request.get("stream")))


def write(answer: Call | str, asked: Asked) -> str:
    """The answer's body."""
    number = len(asked.results) + 1
    item: dict[str, Any]
    if isinstance(answer, Call):
        arguments = json.dumps(answer.arguments)
        item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
        item |= {"name": answer.tool, "arguments": arguments}
    else:
        content = [{"type": "output_text", "text": answer}]
        item = {"type": "message", "role": "assistant", "id": f"msg_{number}", "content": content}
    made = {"id": f"resp_{number}", "object": "response", "model": asked.model}
    if not asked.streamed:
        return json.dumps(made | {"status": "completed", "output": [item], "usage": _USAGE})
    return events(
        (
            {"type": "response.created", "response": made},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": made | {"usage": _USAGE}},
        )
    )


def _text(output: Any) -> str:
    return output if isinstance(output, str) else json.dumps(output)
