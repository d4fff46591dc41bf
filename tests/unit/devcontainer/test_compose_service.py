"""A Compose service ─▶ a profile's options and build, on what Docker Compose 2.26.1 printed.

`compose/everything.json` is its output for `compose/everything.yaml` in /project/.devcontainer; a test of
tests/docker/test_layouts.py holds the two against each other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.build.command import CannotBuildError, plan_build
from nestproof.checks.checks import check_files
from nestproof.checks.hadolint import dockerfile_of
from nestproof.core.config import Config
from nestproof.core.outcome import Status
from nestproof.devcontainer.compose_config import ComposeUnavailable, read_project, reasons, unset_variables
from nestproof.devcontainer.compose_service import (
    Service,
    alone,
    join,
    parse_service,
    shared_with_services,
)
from nestproof.devcontainer.loading import load_profile, read_profile
from nestproof.devcontainer.profile import ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.engine.create_request import UnsupportedOptionError, create_request
from nestproof.engine.run_options import RunOptions
from nestproof.privileges.locations import relaxation_locations
from nestproof.privileges.lock import parse_lock
from nestproof.privileges.lock_check import check_lock
from nestproof.privileges.relaxations import relaxations_asked

FOLDER = Path(__file__).parents[2] / "recorded" / "compose"
EVERYTHING: dict[str, Any] = json.loads((FOLDER / "everything.json").read_text())


def service(name: str, **changes: Any) -> Service:
    project = {**EVERYTHING, "services": dict(EVERYTHING["services"])}
    project["services"][name] = {**project["services"][name], **changes}
    found = parse_service(project, name)
    assert found is not None
    return found


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose Compose files say what was recorded: the program is not asked."""
    monkeypatch.setattr("nestproof.devcontainer.compose_config.read_project", lambda *_: (EVERYTHING, ()))
    (tmp_path / ".devcontainer").mkdir()
    return tmp_path


def write(workspace: Path, **properties: Any) -> Path:
    file = workspace / ".devcontainer/devcontainer.json"
    file.write_text(json.dumps({"dockerComposeFile": "compose.yaml", "service": "app", **properties}))
    return file


def test_every_option_of_a_service_is_one_of_docker_run() -> None:
    assert service("app").options == RunOptions(
        annotations=("two=2",),
        cap_add=("SYS_PTRACE", "sys_admin"),
        cap_drop=("NET_RAW",),
        cgroupns="host",
        cpus="1.5",
        device_cgroup_rules=("c 1:1 r",),
        devices=("/dev/fuse:/dev/fuse:rwm",),
        dns=("192.0.2.53",),
        dns_options=("use-vc",),
        dns_search=("example.invalid",),
        env=("DOLLAR=$x", "FROM_OUTSIDE", "PLAIN=1"),
        extra_hosts=("mirror:192.0.2.1",),
        group_add=("10",),
        hostname="box",
        init=True,
        ipc="shareable",
        labels=("one=1",),
        memory="1073741824",
        mounts=(
            "type=volume,target=/data",
            "type=volume,target=/shared,source=everybodys",
            "type=tmpfs,target=/scratch,tmpfs-size=1000000",
            'type=bind,target=/odd,"source=/project/.devcontainer/odd, name",bind-propagation=rslave,'
            "readonly",
            "type=volume,target=/anonymous",
        ),
        network="service:db",
        pid="host",
        pids_limit="100",
        privileged=True,
        read_only=True,
        security_opt=("seccomp:unconfined", "apparmor=unconfined"),
        shm_size="67108864",
        sysctls=("net.core.somaxconn=1024",),
        tmpfs=("/run:size=10m",),
        ulimits=("nofile=2:4", "nproc=65535"),
        user="vscode",
        userns="host",
        uts="host",
        volumes=("/project:/workspaces/project", "/var/run/docker.sock:/var/run/docker.sock:ro"),
        workdir="/workspaces/project",
    )


def test_the_engine_takes_what_they_are() -> None:
    request = create_request(
        alone(service("app").options), image="sha256:0", labels={}, environment={"FROM_OUTSIDE": "here"}
    )
    assert request["Env"] == ["DOLLAR=$x", "FROM_OUTSIDE=here", "PLAIN=1"]
    host = request["HostConfig"]
    assert host["NetworkMode"] == "default"
    assert host["Memory"] == 1 << 30
    assert host["Mounts"][3]["Source"] == "/project/.devcontainer/odd, name"
    assert host["Binds"] == ["/project:/workspaces/project", "/var/run/docker.sock:/var/run/docker.sock:ro"]


def test_a_service_says_who_would_be_beside_it() -> None:
    assert service("app").others == ("db", "odd")
    assert shared_with_services(service("app").options) == {"network": "db"}
    assert shared_with_services(alone(service("app").options)) == {}


def test_an_external_network_of_the_host_is_the_hosts() -> None:
    assert service("db").options.network == "host"
    assert relaxations_asked(service("db").options) == ("network=host",)
    assert service("db").options.cpus == "0.5"


def test_what_cannot_be_carried_over_is_named_and_nothing_is_started() -> None:
    options = service("odd").options
    assert options.unsupported == (
        "cpu_shares of the Compose service",
        "domainname of the Compose service",
        "secrets of the Compose service",
        "deploy.resources.reservations.devices of the Compose service",
        "the driver of the Compose volume remote",
    )
    with pytest.raises(UnsupportedOptionError, match="secrets of the Compose service"):
        create_request(options, image="x", labels={}, environment={})


def test_a_property_that_nobody_knows_is_not_dropped_in_silence() -> None:
    assert service("db", use_api_socket=True).options.unsupported == (
        "use_api_socket of the Compose service",
    )
    assert service("db", **{"x-own": 1}).options.unsupported == ()


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        # As other releases of Compose print them.
        ({"devices": ["/dev/kvm:/dev/kvm"]}, "devices", ("/dev/kvm:/dev/kvm",)),
        ({"extra_hosts": ["one:192.0.2.1"]}, "extra_hosts", ("one:192.0.2.1",)),
        ({"extra_hosts": {"one": ["::1", "192.0.2.1"]}}, "extra_hosts", ("one:::1", "one:192.0.2.1")),
        ({"environment": ["A=1", "B"]}, "env", ("A=1", "B")),
        ({"tmpfs": "/run"}, "tmpfs", ("/run",)),
        ({"network_mode": "none"}, "network", "none"),
    ],
)
def test_other_spellings_are_read(changes: dict[str, Any], field: str, value: object) -> None:
    assert getattr(service("db", **changes).options, field) == value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("seccomp:own.json", "seccomp:/project/.devcontainer/own.json"),
        ("seccomp=/etc/own.json", "seccomp=/etc/own.json"),
        ("seccomp=unconfined", "seccomp=unconfined"),
        ("no-new-privileges:true", "no-new-privileges:true"),
    ],
)
def test_a_seccomp_profile_is_beside_the_compose_file(written: str, read: str) -> None:
    project = {"services": {"a": {"image": "x", "security_opt": [written]}}}
    found = parse_service(project, "a", Path("/project/.devcontainer"))
    assert found is not None
    assert found.options.security_opt == (read,)


def test_a_service_of_one_platform_is_not_built_for_another(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = {"services": {"app": {"image": "x", "platform": "linux/amd64"}}}
    monkeypatch.setattr("nestproof.devcontainer.compose_config.read_project", lambda *_: (project, ()))
    profile = load_profile("default", write(workspace), workspace, {})
    assert plan_build(profile, "linux/amd64").tag == "x"
    with pytest.raises(CannotBuildError, match="is for linux/amd64, not for linux/arm64"):
        plan_build(profile, "linux/arm64")


@pytest.mark.parametrize(
    ("entrypoint", "command", "runs"),
    [
        (None, None, ("/entry", "serve")),
        (None, ["sleep", "9"], ("/entry", "sleep", "9")),
        (["/own"], None, ("/own",)),
        ([], ["sleep", "9"], ("sleep", "9")),
        ("/own 'a b'", "c", ("/own", "a b", "c")),
    ],
)
def test_an_entry_point_puts_the_images_command_aside(
    entrypoint: list[str] | None, command: list[str] | None, runs: tuple[str, ...]
) -> None:
    assert service("db", entrypoint=entrypoint, command=command).own_command(["/entry"], ["serve"]) == runs


def test_properties_of_devcontainer_json_come_on_top() -> None:
    below = RunOptions(
        cap_add=("A",), env=("X=1",), mounts=("type=volume,target=/m",), volumes=("/v:/v",), user="one"
    )
    own = RunOptions(
        cap_add=("A", "B"), env=("X=2",), mounts=("type=volume,source=s,target=/m", "type=tmpfs,target=/v")
    )
    assert join(below, own) == RunOptions(
        cap_add=("A", "B"), env=("X=2",), mounts=own.mounts, volumes=(), user="one"
    )
    assert join(below, RunOptions(user="two", privileged=True)).user == "two"


def test_a_profile_has_the_options_of_its_service(workspace: Path) -> None:
    file = write(workspace, capAdd=["NET_ADMIN"], containerUser="dev", runArgs=["--cap-add=BPF"])
    profile = load_profile("default", file, workspace, {})
    assert profile.run.cap_add == ("SYS_PTRACE", "sys_admin", "NET_ADMIN")
    assert profile.run.user == "dev"
    asked = relaxations_asked(profile.run)
    assert {"privileged", "pid=host", "network=service:db", "mount=/var/run/docker.sock"} <= set(asked)
    assert "cap-add=BPF" not in asked
    assert dockerfile_of(profile) == Path("/project/.devcontainer/Dockerfile")


@pytest.mark.parametrize(("said", "keeps"), [({}, True), ({"overrideCommand": True}, False)])
def test_a_service_keeps_its_command_unless_told_otherwise(
    workspace: Path, said: dict[str, bool], keeps: bool
) -> None:
    assert load_profile("default", write(workspace, **said), workspace, {}).keeps_command is keeps


def test_only_the_services_that_would_run_are_missed(workspace: Path) -> None:
    profile = load_profile("default", write(workspace, runServices=["db"]), workspace, {})
    assert profile.service is not None
    assert profile.service.others == ("db",)


def test_the_lock_sees_the_services_options_at_the_service(workspace: Path) -> None:
    reading = read_profile("default", write(workspace), workspace, {})
    assert reading.profile is not None
    (place,) = relaxation_locations(reading.profile, reading.document)["pid=host"]
    assert place.path == "service"
    outcome = check_lock("default", reading.profile, reading.document, parse_lock("[default]\n"))
    assert outcome.status is Status.FAIL
    assert "pid=host" in outcome.summary


def test_a_service_that_is_not_there_is_a_mistake_at_its_place(workspace: Path) -> None:
    with pytest.raises(ProfileError, match=r"there is no service 'web' in compose.yaml \[compose-file\]"):
        load_profile("default", write(workspace, service="web"), workspace, {})


def test_the_build_section_is_built_as_compose_would(workspace: Path) -> None:
    plan = plan_build(load_profile("default", write(workspace), workspace, {}), "linux/arm64")
    text = " ".join(plan.argv)
    assert text.startswith("docker buildx build --load --platform linux/arm64 --tag nestproof/")
    for words in (
        "--file /project/.devcontainer/Dockerfile",
        "--target dev",
        "--build-arg BASE=debian:bookworm",
        "--build-context tools=/project/tools",
        "--secret id=token,src=/project/.devcontainer/token",
        "--ssh default",
        "--network host",
        "--add-host mirror:192.0.2.1",
        "--shm-size 1073741824",
        "--no-cache",
    ):
        assert f" {words} " in text
    assert plan.argv[-1] == "/project"


def test_a_service_with_an_image_alone_is_pulled(workspace: Path) -> None:
    profile = load_profile("default", write(workspace, service="db"), workspace, {})
    assert dockerfile_of(profile) is None
    plan = plan_build(profile, "linux/amd64")
    assert plan.argv == ("docker", "pull", "--platform", "linux/amd64", "postgres:16")


@pytest.mark.parametrize(
    ("build", "named"),
    [
        ({"dockerfile_inline": "FROM x"}, "dockerfile_inline"),
        ({"additional_contexts": {"a": "service:db"}}, "additional_contexts of another service"),
        ({"secrets": [{"source": "gone"}]}, "the secret gone"),
        ({"privileged": True}, "privileged"),
    ],
)
def test_a_build_that_cannot_be_carried_over_is_said(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, build: dict[str, Any], named: str
) -> None:
    app = {**EVERYTHING["services"]["app"], "build": {"context": "/project", **build}}
    project = {**EVERYTHING, "services": {"app": app}}
    monkeypatch.setattr("nestproof.devcontainer.compose_config.read_project", lambda *_: (project, ()))
    with pytest.raises(CannotBuildError) as caught:
        plan_build(load_profile("default", write(workspace), workspace, {}), "linux/amd64")
    assert named in caught.value.what
    assert caught.value.exit_code == 3


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A stand-in for the docker client, which says what 28.2.2 without the plugin, or with it, said."""
    program = folder / "bin/docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


WITHOUT = 'echo "docker: unknown command: docker compose" >&2; exit 1'


def test_without_compose_what_depends_on_it_is_unverified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, WITHOUT)
    (tmp_path / ".devcontainer").mkdir()
    file = write(tmp_path)
    with pytest.raises(ComposeUnavailable) as caught:
        load_profile("default", file, tmp_path, {})
    assert caught.value.exit_code == 3
    outcomes = {
        outcome.id: outcome
        for outcome in check_files(
            ProfileReader(tmp_path, {}, {"default": file}), ["default"], config=Config(), lock=None
        )
    }
    assert outcomes["check.model"].status is Status.PASS
    for step in ("check.lint", "check.lock", "check.dockerfile"):
        assert outcomes[step].status is Status.UNVERIFIED
        assert "compose plugin" in outcomes[step].cause


def test_composes_own_words_are_the_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        'case "$*" in *version*) echo "Docker Compose version 2.26.1-4";; '
        '*) echo "time=\\"x\\" level=warning msg=\\"the A variable is not set\\"" >&2; '
        'echo "services.app.networks must be a list" >&2; exit 15;; esac'
    )
    docker(tmp_path, monkeypatch, said)
    (tmp_path / ".devcontainer").mkdir()
    with pytest.raises(ProfileError, match=r"Compose objects: services\.app\.networks must be a list"):
        load_profile("default", write(tmp_path), tmp_path, {})


def test_the_files_are_those_that_the_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, f'echo "$@ $CHOSEN$OTHER$DEEP" >{tmp_path}/asked; echo "{{}}"')
    monkeypatch.setenv("OTHER", "no")
    environment = {"CHOSEN": "yes", "OTHER": "no", "DEEP": "!"}
    (tmp_path / "a.yml").write_text("services: {a: {image: '${CHOSEN:-x}$$OTHER', extends: {file: c.yml}}}\n")
    (tmp_path / "c.yml").write_text("services: {a: {env_file: [{path: d.env, required: false}]}}\n")
    (tmp_path / "d.env").write_text("A=$DEEP\n")
    project, variables = read_project([tmp_path / "a.yml", tmp_path / "b.yml"], tmp_path, environment)
    assert (project, set(variables)) == ({}, {"CHOSEN", "DEEP"})
    asked = (tmp_path / "asked").read_text()
    files = f"--file {tmp_path}/a.yml --file {tmp_path}/b.yml"
    assert asked == f"compose {files} --profile * config --format json yes!\n"


def test_the_reason_comes_first_and_the_rest_in_one_order() -> None:
    warning = 'time="2026" level=warning msg="obsolete"\n'
    first = reasons(f"{warning}b: no\na: no\n\nthe project does not hold\n")
    assert first == reasons(f"a: no\nb: no\nb: no\n{warning}the project does not hold\n")
    assert first == ["the project does not hold", "a: no", "b: no"]
    assert reasons("") == []


UNSET = (
    'time="2026" level=warning msg="The \\"SOCKET\\" variable is not set. Defaulting to a blank string."\n'
)


@pytest.mark.parametrize(
    ("stderr", "names"),
    [
        (f"{UNSET}invalid spec: :/run/agent: empty section between colons", ("SOCKET",)),
        (f"{UNSET}project name must not be empty", ("SOCKET",)),
        (f"{UNSET}services.app.image must be a string", ()),
        ("invalid spec: :/run/agent: empty section between colons", ()),
        (
            "error while interpolating services.web: required variable URL is missing a value: set it",
            ("URL",),
        ),
    ],
)
def test_a_variable_that_this_machine_lacks_is_no_mistake_of_the_project(
    stderr: str, names: tuple[str, ...]
) -> None:
    assert unset_variables(stderr) == names
