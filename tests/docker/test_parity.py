"""The reference client and nestproof start the same container from the same configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.capabilities import normalize
from nestproof.core.config import load_config
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import with_image_metadata
from nestproof.engine.client import Engine, Image, find_image
from nestproof.engine.container import started_container
from nestproof.smoke.plan import request_container
from tests.conftest import ROOT, base_environment
from tests.docker.client import run_client

pytestmark = pytest.mark.docker

PLAIN, LABELLED = "nestproof-test/plain", "nestproof-test/labelled"

# What an image built with features says of its containers.
IMAGE_METADATA = [
    {
        "id": "ghcr.io/example/features/one:1",
        "init": True,
        "capAdd": ["SYS_PTRACE"],
        "securityOpt": ["seccomp=unconfined"],
        "entrypoint": "echo from the feature",
        "mounts": [{"type": "volume", "source": "nestproof-test-feature", "target": "/feature"}],
    },
    {"remoteUser": "tester", "containerEnv": {"FROM_IMAGE": "image", "BOTH": "image"}},
]

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "remote user": {"remoteUser": "tester"},
    "container user": {"containerUser": "tester"},
    "user of the run arguments": {"runArgs": ["-u", "tester"]},
    "run arguments' user wins": {"containerUser": "root", "runArgs": ["--user=tester"]},
    "environment": {"containerEnv": {"A": "1", "B": "two words", "EMPTY": ""}},
    "local environment": {
        "containerEnv": {"H": "${localEnv:NESTPROOF_TEST}", "D": "${localEnv:NOT_SET:x:y}"}
    },
    "container environment is too late": {"containerEnv": {"P": "${containerEnv:PATH}"}},
    "folders": {"containerEnv": {"L": "${localWorkspaceFolderBasename}", "C": "${containerWorkspaceFolder}"}},
    "devcontainer id": {"containerEnv": {"ID": "${devcontainerId}"}},
    "unknown variable": {"containerEnv": {"U": "${nothing}", "V": "$HOME"}},
    "run environment": {"runArgs": ["-e", "A=1", "--env=B=2", "-eC=3", "--env", "NESTPROOF_TEST"]},
    "capabilities": {"capAdd": ["SYS_PTRACE", "NET_ADMIN"]},
    "capabilities twice": {"capAdd": ["SYS_PTRACE"], "runArgs": ["--cap-add=NET_ADMIN", "--cap-drop=ALL"]},
    "security options": {"securityOpt": ["seccomp=unconfined", "no-new-privileges"]},
    "old separator": {"runArgs": ["--security-opt", "seccomp:unconfined"]},
    "system paths": {"runArgs": ["--security-opt=systempaths=unconfined"]},
    "init": {"init": True},
    "init by argument": {"runArgs": ["--init"]},
    "host namespaces": {"runArgs": ["--pid=host", "--ipc=host", "--uts=host"]},
    "host network": {"runArgs": ["--network=host"]},
    "no network": {"runArgs": ["--net", "none"]},
    "device": {"runArgs": ["--device=/dev/null:/dev/nestproof:r"]},
    "volume": {"mounts": ["type=volume,source=nestproof-test-a,target=/a"]},
    "mount objects": {"mounts": [{"type": "volume", "source": "nestproof-test-b", "target": "/b"}]},
    "mounts of one target": {
        "mounts": ["type=volume,src=nestproof-test-c,dst=/c", "type=bind,source=/tmp,destination=/c"]
    },
    "read-only mount": {"runArgs": ["--mount=type=bind,source=/tmp,target=/ro,readonly"]},
    "short volume": {"runArgs": ["-v", "/tmp:/short:ro"]},
    "tmpfs": {"runArgs": ["--tmpfs=/scratch:rw,size=1m"]},
    "no workspace": {"workspaceMount": "", "workspaceFolder": "/"},
    "own workspace": {
        "workspaceMount": "type=bind,source=${localWorkspaceFolder},target=/own",
        "workspaceFolder": "/own/below",
    },
    "limits": {
        "runArgs": ["--ulimit=nofile=1024:2048", "--shm-size=128m", "--memory=512m", "--pids-limit=99"]
    },
    "read-only root": {"runArgs": ["--read-only"]},
    "names and hosts": {"runArgs": ["--hostname=box", "--add-host=here:192.0.2.1", "--dns=192.0.2.53"]},
    "groups and settings": {
        "runArgs": ["--group-add=users", "--sysctl=net.ipv4.ip_unprivileged_port_start=0"]
    },
    "working folder": {"runArgs": ["-w", "/tmp"]},
    "the image's own command": {"overrideCommand": False},
    "platform unset": {"runArgs": ["--platform=${localEnv:NOT_SET}"]},
    "image metadata": {"image": LABELLED},
    "over image metadata": {
        "image": LABELLED,
        "remoteUser": "root",
        "containerEnv": {"BOTH": "profile"},
        "capAdd": ["NET_ADMIN"],
        "mounts": ["type=volume,source=nestproof-test-mine,target=/feature"],
    },
}


@pytest.fixture(scope="session")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two small images, one of which says what it wants of its containers."""
    context = tmp_path_factory.mktemp("images")
    base = base_environment(
        engine, load_config(ROOT).base_image, engine.facts.platform, os.environ, workspace=ROOT, say=print
    )
    image = base.get("NESTPROOF_BASE_IMAGE", "ubuntu:24.04")
    (context / "Dockerfile").write_text(
        f'FROM {image}\nRUN useradd --create-home tester\nCMD ["sleep", "600"]\nENV OF_THE_IMAGE=yes\n'
    )
    for tag, label in ((PLAIN, "[]"), (LABELLED, json.dumps(IMAGE_METADATA))):
        build = ["docker", "buildx", "build", "--load", "--quiet", "--tag", tag, f"--label={LABEL}={label}"]
        subprocess.run([*build, str(context)], check=True, capture_output=True, timeout=600)
    yield
    for tag in (PLAIN, LABELLED):
        engine.api.remove_image(tag, force=True)


@pytest.fixture
def configured(
    tmp_path: Path, engine: Engine, images: None, request: pytest.FixtureRequest
) -> Iterator[Path]:
    folder = tmp_path / "work"
    (folder / ".devcontainer").mkdir(parents=True)
    value = {"image": PLAIN, **CONFIGURATIONS[request.param]}
    (folder / ".devcontainer/devcontainer.json").write_text(json.dumps(value))
    volumes = {volume["Name"] for volume in engine.api.volumes()["Volumes"] or ()}
    yield folder
    label = f"devcontainer.local_folder={folder}"
    for container in engine.api.containers(all=True, filters={"label": label}):
        engine.api.remove_container(container["Id"], force=True, v=True)
    for volume in engine.api.volumes()["Volumes"] or ():
        if volume["Name"].startswith("nestproof-test-") and volume["Name"] not in volumes:
            engine.api.remove_volume(volume["Name"])


@pytest.mark.parametrize("configured", CONFIGURATIONS, indirect=True)
def test_the_same_container_is_started(
    configured: Path, client: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESTPROOF_TEST", "from the host")
    theirs = by_the_client(configured, client, engine)
    ours = by_nestproof(configured, engine)
    assert ours == theirs


def by_the_client(folder: Path, client: Path, engine: Engine) -> dict[str, Any]:
    # Without the layer that gives the remote user the caller's user id: nestproof asks the image as it is.
    command = "devcontainer up --workspace-folder . --skip-post-create --update-remote-user-uid-default never"
    result = run_client(command, client, folder, {})
    found = comparable(engine.api.inspect_container(result["containerId"]))
    engine.api.remove_container(result["containerId"], force=True, v=True)
    return {**found, "remote user": result["remoteUser"], "folder": result["remoteWorkspaceFolder"]}


def by_nestproof(folder: Path, engine: Engine) -> dict[str, Any]:
    file = folder / ".devcontainer/devcontainer.json"
    profile = load_profile("default", file, folder, os.environ)
    image = find_image(engine, profile.config.image or "")
    assert isinstance(image, Image)
    profile = with_image_metadata(profile, image.labels.get(LABEL, ""))
    request = request_container(profile, image, os.environ)
    with started_container(engine, request, engine.facts.platform) as container:
        found = comparable(container.inspection)
        user = profile.remote_user or container.inspection["Config"]["User"] or "root"
    return {**found, "remote user": user.partition(":")[0], "folder": profile.workspace_folder}


def comparable(inspection: dict[str, Any]) -> dict[str, Any]:
    """What a process in the container could tell, in a form that does not depend on who asked for it."""
    host, config = inspection["HostConfig"], inspection["Config"]
    same = (
        "CapDrop CgroupnsMode Devices Dns DnsOptions DnsSearch ExtraHosts GroupAdd Init IpcMode MaskedPaths "
        "Memory NanoCpus NetworkMode PidMode PidsLimit Privileged ReadonlyPaths ReadonlyRootfs ShmSize "
        "Sysctls Tmpfs UTSMode Ulimits UsernsMode"
    ).split()
    found = {name: host.get(name) or None for name in same}
    # A list that is empty and one that is absent differ here: the first unmasks everything.
    found |= {name: host.get(name) for name in ("MaskedPaths", "ReadonlyPaths")}
    found["capabilities"] = sorted(map(normalize, host["CapAdd"] or ()))
    found["CapDrop"] = sorted(map(normalize, host["CapDrop"] or ()))
    found["security"] = sorted(option.replace(":", "=", 1) for option in host["SecurityOpt"] or ())
    found |= {name: config[name] for name in ("User", "Entrypoint", "Cmd", "WorkingDir")}
    found["environment"] = sorted(config["Env"])
    found["hostname"] = config["Hostname"] if config["Hostname"] != inspection["Id"][:12] else None
    found["mounts"] = sorted(
        (mount["Type"], mount.get("Name") or mount["Source"], mount["Destination"], mount["RW"])
        for mount in inspection["Mounts"]
    )
    return found
