"""Probes of the container: its users, its privileges, its bwrap, its terminal."""

from __future__ import annotations

from nestproof.probes.container_verdicts import (
    holds_allowed_capabilities,
    is_confined_unless_allowed,
    is_filtered_unless_allowed,
)
from nestproof.probes.probe import ANYONE, OR_UNVERIFIED, ROOT, Probe

CONTAINER = (
    Probe(
        name="users",
        pack="users",
        question="Do the users exist, each without being root?",
        by_hand="id {user}",
        why="an agent that runs as root has all that the container has",
        control=("control: root is found, and is 0",),
        shows=("{user}: exists, not root",),
        user=ANYONE,
        fails="a user does not exist, or is root",
    ),
    Probe(
        name="capabilities",
        pack="privileges",
        question="Can the container hold only the capabilities that its profile may have?",
        by_hand="grep Cap /proc/self/status",
        why="the kernel's own word, whatever the file and the engine say",
        judge=holds_allowed_capabilities,
    ),
    Probe(
        name="seccomp",
        pack="privileges",
        question="Is Docker's system call filter on, unless the profile may do without?",
        by_hand="grep Seccomp: /proc/self/status",
        why="an engine can be set up to run without one, and nobody sees it",
        judge=is_filtered_unless_allowed,
        verdicts=OR_UNVERIFIED,
    ),
    Probe(
        name="apparmor",
        pack="privileges",
        question="Is the container confined by AppArmor, unless the profile may do without?",
        by_hand="cat /proc/self/attr/current",
        why="a profile that is not loaded, or only complains, confines nothing",
        judge=is_confined_unless_allowed,
        verdicts=OR_UNVERIFIED,
    ),
    Probe(
        name="bwrap-not-setuid",
        pack="no-setuid-bwrap",
        question="Is there no setuid bwrap in the image?",
        by_hand="find / -xdev -name bwrap -perm -4000",
        why="a setuid program that nobody needs is a way to root that nobody watches",
        control=("control: a setuid bit is seen",),
        shows=("the image has no setuid bwrap",),
        user=ROOT,
        fails="the image has a setuid bwrap, which this profile does not use",
    ),
    Probe(
        name="bwrap-setuid",
        pack="setuid-bwrap",
        question="Is /usr/bin/bwrap mode 4755, owned by root, and the one that is found?",
        by_hand='stat -c "mode %a, owner %U" /usr/bin/bwrap',
        why="another copy earlier on the PATH, or file capabilities in its stead, are another thing",
        shows=("mode 4755, owner root", "bwrap is found as /usr/bin/bwrap"),
        fails="/usr/bin/bwrap is not a setuid program of root's, or another bwrap is found first",
    ),
)

TERMINAL = Probe(
    name="tty",
    pack="tty",
    question="Has a person in the container a whole terminal?",
    why="agents are used in one: job control, the window's size and Ctrl-C must arrive",
    shows=(
        "stdin and stdout are terminals",
        "size 30 100",
        "waiting for another size",
        "size 35 120",
        "waiting for Ctrl-Z",
        # 128 and SIGTSTP, signal(7).
        "the job has status 148, the shell goes on",
        "waiting for Ctrl-C",
        "interrupted",
        "status 3",
    ),
    says="the window's sizes, Ctrl-Z and Ctrl-C arrive, the exit status comes back",
    fails="the container's terminal lacks job control, its size, Ctrl-C or the exit status",
    exit_status=7,
)
"""Asked in a container of its own, which is started with a terminal."""
