"""The flags of `docker run`, and how the docker client reads a command line of them.

Source: docker/cli 28.2, cli/command/container/opts.go (addFlags) and run.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SWITCHES = frozenset(
    "detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged "
    "publish-all quiet read-only rm sig-proxy tty use-api-socket".split()
)
"""Flags without a value."""
ALIASES = {"net": "network", "dns-opt": "dns-option"}
_SHORT = dict(
    pair.split(":")
    for pair in "a:attach c:cpu-shares d:detach e:env h:hostname i:interactive l:label m:memory p:publish "
    "P:publish-all q:quiet t:tty u:user v:volume w:workdir".split()
)
# Go's strconv.ParseBool, by which the docker client reads `--privileged=false`.
TRUE, FALSE = frozenset("1 t T TRUE true True".split()), frozenset("0 f F FALSE false False".split())


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command line."""

    name: str
    """Long, without dashes; empty for a bare word."""
    value: str | None
    """None where none is given: a switch is on, and any other flag lacks its value."""
    index: int
    """The place of its argument in the list."""
    width: int
    """The number of arguments that it takes up."""


def read_flags(arguments: Sequence[str]) -> Iterator[Flag]:
    """Read a command line as the docker client does; of flags it does not know, a value is expected."""
    index = 0
    while index < len(arguments):
        found = list(_read_argument(arguments, index))
        yield from found
        index += found[-1].width


def _read_argument(arguments: Sequence[str], index: int) -> Iterator[Flag]:
    argument = arguments[index]
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        yield _flag(name, value if equals else None, arguments, index)
        return
    if not argument.startswith("-") or argument == "-":
        yield Flag("", None, index, 1)
        return
    # `-it`, `-u=vscode`, `-uvscode`, or `-u` with its value in the next argument.
    for end, letter in enumerate(argument[1:], start=2):
        name, rest = _SHORT.get(letter, letter), argument[end:]
        if name not in SWITCHES or rest.startswith("="):
            yield _flag(name, rest.removeprefix("=") if rest else None, arguments, index)
            return
        yield Flag(name, None, index, 1)


def _flag(name: str, value: str | None, arguments: Sequence[str], index: int) -> Flag:
    name = ALIASES.get(name, name)
    if value is None and name not in SWITCHES and index + 1 < len(arguments):
        return Flag(name, arguments[index + 1], index, 2)
    return Flag(name, value, index, 1)
