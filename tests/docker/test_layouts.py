"""nestproof in repositories that know nothing of it, without any configuration: five layouts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nestproof.devcontainer.compose_config import read_project
from nestproof.devcontainer.loading import load_profile
from nestproof.engine.client import Engine, find_image
from nestproof.engine.container import started_container
from nestproof.smoke.plan import request_container
from tests.blocks import Block, blocks
from tests.conftest import ROOT, Repository, own_containers, skip_or_fail
from tests.docker.client import run_client
from tests.docker.layouts import LAYOUTS, make
from tests.docker.test_parity import comparable
from tests.unit.repository.test_docs import run_block

pytestmark = pytest.mark.docker

RECORDED = Path(__file__).parents[1] / "recorded" / "compose"


@pytest.fixture(scope="session")
def compose() -> None:
    """Docker's compose plugin."""
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if asked.returncode != 0:
        skip_or_fail("the docker client has no compose plugin")


@pytest.fixture
def foreign(
    tmp_path: Path, engine: Engine, compose: None, base: str, request: pytest.FixtureRequest
) -> Iterator[Repository]:
    before, volumes = own_containers(engine), names_of_volumes(engine)
    yield make(request.param, tmp_path / "somebodys", base)
    assert own_containers(engine) == before
    assert names_of_volumes(engine) <= volumes
    for image in engine.api.images("nestproof/somebodys-*"):
        engine.api.remove_image(image["Id"], force=True)


def names_of_volumes(engine: Engine) -> set[str]:
    # Anonymous ones have random names: those of others who work on the engine come and go.
    found = {volume["Name"] for volume in engine.api.volumes()["Volumes"] or ()}
    return {name for name in found if not re.fullmatch("[0-9a-f]{64}", name)}


def inferred(said: str) -> list[str]:
    return [line.removeprefix("inferred   ") for line in said.splitlines() if line.startswith("inferred")]


@pytest.mark.parametrize(
    ("foreign", "profile", "packs", "passes"),
    [
        (
            "image",
            "default (.devcontainer.json: image {base})",
            "users, privileges, no-setuid-bwrap of default (nothing in it lets a sandbox in)",
            {"build", "smoke.relaxations", "smoke.bwrap-not-setuid"},
        ),
        (
            "dockerfile",
            "default (.devcontainer/devcontainer.json: Dockerfile)",
            "users, privileges, no-setuid-bwrap of default (nothing in it lets a sandbox in)",
            {"build", "smoke.users", "smoke.relaxations", "smoke.bwrap-not-setuid"},
        ),
        (
            "compose",
            "default (.devcontainer/devcontainer.json: Compose service app, without db)",
            "users, privileges, bubblewrap, containment of default "
            "(security-opt=seccomp=unconfined lets a sandbox in)",
            {"check.dockerfile", "build", "smoke.users", "smoke.relaxations", "smoke.seccomp"},
        ),
        (
            "folder",
            "api (.devcontainer/api/devcontainer.json: image {base})",
            "users, privileges, no-setuid-bwrap of api (nothing in it lets a sandbox in)",
            {"build", "smoke.relaxations", "smoke.capabilities"},
        ),
    ],
    indirect=["foreign"],
)
def test_a_repository_without_configuration_is_proved_and_told_what_was_made_of_it(
    foreign: Repository, base: str, profile: str, packs: str, passes: set[str]
) -> None:
    done = foreign.nestproof("validate", "--json")
    assert inferred(done.stderr) == [
        f"profile {profile.format(base=base)} on the engine's own platform; "
        "no privilege lock: each may have what it asks for",
        f"packs {packs}",
    ]
    statuses = {outcome["id"]: outcome["status"] for outcome in done.evidence["outcomes"]}
    assert passes <= {name for name, status in statuses.items() if status == "pass"}, done.stderr
    assert set(statuses.values()) <= {"pass", "unverified"}
    # Where AppArmor confines, and no bwrap is missed, nothing is left open.
    assert done.status == (3 if "unverified" in statuses.values() else 0)


PAGE = ROOT / "docs/other-repositories.md"
SHOWN = {
    found[1]: block
    for block in blocks(PAGE, ROOT)
    if (found := re.search(r"in its layout `(\w+)`", block.reason))
}


@pytest.mark.parametrize(
    ("foreign", "block"), [(layout, SHOWN[layout]) for layout in SHOWN], indirect=["foreign"], ids=SHOWN
)
def test_what_the_documentation_shows_of_a_layout_is_what_is_printed(
    foreign: Repository, engine: Engine, base: str, block: Block
) -> None:
    if engine.facts.confines_with("apparmor"):
        pytest.skip("the page shows a host without AppArmor")
    (foreign.path / "noxfile.py").write_text("import nox\n")
    shown = tuple(line.replace("nestproof-base:bookworm-amd64", base) for line in block.shown)
    run_block(replace(block, shown=shown), foreign.path, dict(os.environ))


def test_three_layouts_are_shown() -> None:
    assert sorted(SHOWN) == ["compose", "folder", "image"]


@pytest.mark.parametrize("foreign", ["none"], indirect=True)
def test_a_repository_without_a_devcontainer_is_told_what_to_do(foreign: Repository) -> None:
    done = foreign.nestproof("validate")
    assert (done.status, done.stdout) == (2, "")
    what, why, fix = done.stderr.splitlines()
    assert what == "nestproof: no devcontainer configuration was found"
    assert ".devcontainer/<folder>/devcontainer.json" in why
    assert "write a first one" in fix


@pytest.mark.parametrize("foreign", ["compose"], indirect=True)
def test_the_container_of_a_service_is_what_its_file_says(foreign: Repository, engine: Engine) -> None:
    done = foreign.nestproof("validate", "--json")
    assert done.outcome("smoke.relaxations")["summary"] == (
        "in force: cap-add=SYS_PTRACE, mount=/var/run/docker.sock, security-opt=seccomp=unconfined"
    )
    services = done.outcome("smoke.services")
    assert services["status"] == "unverified"
    assert services["summary"].startswith("the network namespace of db is not shared here")
    # Nobody promised a sandbox: that there is none is no failure.
    assert done.outcome("smoke.bwrap-present")["status"] == "unverified"


@pytest.mark.parametrize("foreign", ["compose"], indirect=True)
def test_a_declared_sandbox_that_is_not_there_is_a_failure(foreign: Repository) -> None:
    declared = '"customizations": {"nestproof": {"packs": ["bubblewrap"]}}, "service"'
    foreign.edit(".devcontainer/devcontainer.json", '"service"', declared)
    done = foreign.nestproof("smoke", "--json")
    assert done.status == 1
    assert done.outcome("smoke.bwrap-present")["status"] == "fail"


@pytest.mark.parametrize("foreign", ["compose"], indirect=True)
def test_the_lock_holds_a_service_to_what_it_had(foreign: Repository) -> None:
    assert foreign.nestproof("privileges", "--update").status == 0
    lock = (foreign.path / ".devcontainer/privileges.lock").read_text()
    for relaxation in ("cap-add=SYS_PTRACE", "network=service:db", "mount=/var/run/docker.sock"):
        assert f'"{relaxation}" = ' in lock
    foreign.git("add", "--all")
    foreign.git("commit", "--quiet", "--message", "Lock")
    # The Compose file alone changes: devcontainer.json is as it was.
    foreign.edit(".devcontainer/compose.yaml", "cap_add: [SYS_PTRACE]", "cap_add: [SYS_PTRACE, NET_ADMIN]")
    checked = foreign.nestproof("check.lock", "--json")
    assert checked.status == 1
    assert "asks for cap-add=NET_ADMIN" in checked.evidence["outcomes"][0]["summary"]
    compared = foreign.nestproof("privileges", "--base", "main", "--json")
    assert compared.status == 1
    (profile,) = json.loads(compared.stdout)["profiles"]
    assert [one["relaxation"] for one in profile["added"]] == ["cap-add=NET_ADMIN"]
    smoked = foreign.nestproof("smoke", "--json")
    assert "may not have cap-add=NET_ADMIN" in smoked.outcome("smoke")["summary"]


OPTIONS = """network_mode: none
    pid: host
    ipc: host
    shm_size: 128m
    mem_limit: 512m
    cpus: 1.5
    ulimits: {nofile: {soft: 1024, hard: 2048}}
    tmpfs: ["/scratch:size=1m"]
    devices: ["/dev/null:/dev/nestproof:r"]
    extra_hosts: ["here:192.0.2.1"]
    entrypoint: ["/bin/sh", "-c", "exec sleep 600"]
    working_dir: /tmp"""
SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("network_mode: bridge", {}),
    "properties": ("", {"overrideCommand": True, "capAdd": ["NET_ADMIN"], "init": True}),
    "options": (OPTIONS, {"containerEnv": {"GREETING": "mine"}, "containerUser": "dev"}),
    "mounts": ("read_only: true", {"mounts": ["type=volume,source=nestproof-test-d,target=/data"]}),
}


@pytest.mark.parametrize("foreign", ["compose"], indirect=True)
@pytest.mark.parametrize("service", SERVICES)
def test_the_reference_client_starts_the_same_container(
    foreign: Repository, engine: Engine, client: Path, service: str
) -> None:
    options, properties = SERVICES[service]
    foreign.edit(".devcontainer/compose.yaml", "network_mode: service:db", options)
    file = foreign.path / ".devcontainer/devcontainer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **properties}))
    theirs = by_the_client(foreign.path, client, engine)
    # After the client, which takes the images of its project away.
    assert foreign.nestproof("build").status == 0
    ours = by_nestproof(foreign.path, engine)
    assert in_common(ours) == in_common(theirs)


def in_common(found: dict[str, Any]) -> dict[str, Any]:
    """Without what belongs to a project that is up: its own network, and the names of its own volumes."""
    process = " ".join([*found.pop("Entrypoint"), *(found.pop("Cmd") or ())])
    own = found["NetworkMode"] in ("default", "somebodys_devcontainer_default")
    return {
        **found,
        "NetworkMode": "its own" if own else found["NetworkMode"],
        "mounts": [m if m[0] == "bind" else (m[0], "its own", *m[2:]) for m in found["mounts"]],
        # The client's YAML indents the script.
        "process": " ".join(process.split()),
    }


def by_the_client(folder: Path, client: Path, engine: Engine) -> dict[str, Any]:
    command = "devcontainer up --workspace-folder . --skip-post-create --update-remote-user-uid-default never"
    try:
        result = run_client(command, client, folder, {})
        return comparable(engine.api.inspect_container(result["containerId"]))
    finally:
        down = ["docker", "compose", "--project-name", f"{folder.name}_devcontainer", "down", "--volumes"]
        subprocess.run([*down, "--rmi", "local"], check=True, capture_output=True, timeout=120, cwd=folder)


def by_nestproof(folder: Path, engine: Engine) -> dict[str, Any]:
    profile = load_profile("default", folder / ".devcontainer/devcontainer.json", folder, os.environ)
    tag = next(tag for image in engine.api.images("nestproof/somebodys-*") for tag in image["RepoTags"])
    image = find_image(engine, tag)
    assert image is not None
    request = request_container(profile, image, os.environ)
    with started_container(engine, request, engine.facts.platform) as container:
        return comparable(container.inspection)


def test_compose_still_says_what_was_recorded(
    compose: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BASE", raising=False)
    folder = tmp_path / "project/.devcontainer"
    folder.mkdir(parents=True)
    file = folder / "compose.yaml"
    file.write_text((RECORDED / "everything.yaml").read_text())
    said = json.dumps(read_project([file], folder.parent, os.environ)[0]).replace(
        f"{tmp_path}/project", "/project"
    )
    recorded = json.loads((RECORDED / "everything.json").read_text())
    # Other releases say more; what is read here must be as it was.
    assert json.loads(said)["services"]["app"].keys() >= recorded["services"]["app"].keys()
    for part in ("cap_add", "security_opt", "volumes", "environment", "entrypoint", "network_mode"):
        assert json.loads(said)["services"]["app"][part] == recorded["services"]["app"][part]


def test_all_five_layouts_are_tried() -> None:
    assert sorted(LAYOUTS) == ["compose", "dockerfile", "folder", "image", "none"]


RELAXED = """\
services:
  app:
    image: IMAGE
    command: sleep infinity
    cap_add: [SYS_ADMIN, CAP_NET_ADMIN]
    security_opt: ["seccomp:unconfined", "apparmor=unconfined"]
    devices: ["/dev/fuse:/dev/fuse", "/dev/null:/dev/x:r"]
    volumes: ["..:/workspace", "data:/data", "/etc:/host-etc:ro"]
    extra_hosts: ["host.docker.internal:host-gateway"]
    group_add: ["999"]
    sysctls: {net.ipv4.ip_forward: 1}
    pid: host
    ipc: host
    uts: host
    cgroup: host
    userns_mode: host
    device_cgroup_rules: ["c 10:200 rwm"]
  db:
    image: IMAGE
volumes: {data: {}}
"""


def test_the_lock_of_a_service_and_its_report_agree(repository: Repository, base: str) -> None:
    folder = repository.path / ".devcontainer/app"
    folder.mkdir()
    (folder / "compose.yaml").write_text(RELAXED.replace("IMAGE", base))
    config = {"dockerComposeFile": "compose.yaml", "service": "app", "workspaceFolder": "/workspace"}
    (folder / "devcontainer.json").write_text(json.dumps(config))
    assert repository.nestproof("privileges", "--update").status == 0
    lock = tomllib.loads((repository.path / ".devcontainer/privileges.lock").read_text())["app"]
    done = repository.nestproof("smoke", "--profile", "app", "--json", "--no-agents")
    said = done.outcome("smoke.relaxations")["summary"].removeprefix("in force: ").split(", ")
    assert sorted(said) == sorted(lock)
    assert len(lock) == 16
    assert "not shown  app" in done.stderr
    assert "1 service beside it is not started: db" in done.stderr
