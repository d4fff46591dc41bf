"""What a configuration asks of `docker run`, option by option, each with the place where it is written.

Values are as written, variables and all: what a lint says must not depend on whose machine it runs on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestproof.devcontainer.jsonc import Document, JsonNode

# docker/cli, cli/command/container/opts.go (addFlags) and run.go: all that take no value, all short names.
_SWITCHES = frozenset(
    "detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged "
    "publish-all quiet read-only rm sig-proxy tty use-api-socket".split()
)
_SHORT = {
    "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive",
    "l": "label", "m": "memory", "p": "publish", "P": "publish-all", "q": "quiet", "t": "tty", "u": "user",
    "v": "volume", "w": "workdir",
}  # fmt: skip
_ALIASES = {"net": "network"}
# Go's strconv.ParseBool, by which the docker client reads `--privileged=false`.
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class Option:
    """A long option without its dashes, its value as written, and the JSON value in which that stands."""

    name: str
    value: str
    node: JsonNode

    @property
    def known(self) -> bool:
        """Whether the value is the same for everybody: no variable is in it."""
        return "${" not in self.value


def asked(document: Document) -> tuple[Option, ...]:
    """All that the properties and runArgs ask for, in the order in which it is written."""
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
    """The options among these arguments, read as the docker client reads them; bare words are skipped."""
    rest = iter(arguments)
    for argument, node in rest:
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            name = _ALIASES.get(name, name)
            if name in _SWITCHES:
                if value not in FALSE:
                    yield Option(name, "", node)
            elif equals:
                yield Option(name, value, node)
            else:
                yield from _with_next(name, rest)
        elif argument.startswith("-"):
            yield from _short(argument, node, rest)


def _short(argument: str, node: JsonNode, rest: Iterator[tuple[str, JsonNode]]) -> Iterator[Option]:
    """`-it`, `-u=vscode`, `-uvscode`, or `-u` with the value in the next argument."""
    for end, letter in enumerate(argument[1:], start=2):
        name = _SHORT.get(letter, letter)
        if name in _SWITCHES:
            yield Option(name, "", node)
            continue
        if attached := argument[end:].removeprefix("="):
            yield Option(name, attached, node)
        else:
            yield from _with_next(name, rest)
        return


def _with_next(name: str, rest: Iterator[tuple[str, JsonNode]]) -> Iterator[Option]:
    for value, node in rest:
        yield Option(name, value, node)
        return


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
