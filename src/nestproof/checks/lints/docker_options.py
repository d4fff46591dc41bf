"""List the `docker run` options of a configuration, each with the place where it is written.

Values are as written, variables and all: what a lint says must not depend on whose machine it runs on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.engine.docker_flags import FALSE, SWITCHES, read_flags


@dataclass(frozen=True, slots=True)
class Option:
    """A long option without its dashes, its value as written, and the JSON value in which that stands."""

    name: str
    value: str
    node: JsonNode

    @property
    def known(self) -> bool:
        """True if the value is the same for everybody: it holds no variable."""
        return "${" not in self.value


def asked(document: Document) -> tuple[Option, ...]:
    """All options of the properties and runArgs, in their order in the file."""
    found = [*_of_properties(document), *read_arguments(elements(document, "runArgs"))]
    return tuple(sorted(found, key=lambda option: option.node.offset))


def named(document: Document, *names: str) -> Iterator[Option]:
    """The options of these names, if their values are known."""
    return (option for option in asked(document) if option.name in names and option.known)


def elements(document: Document, *path: str) -> list[tuple[str, JsonNode]]:
    """The strings of the array at `path`, each with its value; none if there is no such array."""
    array = document.root and document.root.at(*path)
    return [(node.value, node) for node in array.items if isinstance(node.value, str)] if array else []


def text(document: Document, *path: str) -> tuple[str, JsonNode] | None:
    """The string at `path`, if one is there."""
    node = document.root and document.root.at(*path)
    return (node.value, node) if node and isinstance(node.value, str) else None


def read_arguments(arguments: list[tuple[str, JsonNode]]) -> Iterator[Option]:
    """Read the options among these arguments as the docker client does; bare words are skipped."""
    for flag in read_flags([argument for argument, _ in arguments]):
        node = arguments[flag.index + flag.width - 1][1]
        if flag.name in SWITCHES:
            if flag.value not in FALSE:
                yield Option(flag.name, "", node)
        elif flag.name and flag.value is not None:
            yield Option(flag.name, flag.value, node)


def _of_properties(document: Document) -> Iterator[Option]:
    if document.root is None:
        return
    for array, name in (("capAdd", "cap-add"), ("securityOpt", "security-opt"), ("mounts", "mount")):
        for value, node in elements(document, array):
            yield Option(name, value, node)
    for one, name in (("workspaceMount", "mount"), ("containerUser", "user")):
        if found := text(document, one):
            yield Option(name, *found)
    for switch in ("privileged", "init"):
        if (said := document.root.at(switch)) and said.kind == "true":
            yield Option(switch, "", said)
    mounts = document.root.at("mounts")
    for mount in mounts.items if mounts else ():
        if mount.kind == "object":
            fields = (f"{name}={member.value.value}" for name, member in mount.members.items())
            yield Option("mount", ",".join(fields), mount)
