"""Each probe's judge turns green for the one right answer, and red with the reason for all near it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.outcome import Observation, Status
from nestproof.probes.facts import SandboxFacts
from nestproof.probes.probe import YES_OR_NO
from nestproof.probes.table import PACKS, PROBES, script
from nestproof.probes.verdicts import (
    Context,
    Judgement,
    degraded_as_declared,
    judge_lines,
    lacking,
    last_line,
)

PROBE = {probe.name: probe for probe in PROBES}
USERS = Context(users=("ubuntu", "vscode"), codex_version="0.120.0")

# What each probe that prints lines prints when all is well.
RIGHT = {
    "users": "control: root is found, and is 0\nubuntu: exists, not root\nvscode: exists, not root\n",
    "bwrap-not-setuid": "control: a setuid bit is seen\nthe image has no setuid bwrap\n",
    "bwrap-setuid": "mode 4755, owner root\nbwrap is found as /usr/bin/bwrap\n",
    "bwrap-present": "control: sh is found in the same way\nbwrap is found as /usr/bin/bwrap\n",
    "bwrap-version": "bubblewrap 0.8.0\n",
    "bwrap-mode": "bwrap is setuid root\n",
    "bwrap-userns": (
        "control: outside, the mount namespace is named\nthe sandbox has its own user and mount namespaces\n"
    ),
    "bwrap-slave": (
        "control: outside, the mount of / is named\n"
        "the sandbox's / is a mount of its own that shares nothing\n"
    ),
    "bwrap-pivot": "control: outside, both files are there\nthe sandbox sees only what is bound into it\n",
    "bwrap-pidns": (
        "control: outside, the process can be signalled\n"
        "the sandbox reaches its own process, not the outer one\n"
    ),
    "bwrap-netns": "control: outside, the network namespace is named\nbwrap-netns-ok\n",
    "bwrap-dev": (
        "control: outside, /dev/shm takes a file\nthe sandbox has a /dev of its own, and its devices work\n"
    ),
    "bwrap-proc": "control: the sandbox works without --proc\nbwrap-proc-ok\n",
    "bwrap-fd": "control: the file does not exist outside\nbwrap-fd-ok\n",
    "bwrap-two-fds": (
        "control: the files do not exist outside\nboth descriptors' contents arrive, each in its file\n"
    ),
    "bwrap-two-masks": "control: a descriptor for each mask works\none file descriptor masks both files\n",
    "bwrap-codex-start": (
        "control: /bin/true works\nCodex's test command works, and returns the exit status\n"
    ),
    "bwrap-codex-line": (
        "control: outside, everything takes a file\n"
        "control: inside, the working directory takes a file\n"
        "only the working directory takes a file\n"
    ),
    "contain-write": (
        "control: outside, both folders take a file\n"
        "control: inside, the writable folder takes a file\n"
        "writes outside the writable folder are refused\n"
    ),
    "contain-network": (
        "control: outside, the listener is reached\n"
        "control: inside, with the network, the listener is reached\n"
        "without the network, none of 2 addresses is reached\n"
    ),
    "contain-processes": (
        "control: outside, the process is seen and can be signalled\n"
        "control: inside, without a /proc of its own, the process cannot be signalled\n"
        "with a /proc of its own, the sandbox sees no outer process\n"
    ),
    "contain-privileges": (
        "control: outside, the kernel says what a process has\n"
        "the sandbox has no capability, no new privileges, one filter more\n"
    ),
    "contain-mask": (
        "control: outside, both can be read\n"
        "control: inside, the neighbour can be read\n"
        "the masked file cannot be read\n"
    ),
    "contain-root": (
        "control: root's secret is there, and hidden from this user\n"
        "control: in a user namespace, the user is called root and reads its own file\n"
        "bwrap reads and writes nothing of root's in any of 4 ways\n"
    ),
    "codex-sandbox": (
        "control: outside, the process can be signalled\n"
        "codex-inner-ok\n"
        "in a pid namespace of its own\n"
        "without capabilities, without new privileges, with a filter\n"
    ),
    "codex-write": (
        "control: outside, everything takes a file\n"
        "control: inside, the working directory takes a file\n"
        "only the working directory takes a file\n"
    ),
    "codex-network": (
        "control: outside, a socket can be opened\n"
        "control: inside, the same program runs\n"
        "a socket in the sandbox is refused\n"
    ),
    "srt-sandbox": (
        "control: outside, the namespaces are named\n"
        "srt-inner-ok\n"
        "in network and pid namespaces of its own\n"
        "without capabilities, without new privileges, with a filter\n"
    ),
    "srt-write": (
        "control: outside, both folders take a file\n"
        "control: inside, the writable folder takes a file\n"
        "writes outside the writable folder are refused\n"
    ),
}


def judge(
    name: str, stdout: str, stderr: str = "", *, status: int | None = 0, context: Context = USERS
) -> Judgement:
    return PROBE[name].judged(Observation(("sh", f"{name}.sh"), status, stdout, stderr, 1.25), context)


# Probes that print lines


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_lines_and_exit_status_0_pass(name: str) -> None:
    assert judge(name, RIGHT[name]).status is Status.PASS


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("status", [1, 2, 126, 127, 255, -9, None])
def test_the_right_lines_alone_fail(name: str, status: int | None) -> None:
    judgement = judge(name, RIGHT[name], status=status)
    assert judgement.status is Status.FAIL
    assert judgement.cause == f"{PROBE[name].fails}: the exit status is {status} instead of 0"


@pytest.mark.parametrize("name", RIGHT)
def test_exit_status_0_alone_fails(name: str) -> None:
    judgement = judge(name, "")
    assert (judgement.status, judgement.summary) == (Status.FAIL, "exit status 0")
    control = next(iter(PROBE[name].control), "")
    wanted = lacking(control) if control else PROBE[name].fails
    assert judgement.cause == wanted


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, text in RIGHT.items() for line in text.splitlines()]
)
def test_each_line_is_needed_the_control_too(name: str, line: str) -> None:
    judgement = judge(name, RIGHT[name].replace(f"{line}\n", ""))
    assert judgement.status is Status.FAIL
    control = line.startswith("control: ")
    wanted = lacking(line) if control else PROBE[name].fails
    assert judgement.cause == wanted


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("extra", ["what is this\n", "control: something else\n", "\n"])
def test_a_line_more_fails(name: str, extra: str) -> None:
    for shown in (RIGHT[name] + extra, extra + RIGHT[name]):
        judgement = judge(name, shown)
        assert judgement.status is Status.FAIL
        assert judgement.cause == f"{PROBE[name].fails}: it answers more than a working sandbox does"


@pytest.mark.parametrize("name", RIGHT)
def test_a_line_printed_twice_fails(name: str) -> None:
    assert judge(name, RIGHT[name] + RIGHT[name].splitlines()[-1]).status is Status.FAIL


@pytest.mark.parametrize("name", [name for name, text in RIGHT.items() if text.count("\n") > 1])
def test_lines_in_another_order_fail(name: str) -> None:
    judgement = judge(name, "\n".join(reversed(RIGHT[name].splitlines())))
    assert judgement.status is Status.FAIL
    assert judgement.cause == f"{PROBE[name].fails}: it answers more than a working sandbox does"


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_lines_on_stderr_fail(name: str) -> None:
    assert judge(name, "", RIGHT[name]).status is Status.FAIL


@pytest.mark.parametrize("name", RIGHT)
def test_a_line_that_only_contains_the_right_words_fails(name: str) -> None:
    last = RIGHT[name].splitlines()[-1]
    assert judge(name, RIGHT[name].replace(last, f"not {last}")).status is Status.FAIL
    assert judge(name, RIGHT[name].replace(last, f"{last}?")).status is Status.FAIL


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("status", [124, 137])
def test_a_probe_out_of_time_is_an_error_and_no_fail(name: str, status: int) -> None:
    judgement = judge(name, RIGHT[name].splitlines()[0] + "\n", status=status)
    assert judgement == Judgement(Status.ERROR, "did not end within its time (1.2 s)")


def test_a_pass_says_what_was_shown_without_the_controls() -> None:
    assert (
        judge("bwrap-pidns", RIGHT["bwrap-pidns"]).summary
        == "the sandbox reaches its own process, not the outer one"
    )
    assert (
        judge("bwrap-setuid", RIGHT["bwrap-setuid"]).summary
        == "mode 4755, owner root; bwrap is found as /usr/bin/bwrap"
    )


def test_a_bwrap_that_only_says_ok_fails_for_want_of_its_control() -> None:
    judgement = judge("bwrap-pidns", "the sandbox reaches its own process, not the outer one\n")
    assert judgement == Judgement(
        Status.FAIL,
        "the sandbox reaches its own process, not the outer one",
        "without any sandbox, this does not hold, so that nothing can be concluded: "
        "the process can be signalled",
    )


def test_a_bwrap_that_makes_no_namespaces_fails() -> None:
    judgement = judge(
        "bwrap-pidns",
        "control: outside, the process can be signalled\n"
        "outside user:[4026531837] pid:[4026531836], inside user:[4026531837] pid:[4026531836]: "
        "not another namespace\n",
        status=1,
    )
    assert judgement.status is Status.FAIL
    assert "not another namespace" in judgement.summary
    assert judgement.cause == ("bwrap makes no pid namespace: the sandbox can signal processes outside it")


@pytest.mark.parametrize(
    ("stderr", "layer"),
    [
        ("bwrap: pivot_root: Operation not permitted\n", "(Docker seccomp)"),
        ("bwrap: Failed to make / slave: Permission denied\n", "(AppArmor)"),
        ("bwrap: capset failed: Operation not permitted\n", "(capabilities)"),
    ],
)
@pytest.mark.parametrize("name", ["bwrap-pidns", "bwrap-netns", "bwrap-fd"])
def test_a_refusal_has_its_cause_and_its_fix(name: str, stderr: str, layer: str) -> None:
    judgement = judge(name, "", stderr, status=1)
    assert judgement.status is Status.FAIL
    assert judgement.summary == stderr.strip()
    assert judgement.cause.endswith(layer)
    assert judgement.fix.startswith('add "--')


def test_missing_capabilities_are_those_of_the_container() -> None:
    # Docker's default set, SYS_ADMIN and NET_ADMIN.
    context = Context(facts=SandboxFacts({"CapBnd": "00000000a82415fb"}))
    judgement = judge(
        "bwrap-pidns", "", "bwrap: capset failed: Operation not permitted", status=1, context=context
    )
    assert judgement.fix == 'add "--cap-add=SYS_PTRACE" to runArgs'


def test_a_refusal_after_the_right_lines_is_no_pass() -> None:
    judgement = judge(
        "bwrap-pidns", RIGHT["bwrap-pidns"], "bwrap: pivot_root: Operation not permitted", status=1
    )
    assert judgement.status is Status.FAIL


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("vscode: does not exist", "the user vscode does not exist (image)"),
        ("vscode: is root", "the user vscode is root (image)"),
    ],
)
def test_a_user_that_is_missing_or_root_fails(line: str, cause: str) -> None:
    judgement = judge("users", RIGHT["users"].replace("vscode: exists, not root", line), status=1)
    assert (judgement.status, judgement.cause) == (Status.FAIL, cause)


def test_users_are_asked_for_by_name_and_not_by_pattern() -> None:
    context = Context(users=("a.c",))
    said = "control: root is found, and is 0\n{}: exists, not root\n"
    assert judge("users", said.format("a.c"), context=context).status is Status.PASS
    assert judge("users", said.format("abc"), context=context).status is Status.FAIL


def test_other_users_than_the_declared_fail() -> None:
    assert judge("users", RIGHT["users"], context=Context(users=("vscode",))).status is Status.FAIL
    assert judge("users", RIGHT["users"], context=Context(users=("vscode", "ubuntu"))).status is Status.FAIL


@pytest.mark.parametrize("mode", ["mode 755, owner root", "mode 4755, owner vscode", "mode 6755, owner root"])
def test_a_bwrap_of_another_mode_or_owner_fails(mode: str) -> None:
    judgement = judge("bwrap-setuid", f"{mode}\nbwrap is found as /usr/bin/bwrap\n")
    assert judgement.status is Status.FAIL
    assert mode.removesuffix("root").removesuffix("vscode").split(",")[0] in judgement.cause


def test_another_bwrap_on_the_path_fails_and_its_mode_is_not_blamed() -> None:
    judgement = judge("bwrap-setuid", "mode 4755, owner root\nbwrap is found as /opt/bin/bwrap\n")
    assert judgement.status is Status.FAIL
    assert "is mode 4755, owned by root" not in judgement.cause


def test_a_setuid_bwrap_in_an_image_that_should_have_none_fails() -> None:
    judgement = judge("bwrap-not-setuid", "control: a setuid bit is seen\nsetuid: /usr/bin/bwrap\n", status=1)
    assert (judgement.status, judgement.summary) == (Status.FAIL, "setuid: /usr/bin/bwrap")


def test_where_no_setuid_bit_can_be_seen_its_absence_means_nothing() -> None:
    judgement = judge("bwrap-not-setuid", "the image has no setuid bwrap\n")
    assert judgement.status is Status.FAIL
    assert judgement.cause.endswith("so that nothing can be concluded: a setuid bit is seen")


@pytest.mark.parametrize("line", RIGHT["codex-sandbox"].splitlines()[1:])
def test_a_codex_that_does_not_confine_in_every_way_fails(line: str) -> None:
    shown = RIGHT["codex-sandbox"].replace(line, "outside pid:[1], inside codex-inner-ok pid:[1]")
    judgement = judge("codex-sandbox", shown, status=1)
    assert judgement.status is Status.FAIL
    assert judgement.cause == PROBE["codex-sandbox"].fails


def test_an_image_that_says_why_it_lacks_something_is_unverified() -> None:
    said = "the package registry has @openai/codex@0.120.0, but not for linux-arm64"
    for name in ("codex-version", "codex-sandbox"):
        judgement = judge(name, f"unavailable: {said}\n", status=69)
        assert (judgement.status, judgement.summary) == (Status.UNVERIFIED, said)


def test_a_program_in_the_image_cannot_say_it_for_the_script() -> None:
    # bwrap may end with 69 and write to stderr; what it prints for its caller the script keeps to itself.
    assert judge("bwrap-pidns", "", "unavailable: so it says\n", status=69).status is Status.FAIL
    assert judge("bwrap-pidns", "unavailable: so it says\n").status is Status.FAIL


@pytest.mark.parametrize("name", ["codex-version", "codex-sandbox", "bwrap-pidns"])
def test_an_image_that_does_not_say_why_it_lacks_something_fails(name: str) -> None:
    assert judge(name, "", status=69).status is Status.FAIL
    assert judge(name, "", "sh: bwrap: not found", status=127).status is Status.FAIL


# The declared fallback

PROC = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
NEW_PROC = "bwrap: Can't mount proc on /proc: Operation not permitted"
CONTROL = "control: the sandbox works without --proc\n"
DECLARED = Context(degradations={"bwrap-proc": "Codex retries"})


@pytest.mark.parametrize("said", [PROC, NEW_PROC])
def test_a_denied_proc_is_degraded_only_when_declared(said: str) -> None:
    judgement = judge("bwrap-proc", CONTROL, f"{said}\n", status=1)
    assert judgement == Judgement(Status.DEGRADED, said)
    assert degraded_as_declared("bwrap-proc", judgement, DECLARED) == Judgement(
        Status.DEGRADED, said, "declared: Codex retries"
    )
    undeclared = degraded_as_declared("bwrap-proc", judgement, Context())
    assert undeclared.status is Status.FAIL
    assert undeclared.summary == said
    assert (
        undeclared.cause
        == "Docker masks paths under /proc, and the kernel refuses a fuller view of it (masked paths)"
    )
    assert "customizations.nestproof.degradations" in undeclared.fix


def test_a_degradation_declared_for_another_probe_does_not_count() -> None:
    judgement = judge("bwrap-proc", CONTROL, PROC, status=1)
    other = Context(degradations={"bwrap-pidns": "why not"})
    assert degraded_as_declared("bwrap-proc", judgement, other).status is Status.FAIL


def test_a_degradation_without_known_words_is_still_a_fail_when_undeclared() -> None:
    judgement = Judgement(Status.DEGRADED, "something gave way")
    assert degraded_as_declared("users", judgement, Context()) == Judgement(
        Status.FAIL, "something gave way", "a fallback that the profile does not declare"
    )


@pytest.mark.parametrize("status", [Status.PASS, Status.FAIL, Status.ERROR, Status.UNVERIFIED])
def test_a_declared_degradation_changes_no_other_verdict(status: Status) -> None:
    judgement = Judgement(status, "said")
    assert degraded_as_declared("bwrap-proc", judgement, DECLARED) == judgement


def test_a_denied_proc_without_its_control_fails() -> None:
    # Without it, bwrap may not work at all.
    assert judge("bwrap-proc", "", PROC, status=1).status is Status.FAIL


def test_a_denied_proc_with_exit_status_0_fails() -> None:
    assert judge("bwrap-proc", CONTROL, PROC).status is Status.FAIL


@pytest.mark.parametrize(
    "said",
    [
        "bwrap: Can't mount proc on /newroot/proc: Invalid argument",
        f"echo {PROC}",
        "bwrap: pivot_root: Operation not permitted",
        "",
    ],
)
def test_other_words_are_no_fallback(said: str) -> None:
    assert judge("bwrap-proc", CONTROL, said, status=1).status is Status.FAIL


def test_words_on_stdout_are_no_fallback() -> None:
    assert judge("bwrap-proc", f"{CONTROL}{PROC}\n", status=1).status is Status.FAIL


@pytest.mark.parametrize("name", ["bwrap-pidns", "bwrap-netns", "bwrap-fd", "codex-sandbox"])
def test_no_other_probe_has_a_fallback(name: str) -> None:
    controls = [line for line in RIGHT[name].splitlines() if line.startswith("control: ")]
    assert judge(name, "\n".join(controls), PROC, status=1).status is Status.FAIL


# Capabilities

DEFAULT_SET = "CapBnd:\t00000000a80425fb\n"
BWRAP_SET = "CapBnd:\t00000000a82c35fb\n"
EMPTY_SET = "CapBnd:\t0000000000000000\n"
FULL_SET = "CapBnd:\t000001ffffffffff\n"
BWRAP_LOCK = frozenset({"cap-add=NET_ADMIN", "cap-add=SYS_ADMIN", "cap-add=SYS_PTRACE"})


def capabilities(stdout: str, *allowed: str, status: int = 0) -> Judgement:
    return judge("capabilities", stdout, status=status, context=Context(allowed=frozenset(allowed)))


def test_dockers_default_set_passes() -> None:
    assert capabilities(DEFAULT_SET) == Judgement(Status.PASS, "Docker's default capabilities, nothing more")


def test_what_the_lock_allows_passes_and_is_named() -> None:
    assert capabilities(BWRAP_SET, *BWRAP_LOCK) == Judgement(
        Status.PASS, "Docker's default capabilities and NET_ADMIN, SYS_ADMIN, SYS_PTRACE"
    )


def test_less_than_the_lock_allows_passes() -> None:
    assert capabilities(DEFAULT_SET, *BWRAP_LOCK).status is Status.PASS


def test_a_smaller_set_is_not_called_dockers_default() -> None:
    assert "Docker's default capabilities" not in capabilities(EMPTY_SET).summary


def test_what_the_lock_does_not_allow_fails_and_is_named() -> None:
    judgement = capabilities(BWRAP_SET)
    assert judgement.status is Status.FAIL
    assert judgement.summary == "the bounding set holds NET_ADMIN, SYS_ADMIN, SYS_PTRACE"
    assert judgement.cause == "the profile may not have NET_ADMIN, SYS_ADMIN, SYS_PTRACE (privilege lock)"
    assert "--cap-add=NET_ADMIN --cap-add=SYS_ADMIN --cap-add=SYS_PTRACE" in judgement.fix


def test_one_capability_too_many_fails() -> None:
    judgement = capabilities(BWRAP_SET, "cap-add=NET_ADMIN", "cap-add=SYS_ADMIN")
    assert (judgement.status, judgement.summary) == (Status.FAIL, "the bounding set holds SYS_PTRACE")


@pytest.mark.parametrize("allowed", ["privileged", "cap-add=ALL"])
def test_a_profile_that_may_have_all_may_have_a_full_set(allowed: str) -> None:
    assert capabilities(FULL_SET, allowed).status is Status.PASS


def test_a_capability_of_a_newer_kernel_fails_too() -> None:
    judgement = capabilities("CapBnd:\t00000200a80425fb\n")
    assert (judgement.status, judgement.summary) == (Status.FAIL, "the bounding set holds bit 41")
    assert "remove  from" not in judgement.fix


@pytest.mark.parametrize(
    ("stdout", "status"),
    [
        ("", 0),
        ("", 1),
        (DEFAULT_SET, 1),
        (DEFAULT_SET.strip(), 0),
        ("CapBnd:\ta80425fb\n", 0),
        ("CapBnd:\t00000000A80425FB\n", 0),
        ("CapEff:\t00000000a80425fb\n", 0),
        (DEFAULT_SET + BWRAP_SET, 0),
        ("CapBnd:\t00000000a80425fg\n", 0),
    ],
)
def test_a_set_that_cannot_be_read_fails(stdout: str, status: int) -> None:
    judgement = capabilities(stdout, "privileged", status=status)
    assert judgement.status is Status.FAIL
    assert judgement.cause == "CapBnd could not be read from /proc/self/status"


# Seccomp


def seccomp(stdout: str, *allowed: str, status: int = 0, engine: bool = True) -> Judgement:
    context = Context(allowed=frozenset(allowed), engine_has_seccomp=engine)
    return judge("seccomp", stdout, status=status, context=context)


@pytest.mark.parametrize("allowed", [(), ("security-opt=seccomp=unconfined",)])
def test_a_filter_that_is_on_passes(allowed: tuple[str, ...]) -> None:
    assert seccomp("Seccomp:\t2\n", *allowed) == Judgement(Status.PASS, "a seccomp filter is on")


@pytest.mark.parametrize("mode", ["0", "1"])
def test_a_filter_that_is_off_fails(mode: str) -> None:
    judgement = seccomp(f"Seccomp:\t{mode}\n")
    assert (judgement.status, judgement.summary) == (Status.FAIL, "no seccomp filter is on")
    assert judgement.cause == "the profile may not run without Docker's seccomp filter (privilege lock)"


@pytest.mark.parametrize("allowed", ["security-opt=seccomp=unconfined", "privileged"])
def test_a_filter_may_be_off_when_the_lock_allows_it(allowed: str) -> None:
    assert seccomp("Seccomp:\t0\n", allowed) == Judgement(
        Status.PASS, "seccomp is off, as the privilege lock allows"
    )


@pytest.mark.parametrize("allowed", ["security-opt=apparmor=unconfined", "cap-add=SYS_ADMIN"])
def test_another_allowance_does_not_switch_the_filter_off(allowed: str) -> None:
    assert seccomp("Seccomp:\t0\n", allowed).status is Status.FAIL


def test_an_engine_without_seccomp_leaves_the_filter_unverified() -> None:
    judgement = seccomp("Seccomp:\t0\n", engine=False)
    assert judgement.status is Status.UNVERIFIED
    assert judgement.fix == "ask an engine built with seccomp"


@pytest.mark.parametrize(
    ("stdout", "status"),
    [("", 0), ("", 1), ("Seccomp:\t2\n", 1), ("Seccomp:\t3\n", 0), ("Seccomp:\t2\nSeccomp:\t0\n", 0)],
)
def test_a_mode_that_cannot_be_read_fails(stdout: str, status: int) -> None:
    judgement = seccomp(stdout, "privileged", status=status)
    assert judgement.status is Status.FAIL
    assert judgement.cause == "the seccomp mode could not be read from /proc/self/status"


# AppArmor


def apparmor(stdout: str, *allowed: str, status: int = 0, engine: bool = True) -> Judgement:
    context = Context(allowed=frozenset(allowed), engine_has_apparmor=engine)
    return judge("apparmor", stdout, status=status, context=context)


@pytest.mark.parametrize("end", ["\n", "\0", ""])
def test_a_container_that_is_confined_passes_with_its_label(end: str) -> None:
    assert apparmor(f"docker-default (enforce){end}") == Judgement(
        Status.PASS, "AppArmor: docker-default (enforce)"
    )


@pytest.mark.parametrize("allowed", ["security-opt=apparmor=unconfined", "privileged"])
def test_a_container_may_be_unconfined_when_the_lock_allows_it(allowed: str) -> None:
    assert apparmor("unconfined\n", allowed) == Judgement(Status.PASS, "AppArmor: unconfined")


@pytest.mark.parametrize("allowed", [(), ("security-opt=seccomp=unconfined",), ("cap-add=ALL",)])
def test_an_unconfined_container_fails(allowed: tuple[str, ...]) -> None:
    judgement = apparmor("unconfined\n", *allowed)
    assert (judgement.status, judgement.summary) == (Status.FAIL, "AppArmor: unconfined")
    assert judgement.cause == "the profile may not run without an enforced AppArmor profile (privilege lock)"


@pytest.mark.parametrize("label", ["docker-default (complain)", "docker-default (unconfined)", "no AppArmor"])
def test_a_label_that_enforces_nothing_is_no_pass(label: str) -> None:
    assert apparmor(f"{label}\n").status is not Status.PASS


@pytest.mark.parametrize("label", ["no AppArmor\n", "unconfined\n", "docker-default (enforce)\n"])
@pytest.mark.parametrize("allowed", [(), ("security-opt=apparmor=unconfined",)])
def test_without_apparmor_in_the_kernel_nothing_is_verified(label: str, allowed: tuple[str, ...]) -> None:
    judgement = apparmor(label, *allowed, engine=False)
    assert judgement.status is Status.UNVERIFIED
    assert judgement.summary.startswith("this kernel has no AppArmor")
    assert judgement.fix.startswith("run this on a host with AppArmor")


@pytest.mark.parametrize(("stdout", "status"), [("", 0), ("\n", 0), ("docker-default (enforce)\n", 1)])
def test_a_label_that_cannot_be_read_fails(stdout: str, status: int) -> None:
    judgement = apparmor(stdout, "privileged", status=status)
    assert (judgement.status, judgement.cause) == (Status.FAIL, "the AppArmor label could not be read")


# Codex's version


def test_the_declared_version_passes() -> None:
    assert judge("codex-version", "codex-cli 0.120.0\n") == Judgement(Status.PASS, "codex-cli 0.120.0")


@pytest.mark.parametrize(
    "said", ["codex-cli 0.120.1\n", "codex-cli 0.120.0-alpha.1\n", "codex-cli 0.120.0", "codex 0.120.0\n"]
)
def test_another_version_fails_and_both_are_named(said: str) -> None:
    judgement = judge("codex-version", said)
    assert (judgement.status, judgement.summary) == (Status.FAIL, said.strip())
    assert "codex-cli 0.120.0" in judgement.cause
    assert "CODEX_VERSION=0.120.0" in judgement.fix


def test_a_line_beside_the_version_fails() -> None:
    assert judge("codex-version", "codex-cli 0.120.0\nWARNING: new version\n").status is Status.FAIL


def test_a_codex_that_fails_after_its_version_fails() -> None:
    judgement = judge("codex-version", "codex-cli 0.120.0\n", status=1)
    assert (judgement.status, judgement.cause) == (Status.FAIL, "codex could not say its version")


def test_a_codex_that_is_not_there_is_named_as_the_cause() -> None:
    judgement = judge("codex-version", "", "codex-version: 2: codex: not found\n", status=127)
    assert (judgement.status, judgement.cause) == (Status.FAIL, "codex is not installed (image)")


@pytest.mark.parametrize("said", ["codex-cli 0.120.0\n", "codex-cli 0.169.0-alpha.1\n"])
def test_any_version_passes_where_none_is_declared(said: str) -> None:
    assert judge("codex-version", said, context=Context()) == Judgement(Status.PASS, said.strip())


@pytest.mark.parametrize(
    "said", ["codex-cli\n", "codex-cli x\n", "codex 0.120.0\n", "codex-cli 0.120.0\nmore\n"]
)
def test_what_is_no_version_fails_and_is_not_compared_with_nothing(said: str) -> None:
    judgement = judge("codex-version", said, context=Context())
    assert judgement.status is Status.FAIL
    assert "CODEX_VERSION=," not in judgement.fix


# The table and the building blocks


SCRIPTED = [probe for probe in PROBES if probe.pack != "egress"]


def test_every_probe_has_a_script_that_says_its_question() -> None:
    for probe in SCRIPTED:
        first = script(probe.name).splitlines()[0]
        assert first.startswith("# "), probe.name
        assert "?" in first, probe.name


def test_names_are_unique_and_packs_are_in_the_order_of_the_table() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES)
    assert PACKS == (
        "users", "privileges", "no-setuid-bwrap", "setuid-bwrap", "bubblewrap", "containment", "codex",
        "sandbox-runtime", "tty", "egress",
    )  # fmt: skip


def test_what_asks_for_namespaces_says_so() -> None:
    for probe in SCRIPTED:
        sandboxed = re.search(r'\b(bwrap|codex sandbox|srt) ("\$@" )?-', script(probe.name))
        looks_only = probe.name in {"bwrap-version", "bwrap-mode"}
        assert probe.needs_namespaces is (bool(sandboxed) and not looks_only), probe.name


def test_every_denial_has_its_control() -> None:
    for probe in PROBES:
        if probe.pack in {"bubblewrap", "containment", "codex"} and probe.needs_namespaces:
            assert probe.control, probe.name
            assert all(f'echo "{line}"' in script(probe.name) for line in probe.control), probe.name


def test_every_probe_says_why_it_is_asked_and_what_it_may_say() -> None:
    for probe in PROBES:
        assert probe.why, probe.name
        assert probe.verdicts >= YES_OR_NO
        if probe in SCRIPTED:
            assert bool(probe.fallback) is (Status.DEGRADED in probe.verdicts), probe.name
        assert not probe.needs_namespaces or Status.UNVERIFIED in probe.verdicts, probe.name


TERMINAL = (
    "stdin and stdout are terminals\nsize 30 100\nwaiting for another size\nsize 35 120\n"
    "waiting for Ctrl-Z\nthe job has status 148, the shell goes on\n"
    "waiting for Ctrl-C\ninterrupted\nstatus 3\n"
)


def test_a_terminal_passes_with_all_that_a_person_needs_and_the_containers_exit_status() -> None:
    assert judge("tty", TERMINAL, status=7).status is Status.PASS
    assert judge("tty", TERMINAL, status=0).status is Status.FAIL
    for line in TERMINAL.splitlines():
        assert judge("tty", TERMINAL.replace(f"{line}\n", ""), status=7).status is Status.FAIL


# The way to root

WRITES = "control: writing is told from not writing\n"
WALLS = ("security-opt=seccomp=unconfined",)


def to_root(stdout: str, *allowed: str, walls: tuple[str, ...] = WALLS, status: int = 0) -> Judgement:
    context = Context(allowed=frozenset(allowed), walls=walls)
    return judge("root", stdout, status=status, context=context)


WAYS = {
    "root=user": "it is root already",
    "root=sudo": "sudo asks for no password",
    "root=sudo:/usr/bin/find": "sudo runs /usr/bin/find for it",
    "root=doas": "doas asks for no password",
    "root=pkexec": "pkexec asks for no password",
    "root=su": "root has no password",
    "root=socket:/run/docker.sock": "it may write to the socket /run/docker.sock",
    "root=group:docker": "it is in the group docker",
    "root=writable:/etc/passwd": "it may write to /etc/passwd",
    "root=setuid:/opt/x": "the program /opt/x is setuid, and not of the distribution",
    "root=capabilities:/opt/x": "the program /opt/x has file capabilities",
    "root=trace": "it may trace a process of root's",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_root_is_held_against_the_lock_and_the_walls(way: str) -> None:
    failed = to_root(f"{WRITES}{way}\n")
    assert failed.status is Status.FAIL
    assert failed.summary == f"the remote user becomes root: {WAYS[way]}"
    assert failed.cause.startswith("root in this container can be root on the host: security-opt=seccomp")
    assert f'"{way}" = "why"' in failed.fix
    held = to_root(f"{WRITES}{way}\n", way)
    assert (held.status, held.summary.endswith("the privilege lock allows that")) == (Status.PASS, True)
    walled = to_root(f"{WRITES}{way}\n", walls=())
    assert (walled.status, walled.summary.endswith("Docker's defaults confine root")) == (Status.PASS, True)


def test_a_lock_for_one_way_allows_no_other() -> None:
    found = to_root(f"{WRITES}root=sudo\nroot=group:docker\n", "root=sudo")
    assert found.summary == "the remote user becomes root: it is in the group docker"
    assert to_root(f"{WRITES}root=sudo\n", "root=sudo:/usr/bin/find").status is Status.FAIL


def test_a_single_program_of_roots_is_no_way_and_is_told() -> None:
    found = to_root(f"{WRITES}may run as root: /usr/local/bin/init-firewall.sh\n")
    assert found.status is Status.PASS
    assert "it may run as root: /usr/local/bin/init-firewall.sh" in found.summary


@pytest.mark.parametrize(("stdout", "status"), [("", 0), ("root=sudo\n", 0), (WRITES, 1), ("", 127)])
def test_without_its_control_nothing_is_said_of_root(stdout: str, status: int) -> None:
    assert to_root(stdout, status=status).status is Status.FAIL
    assert "could not be tried" in to_root(stdout, status=status).cause


# A sandbox that is switched off, and what an agent survives

READ = "control: the words are found\n"
OFF = 'off: /home/me/.codex/config.toml:3:sandbox_mode = "danger-full-access"\n'


def switched(stdout: str, walls: tuple[str, ...] = WALLS, status: int = 0) -> Judgement:
    return judge("sandbox-on", stdout, status=status, context=Context(walls=walls))


def test_a_sandbox_that_is_off_is_a_fail_where_the_walls_are_down_for_it() -> None:
    assert switched(READ) == Judgement(Status.PASS, "nothing switches an agent's sandbox off")
    failed = switched(READ + OFF)
    assert failed.status is Status.FAIL
    assert "/home/me/.codex/config.toml:3:sandbox_mode" in failed.summary
    assert (
        failed.cause == "Docker's walls are down for a sandbox that is off: security-opt=seccomp=unconfined"
    )
    assert switched(READ + OFF, walls=()).status is Status.PASS
    many = switched(READ + "".join(f"off: {number}\n" for number in range(9)))
    assert many.summary.endswith("; and 4 more")


@pytest.mark.parametrize(("stdout", "status"), [("", 0), (OFF, 0), (READ, 2)])
def test_without_its_control_nothing_is_said_of_settings(stdout: str, status: int) -> None:
    assert switched(stdout, status=status).cause == "the settings of agents could not be read"


@pytest.mark.parametrize(
    ("declared", "survived", "status", "said"),
    [
        ({}, {}, Status.FAIL, "a fallback that the profile does not declare"),
        ({"p": "mine"}, {}, Status.DEGRADED, "declared: mine"),
        ({}, {"p": "Codex goes on"}, Status.DEGRADED, "Codex goes on"),
        ({"p": "mine"}, {"p": "Codex goes on"}, Status.DEGRADED, "declared: mine"),
        ({"other": "mine"}, {"other": "x"}, Status.FAIL, "a fallback that the profile does not declare"),
    ],
)
def test_a_fallback_is_degraded_if_it_is_declared_or_survived(
    declared: dict[str, str], survived: dict[str, str], status: Status, said: str
) -> None:
    context = Context(degradations=declared, survived=survived)
    found = degraded_as_declared("p", Judgement(Status.DEGRADED, "falls back"), context)
    assert (found.status, found.cause) == (status, said)


def test_every_probe_is_judged_in_this_file() -> None:
    judged = {"capabilities", "seccomp", "apparmor", "root", "sandbox-on", "codex-version", "tty"}
    assert {*RIGHT, *judged} == {probe.name for probe in SCRIPTED}


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("a\nb", "b"), ("a\nb\n\n  \n", "b"), ("a\r\n", "a")]
)
def test_the_last_line_is_the_last_that_is_not_blank(text: str, line: str) -> None:
    assert last_line(text) == line


@settings(deadline=None)
@given(st.sampled_from(sorted(PROBE)), st.text(), st.text(), st.sampled_from([1, 2, 69, 126, 255]))
def test_whatever_is_said_a_failing_probe_never_passes(name: str, out: str, err: str, status: int) -> None:
    judgement = judge(name, RIGHT.get(name, "") + out, err, status=status)
    assert judgement.status is not Status.PASS


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_judge_passes_only_on_its_lines(line: str, shown: str) -> None:
    judgement = judge_lines(
        Observation(("sh",), 0, f"{line}\n{shown}"), Context(), ("control: held", "ok"), fails="no"
    )
    assert (judgement.status is Status.PASS) == (line == "control: held" and shown in {"ok", "ok\n"})


WEAKER = "weaker: the sandbox sees the container's /proc (a setting)"


def test_a_weaker_sandbox_passes_and_says_how() -> None:
    passed = judge("srt-sandbox", f"{WEAKER}\n{RIGHT['srt-sandbox']}")
    assert passed.status is Status.PASS
    assert passed.summary.startswith("srt runs a command in its own")
    assert passed.summary.endswith(WEAKER)
    assert judge("srt-write", f"{WEAKER}\n{RIGHT['srt-write']}").summary.endswith(WEAKER)
    said = judge(
        "sandbox-on", "control: the words are found\nweaker: settings.json: enableWeakerNestedSandbox\n"
    )
    assert said.status is Status.PASS
    assert said.summary.endswith("it sees the container's /proc")


@pytest.mark.parametrize("name", ["srt-sandbox", "srt-write"])
def test_what_srt_cannot_mount_is_degraded_only_after_its_control(name: str) -> None:
    refusal = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted\n"
    control = RIGHT[name].splitlines()[0]
    assert judge(name, f"{control}\n", refusal, status=1).status is Status.DEGRADED
    assert judge(name, "", refusal, status=1).status is Status.FAIL
