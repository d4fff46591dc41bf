"""Probes of agents' own sandboxes; each agent is a pack."""

from __future__ import annotations

from functools import partial

from nestproof.probes.container_verdicts import is_pinned_codex
from nestproof.probes.probe import OR_DEGRADED, OR_UNVERIFIED, Probe
from nestproof.probes.verdicts import PROC_DENIED, TWO_MASKS

_codex = partial(Probe, pack="codex", verdicts=OR_UNVERIFIED)
_srt = partial(
    Probe,
    pack="sandbox-runtime",
    verdicts=OR_DEGRADED | OR_UNVERIFIED,
    needs_namespaces=True,
    fallback=PROC_DENIED,
)

_CONFINED = "without capabilities, without new privileges, with a filter"

AGENTS = (
    _codex(
        name="bwrap-two-masks",
        question="Does one file descriptor serve for two masks?",
        why="Codex passes one for all files that may not be read; with two files the command does not start",
        control=("control: a descriptor for each mask works",),
        shows=("one file descriptor masks both files",),
        # No release of bubblewrap takes it, and no other agent needs it.
        fallback=TWO_MASKS,
        needs_namespaces=True,
        verdicts=OR_DEGRADED | OR_UNVERIFIED,
        fails="one file descriptor does not serve for two masks",
    ),
    _codex(
        name="codex-version",
        question="Is Codex the version that the profile declares?",
        by_hand="codex --version",
        why="its sandbox changes from release to release, and what was proved was one of them",
        judge=is_pinned_codex,
    ),
    _codex(
        name="codex-sandbox",
        question="Does Codex run a command in its sandbox, with nothing left to it?",
        # The command line changed after about 0.120.
        by_hand="codex sandbox $(codex sandbox --help | grep -q '^ *linux ' && echo linux --full-auto) "
        "-- /bin/sh -lc 'echo codex-inner-ok'",
        why="a codex that cannot make its sandbox may run the command without one",
        control=("control: outside, the process can be signalled",),
        shows=("codex-inner-ok", "in a pid namespace of its own", _CONFINED),
        needs_namespaces=True,
        says="Codex runs a command in its own pid namespace, with a filter, without capabilities",
        fails="Codex runs the command without the sandbox that it promises, or cannot run it",
    ),
    _codex(
        name="codex-write",
        question="Can a command in the Codex sandbox write in its working directory, and nowhere else?",
        why="it is what people rely on when they let an agent work alone",
        control=(
            "control: outside, everything takes a file",
            "control: inside, the working directory takes a file",
        ),
        shows=("only the working directory takes a file",),
        needs_namespaces=True,
        fails="a command in the Codex sandbox can write outside its working directory, or cannot run",
    ),
    _codex(
        name="codex-network",
        question="Is a command in the Codex sandbox kept from the network?",
        why="what it reads could be sent away",
        control=("control: outside, a socket can be opened", "control: inside, the same program runs"),
        shows=("a socket in the sandbox is refused",),
        needs_namespaces=True,
        fails="a command in the Codex sandbox can open a socket, or cannot run",
    ),
    _srt(
        name="srt-sandbox",
        question="Does the sandbox runtime (srt) run a command in namespaces of its own?",
        why="another agent's sandbox on the same ground asks more of it: a /proc of its own",
        control=("control: outside, the namespaces are named",),
        shows=("srt-inner-ok", "in network and pid namespaces of its own", _CONFINED),
        says="srt runs a command in its own network and pid namespaces, with a filter",
        fails="srt runs the command without the sandbox that it promises, or cannot run it",
    ),
    _srt(
        name="srt-write",
        question="Does the sandbox runtime (srt) refuse a write that its settings do not allow?",
        why="namespaces alone refuse no write",
        control=(
            "control: outside, both folders take a file",
            "control: inside, the writable folder takes a file",
        ),
        shows=("writes outside the writable folder are refused",),
        fails="srt lets a command write where its settings do not allow it, or cannot run it",
    ),
)
