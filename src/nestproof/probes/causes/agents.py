"""Causes in the words of agents' own sandboxes: Codex, Claude Code and its sandbox runtime (srt).

Sources: the programs of Codex 0.120.0 and 0.171.0, Claude Code 2.1.332 and srt 0.0.83; openai/codex issues
16076, 17559, 20716, 37318 and 47429; anthropic-experimental/sandbox-runtime issues 417, 428, 429 and 498;
anthropics/claude-code issues 43454 and 81799.
"""

from __future__ import annotations

from nestproof.probes.causes.cause import Cause, Made, is_filtered, is_masked
from nestproof.probes.causes.fixes import LIFT, PATHS_SHOWN

_APPLY = r"apply-seccomp: "

AGENTS = (
    Cause(
        r"execvp codex-linux-sandbox: No such file",
        "image",
        "Codex keeps its helper programs in its home (CODEX_HOME, ~/.codex), but in no temporary folder",
        "mount a volume or a tmpfs at ~/.codex that the user owns",
        said_by="codex",
        made=Made(
            "--security-opt=seccomp=unconfined",
            "cd /var/tmp; mkdir /tmp/home; CODEX_HOME=/tmp/home codex sandbox linux --full-auto -- true",
            "RUN chmod u-s /usr/bin/bwrap",
            mended="cd /var/tmp; codex sandbox linux --full-auto -- true",
        ),
    ),
    Cause(
        r"^Error: (?:Read-only file system|Permission denied) \(os error",
        "image",
        "Codex may not write in its home (CODEX_HOME, ~/.codex)",
        "mount a volume or a tmpfs at ~/.codex that the user owns, or have postCreateCommand chown it",
        said_by="codex",
        made=Made(
            "--read-only --tmpfs=/tmp --tmpfs=/opt/home:mode=1777",
            "codex sandbox linux --full-auto -- true",
            mended="CODEX_HOME=/opt/home codex sandbox linux --full-auto -- true",
        ),
    ),
    Cause(
        r"no bundled codex-resources/bwrap binary",
        "image",
        "there is no bwrap, neither the system's nor the one that Codex brings (codex-resources beside it)",
        "install the package bubblewrap in the Dockerfile, or copy codex-resources with Codex",
    ),
    Cause(
        r"unsupported host mount at ([^;]+)",
        "mounts",
        r"Codex takes the mount at \1 for another view of its sockets, which lie below /tmp",
        r"update Codex (0.157.0 and later take more mounts), or leave the mount at \1 out of the container",
    ),
    Cause(
        r"cannot enforce sandbox (?:read-only|deny-read) path (\S+) because it crosses writable symlink",
        "workspace",
        r"Codex protects \1, and a link that the sandbox may write leads there",
        r"put a folder in the place of the link at \1",
    ),
    Cause(
        r"requires bubblewrap to isolate app-server sockets",
        "agent version",
        "Codex needs bubblewrap: its Landlock sandbox is gone (0.171.0), and use_legacy_landlock asks for it",
        "remove use_legacy_landlock from ~/.codex/config.toml, and install the package bubblewrap",
    ),
    Cause(
        r"bubblewrap, which is not supported on WSL1|WSL1 is not supported",
        "WSL",
        "WSL 1 makes no user namespaces",
        "run wsl --set-version DISTRIBUTION 2 in Windows",
    ),
    Cause(
        r"dependencies (?:not available|are missing): ([^·]+?)(?: ·|$)",
        "image",
        r"the sandbox runtime lacks what it needs: \1",
        "RUN apt-get install --yes bubblewrap socat ripgrep in the Dockerfile",
    ),
    Cause(
        rf"running as uid 0 without CAP_SETFCAP|{_APPLY}write /proc/self/[ug]id_map: Operation not permitted",
        "capabilities",
        "root without SETFCAP may map no root into a user namespace (Linux 5.12 and later)",
        'run the agent as a user who is not root (remoteUser), or add "--cap-add=SETFCAP" to runArgs',
    ),
    Cause(
        rf"{_APPLY}unshare\(CLONE_NEWUSER\): No space left on device",
        "kernel limit",
        "user namespaces are nested too deep, or forbidden in the sandbox around this one",
        'raise /proc/sys/user/max_user_namespaces on the host, or set "allowNestedUserNamespaces": true for '
        "the outer sandbox",
    ),
    Cause(
        rf"{_APPLY}unshare\(CLONE_NEWUSER\): Operation not permitted",
        "Docker seccomp",
        "Docker's seccomp profile refuses a second user namespace, for the runtime's second stage",
        LIFT,
        is_filtered,
        call="unshare",
    ),
    Cause(
        rf"{_APPLY}write /proc/self/setgroups.*: Permission denied",
        "host sysctl",
        "AppArmor takes the capabilities of the second user namespace (its profile unpriv_bwrap does, and "
        "kernel.apparmor_restrict_unprivileged_userns=1)",
        'set "network": {"allowAllUnixSockets": true} in the runtime\'s settings (weaker: no filter for Unix '
        "sockets), or ask the host's administrator for a profile that grants userns to what bwrap starts",
    ),
    Cause(
        rf"{_APPLY}write /proc/self/setgroups.*: Read-only file system",
        "masked paths",
        "/proc is read-only in the sandbox, which older runtimes leave so",
        "update the sandbox runtime (npm install --global @anthropic-ai/sandbox-runtime)",
    ),
    Cause(
        rf"{_APPLY}mount\((?:MS_PRIVATE|/proc)\): (?:Operation not permitted|Permission denied)",
        "masked paths",
        "Docker masks paths under /proc, and the runtime's second stage mounts one of its own",
        f"add {PATHS_SHOWN} to runArgs",
        is_masked,
    ),
    Cause(
        r"\bcodex: (command )?not found",
        "image",
        "codex is not installed",
        "RUN npm install --global @openai/codex in the Dockerfile",
        made=Made("", "PATH=/usr/sbin codex --version", mended="codex --version"),
    ),
    Cause(
        r"\bsrt: (command )?not found",
        "image",
        "srt is not installed",
        "RUN npm install --global @anthropic-ai/sandbox-runtime in the Dockerfile, and the packages "
        "bubblewrap, socat and ripgrep",
        made=Made("", "srt --version", mended="true"),
    ),
)
