"""What programs really said, and the cause, layer and fix that follow from it.

The words are verbatim: bubblewrap 0.8 and 0.12, codex 0.120, dash and bash on Docker Engine 20.10 and 26.1.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestbox.diagnose import diagnose

SECCOMP = 'add "--security-opt=seccomp=unconfined" to runArgs'
APPARMOR = 'add "--security-opt=apparmor=unconfined" to runArgs'
CAPSET = "bwrap: capset failed: Operation not permitted"
DOCKER_DEFAULT = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
    "SETUID SYS_CHROOT"
).split()


@pytest.mark.parametrize(
    ("said", "layer", "cause", "fix"),
    [
        ("bwrap: pivot_root: Operation not permitted", "Docker seccomp", "seccomp", SECCOMP),
        (
            "bwrap: No permissions to create new namespace, likely because the kernel does not allow "
            "non-privileged user namespaces. On e.g. debian this can be enabled with "
            "'sysctl kernel.unprivileged_userns_clone=1'.",
            "Docker seccomp",
            "user namespaces",
            SECCOMP,
        ),
        (
            "bwrap: No permissions to create a new namespace, likely because the kernel does not allow "
            "non-privileged user namespaces.",
            "Docker seccomp",
            "user namespaces",
            SECCOMP,
        ),
        ("bwrap: Failed to make / slave: Permission denied", "AppArmor", "slave", APPARMOR),
        (
            "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
            "masked paths",
            "masks paths under /proc",
            '"--security-opt=systempaths=unconfined"',
        ),
        (
            "bwrap: Can't mount proc on /proc: Operation not permitted",
            "masked paths",
            "masks paths under /proc",
            '"--security-opt=systempaths=unconfined"',
        ),
        (
            "bwrap: Creating new namespace failed, likely because the kernel does not support user "
            "namespaces.  bwrap must be installed setuid on such systems.",
            "emulation",
            "qemu-user",
            "native kernel",
        ),
        (
            "bwrap: setuid use of bubblewrap is not supported in this build",
            "image",
            "refuses to be setuid",
            "chmod u-s /usr/bin/bwrap",
        ),
        (
            "bwrap: setuid use of bubblewrap is not supported",
            "image",
            "refuses to be setuid",
            "chmod u-s /usr/bin/bwrap",
        ),
        (
            "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded "
            "(ENOSPC)",
            "kernel limit",
            "limit on namespaces",
            "max_user_namespaces",
        ),
        # Debian 13's docker-default refuses user namespaces themselves, before any mount.
        ("bwrap: Creating new namespace failed: Permission denied", "AppArmor", "user namespaces", APPARMOR),
        (
            "bwrap: Creating new namespace failed: Operation not permitted",
            "Docker seccomp",
            "without a user namespace of its own",
            "--unshare-user",
        ),
        ("bwrap: setting up uid map: Permission denied", "host sysctl", "the host restricts", "userns,"),
        (
            "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
            "host sysctl",
            "the host restricts",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            "bwrap: Unexpected capabilities but not setuid, old file caps config?",
            "capabilities",
            "not root holds capabilities",
            "setcap -r",
        ),
        (
            "bwrap: Can't write data to file /x: Bad file descriptor",
            "agent version",
            "one file descriptor",
            "update the agent",
        ),
        ("bwrap: Unknown option --argv0", "image", "no --argv0", "0.9.0"),
        ("bwrap: Unknown option --perms", "image", "no --perms", "0.9.0"),
        ("bwrap: Failed to mount tmpfs: Permission denied", "SELinux", "SELinux", "label=type:spc_t"),
        ("sudo: effective uid is not 0, is sudo installed setuid root?", "emulation", "setuid bit", "flag C"),
        ("bwrap-basic: 6: bwrap: not found", "image", "bwrap is not installed", "bubblewrap"),
        ("bwrap-basic: line 5: bwrap: command not found", "image", "bwrap is not installed", "bubblewrap"),
        ("/usr/bin/bwrap does not exist", "image", "bwrap is not installed", "bubblewrap"),
        (
            "Error: bubblewrap is unavailable: no system bwrap was found on PATH",
            "image",
            "bwrap is not installed",
            "bubblewrap",
        ),
        ("codex-version: 2: codex: not found", "image", "codex is not installed", "Codex CLI"),
        ("mode 755, owner root", "image", "mode 755, owned by root", "chmod 4755 /usr/bin/bwrap"),
        ("mode 4755, owner vscode", "image", "mode 4755, owned by vscode", "chown root /usr/bin/bwrap"),
        ("vscode: does not exist", "image", "the user vscode does not exist", "useradd --create-home vscode"),
        ("ubuntu: is root", "image", "the user ubuntu is root", "user id other than 0"),
    ],
)
def test_known_words_have_a_cause_a_layer_and_a_fix(said: str, layer: str, cause: str, fix: str) -> None:
    for text in (said, f"control: something held\n{said}\n\n", f"{said}\nexit status 1"):
        diagnosis = diagnose(text)
        assert diagnosis is not None
        assert diagnosis.layer == layer
        assert cause in diagnosis.cause
        assert fix in diagnosis.fix


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\n",
        "control: outside, both namespaces are named\nbwrap-basic-ok\n",
        "mode 4755, owner root\nfound as /usr/bin/bwrap",
        "bwrap: Can't find source path /nowhere: No such file or directory",
        "bwrap: execvp nothing: No such file or directory",
        "bwrap: Can't create file at /tmp/x: Read-only file system",
        "umount: pivot_root: Operation not permitted",
        "outside pid:[1] user:[1], inside pid:[1] user:[1]: not another namespace",
        "ls: cannot access 'x': Permission denied",
    ],
)
def test_words_that_are_not_known_have_no_cause(said: str) -> None:
    # A wrong cause is worse than none: the raw words are shown then.
    assert diagnose(said) is None


def test_a_failed_capset_names_what_docker_withholds() -> None:
    diagnosis = diagnose(CAPSET, DOCKER_DEFAULT)
    assert diagnosis is not None
    assert diagnosis.layer == "capabilities"
    assert diagnosis.cause.endswith(": NET_ADMIN, SYS_ADMIN, SYS_PTRACE")
    assert (
        diagnosis.fix == 'add "--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE" to runArgs'
    )


def test_a_failed_capset_names_only_what_is_missing() -> None:
    diagnosis = diagnose(CAPSET, [*DOCKER_DEFAULT, "SYS_ADMIN", "NET_ADMIN"])
    assert diagnosis is not None
    assert diagnosis.cause.endswith(": SYS_PTRACE")
    assert diagnosis.fix == 'add "--cap-add=SYS_PTRACE" to runArgs'


def test_a_failed_capset_in_an_unknown_container_names_all_six() -> None:
    diagnosis = diagnose(CAPSET)
    assert diagnosis is not None
    assert diagnosis.cause.endswith(": NET_ADMIN, SETGID, SETUID, SYS_ADMIN, SYS_CHROOT, SYS_PTRACE")


def test_a_failed_capset_where_nothing_is_missing_is_not_blamed_on_nothing() -> None:
    diagnosis = diagnose(CAPSET, [*DOCKER_DEFAULT, "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"])
    assert diagnosis is None or not diagnosis.cause.endswith(": ")
    assert diagnosis is None or "add  to" not in diagnosis.fix


def test_words_in_a_name_are_no_part_of_a_pattern() -> None:
    diagnosis = diagnose(r"a\1b: does not exist")
    assert diagnosis is not None
    assert diagnosis.cause == r"the user a\1b does not exist"


@settings(deadline=None)
@given(st.text(), st.none() | st.frozensets(st.sampled_from(["SYS_ADMIN", "SETUID", "bit 41"])))
def test_any_words_are_taken(said: str, capabilities: frozenset[str] | None) -> None:
    diagnose(said, capabilities)
    diagnose(f"{CAPSET}\n{said}", capabilities)
