"""What programs really said, and the cause, layer and fix that follow from it.

The words are verbatim: bubblewrap 0.8 and 0.12, codex 0.120, dash and bash on Docker Engine 20.10 and 26.1.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.capabilities import DOCKER_DEFAULT, NAMES
from nestproof.probes.causes.diagnosis import diagnose
from nestproof.probes.facts import SandboxFacts

SECCOMP = 'add "--security-opt=seccomp=unconfined" to runArgs'
APPARMOR = 'add "--security-opt=apparmor=unconfined" to runArgs'
CAPSET = "bwrap: capset failed: Operation not permitted"


def holding(*names: str, **facts: str) -> SandboxFacts:
    """Docker's default capabilities and these, with other facts."""
    mask = sum(1 << NAMES.index(name) for name in {*DOCKER_DEFAULT, *names})
    return SandboxFacts({"CapBnd": f"{mask:016x}", **facts})


@pytest.mark.parametrize(
    ("said", "layer", "cause", "fix"),
    [
        (
            # As an emulator says it: the host had registered one for that processor.
            "riscv64-binfmt-P: /lib64/ld-linux-x86-64.so.2: Invalid ELF image for this architecture",
            "image",
            "this bwrap is for another processor",
            "install bubblewrap for the image's own platform",
        ),
        (
            "qemu-aarch64: Could not open '/lib/ld-linux-aarch64.so.1': No such file or directory",
            "image",
            "this bwrap is for another processor",
            "install bubblewrap for the image's own platform",
        ),
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
            "a process without SYS_ADMIN",
            "seccomp=unconfined",
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
        ("bwrap: Unknown option --perms", "image", "no --perms", "0.5.0"),
        ("bwrap: Unknown option --later", "image", "has no --later: another release", "bubblewrap"),
        ("bwrap: Unknown option --size", "image", "no --size", "0.7.0"),
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
        (
            "codex-version: 2: codex: not found",
            "image",
            "codex is not installed",
            "npm install --global @openai/codex",
        ),
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
        "mode 4755, owner root\nbwrap is found as /usr/bin/bwrap",
        "bwrap: Can't find source path /nowhere: No such file or directory",
        "bwrap: execvp nothing: No such file or directory",
        "umount: pivot_root: Operation not permitted",
        "outside pid:[1] user:[1], inside pid:[1] user:[1]: not another namespace",
        "ls: cannot access 'x': Permission denied",
    ],
)
def test_words_that_are_not_known_have_no_cause(said: str) -> None:
    # A wrong cause is worse than none: the raw words are shown then.
    assert diagnose(said) is None


def test_a_failed_capset_names_what_docker_withholds() -> None:
    diagnosis = diagnose(CAPSET, holding())
    assert diagnosis is not None
    assert diagnosis.layer == "capabilities"
    assert diagnosis.cause.endswith(": NET_ADMIN, SYS_ADMIN, SYS_PTRACE")
    assert (
        diagnosis.fix == 'add "--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE" to runArgs'
    )


def test_a_failed_capset_names_only_what_is_missing() -> None:
    diagnosis = diagnose(CAPSET, holding("SYS_ADMIN", "NET_ADMIN"))
    assert diagnosis is not None
    assert diagnosis.cause.endswith(": SYS_PTRACE")
    assert diagnosis.fix == 'add "--cap-add=SYS_PTRACE" to runArgs'


def test_a_failed_capset_in_an_unknown_container_names_all_six() -> None:
    diagnosis = diagnose(CAPSET)
    assert diagnosis is not None
    assert diagnosis.cause.endswith(": NET_ADMIN, SETGID, SETUID, SYS_ADMIN, SYS_CHROOT, SYS_PTRACE")


def test_a_failed_capset_where_nothing_is_missing_is_not_blamed_on_nothing() -> None:
    diagnosis = diagnose(CAPSET, holding("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"))
    assert diagnosis is not None
    assert diagnosis.layer == "unknown"


# What is around the process, beside the words

NO_NAMESPACE = "bwrap: No permissions to create new namespace, likely because the kernel does not allow"
PIVOT = "bwrap: pivot_root: Operation not permitted"
SLAVE = "bwrap: Failed to make / slave: Permission denied"
ENFORCED = "docker-default (enforce)"


@pytest.mark.parametrize(
    ("said", "facts", "layer"),
    [
        (NO_NAMESPACE, {"Seccomp": "2"}, "Docker seccomp"),
        (NO_NAMESPACE, {"Seccomp": "0"}, "unknown"),
        (NO_NAMESPACE, {"Seccomp": "0", "kernel/unprivileged_userns_clone": "0"}, "host sysctl"),
        (NO_NAMESPACE, {"Seccomp": "2", "kernel/unprivileged_userns_clone": "1"}, "Docker seccomp"),
        (NO_NAMESPACE, {"Seccomp": "0", "user/max_user_namespaces": "0"}, "kernel limit"),
        (NO_NAMESPACE, {}, "Docker seccomp"),
        (PIVOT, {"Seccomp": "2"}, "Docker seccomp"),
        (PIVOT, {"Seccomp": "0"}, "unknown"),
        (SLAVE, {"apparmor": ENFORCED}, "AppArmor"),
        (SLAVE, {"apparmor": "docker-default (complain)"}, "unknown"),
        (SLAVE, {"apparmor": "unconfined"}, "unknown"),
        (SLAVE, {}, "AppArmor"),
        (
            "bwrap: setting up uid map: Permission denied",
            {"kernel/apparmor_restrict_unprivileged_userns": "0"},
            "unknown",
        ),
        (
            "bwrap: setting up uid map: Permission denied",
            {"kernel/apparmor_restrict_unprivileged_userns": "1"},
            "host sysctl",
        ),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", {"masked": ""}, "unknown"),
        (
            "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
            {"masked": "/proc/bus"},
            "masked paths",
        ),
        ("bwrap: Failed to mount tmpfs: Permission denied", {"selinux": "0"}, "unknown"),
        ("bwrap: Failed to mount tmpfs: Permission denied", {"selinux": "1"}, "SELinux"),
    ],
)
def test_a_layer_is_named_where_it_is_seen(said: str, facts: dict[str, str], layer: str) -> None:
    diagnosis = diagnose(said, SandboxFacts(facts))
    assert diagnosis is not None
    assert diagnosis.layer == layer


def test_the_fix_lifts_all_of_the_refusals_that_apply() -> None:
    both = SandboxFacts({"Seccomp": "2", "apparmor": ENFORCED})
    slave = diagnose(SLAVE, both)
    assert slave is not None
    assert slave.fix.startswith(
        'add "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined" to runArgs'
    )
    capset = diagnose(CAPSET, holding("SYS_ADMIN", "NET_ADMIN", Seccomp="2"))
    assert capset is not None
    assert capset.fix == 'add "--cap-add=SYS_PTRACE", "--security-opt=seccomp=unconfined" to runArgs'


def test_codex_reads_the_old_words_only() -> None:
    new = "bwrap: Can't mount proc on /proc: Operation not permitted"
    by_codex, by_bwrap = diagnose(new, agent="codex"), diagnose(new)
    assert by_codex is not None
    assert by_bwrap is not None
    assert (by_codex.layer, by_bwrap.layer) == ("agent version", "masked paths")


def test_words_in_a_name_are_no_part_of_a_pattern() -> None:
    diagnosis = diagnose(r"a\1b: does not exist")
    assert diagnosis is not None
    assert diagnosis.cause == r"the user a\1b does not exist"


@settings(deadline=None)
@given(st.text(), st.none() | st.dictionaries(st.sampled_from(["Seccomp", "apparmor", "masked"]), st.text()))
def test_any_words_and_facts_are_taken(said: str, facts: dict[str, str] | None) -> None:
    here = None if facts is None else SandboxFacts(facts)
    diagnose(said, here)
    diagnose(f"{CAPSET}\n{PIVOT}\n{said}", here)
