"""bubblewrap in stages: the first that fails explains those after it."""

from __future__ import annotations

from functools import partial

from nestproof.probes.probe import OR_DEGRADED, OR_UNVERIFIED, Probe
from nestproof.probes.verdicts import PROC_DENIED

_stage = partial(Probe, pack="bubblewrap")
_in_namespaces = partial(_stage, needs_namespaces=True, verdicts=OR_UNVERIFIED)

BUBBLEWRAP = (
    _stage(
        name="bwrap-present",
        question="Is there a bwrap on the PATH?",
        by_hand="command -v bwrap",
        why="agents look for it there, and some fall back to one of their own without a word",
        control=("control: sh is found in the same way",),
        shows=(r"bwrap is found as /[\w./-]+",),
        fails="no bwrap that this user can start is on the PATH",
    ),
    _stage(
        name="bwrap-version",
        question="Which bubblewrap is it?",
        by_hand="bwrap --version",
        why="options that agents pass, and what setuid means, differ between releases",
        shows=(r"bubblewrap \d+\.\d+\.\d+",),
        fails="bwrap does not name its version",
    ),
    _stage(
        name="bwrap-mode",
        question="Is bwrap setuid or not, and does this bwrap take it so?",
        by_hand='stat -L -c "%a %U" "$(command -v bwrap)"',
        why="which way it takes decides what it needs; releases since 0.11.2 refuse to be setuid",
        shows=("bwrap is (setuid root|not setuid)",),
        fails="this bwrap does not work with its owner and mode",
    ),
    _in_namespaces(
        name="bwrap-userns",
        question="Does the kernel give bwrap namespaces?",
        by_hand="bwrap --ro-bind / / --unshare-user true",
        why="seccomp filters, sysctls, limits and emulation refuse them, and nothing goes on without",
        control=("control: outside, the mount namespace is named",),
        shows=(
            "the sandbox has its own user and mount namespaces|"
            "user and mount namespaces are made; bwrap stops later",
        ),
        fails="bwrap makes no user and mount namespaces of its own",
    ),
    _in_namespaces(
        name="bwrap-slave",
        question="May bwrap make / a slave mount?",
        by_hand="bwrap --ro-bind / / --unshare-user cat /proc/self/mountinfo",
        why="AppArmor's docker-default refuses it; without it, mounts of a sandbox would get out",
        control=("control: outside, the mount of / is named",),
        shows=(
            "the sandbox's / is a mount of its own that shares nothing|"
            "/ becomes a slave mount; bwrap stops at pivot_root",
        ),
        fails="mounts of the sandbox are not kept apart from the container's",
    ),
    _in_namespaces(
        name="bwrap-pivot",
        question="Does bwrap change the root, so that the sandbox sees only what is bound into it?",
        by_hand="bwrap --ro-bind / / --tmpfs /tmp --unshare-user ls -A /tmp",
        why="Docker's seccomp profile refuses pivot_root, whatever the capabilities",
        control=("control: outside, both files are there",),
        shows=("the sandbox sees only what is bound into it",),
        fails="bwrap does not change the root: the sandbox sees files that are not bound into it",
    ),
    _in_namespaces(
        name="bwrap-pidns",
        question="Does bwrap make a pid namespace, from which no outer process is reached?",
        by_hand="bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid sh -c 'echo $$'",
        why="a command that can signal its agent is not confined",
        control=("control: outside, the process can be signalled",),
        shows=("the sandbox reaches its own process, not the outer one",),
        fails="bwrap makes no pid namespace: the sandbox can signal processes outside it",
    ),
    _in_namespaces(
        name="bwrap-netns",
        question="Does bwrap make a network namespace in which lo is the only interface, and up?",
        by_hand="bwrap --ro-bind / / --dev /dev --unshare-user --unshare-net cat /proc/net/dev",
        why="agents cut commands off the network with it; bringing lo up takes a capability of its own",
        control=("control: outside, the network namespace is named",),
        shows=("bwrap-netns-ok",),
        says="lo is the only interface in the sandbox, and it is up",
        fails="bwrap makes no network namespace with a working lo and nothing else",
    ),
    _in_namespaces(
        name="bwrap-dev",
        question="Does bwrap give a /dev of its own, in which the usual devices work?",
        by_hand="bwrap --ro-bind / / --dev /dev --unshare-user ls /dev",
        why="without it, commands share the container's /dev/shm, or find no /dev/null",
        control=("control: outside, /dev/shm takes a file",),
        shows=("the sandbox has a /dev of its own, and its devices work",),
        fails="bwrap gives the sandbox no working /dev of its own",
    ),
    _in_namespaces(
        name="bwrap-proc",
        question="Can a sandbox have a /proc of its own?",
        by_hand="bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --proc /proc true",
        why="where Docker masks paths under /proc, the kernel refuses it; Codex can do without, others not",
        control=("control: the sandbox works without --proc",),
        shows=("bwrap-proc-ok",),
        fallback=PROC_DENIED,
        verdicts=OR_DEGRADED | OR_UNVERIFIED,
        says="the sandbox has a /proc of its own",
        fails="bwrap gives the sandbox no /proc of its own",
    ),
    _in_namespaces(
        name="bwrap-fd",
        question="Does a file descriptor pass into the sandbox, as a file's content?",
        why="agents hand files in that way",
        control=("control: the file does not exist outside",),
        shows=("bwrap-fd-ok",),
        says="a file descriptor's content arrives as a file in the sandbox",
        fails="the content of a file descriptor does not arrive in the sandbox",
    ),
    _in_namespaces(
        name="bwrap-two-fds",
        question="Do two file descriptors pass into the sandbox, each as a file's content?",
        why="one that works says nothing of the second",
        control=("control: the files do not exist outside",),
        shows=("both descriptors' contents arrive, each in its file",),
        fails="the contents of two file descriptors do not both arrive in the sandbox",
    ),
    _in_namespaces(
        name="bwrap-codex-start",
        question="Does the command line work by which Codex finds out whether bwrap does?",
        by_hand="bwrap --unshare-user --unshare-net --ro-bind / / /bin/true",
        why="where it fails, Codex takes another way, or none",
        control=("control: /bin/true works",),
        shows=("Codex's test command works, and returns the exit status",),
        fails="Codex's test command does not run in a sandbox: Codex would do without bwrap",
    ),
    _in_namespaces(
        name="bwrap-codex-line",
        question="Does the command line work in which Codex runs a command that may write?",
        why="parts that work one by one may refuse each other",
        control=(
            "control: outside, everything takes a file",
            "control: inside, the working directory takes a file",
        ),
        shows=("only the working directory takes a file",),
        fails="Codex's command line lets a command write outside its working directory, or fails",
    ),
)
