"""Causes that lie in the image: what is missing in it, who owns what, where nothing can be written."""

from __future__ import annotations

from nestproof.probes.causes.cause import Cause, Made

# coreutils and BusyBox.
_TEMPORARY = r"mktemp: (?:failed to create (?:file|directory) via template )?[^/]*?(/[\w./-]*?)/[^/]*: "

IMAGE = (
    Cause(
        r"sudo: effective uid is not 0",
        "emulation",
        "the setuid bit has no effect under this emulation",
        "register qemu-user with the flag C (credentials of the program), or ask on a native kernel",
        seen="seen with images of the other platform, under qemu-user",
    ),
    Cause(
        r"bwrap: (command )?not found|bwrap: No such file|bwrap does not exist|no system bwrap was found",
        "image",
        "bwrap is not installed",
        "install the package bubblewrap in the Dockerfile",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"\bbwrap: Permission denied",
        "image",
        "this user may not start bwrap",
        "RUN chmod a+rx /usr/bin/bwrap in the Dockerfile",
        made=Made("", "bwrap --version", "RUN chmod 700 /usr/bin/bwrap"),
    ),
    Cause(
        r"^mode (?!4755, owner root$)(\d+), owner (\w+)$",
        "image",
        r"/usr/bin/bwrap is mode \1, owned by \2, and must be mode 4755, owned by root",
        "RUN chown root /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap in the Dockerfile",
        made=Made("", "stat -c 'mode %a, owner %U' /usr/bin/bwrap", "RUN chmod 755 /usr/bin/bwrap"),
    ),
    Cause(
        r"^bwrap is found as (?!/usr/bin/bwrap$)(\S+)$",
        "image",
        r"the bwrap that a process finds is \1, not /usr/bin/bwrap",
        r"remove \1 from the image, or put /usr/bin before it in PATH",
        made=Made(
            "",
            'echo "bwrap is found as $(command -v bwrap)"',
            "RUN cp /usr/bin/bwrap /usr/local/bin/bwrap",
            mended='PATH=/usr/bin; echo "bwrap is found as $(command -v bwrap)"',
        ),
    ),
    Cause(
        r"^bwrap is setuid, and owned by (\S+)$",
        "image",
        r"bwrap is setuid to \1, who is not root",
        "RUN chown root /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap in the Dockerfile",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"^(\S+): does not exist$",
        "image",
        r"the user \1 does not exist",
        r"RUN useradd --create-home \1 in the Dockerfile",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"^(\S+): is not in /etc/passwd$",
        "image",
        r"the user \1 is not in /etc/passwd, where alone the engine looks users up",
        r"RUN useradd --create-home \1 in the Dockerfile, or name the user by number",
        seen="made in tests/sabotage",
    ),
    Cause(
        # Where the host has an emulator for that processor, it is the emulator who says so.
        r"bwrap: Exec format error|bwrap: .*cannot execute binary file"
        r"|(qemu-\w+|\S+-binfmt-\S+): (.*: Invalid ELF image for this architecture|Could not open '/lib)",
        "image",
        "this bwrap is for another processor",
        "install bubblewrap for the image's own platform",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"^(\S+): is root$",
        "image",
        r"the user \1 is root",
        r"give \1 a user id other than 0 in the Dockerfile",
        seen="made in tests/sabotage",
    ),
    Cause(
        r"^CapEff 0*[1-9a-f]|^outside \S+, inside .* [0-9a-f]*[1-9a-f][0-9a-f]* 1 2$",
        "user",
        "bubblewrap leaves a command that root starts root's capabilities, inside of the sandbox too",
        "run the agent as a user who is not root (remoteUser)",
        lambda here: here.found.get("uid") == "0",
        only_when_seen=True,
        seen="made in tests/sabotage",
    ),
    Cause(
        r"No space left on device",
        "image",
        "a file system of the container is full",
        "free space on the engine's disk (docker system df), or give the mount a larger size",
        made=Made(
            "--mount=type=tmpfs,target=/tmp,tmpfs-size=65536,tmpfs-mode=1777",
            "head -c 131072 /dev/zero >/tmp/full",
            mended="head -c 2048 /dev/zero >/tmp/full",
        ),
    ),
    Cause(
        rf"{_TEMPORARY}Read-only file system",
        "image",
        r"\1 is on a file system that is mounted read-only",
        r'add "--tmpfs=\1" to runArgs',
        made=Made("--read-only --tmpfs=/tmp", "mktemp -d /var/tmp/x.XXXXXX"),
    ),
    Cause(
        r"mktemp: .*?(/tmp|/var/tmp|/dev/shm)/[^/]*: Permission denied",
        "image",
        r"this user may not make files in \1",
        r"RUN chmod 1777 \1 in the Dockerfile",
        made=Made("", "mktemp -d", "RUN chmod 755 /tmp"),
    ),
    Cause(
        rf"{_TEMPORARY}No such file or directory",
        "image",
        r"there is no folder \1",
        r"RUN mkdir --mode=1777 \1 in the Dockerfile",
        made=Made("--env=TMPDIR=/missing", "mktemp -d"),
    ),
)
