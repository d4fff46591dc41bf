"""Probes of the sandbox's containment, each with an allowed action as its control."""

from __future__ import annotations

from functools import partial

from nestproof.probes.probe import OR_DEGRADED, OR_UNVERIFIED, Probe
from nestproof.probes.verdicts import PROC_DENIED

_pair = partial(Probe, pack="containment", needs_namespaces=True, verdicts=OR_UNVERIFIED)

CONTAINMENT = (
    _pair(
        name="contain-write",
        question="Can a sandbox write where it may, and nowhere else?",
        why="a sandbox in which nothing can be written refuses for another reason than its rules",
        control=(
            "control: outside, both folders take a file",
            "control: inside, the writable folder takes a file",
        ),
        shows=("writes outside the writable folder are refused",),
        fails="a command in the sandbox can write outside its writable folder, or cannot run",
    ),
    _pair(
        name="contain-network",
        question="Does a sandbox without the network reach none of the container's addresses?",
        why="a listener of an agent or a database beside it must not be reached by what it confines",
        control=(
            "control: outside, the listener is reached",
            "control: inside, with the network, the listener is reached",
        ),
        shows=(r"without the network, none of \d+ addresses is reached",),
        fails="a sandbox without the network reaches the container's addresses, or cannot run",
    ),
    _pair(
        name="contain-processes",
        question="Does a sandbox see its own processes, and no other?",
        why="what is read in another process's /proc folder, such as its environment, is often secret",
        control=(
            "control: outside, the process is seen and can be signalled",
            "control: inside, without a /proc of its own, the process cannot be signalled",
        ),
        shows=("with a /proc of its own, the sandbox sees no outer process",),
        fallback=PROC_DENIED,
        verdicts=OR_DEGRADED | OR_UNVERIFIED,
        fails="the sandbox sees or signals processes outside it, or cannot run",
    ),
    _pair(
        name="contain-privileges",
        question="Has a process in the sandbox no capability, no way to new ones, and its filter?",
        why="a namespace is left again by whoever keeps a capability in it",
        control=("control: outside, the kernel says what a process has",),
        shows=("the sandbox has no capability, no new privileges, one filter more",),
        fails="a process in the sandbox keeps a capability, may gain privileges, or has no filter",
    ),
    _pair(
        name="contain-mask",
        question="Does a masked file keep its secret, while its neighbour can be read?",
        why="agents hide files with a mask; one that hides the folder hides for another reason",
        control=(
            "control: outside, both can be read",
            "control: inside, the neighbour can be read",
        ),
        shows=("the masked file cannot be read",),
        fails="a masked file can be read in the sandbox, or its neighbour cannot",
    ),
    _pair(
        name="contain-root",
        question="Does bwrap give a user who is not root nothing of root's?",
        why="a setuid program that can be talked into more is worse than no sandbox",
        control=(
            "control: root's secret is there, and hidden from this user",
            "control: in a user namespace, the user is called root and reads its own file",
        ),
        shows=(r"bwrap reads and writes nothing of root's in any of 4 ways",),
        fails="bwrap gives a user who is not root some of root's rights, or cannot run",
    ),
)
