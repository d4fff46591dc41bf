"""A JSON value as it stands in a text (its kind, its Python value, its place), and how a tree of them grows.

Nothing here calls itself, so that no depth of nesting overflows the stack; CPython frees deep nests in steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from nestproof.core.diagnostics import Diagnostic, Related
from nestproof.core.source import Position, Source, quoted
from nestproof.devcontainer.jsonc.rules import RULES

Kind = Literal["object", "array", "string", "number", "true", "false", "null"]
Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"

JQ_DEPTH = 10_000
"""The levels of nesting that jq 1.8 reads: https://github.com/jqlang/jq/pull/3328."""
JQ_LEVELS = {"[": 1, "{": 2}
"""The nesting limit in jq's count, which adds the key beside each open object."""

NO_MEMBERS: Mapping[str, Member] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JsonNode:
    """A value and its place; equal only to itself, so compare the results of `to_python`."""

    kind: Kind
    value: Scalar
    """The value of a scalar; None for an object and an array."""
    items: tuple[JsonNode, ...]
    members: Mapping[str, Member]
    """The members of an object by key; of a duplicate key, the last."""
    source: Source
    offset: int
    end_offset: int

    @property
    def start(self) -> Position:
        """The place of its first character."""
        return self.source.position(self.offset)

    @property
    def end(self) -> Position:
        """The place after its last character."""
        return self.source.position(self.end_offset)

    def at(self, *path: str | int) -> JsonNode | None:
        """The value under these keys and indexes, or None: `root.at("build", "args", "TZ")`."""
        node = self
        for step in path:
            if isinstance(step, str):
                if step not in node.members:
                    return None
                node = node.members[step].value
            else:
                if not 0 <= step < len(node.items):
                    return None
                node = node.items[step]
        return node

    def to_python(self) -> Value:
        """The plain Python value; without recursion, so that no depth of nesting can overflow the stack."""
        if self.kind not in ("object", "array"):
            return self.value
        root: Value = [] if self.kind == "array" else {}
        pending = [(self, root)]
        while pending:
            node, made = pending.pop()
            if isinstance(made, list):
                for item in node.items:
                    made.append(_shell(item, pending))
            elif isinstance(made, dict):
                for key, member in node.members.items():
                    made[key] = _shell(member.value, pending)
        return root

    def __repr__(self) -> str:
        at = self.start
        return f"<{self.kind} at {self.source.name}:{at.line}:{at.column}>"


def _shell(node: JsonNode, pending: list[tuple[JsonNode, Value]]) -> Value:
    """The value of a scalar, or an empty container that is noted in `pending`."""
    if node.kind not in ("object", "array"):
        return node.value
    made: Value = [] if node.kind == "array" else {}
    pending.append((node, made))
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A key of an object, at its place, with its value."""

    name: str
    key: JsonNode
    value: JsonNode


@dataclass(slots=True)
class Open:
    """An object or an array that is not yet closed."""

    offset: int
    opener: str
    # Made with the first value: a million brackets in a row have none, and no bracket has both.
    items: list[JsonNode] | None = None
    members: dict[str, Member] | None = None
    key: JsonNode | None = None  # whose value comes next


class TreeBuilder:
    """Builds the tree from the inside out, and notes mistakes that concern more than one node."""

    def __init__(self, source: Source, *, strict: bool) -> None:
        self.source = source
        self.root: JsonNode | None = None
        self.diagnostics: list[Diagnostic] = []
        self.open: list[Open] = []
        self._strict = strict
        self._depth = 0  # as jq counts it
        self._too_deep = False  # for jq, and reported

    def report(self, rule: str, message: str, start: int, end: int, *related: Related) -> None:
        """Note a mistake; the offsets are where it starts and ends."""
        severity = "error" if self._strict else RULES[rule].severity
        position = self.source.position
        self.diagnostics.append(Diagnostic(rule, severity, message, position(start), position(end), related))

    def scalar(self, kind: Kind, value: Scalar, start: int, end: int) -> JsonNode:
        """A node without contents."""
        return JsonNode(kind, value, (), NO_MEMBERS, self.source, start, end)

    def begin(self, opener: str, offset: int) -> None:
        """An object or an array starts here."""
        if self._depth >= JQ_DEPTH and not self._too_deep:
            self._too_deep = True
            message = f"jq reads {JQ_DEPTH:,} levels of nesting, an object counting as two; nest less deeply"
            self.report("json-deep-nesting", message, offset, offset + 1)
        self._depth += JQ_LEVELS[opener]
        self.open.append(Open(offset, opener))

    def finish(self, end: int) -> JsonNode:
        """The innermost object or array ends here."""
        done = self.open.pop()
        self._depth -= JQ_LEVELS[done.opener]
        kind: Kind = "array" if done.opener == "[" else "object"
        members = done.members or NO_MEMBERS
        return JsonNode(kind, None, tuple(done.items or ()), members, self.source, done.offset, end)

    def name(self, key: JsonNode) -> None:
        """The next value belongs to this key."""
        parent = self.open[-1]
        parent.key = key
        known = parent.members or NO_MEMBERS
        before = known.get(key.value) if isinstance(key.value, str) else None
        if before is not None:
            message = f"the key {quoted(before.name)} stands twice in this object; remove one of the two"
            note = Related(before.key.start, f"{quoted(before.name)} stands here already")
            self.report("json-duplicate-key", message, key.offset, key.end_offset, note)

    def add(self, node: JsonNode) -> None:
        """A value is complete."""
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if parent.key is None:
            if parent.items is None:
                parent.items = []
            parent.items.append(node)
            return
        if isinstance(parent.key.value, str):
            if parent.members is None:
                parent.members = {}
            parent.members[parent.key.value] = Member(parent.key.value, parent.key, node)
        parent.key = None
