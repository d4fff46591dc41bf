"""Google's generateContent, which Gemini CLI speaks: POST …:generateContent and …:streamGenerateContent."""

from __future__ import annotations

import json
from typing import Any

from nestproof.agents.model.events import events
from nestproof.agents.model.turns import Asked, Call

_USAGE = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}


def read(request: dict[str, Any], *, streamed: bool) -> Asked:
    """The tools and results of a request; whether it is streamed stands in its path alone."""
    declared = [one for tool in request.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    parts = [part for content in request.get("contents") or () for part in content.get("parts") or ()]
    results = (json.dumps(part["functionResponse"]) for part in parts if "functionResponse" in part)
    tools = tuple(str(one.get("name")) for one in declared)
    wanted = request.get("generationConfig") or {}
    schema = wanted.get("responseJsonSchema") or wanted.get("responseSchema")
    return Asked(tools, tuple(results), "", streamed, json.dumps(_filled(schema)) if schema else "")


def _filled(schema: dict[str, Any]) -> Any:
    """The smallest value of a JSON schema: the form in which some requests want their answer."""
    kind = str(schema.get("type")).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: _filled(properties.get(name, {})) for name in schema.get("required") or properties}
    if kind == "array":
        return []
    if kind in ("integer", "number"):
        return 1
    if kind == "boolean":
        return False
    return (schema.get("enum") or ["done"])[0]


def write(answer: Call | str, asked: Asked) -> str:
    """The answer's body."""
    part: dict[str, Any] = {"text": asked.form or answer} if isinstance(answer, str) else {}
    if isinstance(answer, Call):
        part = {"functionCall": {"name": answer.tool, "args": answer.arguments}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    whole = {"candidates": [candidate], "usageMetadata": _USAGE}
    return events((whole,), named=False) if asked.streamed else json.dumps(whole)
