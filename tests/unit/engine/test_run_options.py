"""`docker run` options are read as the docker client reads them, and nothing is passed over in silence."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.errors import UsageError
from nestproof.engine.option_values import mount_fields
from nestproof.engine.run_options import RunOptions, is_podmans, parse_run_args

# option, value, field, what the field then holds
WITH_VALUE = [
    ("--add-host", "db:10.0.0.1", "extra_hosts", ("db:10.0.0.1",)),
    ("--annotation", "a=b", "annotations", ("a=b",)),
    ("--cap-add", "SYS_ADMIN", "cap_add", ("SYS_ADMIN",)),
    ("--cap-drop", "ALL", "cap_drop", ("ALL",)),
    ("--cgroupns", "host", "cgroupns", "host"),
    ("--cpus", "1.5", "cpus", "1.5"),
    ("--device", "/dev/fuse", "devices", ("/dev/fuse",)),
    ("--device-cgroup-rule", "c 10:229 rwm", "device_cgroup_rules", ("c 10:229 rwm",)),
    ("--dns", "10.0.0.1", "dns", ("10.0.0.1",)),
    ("--dns-opt", "rotate", "dns_options", ("rotate",)),
    ("--dns-option", "rotate", "dns_options", ("rotate",)),
    ("--dns-search", "example.org", "dns_search", ("example.org",)),
    ("--env", "A=B=C", "env", ("A=B=C",)),
    ("-e", "A=B", "env", ("A=B",)),
    ("--env-file", "env.list", "env_files", ("env.list",)),
    ("--group-add", "video", "group_add", ("video",)),
    ("--hostname", "box", "hostname", "box"),
    ("-h", "box", "hostname", "box"),
    ("--ipc", "host", "ipc", "host"),
    ("--label", "a=b", "labels", ("a=b",)),
    ("-l", "a=b", "labels", ("a=b",)),
    ("--memory", "1g", "memory", "1g"),
    ("-m", "1g", "memory", "1g"),
    ("--mount", "type=tmpfs,target=/t", "mounts", ("type=tmpfs,target=/t",)),
    ("--cpus", "1.5", "cpus", "1.5"),
    ("--device-cgroup-rule", "c 1:3 rmw", "device_cgroup_rules", ("c 1:3 rmw",)),
    ("--dns", "192.0.2.1", "dns", ("192.0.2.1",)),
    ("--dns-option", "rotate", "dns_options", ("rotate",)),
    ("--dns-search", "example.org", "dns_search", ("example.org",)),
    ("--env-file", "a.env", "env_files", ("a.env",)),
    ("--memory", "1g", "memory", "1g"),
    ("-m", "1g", "memory", "1g"),
    ("--pids-limit", "100", "pids_limit", "100"),
    ("--gpus", "all", "unsupported", ("--gpus",)),
    ("--network", "host", "network", "host"),
    ("--net", "host", "network", "host"),
    ("--pid", "host", "pid", "host"),
    ("--pids-limit", "-1", "pids_limit", "-1"),
    ("--platform", "linux/arm64", "platform", "linux/arm64"),
    ("--runtime", "runsc", "runtime", "runsc"),
    ("--security-opt", "seccomp=unconfined", "security_opt", ("seccomp=unconfined",)),
    ("--shm-size", "1g", "shm_size", "1g"),
    ("--sysctl", "net.core.somaxconn=1", "sysctls", ("net.core.somaxconn=1",)),
    ("--tmpfs", "/t:size=1m", "tmpfs", ("/t:size=1m",)),
    ("--ulimit", "nofile=1:2", "ulimits", ("nofile=1:2",)),
    ("--user", "me:us", "user", "me:us"),
    ("-u", "me", "user", "me"),
    ("--userns", "host", "userns", "host"),
    ("--uts", "host", "uts", "host"),
    ("--volume", "/a:/b:ro", "volumes", ("/a:/b:ro",)),
    ("-v", "/a:/b", "volumes", ("/a:/b",)),
    ("--workdir", "/w", "workdir", "/w"),
    ("-w", "/w", "workdir", "/w"),
]
SWITCHES = [("--init", "init"), ("--privileged", "privileged"), ("--read-only", "read_only")]


def options(field: str, held: Any) -> RunOptions:
    return RunOptions(**{field: held})


def refusal(*arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_run_args(arguments)
    assert caught.value.exit_code == 2
    return caught.value.what


@pytest.mark.parametrize(("option", "value", "field", "held"), WITH_VALUE)
def test_a_value_stands_in_the_next_argument(option: str, value: str, field: str, held: object) -> None:
    assert parse_run_args([option, value]) == options(field, held)


@pytest.mark.parametrize(("option", "value", "field", "held"), WITH_VALUE)
def test_a_value_stands_after_an_equals_sign(option: str, value: str, field: str, held: object) -> None:
    assert parse_run_args([f"{option}={value}"]) == options(field, held)


@pytest.mark.parametrize("row", [row for row in WITH_VALUE if not row[0].startswith("--")])
def test_a_value_stands_right_after_a_letter(row: tuple[str, str, str, object]) -> None:
    option, value, field, held = row
    assert parse_run_args([f"{option}{value}"]) == options(field, held)


@pytest.mark.parametrize("row", WITH_VALUE)
def test_a_missing_value_is_named(row: tuple[str, str, str, object]) -> None:
    assert refusal("--init", row[0]) == f"runArgs[1]: {row[0]} needs a value"


@pytest.mark.parametrize(("option", "field"), SWITCHES)
@pytest.mark.parametrize(
    ("value", "held"),
    [("", True), *((f"={word}", True) for word in ("1", "t", "T", "TRUE", "true", "True"))]
    + [(f"={word}", False) for word in ("0", "f", "F", "FALSE", "false", "False")],
)
def test_a_switch_is_on_unless_it_is_told_off(option: str, field: str, value: str, held: bool) -> None:
    assert parse_run_args([option + value], options(field, not held)) == options(field, held)


@pytest.mark.parametrize("value", ["", "yes", "2", "tRUE", "on"])
def test_a_switch_that_is_neither_true_nor_false_is_refused(value: str) -> None:
    assert refusal(f"--privileged={value}") == f"runArgs[0]: --privileged={value} is neither true nor false"


def test_every_field_has_an_option() -> None:
    tested = {row[2] for row in WITH_VALUE} | {field for _, field in SWITCHES} | {"unsupported"}
    tested |= {"root", "home"}  # no options
    assert tested == {field.name for field in fields(RunOptions)}


@pytest.mark.parametrize(
    "argument",
    [
        *("--rm", "--detach", "-d", "--interactive", "-i", "--tty", "-t", "-it", "-ti", "-dit", "-P", "-q"),
        *("--sig-proxy=false", "--name=mine", "--publish=80:80", "-p80:80", "--entrypoint=", "--pull=never"),
        *("--restart=always", "--stop-signal=9", "--health-cmd=true", "--no-healthcheck", "-astdin"),
    ],
)
def test_what_no_probe_could_see_changes_nothing(argument: str) -> None:
    assert parse_run_args([argument, "--init"]) == RunOptions(init=True)


@pytest.mark.parametrize("option", ["--name", "--entrypoint", "--restart", "--log-opt", "-a"])
def test_what_no_probe_could_see_still_takes_its_value(option: str) -> None:
    assert parse_run_args([option, "--init"]) == RunOptions()


@pytest.mark.parametrize(
    ("arguments", "unsupported"),
    [
        (["--gpus=all"], ("--gpus",)),
        (["--gpus", "all"], ("--gpus",)),
        (["--volumes-from", "--init"], ("--volumes-from",)),
        (["-c", "512"], ("--cpu-shares",)),
        (["--oom-kill-disable"], ("--oom-kill-disable",)),
        (["--ip=10.0.0.2", "--mac-address", "aa:bb"], ("--ip", "--mac-address")),
    ],
)
def test_what_is_not_carried_over_is_remembered(arguments: list[str], unsupported: tuple[str, ...]) -> None:
    assert parse_run_args([*arguments, "--privileged"]) == RunOptions(
        privileged=True, unsupported=unsupported
    )


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--cap-ad=SYS_ADMIN", "docker run has no option --cap-ad; did you mean --cap-add?"),
        ("--secuirty-opt", "docker run has no option --secuirty-opt; did you mean --security-opt?"),
        ("--frobnicate=1", "docker run has no option --frobnicate"),
        ("--Privileged", "docker run has no option --Privileged; did you mean --privileged?"),
        ("-x", "docker run has no option -x"),
        ("-itx", "docker run has no option -itx"),
        ("-iv", "-iv needs a value"),
        ("--", "docker run has no option --"),
        ("-", "docker run has no option -"),
        ("---init", "docker run has no option ---init"),
        ("-init", "docker run has no option -init"),
        ("-privileged", ""),
        ("--security-opt seccomp=unconfined", "is one argument to docker; write it as two, or with ="),
        ("ubuntu", "'ubuntu' is no option"),
        ("", "'' is no option"),
    ],
)
def test_an_unknown_option_is_refused_and_not_passed_over(argument: str, said: str) -> None:
    refused = refusal("--init", argument)
    assert refused.startswith("runArgs[1]: ")
    assert said in refused


@pytest.mark.parametrize("word", ["privileged", "init", "rm", "tty", "cap-add", "user", "gpus", "publish"])
def test_a_word_without_dashes_is_no_option(word: str) -> None:
    # For the docker client it would be the image.
    assert refusal(word, "x").startswith(f"runArgs[0]: {word!r} is no option")


def test_a_switch_does_not_take_the_next_argument() -> None:
    assert refusal("--init", "false") == (
        "runArgs[1]: 'false' is no option; the image and the command are the client's own"
    )


def test_a_value_may_look_like_an_option() -> None:
    assert parse_run_args(["--env", "--privileged"]) == RunOptions(env=("--privileged",))


def test_an_empty_value_is_a_value() -> None:
    assert parse_run_args(["--platform=", "--user="], RunOptions(user="me")) == RunOptions()


def test_what_may_be_given_often_adds_up_in_order() -> None:
    parsed = parse_run_args(["--cap-add=B", "--cap-add", "A", "--cap-add=B"], RunOptions(cap_add=("Z",)))
    assert parsed == RunOptions(cap_add=("Z", "B", "A", "B"))


def test_of_what_can_be_there_only_once_the_last_counts() -> None:
    assert parse_run_args(["--user=a", "-u", "b"], RunOptions(user="z")) == RunOptions(user="b")


def test_no_arguments_change_nothing() -> None:
    base = RunOptions(cap_add=("A",), init=True)
    assert parse_run_args([], base) == base
    assert parse_run_args([]) == RunOptions()


@settings(deadline=None)
@given(st.text())
def test_any_value_is_the_same_in_both_forms(value: str) -> None:
    expected = RunOptions(env=(value,))
    assert parse_run_args([f"--env={value}"]) == parse_run_args(["--env", value]) == expected


PIECES = st.sampled_from(["--env", "-e", "--init", "-it", "--privileged=", "-", "--", "=", "x", "--user=a"])


@settings(deadline=None)
@given(st.lists(st.text() | PIECES | st.builds(str.__add__, PIECES, st.text())))
def test_any_arguments_are_options_or_a_usage_error(arguments: list[str]) -> None:
    # Any other exception is a fault of ours, and fails the test.
    with contextlib.suppress(UsageError):
        parse_run_args(arguments)


def test_a_mount_with_a_line_break_has_no_fields() -> None:
    assert mount_fields("type=bind,source=/a\r,target=/b\n") == {}
    assert mount_fields('type=bind,"source=/a,b",target=/c') == {
        "type": "bind",
        "source": "/a,b",
        "target": "/c",
    }


@pytest.mark.parametrize("arguments", [["--systemd=always"], ["--systemd", "always"], ["--passwd=false"]])
def test_an_option_that_podman_alone_has_is_known_and_not_carried_over(arguments: list[str]) -> None:
    name = arguments[0].partition("=")[0]
    assert parse_run_args([*arguments, "--init"]) == RunOptions(init=True, unsupported=(name,))
    assert is_podmans(name.lstrip("-"))
    assert not is_podmans("init")
