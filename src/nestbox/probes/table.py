"""The table of probes. The script of each is the file of its name beside this module."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nestbox.probes.judge import (
    Judge,
    holds_allowed_capabilities,
    is_confined_unless_allowed,
    is_filtered_unless_allowed,
    is_pinned_codex,
    prints,
)

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a running container."""

    name: str
    pack: str
    question: str
    judge: Judge
    as_root: bool = False
    """Asked as root instead of as the remote user: it looks at the image, not at what a user may do."""
    needs_namespaces: bool = False
    """Emulation cannot answer it: neither a pass nor a fail would mean anything there."""
    timeout: int = 20
    """Seconds; thirty times what the slowest takes on a busy machine of two cores."""


PROBES = (
    Probe(
        "users",
        "users",
        "Do the users exist, each without being root?",
        prints("control: root is found, and is 0", "{user}: exists, not root"),
        as_root=True,
    ),
    Probe(
        "capabilities",
        "privileges",
        "Can the container hold only the capabilities that its profile may have?",
        holds_allowed_capabilities,
    ),
    Probe(
        "seccomp",
        "privileges",
        "Is Docker's system call filter on, unless the profile may do without?",
        is_filtered_unless_allowed,
    ),
    Probe(
        "apparmor",
        "privileges",
        "Is the container confined by AppArmor, unless the profile may do without?",
        is_confined_unless_allowed,
    ),
    Probe(
        "bwrap-not-setuid",
        "no-setuid-bwrap",
        "Is there no setuid bwrap in the image?",
        prints("control: a setuid bit is seen", "no setuid bwrap"),
        as_root=True,
    ),
    Probe(
        "bwrap-setuid",
        "setuid-bwrap",
        "Is /usr/bin/bwrap mode 4755, owned by root, and the one that is found?",
        prints("mode 4755, owner root", "found as /usr/bin/bwrap"),
    ),
    Probe(
        "bwrap-basic",
        "bubblewrap",
        "Does bwrap make a user and a pid namespace?",
        prints("control: outside, both namespaces are named", "bwrap-basic-ok"),
        needs_namespaces=True,
    ),
    Probe(
        "bwrap-netns",
        "bubblewrap",
        "Does bwrap make a network namespace in which lo is the only interface, and up?",
        prints("control: outside, the network namespace is named", "bwrap-netns-ok"),
        needs_namespaces=True,
    ),
    Probe(
        "bwrap-fd",
        "bubblewrap",
        "Does a file descriptor pass into the sandbox, as a file's content?",
        prints("control: the file does not exist outside", "bwrap-fd-ok"),
        needs_namespaces=True,
    ),
    Probe(
        "bwrap-proc",
        "bubblewrap",
        "Can a sandbox have a /proc of its own?",
        prints(
            "control: the same works without --proc",
            "bwrap-proc-ok",
            fallback=r"^bwrap: Can't mount proc on /(newroot/)?proc: Operation not permitted",
        ),
        needs_namespaces=True,
    ),
    Probe("codex-version", "codex", "Is Codex the version that the profile declares?", is_pinned_codex),
    Probe(
        "codex-sandbox",
        "codex",
        "Does Codex run a command in its sandbox?",
        prints(
            "control: outside, the pid namespace is named",
            "codex-inner-ok",
            "in a pid namespace of its own",
            "without capabilities, without new privileges, with a filter",
        ),
        needs_namespaces=True,
    ),
)

PACKS = tuple(dict.fromkeys(probe.pack for probe in PROBES))


@cache
def script(name: str) -> str:
    """The text of a script in this folder: a probe's by its name, or `runner`."""
    return (_FOLDER / f"{name}.sh").read_text("utf-8")
