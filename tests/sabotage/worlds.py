"""The worlds: broken ones with the verdict and the cause that must come out, and good ones that stay green.

Each is made for real. Broken binaries are shell scripts that lie in one way, with the real one behind them.
"""

from __future__ import annotations

import json

from nestproof.core.outcome import Status
from tests.sabotage.world import SURVIVED, World

SECCOMP, APPARMOR = "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"
SA = ("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE")
CAPSET = "setuid bwrap demands capabilities that the container withholds: "
ALL = ("users", "privileges", "setuid-bwrap", "bubblewrap", "containment", "codex", "tty")

# The real bwrap goes behind the one that lies; the agents' own copy must not stand in for it.
LIAR = "RUN mv /usr/bin/bwrap /usr/bin/real-bwrap\nCOPY liar /usr/bin/bwrap"
CODEX_LIAR = "COPY liar /opt/liar\nRUN ln -sf /opt/liar /usr/local/bin/codex"
PLAIN = "RUN chmod u-s /usr/bin/bwrap"


def lying(body: str) -> dict[str, str]:
    return {"liar": f'#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit\n{body}\n'}


def lying_codex(body: str) -> dict[str, str]:
    return {"liar": f'#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.120.0 && exit\n{body}\n'}


def dropping(option: str, values: int = 0, instead: str = "") -> dict[str, str]:
    """A bwrap without one of its options, and without that option's values."""
    return lying(
        f"""n=$#; skip=0
while [ "$n" -gt 0 ]; do
    word=$1; shift; n=$((n - 1))
    if [ "$skip" -gt 0 ]; then skip=$((skip - 1)); continue; fi
    if [ "$word" = {option} ]; then skip={values}; [ -z "{instead}" ] || set -- "$@" {instead}; continue; fi
    set -- "$@" "$word"
done
exec /usr/bin/real-bwrap "$@\""""
    )


RUNS_UNCONFINED = """while [ $# -gt 0 ]; do
    case $1 in sh | true | cat | readlink | sed | /bin/* | perl) exec "$@" ;; esac
    shift
done"""


def filter_file(*refused: str) -> dict[str, str]:
    """A seccomp profile that refuses these system calls and nothing else."""
    rule = {"names": list(refused), "action": "SCMP_ACT_ERRNO"}
    return {"filter.json": json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})}


BAD = (
    # A bwrap that is not what it says.
    World(
        "bwrap prints success and does nothing",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying(
            "echo the sandbox has its own user and mount namespaces; echo bwrap-netns-ok; echo bwrap-fd-ok"
        ),
    ),
    World(
        "bwrap exits 0 and does nothing",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying("exit 0"),
    ),
    World(
        "bwrap exits 0 and runs the command without isolating",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying(RUNS_UNCONFINED),
    ),
    World(
        "containment by a bwrap that does not isolate",
        "contain-write",
        "a command in the sandbox can write outside its writable folder, or cannot run",
        layer=LIAR,
        files=lying(RUNS_UNCONFINED),
        packs=("containment",),
    ),
    World(
        "bwrap says that it is unavailable",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying("echo unavailable: sorry; echo unavailable: sorry >&2; exit 69"),
    ),
    World(
        "bwrap makes namespaces with unshare, and no new root",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying(
            'while [ "$1" != sh ] && [ "$1" != true ]; do shift || exit; done; exec unshare -Um "$@"'
        ),
    ),
    World(
        "bwrap leaves the pid namespace out",
        "bwrap-pidns",
        "bwrap makes no pid namespace: the sandbox can signal processes outside it",
        layer=LIAR,
        files=dropping("--unshare-pid"),
    ),
    World(
        "bwrap leaves the network namespace out",
        "bwrap-netns",
        "the sandbox shares the container's network although it was asked for its own",
        layer=LIAR,
        files=dropping("--unshare-net"),
    ),
    World(
        "containment without the network namespace",
        "contain-network",
        "a sandbox without the network reaches the container's addresses, or cannot run",
        layer=LIAR,
        files=dropping("--unshare-net"),
        packs=("containment",),
    ),
    World(
        "containment without the pid namespace",
        "contain-processes",
        "this does not hold, and must: without a /proc of its own, the process cannot be signalled",
        layer=LIAR,
        files=dropping("--unshare-pid"),
        packs=("containment",),
    ),
    World(
        "bwrap binds everything writable",
        "contain-write",
        "a command in the sandbox can write outside its writable folder, or cannot run",
        layer=LIAR,
        files=dropping("--ro-bind", 0, "--bind"),
        packs=("containment",),
    ),
    World(
        "bwrap binds nothing writable",
        "contain-write",
        "in the sandbox, this does not hold, and must: the writable folder takes a file",
        layer=LIAR,
        files=dropping("--bind", 0, "--ro-bind"),
        packs=("containment",),
    ),
    World(
        "bwrap masks without the mode",
        "contain-mask",
        "a masked file can be read in the sandbox, or its neighbour cannot",
        layer=LIAR,
        files=dropping("--perms", 1),
        packs=("containment",),
    ),
    World(
        "bwrap does not put the filter on",
        "contain-privileges",
        "a process in the sandbox keeps a capability, may gain privileges, or has no filter",
        layer=LIAR,
        files=dropping("--seccomp", 1),
        packs=("containment",),
    ),
    World(
        "bwrap leaves /dev as it is",
        "bwrap-dev",
        "bwrap gives the sandbox no working /dev of its own",
        layer=LIAR,
        files=dropping("--dev", 1),
    ),
    World(
        "bwrap drops files that are handed in",
        "bwrap-fd",
        "the content of a file descriptor does not arrive in the sandbox",
        layer=LIAR,
        files=dropping("--ro-bind-data", 2),
    ),
    World(
        "bwrap binds the whole old root",
        "bwrap-pivot",
        "bwrap does not change the root: the sandbox sees files that are not bound into it",
        layer=LIAR,
        files=dropping("--unshare-user", 0, "--unshare-user --bind / /"),
    ),
    World(
        "bwrap runs the sandbox in slow motion",
        "slow",
        "did not end within its time",
        Status.ERROR,
        layer=LIAR,
        files=lying("sleep 60"),
        packs=("users",),
        probes=({"name": "slow", "command": "bwrap true", "timeout": 1},),
    ),
    World(
        "bwrap prints fifty million bytes",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying("yes | head -c 50000000"),
    ),
    World(
        "bwrap paints the terminal",
        "bwrap-userns",
        "bwrap makes no user and mount namespaces of its own",
        layer=LIAR,
        files=lying(r"printf '\033[2J\033]0;owned\007'; exit 1"),
    ),
    # A bwrap that is not as it was installed.
    World("no bwrap", "bwrap-present", "bwrap is not installed (image)", layer="RUN rm /usr/bin/bwrap"),
    World(
        "bwrap that others may not start",
        "bwrap-present",
        "this user may not start bwrap (image)",
        layer="RUN chmod 700 /usr/bin/bwrap",
    ),
    World(
        "setuid to somebody who is not root",
        "bwrap-mode",
        "bwrap is setuid to ubuntu, who is not root",
        layer="RUN chown ubuntu /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap",
    ),
    World(
        "a setuid copy elsewhere on the PATH",
        "bwrap-setuid",
        "the bwrap that a process finds is /usr/local/bin/bwrap",
        layer="RUN cp -p /usr/bin/bwrap /usr/local/bin/bwrap",
        packs=("setuid-bwrap",),
    ),
    World(
        "no setuid bit", "bwrap-setuid", "is mode 755, owned by root", layer=PLAIN, packs=("setuid-bwrap",)
    ),
    World(
        "a setgid bit too",
        "bwrap-setuid",
        "is mode 6755, owned by root",
        layer="RUN chmod 6755 /usr/bin/bwrap",
        packs=("setuid-bwrap",),
    ),
    World(
        "file capabilities instead of setuid",
        "bwrap-mode",
        "holds capabilities, which bwrap refuses",
        layer=PLAIN + '\nRUN python3 -c \'import os, struct; os.setxattr("/usr/bin/bwrap",'
        ' "security.capability", struct.pack("<5I", 0x02000001, 1 << 21, 0, 0, 0))\'',
    ),
    World(
        "setuid bwrap in a profile that should have none",
        "bwrap-not-setuid",
        "the image has a setuid bwrap, which this profile does not use",
        packs=("no-setuid-bwrap",),
    ),
    World(
        "a bwrap of another processor",
        "bwrap-version",
        "is for another processor",
        layer=LIAR.replace("COPY", "RUN").replace(
            "liar /usr/bin/bwrap",
            "head -c 18 /usr/bin/real-bwrap > /usr/bin/bwrap"
            " && printf '\\363\\000' >> /usr/bin/bwrap"
            " && tail -c +21 /usr/bin/real-bwrap >> /usr/bin/bwrap && chmod 755 /usr/bin/bwrap",
        ),
    ),
    # Run options that withhold what the sandbox needs.
    World("no SYS_PTRACE", "bwrap-userns", f"{CAPSET}SYS_PTRACE (capabilities)", without=SA[2:]),
    World("no NET_ADMIN", "bwrap-userns", f"{CAPSET}NET_ADMIN (capabilities)", without=SA[1:2]),
    World("no SYS_ADMIN", "bwrap-userns", f"{CAPSET}SYS_ADMIN (capabilities)", without=SA[:1]),
    World("none of the three", "bwrap-userns", f"{CAPSET}NET_ADMIN, SYS_ADMIN, SYS_PTRACE", without=SA),
    World("no SETUID", "bwrap-userns", f"{CAPSET}SETUID (capabilities)", plus=("--cap-drop=SETUID",)),
    World(
        "no SYS_CHROOT", "bwrap-userns", f"{CAPSET}SYS_CHROOT (capabilities)", plus=("--cap-drop=SYS_CHROOT",)
    ),
    World(
        "all dropped but the three",
        "bwrap-userns",
        f"{CAPSET}SETGID, SETUID, SYS_CHROOT",
        plus=("--cap-drop=ALL",),
    ),
    World(
        "seccomp on",
        "bwrap-pivot",
        "Docker's seccomp profile refuses pivot_root (Docker seccomp)",
        without=(SECCOMP,),
    ),
    World(
        "containment with seccomp on",
        "contain-write",
        "(Docker seccomp)",
        without=(SECCOMP,),
        packs=("containment",),
    ),
    World("nothing relaxed", "bwrap-userns", f"{CAPSET}NET_ADMIN", without=(*SA, SECCOMP)),
    World(
        "a bwrap that is not setuid, seccomp on, no capability",
        "bwrap-userns",
        "Docker's seccomp profile refuses user namespaces (Docker seccomp)",
        layer=PLAIN,
        without=(*SA, SECCOMP),
    ),
    World(
        "a filter of one's own that refuses mount",
        "bwrap-slave",
        "the profile's own seccomp file, refuses mount (seccomp file)",
        layer="COPY filter.json /filter.json",
        files=filter_file("mount"),
        without=(SECCOMP,),
        plus=("--security-opt=seccomp={folder}/filter.json",),
        lock=("security-opt=seccomp=(a profile of its own)",),
    ),
    World(
        "a filter of one's own that refuses pivot_root",
        "bwrap-pivot",
        "the profile's own seccomp file, refuses pivot_root (seccomp file)",
        layer="COPY filter.json /filter.json",
        files=filter_file("pivot_root"),
        without=(SECCOMP,),
        plus=("--security-opt=seccomp={folder}/filter.json",),
        lock=("security-opt=seccomp=(a profile of its own)",),
    ),
    World(
        "a degradation that nobody declares",
        "bwrap-proc",
        "Docker masks paths under /proc",
        nestproof={"degradations": {"bwrap-two-masks": "no release takes it"}},
        layer="RUN rm -f $(command -v codex)",
    ),
    World(
        "two masks that nobody declares",
        "bwrap-two-masks",
        "one file descriptor is given for two masks",
        nestproof={"degradations": {"bwrap-proc": "Codex retries"}},
        layer="RUN rm -f $(command -v codex)",
        packs=("bubblewrap", "codex"),
    ),
    # Run options that give more than the lock has.
    World(
        "a capability for nothing",
        "relaxations",
        "may not have cap-add=SYS_TIME",
        plus=("--cap-add=SYS_TIME",),
        packs=("users",),
    ),
    World(
        "the host's processes", "relaxations", "may not have pid=host", plus=("--pid=host",), packs=("users",)
    ),
    World(
        "the engine's socket",
        "relaxations",
        "may not have mount=/var/run/docker.sock",
        plus=("--volume=/var/run/docker.sock:/s",),
        packs=("users",),
    ),
    # Users.
    World(
        "a user who is root",
        "users",
        "the user vscode is root",
        layer="RUN usermod -o -u 0 vscode",
        packs=("users",),
    ),
    World(
        "no such user",
        "users",
        "the user vscode does not exist",
        layer="RUN userdel vscode",
        packs=("users",),
    ),
    World(
        "a user whom only a name service knows",
        "users",
        "is not in /etc/passwd",
        layer="RUN apt-get update && apt-get install -y --no-install-recommends libnss-extrausers"
        " && mkdir -p /var/lib/extrausers && grep ^vscode: /etc/passwd >/var/lib/extrausers/passwd"
        " && sed -i /^vscode:/d /etc/passwd"
        " && sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf"
        " && id vscode",
        packs=("users",),
    ),
    World(
        "an agent that is root",
        "contain-privileges",
        "root's capabilities, inside of the sandbox too (user)",
        config={"remoteUser": "root"},
        packs=("containment",),
    ),
    # Agents.
    World(
        "codex echoes what is expected",
        "codex-sandbox",
        "Codex runs the command without the sandbox that it promises, or cannot run it",
        layer=CODEX_LIAR,
        files=lying_codex("echo codex-inner-ok"),
        packs=("codex",),
    ),
    World(
        "codex runs the command without a sandbox",
        "codex-sandbox",
        "Codex runs the command without the sandbox that it promises, or cannot run it",
        layer=CODEX_LIAR,
        files=lying_codex('while [ "$1" != -- ]; do shift; done; shift; exec "$@"'),
        packs=("codex",),
    ),
    World(
        "codex makes a sandbox without a filter",
        "codex-sandbox",
        "Codex runs the command without the sandbox that it promises, or cannot run it",
        layer=CODEX_LIAR,
        files=lying_codex(
            'while [ "$1" != -- ]; do shift; done; shift\n'
            'exec bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid "$@"'
        ),
        packs=("codex",),
    ),
    World(
        "another codex",
        "codex-version",
        "the profile declares codex-cli 0.119.0",
        packs=("codex",),
        nestproof={"codexVersion": "0.119.0"},
    ),
    World(
        "no codex",
        "codex-version",
        "codex is not installed (image)",
        layer="RUN rm /usr/local/bin/codex",
        packs=("codex",),
    ),
    World(
        "codex where seccomp is on",
        "bwrap-two-masks",
        "(Docker seccomp)",
        without=(SECCOMP,),
        packs=("codex",),
    ),
    # Containers in which nothing can be asked, or written down.
    World(
        "an entry point that exits",
        "container",
        "the container ended ",
        Status.ERROR,
        layer='ENTRYPOINT ["/bin/false"]',
        packs=("users",),
        config={"overrideCommand": False},
    ),
    World(
        "no /bin/sh",
        "container",
        "/bin/sh",
        Status.ERROR,
        layer="FROM scratch\nCOPY liar /liar",
        files={"liar": "x"},
        packs=("users",),
    ),
    World(
        "read-only root without a folder for temporary files",
        "temporary-files",
        "/tmp is on a file system that is mounted read-only (image)",
        plus=("--read-only",),
    ),
    World(
        "a full disk",
        "temporary-files",
        "a file system of the container is full",
        plus=("--tmpfs=/tmp:size=4k,mode=1777,nr_inodes=2",),
    ),
    World(
        "nowhere to keep what probes print",
        "bwrap-present",
        "no folder with room",
        Status.ERROR,
        plus=("--read-only", "--shm-size=64k"),
    ),
    World(
        "a timeout that runs nothing",
        "bwrap-present",
        "so that nothing can be concluded: sh is found in the same way",
        layer="RUN printf '#!/bin/sh\\nexit 0\\n' >/usr/bin/timeout",
    ),
    World(
        "nobody to be", "bwrap-present", "unable to find user", Status.ERROR, config={"remoteUser": "whoever"}
    ),
    World(
        "a probe that prints without end",
        "flood",
        "its exit status is",
        packs=("users",),
        probes=({"name": "flood", "command": "yes"},),
    ),
)

GOOD = (
    World("the secure profile as it is", packs=ALL, nestproof={"codexVersion": "0.120.0"}),
    World(
        "no new privileges", plus=("--security-opt=no-new-privileges",), packs=("bubblewrap", "containment")
    ),
    World(
        "the way of user namespaces, without a capability",
        layer=PLAIN,
        without=SA,
        packs=("bubblewrap", "containment", "codex"),
    ),
    World(
        "the setuid way, with all but its six dropped",
        plus=("--cap-drop=ALL", "--cap-add=SYS_CHROOT", "--cap-add=SETUID", "--cap-add=SETGID"),
        packs=("bubblewrap", "containment"),
    ),
    World(
        "two masks, which no agent here asks of bubblewrap",
        layer="RUN rm -f $(command -v codex)",
        nestproof={"degradations": {"bwrap-proc": "the agent retries"}},
    ),
    World(
        "paths unmasked, nothing degraded",
        plus=("--security-opt=systempaths=unconfined",),
        lock=("security-opt=systempaths=unconfined",),
        packs=("bubblewrap", "containment", "codex"),
        nestproof={"degradations": {"bwrap-two-masks": SURVIVED["bwrap-two-masks"]}},
    ),
    World(
        "read-only root with a folder for temporary files",
        plus=("--read-only", "--tmpfs=/tmp"),
        packs=("users", "bubblewrap", "containment", "tty"),
    ),
    World("little shared memory", plus=("--shm-size=64k",), packs=("bubblewrap", "containment")),
    World(
        "a shell profile that prints",
        layer="RUN echo 'echo Welcome to codex-inner-ok' >>/etc/profile",
        packs=("codex", "tty"),
    ),
    World(
        "an entry point that goes on",
        layer='COPY liar /start\nENTRYPOINT ["/start"]\nCMD ["sleep", "600"]',
        files={"liar": '#!/bin/sh\necho started\nexec "$@"\n'},
        config={"overrideCommand": False},
        packs=("users", "bubblewrap"),
    ),
    World("bash as sh", layer="RUN ln -sf bash /bin/sh", packs=ALL),
    World(
        "busybox as sh",
        layer="RUN apt-get update && apt-get install -y --no-install-recommends busybox"
        " && ln -sf busybox /bin/sh",
        packs=ALL,
    ),
    World(
        "another user", config={"remoteUser": "ubuntu"}, packs=("users", "bubblewrap", "containment", "codex")
    ),
    World("an init process", config={"init": True}, packs=("bubblewrap", "tty")),
    World("no network", plus=("--network=none",), packs=("bubblewrap", "containment")),
    World("a container user", config={"containerUser": "vscode"}, packs=("users", "bubblewrap", "tty")),
    World(
        "less than Docker's capabilities",
        plus=("--cap-drop=NET_RAW", "--cap-drop=MKNOD"),
        packs=("privileges", "bubblewrap"),
    ),
    World(
        "messages in another language",
        layer="RUN apt-get update && apt-get install -y --no-install-recommends locales-all",
        config={"containerEnv": {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"}},
        packs=("bubblewrap", "containment", "codex"),
    ),
    World(
        "a probe that leaves a child",
        packs=("users",),
        probes=({"name": "child", "command": "sleep 300 & echo left", "stdout": "^left$"},),
    ),
    World(
        "a probe that prints bytes that are no text",
        packs=("users",),
        probes=({"name": "bytes", "command": r"printf '\377\000\033[2J<b>'", "stdout": "<b>"},),
    ),
)
