"""Worlds as other people have them: seccomp files of their own, folders that take no files, a container that
is the sandbox, options that change nothing about one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nestproof.core.outcome import Status
from tests.sabotage.agent_worlds import NEWER, WORK
from tests.sabotage.world import World

SECCOMP = "--security-opt=seccomp=unconfined"
CAPABILITIES = ("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE")
UNASKED = (
    *CAPABILITIES,
    SECCOMP,
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
)
PLAIN = "RUN chmod u-s /usr/bin/bwrap\n"
FILTER = "--security-opt=seccomp={folder}/own.json"
OWN_FILE = ("security-opt=seccomp=(a profile of its own)",)
SANDBOX: Mapping[str, Any] = {"sandbox": "container", "packs": None, "degradations": {}}
UNDECLARED: Mapping[str, Any] = {"packs": None, "degradations": {}}
PACKS = ("bubblewrap", "containment")


def filter_file(*refused: str, **more: object) -> dict[str, str]:
    """A seccomp file that refuses these calls, and allows all others."""
    rules = [{"names": list(refused), "action": "SCMP_ACT_ERRNO"} | more] if refused else []
    return {"own.json": json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})}


def refusing(call: str, red: str, **more: object) -> World:
    """A world whose own seccomp file refuses one call."""
    return World(
        f"a seccomp file that refuses {call}",
        red,
        f"own.json, the profile's own seccomp file, refuses {call} (seccomp file)",
        layer=PLAIN,
        files=filter_file(call, **more),
        without=(SECCOMP, *CAPABILITIES),
        plus=(FILTER,),
        lock=OWN_FILE,
    )


def contained(name: str, red: str = "", cause: str = "", **more: Any) -> World:
    """A world whose container is declared to be the sandbox."""
    without = more.pop("without", UNASKED)
    return World(name, red, cause, without=without, packs=(), nestproof=SANDBOX, **more)


def with_options(name: str, *options: str, **more: Any) -> World:
    """A good world: the plain bwrap of a profile without a filter, and options that change nothing for it."""
    return World(
        name, layer=PLAIN, without=CAPABILITIES, plus=options, packs=more.pop("packs", PACKS), **more
    )


MADE_A_NAMESPACE = {"args": [{"index": 0, "value": 1 << 28, "valueTwo": 1 << 28, "op": "SCMP_CMP_MASKED_EQ"}]}

BAD: tuple[World, ...] = (
    refusing("pivot_root", "bwrap-pivot"),
    refusing("umount2", "bwrap-slave"),
    refusing("unshare", "bwrap-pidns"),
    refusing("mount", "bwrap-slave"),
    refusing("clone", "bwrap-userns", **MADE_A_NAMESPACE),
    # Folders that programs rely on.
    World(
        "/tmp that its user cannot write to",
        "temporary-files",
        "may not make files in /tmp (image)",
        layer="RUN chmod 755 /tmp\n",
    ),
    World(
        "no folder for temporary files",
        "temporary-files",
        "there is no folder /missing (image)",
        config={"remoteEnv": {"TMPDIR": "/missing"}},
    ),
    World(
        "a home that is read-only",
        "codex-sandbox",
        "Codex keeps its helper programs in its home",
        plus=("--read-only", "--tmpfs=/tmp"),
        packs=("codex",),
    ),
    # Containers that do not stay.
    World(
        "an entry point that ends while it is asked",
        "container",
        "the container ended ",
        Status.ERROR,
        layer='COPY serve /serve\nENTRYPOINT ["/serve"]\n',
        files={"serve": "#!/bin/sh\nuntil ls /dev/shm/nestproof.* >/dev/null 2>&1; do sleep 0.01; done\n"},
        config={"overrideCommand": False},
        packs=("users", *PACKS),
    ),
    # Users and capabilities.
    World(
        "root without SETFCAP",
        "bwrap-slave",
        "root without SETFCAP may map no root into a user namespace",
        layer=PLAIN,
        without=CAPABILITIES,
        plus=("--cap-drop=ALL",),
        config={"remoteUser": "root"},
    ),
    # A container that is the sandbox.
    contained(
        "the sandbox is a container with a capability more",
        "relaxations",
        "its container is the sandbox",
        plus=("--cap-add=SYS_ADMIN",),
    ),
    contained(
        "the sandbox is a container without a filter",
        "relaxations",
        "its container is the sandbox",
        plus=(SECCOMP,),
    ),
    contained(
        "the sandbox is a container with the host's network",
        "relaxations",
        "its container is the sandbox",
        plus=("--network=host",),
    ),
    contained(
        "the sandbox is a container in which its user becomes root",
        "root",
        "the container is declared to be the sandbox",
        layer="RUN passwd --delete root\n",
    ),
    contained(
        "the sandbox is a container whose user is root",
        "users",
        "the user root is root",
        config={"remoteUser": "root"},
    ),
    World(
        "a workspace whose folder of agents is a link",
        "codex-write",
        "and a link that the sandbox may write leads there",
        layer=f"USER root\n{NEWER}{WORK}"
        "RUN cd /home/vscode/work && mkdir shared && ln -s shared .agents && chown -R vscode .\n",
        config={"workspaceFolder": "/home/vscode/work"},
        packs=("codex",),
        agents=True,
    ),
    # Programs that call themselves bwrap.
    World(
        "a bwrap from before --perms",
        "contain-mask",
        "too old: it has no --perms",
        layer="RUN mv /usr/bin/bwrap /usr/bin/real-bwrap\nCOPY old /usr/bin/bwrap\n",
        files={
            "old": '#!/bin/sh\nfor word; do\n[ "$word" != --perms ] || '
            '{ echo "bwrap: Unknown option --perms" >&2; exit 1; }\ndone\n'
            'exec /usr/bin/real-bwrap "$@"\n'
        },
        packs=("bubblewrap", "containment", "codex"),
    ),
    World(
        "what is said later does not hide the cause",
        "bwrap-userns",
        "refuses user namespaces",
        layer="RUN mv /usr/bin/bwrap /usr/bin/real-bwrap && chmod u-s /usr/bin/real-bwrap\n"
        "COPY late /usr/bin/bwrap\n",
        files={
            "late": '#!/bin/sh\n/usr/bin/real-bwrap "$@" || { status=$?; '
            'echo "bwrap: capset failed: Operation not permitted" >&2; exit "$status"; }\n'
        },
        without=(SECCOMP, *CAPABILITIES),
    ),
)

GOOD: tuple[World, ...] = (
    World(
        "a workspace whose folder of agents is a link, and an older Codex",
        layer="RUN mkdir -p /shared/agents && ln -s shared/agents /.agents\n",
        packs=("codex",),
    ),
    World(
        "a workspace that is a worktree, with a folder of Codex's",
        layer="RUN echo 'gitdir: /srv/project/.git/worktrees/one' >/.git && mkdir /.codex\n",
        packs=("codex",),
    ),
    World("a bwrap that is not setuid, and no filter", layer=PLAIN, without=CAPABILITIES, packs=PACKS),
    World("the same, declared by nobody", layer=PLAIN, without=CAPABILITIES, nestproof=UNDECLARED),
    World("an image with bwrap that lets none in, declared by nobody", without=UNASKED, nestproof=UNDECLARED),
    World(
        "a plain bwrap that nothing lets in, declared by nobody",
        layer=PLAIN,
        without=UNASKED,
        nestproof=UNDECLARED,
    ),
    World(
        "a seccomp file that refuses nothing",
        layer=PLAIN,
        files=filter_file(),
        without=(SECCOMP, *CAPABILITIES),
        plus=(FILTER,),
        lock=OWN_FILE,
        packs=PACKS,
    ),
    World(
        "a seccomp file that refuses keys and tracing",
        layer=PLAIN,
        files=filter_file("keyctl", "add_key", "request_key", "ptrace", "bpf"),
        without=(SECCOMP, *CAPABILITIES),
        plus=(FILTER,),
        lock=OWN_FILE,
        packs=PACKS,
    ),
    with_options("/tmp from which nothing can be started", "--tmpfs=/tmp:noexec"),
    with_options("/tmp without room", "--mount=type=tmpfs,target=/tmp,tmpfs-size=65536"),
    with_options(
        "a home on a volume, and the rest read-only",
        "--read-only",
        "--tmpfs=/tmp",
        config={"mounts": ["type=volume,target=/home/vscode"]},
        packs=(*PACKS, "codex"),
    ),
    World("temporary files elsewhere", config={"remoteEnv": {"TMPDIR": "/var/tmp"}}, packs=PACKS),
    World(
        "a home on a volume", config={"mounts": ["type=volume,target=/home/vscode"]}, packs=(*PACKS, "codex")
    ),
    contained("the sandbox is a container"),
    contained(
        "the sandbox is a container whose agents are told so",
        config={"containerEnv": {"CODEX_UNSAFE_ALLOW_NO_SANDBOX": "1"}},
    ),
    contained("the sandbox is a container with less than Docker's default", plus=("--cap-drop=ALL",)),
    contained(
        "the sandbox is a container without new privileges", plus=("--security-opt=no-new-privileges",)
    ),
    contained("the sandbox is a container whose agents are asked", agents=True),
    with_options("no new privileges for a plain bwrap", "--security-opt=no-new-privileges"),
    with_options("no capability at all", "--cap-drop=ALL"),
    with_options("no network for a plain bwrap", "--network=none"),
    with_options(
        "limits", "--memory=2g", "--pids-limit=400", "--cpus=1", "--shm-size=128m", "--ulimit=nofile=2048"
    ),
    with_options("an init process and a host's name", "--init", "--hostname=devbox", "--dns=127.0.0.1"),
    with_options("a name and ports", "--name=somebodys", "--publish=127.0.0.1::8080", "--label=a=b"),
    with_options("a device for file systems", "--device=/dev/fuse", lock=("device=/dev/fuse",)),
    with_options("the host's users", "--userns=host", lock=("userns=host",)),
    World(
        "all dropped but the six",
        plus=("--cap-drop=ALL", "--cap-add=SYS_CHROOT", "--cap-add=SETUID", "--cap-add=SETGID"),
        packs=PACKS,
    ),
)
