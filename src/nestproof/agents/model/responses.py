"""OpenAI's Responses API, which Codex speaks: POST …/responses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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


# The tool of later releases of Codex that runs a script, in which the other tools are functions.
_SCRIPT_TOOL = "exec"
_NESTED = re.compile(r"^### `(\w+)`", re.MULTILINE)


def read(request: dict[str, Any]) -> Asked:
    """The tools and results of a request."""
    items = [item for item in request.get("input") or () if isinstance(item, dict)]
    offered = [*(request.get("tools") or ())]
    offered += [tool for item in items if item.get("type") == "additional_tools" for tool in item["tools"]]
    tools = tuple(name for tool in offered for name in _names(tool))
    results = (_text(item.get("output")) for item in items if str(item.get("type")).endswith("_call_output"))
    return Asked(tools, tuple(results), str(request.get("model")), bool(request.get("stream")))


def _names(tool: dict[str, Any]) -> Iterator[str]:
    """The names of a tool, of those in a namespace, and of those within the tool that runs a script."""
    if tool.get("type") == "namespace":
        for one in tool.get("tools") or ():
            yield from _names(one)
        return
    name = str(tool.get("name") or tool.get("type") or "")
    yield name
    if name == _SCRIPT_TOOL:
        yield from _NESTED.findall(str(tool.get("description")))


def write(answer: Call | str, asked: Asked) -> str:
    """The answer's body."""
    number = len(asked.results) + 1
    item: dict[str, Any]
    if isinstance(answer, Call):
        arguments = json.dumps(answer.arguments)
        if _SCRIPT_TOOL in asked.tools:
            said = f"text(JSON.stringify(await tools.{answer.tool}({arguments})))"
            item = {"type": "custom_tool_call", "id": f"ctc_{number}", "call_id": f"call_{number}"}
            item |= {"name": _SCRIPT_TOOL, "input": said}
        else:
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
    if isinstance(output, list):
        return "\n".join(str(part.get("text", "")) for part in output if isinstance(part, dict))
    return output if isinstance(output, str) else json.dumps(output)
