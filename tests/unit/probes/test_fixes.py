"""The smallest fix: never what the profile has, and in the words of what runs the container."""

from __future__ import annotations

import pytest

from nestproof.engine.run_options import parse_run_args, spelled
from nestproof.probes.causes.diagnosis import SETUID_WANTED, diagnose
from nestproof.probes.facts import SandboxFacts

PIVOT = "bwrap: pivot_root: Operation not permitted"
CAPSET = "bwrap: capset failed: Operation not permitted"
PROC = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
ENFORCED = "docker-default (enforce)"
PRIVATE = "00000000a80425fb"


def fix(said: str, *options: str, service: str = "", agent: str = "", **facts: str) -> str:
    diagnosis = diagnose(said, SandboxFacts(facts, options, service), agent=agent)
    assert diagnosis is not None
    return diagnosis.fix


REFUSALS = (PIVOT, CAPSET, PROC, "bwrap: Failed to make / slave: Permission denied")


@pytest.mark.parametrize("said", REFUSALS, ids=lambda said: said[:25])
def test_no_fix_names_an_option_that_the_container_has(said: str) -> None:
    every = [
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--security-opt=systempaths=unconfined",
        *(f"--cap-add={name}" for name in ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE")),
    ]
    words = fix(said, *every, Seccomp="2", apparmor=ENFORCED, masked="/proc/kcore", CapBnd=PRIVATE)
    assert not [option for option in every if f'"{option}"' in words], words
    assert words


def test_what_is_refused_although_nothing_asks_for_it_is_refused_from_outside() -> None:
    diagnosis = diagnose(PIVOT, SandboxFacts({"Seccomp": "2"}, ("--security-opt=seccomp=unconfined",)))
    assert diagnosis is not None
    assert diagnosis.layer == "outside the container: Docker seccomp"
    assert diagnosis.fix.startswith("start the engine where nothing confines it")


def test_another_way_out_is_left_where_the_option_is_there() -> None:
    assert fix(PROC, "--security-opt=systempaths=unconfined", masked="/proc/kcore").startswith(
        "declare it in"
    )
    assert fix(PROC, masked="/proc/kcore").endswith(
        'or add "--security-opt=systempaths=unconfined" to runArgs (Podman: --security-opt=unmask=ALL)'
    )


def test_an_option_beside_another_one_of_its_name_takes_its_place() -> None:
    words = fix(PIVOT, "--security-opt=seccomp=builtin", Seccomp="2")
    assert words == (
        'replace "--security-opt=seccomp=builtin" in runArgs with "--security-opt=seccomp=unconfined"'
    )
    assert fix(PIVOT, "--security-opt=seccomp=builtin", service="app", Seccomp="2") == (
        "replace seccomp=builtin with seccomp=unconfined in the Compose service app"
    )


@pytest.mark.parametrize(
    ("said", "call"),
    [
        (PIVOT, "pivot_root"),
        ("bwrap: unmount old root: Operation not permitted", "umount2"),
        ("bwrap: unshare user ns: Operation not permitted", "unshare"),
        ("bwrap: Failed to make / slave: Operation not permitted", "mount"),
        ("bwrap: No permissions to create new namespace, likely because", "clone"),
        ("bwrap: Creating new namespace failed: Operation not permitted", "clone"),
    ],
)
def test_a_seccomp_file_of_the_profiles_own_is_named_and_changed(said: str, call: str) -> None:
    here = SandboxFacts({"Seccomp": "2"}, ("--security-opt=seccomp=.devcontainer/own.json",))
    diagnosis = diagnose(said, here)
    assert diagnosis is not None
    assert (diagnosis.layer, diagnosis.fix) == (
        "seccomp file",
        f"allow {call} in .devcontainer/own.json (SCMP_ACT_ALLOW)",
    )
    assert diagnosis.cause == f".devcontainer/own.json, the profile's own seccomp file, refuses {call}"


def test_beside_a_seccomp_file_apparmor_is_lifted_as_well() -> None:
    words = fix(PIVOT, "--security-opt=seccomp=own.json", Seccomp="2", apparmor=ENFORCED)
    assert words == (
        "allow pivot_root in own.json (SCMP_ACT_ALLOW), "
        'and add "--security-opt=apparmor=unconfined" to runArgs'
    )


def test_a_setuid_bit_goes_before_three_capabilities_come() -> None:
    plain = {"CapBnd": PRIVATE, "Seccomp": "0", "unshare": "works"}
    assert fix(CAPSET, **plain).startswith("RUN chmod u-s /usr/bin/bwrap in the Dockerfile")
    assert "--cap-add=SYS_ADMIN" in fix(CAPSET, **{**plain, "unshare": "unshare failed: EPERM"})
    assert "--cap-add=SYS_ADMIN" in fix(CAPSET, agent=SETUID_WANTED, **plain)


@pytest.mark.parametrize(
    ("facts", "cause", "words"),
    [
        ({"uid": "0", "Seccomp": "0"}, "root without SYS_ADMIN", "have bwrap called with --unshare-user"),
        ({"uid": "0", "Seccomp": "2"}, "a process without SYS_ADMIN", "seccomp=unconfined"),
        ({"uid": "1000", "Seccomp": "2"}, "a process without SYS_ADMIN", "seccomp=unconfined"),
    ],
)
def test_a_user_namespace_helps_root_where_no_filter_is_on(
    facts: dict[str, str], cause: str, words: str
) -> None:
    said = "bwrap: Creating new namespace failed: Operation not permitted"
    diagnosis = diagnose(said, SandboxFacts(facts))
    assert diagnosis is not None
    assert cause in diagnosis.cause
    assert words in diagnosis.fix


def test_the_bwrap_that_codex_brings_is_told_from_the_systems() -> None:
    said = "bwrap: No permissions to create a new namespace, likely because the kernel does not allow"
    setuid = SandboxFacts({"Seccomp": "2", "bwrap-mode": "4755 root"})
    own = diagnose(said, setuid, agent="codex")
    assert own is not None
    assert "the bwrap that it brings, which is not setuid" in own.cause
    assert own.fix == 'add "--security-opt=seccomp=unconfined" to runArgs'
    for here, agent in ((setuid, ""), (SandboxFacts({"Seccomp": "2", "bwrap-mode": "755 root"}), "codex")):
        other = diagnose(said, here, agent=agent)
        assert other is not None
        assert other.cause == "Docker's seccomp profile refuses user namespaces"


def test_the_first_line_that_is_known_decides() -> None:
    first = diagnose(f"{PIVOT}\n{CAPSET}\nbwrap: not found", SandboxFacts({"Seccomp": "2"}))
    assert first is not None
    assert "refuses pivot_root" in first.cause


def test_a_fix_speaks_of_the_compose_file() -> None:
    assert fix(CAPSET, service="app", CapBnd="000001fffff7ffff", Seccomp="2", apparmor=ENFORCED) == (
        "add cap_add: [SYS_PTRACE], security_opt: [seccomp=unconfined], security_opt: [apparmor=unconfined] "
        "to the Compose service app"
    )
    assert fix("bwrap: not found", service="app") == "install the package bubblewrap in the Dockerfile"


@pytest.mark.parametrize("pod", [{"pod": "yes"}, {"apparmor": "cri-containerd.apparmor.d (enforce)"}])
def test_a_fix_speaks_of_the_pod(pod: dict[str, str]) -> None:
    said = fix(CAPSET, **{"CapBnd": PRIVATE, "Seccomp": "2", **pod})
    assert said.startswith("set seccompProfile.type: Unconfined, ")
    assert said.endswith(
        "capabilities.add: [NET_ADMIN, SYS_ADMIN, SYS_PTRACE] in the container's securityContext"
    )
    assert ("appArmorProfile.type: Unconfined" in said) is ("apparmor" in pod)
    proc = fix(PROC, masked="/proc/kcore", **pod)
    assert proc == (
        "declare it in customizations.nestproof.degradations, or set procMount: Unmasked in the container's "
        "securityContext, and hostUsers: false in the pod's spec"
    )
    readonly = "mktemp: failed to create file via template '/var/tmp/x.XXXXXX': Read-only file system"
    assert fix(readonly, **pod) == "mount an emptyDir volume at /var/tmp"
    for words in (said, proc):
        assert "runArgs" not in words
        assert "Docker" not in words


def test_a_host_that_belongs_to_others_is_not_to_be_changed() -> None:
    said = "bwrap: setting up uid map: Permission denied"
    restricted = {"kernel/apparmor_restrict_unprivileged_userns": "1"}
    assert "nobody but GitHub" in fix(said, codespace="true", **restricted)
    assert "WSL distribution" in fix(said, kernel="Linux 5.15.90.1-microsoft-standard-WSL2", **restricted)
    assert "administrator" in fix(said, **restricted)


def test_options_are_named_in_one_form_and_files_from_the_repository() -> None:
    options = parse_run_args(
        [
            "--cap-add=cap_sys_admin",
            "--security-opt",
            "apparmor:unconfined",
            "--security-opt=seccomp=/srv/repository/own.json",
            "--security-opt=no-new-privileges",
            "--tmpfs=/tmp:rw,size=1g",
        ]
    )
    object.__setattr__(options, "root", "/srv/repository")
    assert spelled(options) == (
        "--cap-add=SYS_ADMIN",
        "--security-opt=apparmor=unconfined",
        "--security-opt=seccomp=own.json",
        "--security-opt=no-new-privileges",
        "--tmpfs=/tmp",
    )
