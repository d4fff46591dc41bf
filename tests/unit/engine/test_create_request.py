"""Run options become the create request that the docker client would send."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.core.errors import UsageError
from nestproof.engine.create_request import UnsupportedOptionError, create_request
from nestproof.engine.run_options import RunOptions

LABELS = {"dev.nestproof.run": "1234"}

# As the reference client has a container wait; `exec "$@"` runs an image's own command, if there is one.
WAIT = """\
echo Container started
trap "exit 0" 15

exec "$@"
while sleep 1 & wait $!; do :; done"""


def request(**options: Any) -> dict[str, Any]:
    return create_request(
        RunOptions(**options), image="sha256:0123", labels=LABELS, environment={"TERM": "xterm", "EMPTY": ""}
    )


def host(**options: Any) -> dict[str, Any]:
    config: dict[str, Any] = request(**options)["HostConfig"]
    return config


def refusal(**options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        request(**options)
    return str(caught.value)


def test_without_options_the_engines_own_defaults_hold() -> None:
    assert request() == {
        "Image": "sha256:0123",
        "User": "",
        "Env": [],
        "Labels": {"dev.nestproof.run": "1234"},
        "WorkingDir": "",
        "Hostname": "",
        "HostConfig": {"NetworkMode": "default", "Privileged": False, "ReadonlyRootfs": False},
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", WAIT, "-"],
    }


def test_the_images_own_command_runs_when_the_profile_wants_it() -> None:
    own = ("/bin/serve", "--port", "80")
    body = create_request(RunOptions(), image="i", labels={}, environment={}, own_command=own)
    assert body["Entrypoint"] == ["/bin/sh"]
    assert body["Cmd"] == ["-c", WAIT, "-", *own]


def test_entry_points_of_features_run_first() -> None:
    body = create_request(RunOptions(), image="i", labels={}, environment={}, entrypoints=("one", "two 2"))
    assert body["Cmd"][1].splitlines()[2:4] == ["one", "two 2"]


# field, its value, where it goes, what is there
IN_BODY = [
    ("user", "me:us", "User", "me:us"),
    ("workdir", "/w", "WorkingDir", "/w"),
    ("hostname", "box", "Hostname", "box"),
    (
        "env",
        ("A=1", "B=x=y", "C=", "TERM", "EMPTY", "UNSET"),
        "Env",
        ["A=1", "B=x=y", "C=", "TERM=xterm", "EMPTY="],
    ),
    ("labels", ("a=b=c", "bare"), "Labels", {"a": "b=c", "bare": "", "dev.nestproof.run": "1234"}),
    ("labels", ("dev.nestproof.run=theirs",), "Labels", {"dev.nestproof.run": "1234"}),
]
IN_HOST_CONFIG = [
    ("cpus", "1.5", "NanoCpus", 1_500_000_000),
    ("device_cgroup_rules", ("c 1:3 rmw",), "DeviceCgroupRules", ["c 1:3 rmw"]),
    ("dns", ("192.0.2.1",), "Dns", ["192.0.2.1"]),
    ("dns_options", ("rotate",), "DnsOptions", ["rotate"]),
    ("dns_search", ("example.org",), "DnsSearch", ["example.org"]),
    ("memory", "1g", "Memory", 1 << 30),
    ("pids_limit", "100", "PidsLimit", 100),
    ("annotations", ("a=b",), "Annotations", {"a": "b"}),
    ("cap_add", ("SYS_ADMIN", "NET_ADMIN"), "CapAdd", ["SYS_ADMIN", "NET_ADMIN"]),
    ("cap_drop", ("ALL",), "CapDrop", ["ALL"]),
    ("cgroupns", "private", "CgroupnsMode", "private"),
    ("cpus", "1.5", "NanoCpus", 1500000000),
    ("device_cgroup_rules", ("c 10:229 rwm",), "DeviceCgroupRules", ["c 10:229 rwm"]),
    (
        "devices",
        ("/dev/fuse",),
        "Devices",
        [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}],
    ),
    (
        "devices",
        ("/dev/a:/dev/b",),
        "Devices",
        [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rwm"}],
    ),
    (
        "devices",
        ("/dev/a:/dev/b:r",),
        "Devices",
        [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}],
    ),
    (
        "devices",
        ("/dev/a:rw",),
        "Devices",
        [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rw"}],
    ),
    ("dns", ("10.0.0.1",), "Dns", ["10.0.0.1"]),
    ("dns_options", ("rotate",), "DnsOptions", ["rotate"]),
    ("dns_search", ("example.org",), "DnsSearch", ["example.org"]),
    ("extra_hosts", ("db:10.0.0.1",), "ExtraHosts", ["db:10.0.0.1"]),
    ("group_add", ("video",), "GroupAdd", ["video"]),
    ("init", True, "Init", True),
    ("ipc", "host", "IpcMode", "host"),
    ("memory", "512m", "Memory", 536870912),
    (
        "mounts",
        ("type=bind,source=/a,target=/b",),
        "Mounts",
        [{"Type": "bind", "Source": "/a", "Target": "/b"}],
    ),
    ("network", "none", "NetworkMode", "none"),
    ("pid", "host", "PidMode", "host"),
    ("pids_limit", "100", "PidsLimit", 100),
    ("pids_limit", "-1", "PidsLimit", -1),
    ("privileged", True, "Privileged", True),
    ("read_only", True, "ReadonlyRootfs", True),
    ("runtime", "runsc", "Runtime", "runsc"),
    ("security_opt", ("seccomp=unconfined",), "SecurityOpt", ["seccomp=unconfined"]),
    ("shm_size", "64m", "ShmSize", 67108864),
    ("sysctls", ("net.core.somaxconn=1",), "Sysctls", {"net.core.somaxconn": "1"}),
    ("tmpfs", ("/t:size=1m,mode=700", "/u"), "Tmpfs", {"/t": "size=1m,mode=700", "/u": ""}),
    (
        "ulimits",
        ("nofile=1024:2048", "core=0"),
        "Ulimits",
        [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "core", "Soft": 0, "Hard": 0}],
    ),
    ("userns", "host", "UsernsMode", "host"),
    ("uts", "host", "UTSMode", "host"),
    ("volumes", ("/a:/b:ro", "data:/d"), "Binds", ["/a:/b:ro", "data:/d"]),
]


@pytest.mark.parametrize(("field", "value", "key", "expected"), IN_BODY)
def test_an_option_goes_into_the_body(field: str, value: object, key: str, expected: object) -> None:
    assert request(**{field: value})[key] == expected


@pytest.mark.parametrize(("field", "value", "key", "expected"), IN_HOST_CONFIG)
def test_an_option_goes_into_the_host_config(field: str, value: object, key: str, expected: object) -> None:
    assert host(**{field: value})[key] == expected


def test_an_env_file_comes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_text("# a comment\n\n  A=1\nB\n")
    body = create_request(
        RunOptions(env=("A=2",), env_files=(str(file),)), image="image", labels={}, environment={"B": "b"}
    )
    assert body["Env"] == ["A=1", "B=b", "A=2"]


def test_an_env_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "gone.env cannot be read" in refusal(env_files=(str(tmp_path / "gone.env"),))


def test_what_is_not_carried_over_is_not_started() -> None:
    with pytest.raises(UnsupportedOptionError, match="does not carry over --gpus") as caught:
        create_request(RunOptions(unsupported=("--gpus",)), image="image", labels={}, environment={})
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("field", "value"), [("cpus", "many"), ("pids_limit", "few")])
def test_a_number_that_is_none_is_refused(field: str, value: str) -> None:
    assert repr(value) in refusal(**{field: value})


def test_no_option_is_forgotten() -> None:
    # The platform goes beside the body; files and what is not carried over have tests of their own.
    tested = {row[0] for row in (*IN_BODY, *IN_HOST_CONFIG)} | {"env_files", "platform", "unsupported"}
    tested |= {"root", "home"}  # by them mounts are named
    assert tested == {field.name for field in fields(RunOptions)}


def test_what_cannot_be_carried_over_is_said_and_unverified() -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        request(unsupported=("--gpus", "--ip"))
    assert caught.value.what == "nestproof does not carry over --gpus, --ip"
    assert caught.value.exit_code == 3


def test_env_files_come_before_the_environment_and_without_comments(tmp_path: Path) -> None:
    file = tmp_path / "env.list"
    file.write_text("# a comment\nA=1\n\n  # another\n  B=x y # no comment\nTERM\nUNSET\n")
    body = request(env_files=(str(file),), env=("A=2",))
    assert body["Env"] == ["A=1", "B=x y # no comment", "TERM=xterm", "A=2"]


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_an_env_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "env.list"
    if content is not None:
        file.write_bytes(content)
    assert f"the env file {file} cannot be read" in refusal(env_files=(str(file),))


@pytest.mark.parametrize("cpus", ["many", "-1", "1.", "1,5", "inf", "1e3"])
def test_a_number_of_processors_that_is_none_is_refused(cpus: str) -> None:
    assert repr(cpus) in refusal(cpus=cpus)


@pytest.mark.parametrize("limit", ["many", "1.5", "--1"])
def test_a_number_of_processes_that_is_none_is_refused(limit: str) -> None:
    assert repr(limit) in refusal(pids_limit=limit)


@pytest.mark.parametrize(
    ("option", "passed"),
    [
        ("seccomp=unconfined", ["seccomp=unconfined"]),
        ("seccomp:unconfined", ["seccomp=unconfined"]),
        ("seccomp=builtin", ["seccomp=builtin"]),
        ("apparmor=unconfined", ["apparmor=unconfined"]),
        ("apparmor:mine", ["apparmor=mine"]),
        ("label=level:s0:c1", ["label=level:s0:c1"]),
        ("no-new-privileges", ["no-new-privileges"]),
        ("no-new-privileges:true", ["no-new-privileges=true"]),
        ("no-new-privileges=false", ["no-new-privileges=false"]),
    ],
)
def test_a_security_option_is_passed_on(option: str, passed: list[str]) -> None:
    config = host(security_opt=(option,))
    assert config["SecurityOpt"] == passed
    assert "MaskedPaths" not in config
    assert "ReadonlyPaths" not in config


def test_unconfined_system_paths_become_empty_lists_as_in_the_docker_client() -> None:
    config = host(security_opt=("systempaths=unconfined", "apparmor=unconfined"))
    assert config["MaskedPaths"] == config["ReadonlyPaths"] == []
    assert config["SecurityOpt"] == ["apparmor=unconfined"]
    assert "SecurityOpt" not in host(security_opt=("systempaths=unconfined",))


def test_a_seccomp_file_is_sent_as_its_content(tmp_path: Path) -> None:
    file = tmp_path / "seccomp.json"
    file.write_text('{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n')
    (option,) = host(security_opt=(f"seccomp={file}",))["SecurityOpt"]
    name, _, content = option.partition("=")
    assert name == "seccomp"
    assert json.loads(content) == {"defaultAction": "SCMP_ACT_ALLOW"}
    assert "\n" not in content


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_a_seccomp_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "seccomp.json"
    if content is not None:
        file.write_bytes(content)
    assert f"the seccomp profile {file} cannot be read" in refusal(security_opt=(f"seccomp={file}",))


@pytest.mark.parametrize("option", ["seccomp", "unconfined", ""])
def test_a_security_option_without_a_value_is_refused(option: str) -> None:
    assert f"security option {option!r}" in refusal(security_opt=(option,))


@pytest.mark.parametrize(
    ("mount", "body"),
    [
        (
            "type=bind,source=/a,target=/b,readonly",
            {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True},
        ),
        ("type=bind,src=/a,dst=/b,ro=1", {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True}),
        (
            "type=bind,source=/a,destination=/b,consistency=cached,bind-propagation=rslave",
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/b",
                "Consistency": "cached",
                "BindOptions": {"Propagation": "rslave"},
            },
        ),
        (
            "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770",
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 0o1770}},
        ),
        ("type=tmpfs,target=/t", {"Type": "tmpfs", "Target": "/t"}),
        (
            "type=volume,source=data,target=/d,external",
            {"Type": "volume", "Source": "data", "Target": "/d", "VolumeOptions": {"Labels": LABELS}},
        ),
        (
            "source=data,target=/d",
            {"Type": "volume", "Source": "data", "Target": "/d", "VolumeOptions": {"Labels": LABELS}},
        ),
        (
            'type=bind,"source=/with,comma","target=/with ""quotes"""',
            {"Type": "bind", "Source": "/with,comma", "Target": '/with "quotes"'},
        ),
        ("target=/d", {"Type": "volume", "Target": "/d", "VolumeOptions": {"Labels": LABELS}}),
    ],
)
def test_a_mount_is_spelled_out_and_only_a_volume_is_labelled(mount: str, body: dict[str, Any]) -> None:
    assert host(mounts=(mount,))["Mounts"] == [body]


@pytest.mark.parametrize(
    ("value", "read_only"),
    [("true", True), ("1", True), ("TRUE", True), ("t", True), ("false", False), ("0", False), ("F", False)],
)
def test_a_mount_is_read_only_as_the_docker_client_reads_it(value: str, read_only: bool) -> None:
    mount = f"type=bind,source=/a,target=/b,readonly={value}"
    assert host(mounts=(mount,))["Mounts"][0]["ReadOnly"] is read_only


@pytest.mark.parametrize(
    "mount",
    [
        "type=volume,target=/d,volume-driver=nfs",
        "type=bind,source=/a,target=/b,readonyl",
        "type=bind,source=/a,target=/b,readonly=maybe",
        "type=bind,source=/a",
        "type=bind,source=/a,target=",
        "type=bind,source,target=/b",
        "type=tmpfs,target=/t,tmpfs-mode=rwx",
        "type=tmpfs,target=/t,tmpfs-size=much",
        "",
    ],
)
def test_a_mount_that_the_docker_client_refuses_is_refused(mount: str) -> None:
    refusal(mounts=(mount,))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", 1024),
        ("1b", 1),
        ("2k", 2048),
        ("64m", 67108864),
        ("64M", 67108864),
        ("64mb", 67108864),
        ("64MiB", 67108864),
        ("1g", 1073741824),
        ("1GB", 1073741824),
        ("1.5k", 1536),
        ("1t", 1099511627776),
    ],
)
def test_a_size_is_in_bytes(text: str, size: int) -> None:
    assert host(shm_size=text)["ShmSize"] == size


@pytest.mark.parametrize("text", ["lots", "m", "64x", "64mm", "1g1", "-1", "inf", "nan", "1_0", " "])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    assert repr(text) in refusal(shm_size=text)


@pytest.mark.parametrize("limit", ["nofile", "nofile=", "nofile=many", "nofile=1:many", "nofile=2:1"])
def test_an_ulimit_that_the_docker_client_refuses_is_refused(limit: str) -> None:
    assert repr(limit) in refusal(ulimits=(limit,))


@pytest.mark.parametrize("device", ["/dev/a:/dev/b:xyz", "/dev/a:/dev/b:r:w", "/dev/a:bogus", ":/dev/b", ""])
def test_a_device_that_the_docker_client_refuses_is_refused(device: str) -> None:
    refusal(devices=(device,))


TEXTS = st.text() | st.from_regex(r"[a-z-]{0,12}=?[/a-z0-9.:,=-]{0,20}", fullmatch=True)
SOME = st.lists(TEXTS, max_size=2).map(tuple)


@settings(deadline=None, max_examples=50)
@given(
    st.builds(
        RunOptions,
        annotations=SOME,
        devices=SOME,
        env=SOME,
        labels=SOME,
        mounts=st.lists(
            st.lists(
                st.sampled_from(["type=bind", "type=tmpfs", "source=/a", "target=/b", "readonly", "external"])
                | st.builds("{}={}".format, st.sampled_from(["tmpfs-mode", "tmpfs-size", "ro"]), TEXTS),
                max_size=4,
            ).map(",".join),
            max_size=2,
        ).map(tuple),
        shm_size=TEXTS,
        sysctls=SOME,
        tmpfs=SOME,
        ulimits=SOME,
        cpus=TEXTS,
        memory=TEXTS,
        pids_limit=TEXTS,
    )
)
def test_any_options_are_a_request_in_json_or_a_usage_error(options: RunOptions) -> None:
    # Any other exception is a fault of ours, and fails the test.
    with contextlib.suppress(UsageError):
        body = create_request(options, image="i", labels=LABELS, environment={})
        assert json.loads(json.dumps(body, allow_nan=False)) == body
