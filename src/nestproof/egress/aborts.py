"""The words with which scripts of firewalls end too early: causes and fixes. Pure.

`reports` are the public ones in which people met it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nestproof.core.source import safe


@dataclass(frozen=True, slots=True)
class Abort:
    r"""A program's last words, the cause, and the line to write; `\1` is the group of `said`."""

    said: str
    """A regular expression."""
    cause: str
    fix: str
    reports: tuple[str, ...] = ()


ABORTS = (
    Abort(
        r"Element cannot be added to the set: it's already added",
        "two names share an address, and ipset takes each address once",
        "ipset add -exist SET ADDRESS",
        ("loopdive/js2 4673", "anthropics/claude-code 15611 and 91327", "openai/codex 1428"),
    ),
    Abort(
        r"Set cannot be created: set with the same name already exists",
        "the set is there from an earlier run",
        "ipset create -exist SET hash:net, and ipset flush SET",
        ("AtCoder-NoviSteps 4059",),
    ),
    Abort(
        r"(?i)(?:failed to resolve|could not resolve|cannot resolve|no address for)(?: host)?:? *(\S*)",
        r"the name \1 is not resolved (any more), and the script ends for it",
        "let a name that has no address be a warning, and go on with the next",
        ("anthropics/claude-code 72451 and 80112", "loopdive/js2 4673"),
    ),
    Abort(
        r"Permission denied \(you must be root\)|Operation not permitted",
        "the script may not change the rules: it is not root, or the container lacks NET_ADMIN",
        'run it with sudo, and add "--cap-add=NET_ADMIN" to runArgs',
    ),
    Abort(
        r"(?:^|[ /:])(\w[\w.-]*): (?:command )?not found",
        r"the image lacks the program \1",
        r"install the package of \1 in the Dockerfile",
    ),
    Abort(
        r"(\w+): unbound variable|(\w+): parameter not set",
        "a variable of the script is not set",
        "set it in containerEnv, or give it a default in the script",
    ),
    Abort(
        r"Failed to fetch GitHub|rate limit|missing required fields",
        "the list of GitHub's addresses was not to be had",
        "keep the last list in the image, or let it be a warning",
        ("anthropics/claude-code 38167",),
    ),
)


def diagnose_abort(said: str) -> Abort | None:
    """The first row that the words fit, with its groups filled in."""
    for row in ABORTS:
        if found := re.search(row.said, said, re.MULTILINE):
            first = next((group for group in found.groups() if group), "")
            cause, fix = (text.replace(r"\1", first).replace("  ", " ") for text in (row.cause, row.fix))
            return replace(row, cause=cause, fix=fix)
    return None


# A shell's own words for the place of an error: the trace has it, too.
_PLACE = re.compile(r"(?<!\S)\S+: line \d+: ")
_MOST = 300
TRACE = re.compile(r"^\++nestproof:(\d+): (.*)$", re.MULTILINE)


def ended_at(trace: str) -> str:
    """`line 12: ipset add …` of the last command in the trace of a shell; empty without one."""
    lines = TRACE.findall(trace)
    return f"line {lines[-1][0]}: {lines[-1][1].strip()}" if lines else ""


def last_words(said: str) -> str:
    """The last lines that were said, beside a trace, as words for a sentence."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not TRACE.match(line)]
    return safe(_PLACE.sub("", "; ".join(lines[-2:])))[-_MOST:]
