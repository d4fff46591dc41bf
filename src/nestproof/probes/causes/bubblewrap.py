"""Causes that lie in bubblewrap itself, in how it is called, or in the program that is called bwrap.

The texts are those of bubblewrap 0.8 to 0.12. Sources: bubblewrap.c, bind-mount.c and the releases' tags;
its PR 742; openai/codex issues 15283, 15725, 19317, 20590, 37318 and 43929;
anthropics/claude-code issues 40133, 77271 and 84563.
"""

from __future__ import annotations

from nestproof.probes.causes.cause import Cause, Made

# The release in which bubblewrap got an option that agents pass, by comparison of its tags.
_SINCE = {
    "0.5.0": "perms|chmod|clearenv",
    "0.7.0": "size",
    "0.8.0": "disable-userns|assert-userns-disabled",
    "0.9.0": "argv0",
    "0.10.0": "bind-fd|ro-bind-fd",
    "0.11.0": "overlay|overlay-src|ro-overlay|tmp-overlay",
}
_OLD = Made("", "plain-bwrap --argv0 agent true", mended="plain-bwrap --version")
_NO_FILTER = "--security-opt=seccomp=unconfined"
_START = "plain-bwrap --unshare-user --ro-bind / /"

BUBBLEWRAP = (
    Cause(
        r"Unexpected capabilities but not setuid, old file caps config\?",
        "capabilities",
        "a process that is not root holds capabilities, which bwrap refuses",
        "remove file capabilities from bwrap (setcap -r) and ambient ones from the container",
        made=Made(
            "--user=root",
            "setpriv --reuid=1000 --clear-groups --inh-caps=+chown --ambient-caps=+chown "
            "plain-bwrap --ro-bind / / true",
            mended="setpriv --reuid=1000 --clear-groups plain-bwrap --version",
        ),
    ),
    Cause(
        r"Can't write data to file .*: Bad file descriptor",
        "agent version",
        "one file descriptor is given for two masks, and the second finds it used up",
        "update the agent: it must open a descriptor for each mask (openai/codex issue 43929)",
        made=Made(
            _NO_FILTER,
            f"{_START} --tmpfs /tmp --ro-bind-data 9 /tmp/a --ro-bind-data 9 /tmp/b true 9</etc/hostname",
            mended=f"{_START} --tmpfs /tmp --ro-bind-data 9 /tmp/a --ro-bind-data 8 /tmp/b true "
            "9</etc/hostname 8</etc/hostname",
        ),
    ),
    Cause(
        r"setuid use of bubblewrap is not supported",
        "image",
        "this bubblewrap refuses to be setuid (0.11.2 and later)",
        "RUN chmod u-s /usr/bin/bwrap in the Dockerfile, and rely on user namespaces",
        seen="seen with Debian 13's bubblewrap",
    ),
    *(
        Cause(
            rf"bwrap: Unknown option (--(?:{options}))$",
            "image",
            rf"this bubblewrap is too old: it has no \1, which came with {release}",
            f"install bubblewrap {release} or later, or use the one that the agent brings",
            made=_OLD if options == "argv0" else None,
        )
        for release, options in _SINCE.items()
    ),
    Cause(
        r"bwrap: Unknown option (--\S+)",
        "image",
        r"this bubblewrap has no \1: another release has it",
        "install the release of bubblewrap that the agent names, or use the one that the agent brings",
        made=Made("", "plain-bwrap --no-such-option true", mended="plain-bwrap --version"),
    ),
    Cause(
        r"^outside (net:\[\d+\]), inside \S+ \1 ",
        "image",
        "the sandbox shares the container's network although it was asked for its own",
        "install the distribution's bubblewrap in the place of what is called bwrap",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"Can't mkdir (/mnt/[a-z]/.+): Permission denied",
        "WSL",
        r"the folder \1 of Windows is to be masked, does not exist, and may not be made",
        "make it in Windows, or update the agent",
    ),
    Cause(
        r"Can't create file (?:at )?(\S+): Is a directory",
        "workspace",
        r"a file is to be masked at \1, where a folder is, or a link to one",
        r"put a file or a folder of its own in the place of \1, or update the agent",
        made=Made(
            _NO_FILTER,
            f"{_START} --ro-bind /dev/null /usr true",
            mended=f"{_START} --ro-bind /dev/null /etc/hostname true",
        ),
    ),
    Cause(
        r"Can't mount on symlink destination (\S+)|Can't create file (?:at )?(\S+): No such file",
        "workspace",
        r"a file is to be masked at \1\2, which is a link or lies in no folder",
        r"put a file or a folder of its own in the place of \1\2, or update the agent",
        made=Made(
            _NO_FILTER,
            f"ln -s /tmp/nothing/there /tmp/link; {_START} --tmpfs /run --ro-bind /dev/null /tmp/link true",
            mended=f"touch /tmp/link; {_START} --ro-bind /dev/null /tmp/link true",
        ),
    ),
    Cause(
        r"Can't (?:create file(?: at)?|mkdir) (\S+): (?:Read-only file system|Permission denied)",
        "workspace",
        r"\1 is to be masked, does not exist, and cannot be made where it would lie",
        r"make \1 before the agent starts, or update the agent",
        made=Made(
            _NO_FILTER,
            f"{_START} --ro-bind /dev/null /usr/nothing true",
            mended=f"{_START} --ro-bind /dev/null /etc/hostname true",
        ),
    ),
)
