"""Podman without a Podman: its answers as 4.3.1 gave them, its command lines as one would paste them.

`podman` is a stand-in that records how it was called and says what 4.3.1 said; tests/podman asks a real one.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from docker import APIClient
from nestproof.build.command import ImageBuild
from nestproof.build.image import build_image
from nestproof.build.podman_build import PodmanSteps, as_podman
from nestproof.core.capabilities import DOCKER_DEFAULT, of_dockers_default
from nestproof.core.config import BaseImage
from nestproof.core.outcome import Observation, Status
from nestproof.engine.client import Engine, EngineFacts, connect
from nestproof.engine.create_request import UnsupportedOptionError
from nestproof.engine.podman import complete_inspection, default_capabilities, own_api, to_podman
from nestproof.nodes.node import Fidelity, node_for
from nestproof.privileges.relaxations import relaxations_in_force
from nestproof.probes.causes.diagnosis import diagnose
from nestproof.probes.container_verdicts import holds_allowed_capabilities, is_filtered_unless_allowed
from nestproof.probes.facts import SandboxFacts
from nestproof.probes.verdicts import Context
from tests.conftest import base_environment

ADDRESS = "unix:///run/podman/podman.sock"
# The rest of both answers is left out.
VERSION = {
    "Platform": {"Name": "linux/amd64/debian-12"},
    "Components": [
        {
            "Name": "Podman Engine",
            "Version": "4.3.1",
            "Details": {"APIVersion": "4.3.1", "MinAPIVersion": "4.0.0", "Os": "linux"},
        },
        {"Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown", "Details": {}},
    ],
    "Version": "4.3.1",
    "ApiVersion": "1.41",
}
DOCKERS_VERSION = {
    "Components": [{"Name": "Engine", "Version": "20.10.24", "Details": {"ApiVersion": "1.41"}}]
}
CAPABILITIES = (
    "CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_FOWNER,CAP_FSETID,CAP_KILL,CAP_NET_BIND_SERVICE,CAP_SETFCAP,"
    "CAP_SETGID,CAP_SETPCAP,CAP_SETUID,CAP_SYS_CHROOT"
)
INFO = {"host": {"security": {"capabilities": CAPABILITIES, "rootless": False, "seccompEnabled": True}}}
DEFAULT = default_capabilities(INFO)
FACTS = EngineFacts(
    ADDRESS,
    "4.3.1",
    "debian",
    "6.1.0",
    "linux/amd64",
    "overlay",
    ("name=seccomp,profile=default",),
    product="Podman",
    default_capabilities=DEFAULT,
)
# The bounding set that a container of Podman's has, as /proc/self/status shows it.
BOUNDING = "00000000800405fb"
WITH_NET_RAW = "00000000800425fb"
UNMASKED: dict[str, list[str]] = {"MaskedPaths": [], "ReadonlyPaths": []}


# Facts


def test_podman_is_known_by_its_components() -> None:
    assert own_api(VERSION) == "4.3.1"
    assert own_api(DOCKERS_VERSION) == ""
    assert own_api({"ApiVersion": "1.41"}) == ""


def test_the_default_capabilities_are_those_that_podman_tells() -> None:
    assert set(DEFAULT) == DOCKER_DEFAULT - {"AUDIT_WRITE", "MKNOD", "NET_RAW"}
    assert default_capabilities({"host": {"security": {"capabilities": "CAP_CHOWN"}}}) == ("CHOWN",)
    assert default_capabilities({"host": {"security": {"capabilities": ""}}}) == ()


class Server(BaseHTTPRequestHandler):
    """The three answers that a connection asks for; what is left out of them is not asked for."""

    answers: Mapping[str, Any]

    def do_GET(self) -> None:
        body = json.dumps(self.answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("version", "product", "capabilities"),
    [(VERSION, "Podman", DEFAULT), (DOCKERS_VERSION, "Docker", tuple(sorted(DOCKER_DEFAULT)))],
)
def test_a_connection_finds_out(version: dict[str, Any], product: str, capabilities: tuple[str, ...]) -> None:
    info = {
        "ServerVersion": "4.3.1",
        "OperatingSystem": "debian",
        "KernelVersion": "6.1.0",
        "Architecture": "amd64",
        "Driver": "overlay",
        "SecurityOptions": ["name=seccomp,profile=default"],
    }
    # No Docker Engine has the last of them: to ask one for it would be an error here.
    podmans = {"/v4.3.1/libpod/info": INFO} if product == "Podman" else {}
    answers = {"/version": {**version, "ApiVersion": "1.41"}, "/v1.41/info": info, **podmans}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Server,), {"answers": answers}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        engine = connect({"DOCKER_HOST": f"tcp://127.0.0.1:{server.server_port}"})
        engine.api.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (engine.facts.product, engine.facts.default_capabilities) == (product, capabilities)
    assert engine.facts.is_podman is (product == "Podman")


def test_to_ask_for_what_docker_grants_anyway_is_no_relaxation() -> None:
    assert of_dockers_default(["NET_RAW", "cap_chown", "cap_sys_admin"]) == {"NET_RAW", "CHOWN"}


# Create requests


def in_force(host: dict[str, Any], told: dict[str, Any]) -> tuple[str, ...]:
    inspection = {"HostConfig": {"Privileged": False, **told}, "Mounts": []}
    return relaxations_in_force(complete_inspection(inspection, {"HostConfig": host}))


def test_unmasked_paths_are_asked_for_in_podmans_words() -> None:
    host = {"SecurityOpt": ["seccomp=unconfined"], **UNMASKED}
    asked = to_podman({"Image": "x", "HostConfig": host})
    assert asked["HostConfig"]["SecurityOpt"] == ["seccomp=unconfined", "unmask=ALL"]
    assert asked["Image"] == "x"
    # The request of the caller stays as it was: another container may be started from it.
    assert host["SecurityOpt"] == ["seccomp=unconfined"]


@pytest.mark.parametrize(
    "host", [{}, {"SecurityOpt": ["seccomp=unconfined"]}, {"MaskedPaths": []}, {"MaskedPaths": ["/proc/x"]}]
)
def test_what_podman_takes_as_docker_does_is_left_alone(host: dict[str, Any]) -> None:
    assert to_podman({"HostConfig": host}) == {"HostConfig": host}


def test_the_engines_own_seccomp_profile_is_named_by_no_name() -> None:
    host = {"SecurityOpt": ["seccomp=builtin", "apparmor=unconfined"]}
    assert to_podman({"HostConfig": host})["HostConfig"] == {"SecurityOpt": ["apparmor=unconfined"]}


def test_a_seccomp_profile_cannot_be_carried_and_is_unverified() -> None:
    with pytest.raises(UnsupportedOptionError) as caught:
        to_podman({"HostConfig": {"SecurityOpt": ['seccomp={"defaultAction": "SCMP_ACT_ALLOW"}']}})
    assert caught.value.exit_code == 3
    assert caught.value.fix


# Inspections


def test_what_podman_does_not_tell_is_taken_from_the_request() -> None:
    told = {"SecurityOpt": ["seccomp=unconfined"], "IpcMode": "shareable", "CapAdd": ["SYS_ADMIN"]}
    asked = {"SecurityOpt": ["seccomp=unconfined", "unmask=/proc/sys"], "IpcMode": "host"}
    assert in_force(asked, told) == (
        "cap-add=SYS_ADMIN",
        "ipc=host",
        "security-opt=seccomp=unconfined",
        "security-opt=unmask=/proc/sys",
    )
    assert in_force(UNMASKED, {}) == ("security-opt=systempaths=unconfined",)


def test_all_capabilities_have_the_name_by_which_they_were_asked_for() -> None:
    assert in_force({"CapAdd": ["ALL"]}, {"CapAdd": ["SYS_ADMIN", "NET_ADMIN"]}) == ("cap-add=ALL",)


def test_what_podman_tells_is_believed_over_the_request() -> None:
    told = {"CapAdd": ["CAP_SYS_ADMIN"], "PidMode": "host", "SecurityOpt": ["label=type:spc_t"]}
    assert in_force({}, told) == ("cap-add=SYS_ADMIN", "pid=host", "security-opt=label=type:spc_t")


# Verdicts and words


def judged(mask: str, *, add: Sequence[str] = ()) -> tuple[Status, str]:
    context = Context(
        engine="Podman",
        default_capabilities=frozenset(DEFAULT),
        asked_capabilities=of_dockers_default(add),
    )
    seen = Observation(("sh", "capabilities.sh"), 0, f"CapBnd:\t{mask}\n")
    judgement = holds_allowed_capabilities(seen, context)
    return judgement.status, judgement.summary


def test_capabilities_are_held_against_podmans_own_default() -> None:
    assert judged(BOUNDING) == (Status.PASS, "Podman's default capabilities, nothing more")
    # Docker would grant it, but this engine did not have to.
    assert judged(WITH_NET_RAW) == (Status.FAIL, "the bounding set holds NET_RAW")
    assert judged(WITH_NET_RAW, add=["NET_RAW"]) == (Status.PASS, "Podman's default capabilities and NET_RAW")


def test_a_missing_filter_is_said_to_be_podmans() -> None:
    seen = Observation(("sh", "seccomp.sh"), 0, "Seccomp:\t0\n")
    judgement = is_filtered_unless_allowed(seen, Context(engine="Podman"))
    assert judgement.status is Status.FAIL
    assert "Podman's seccomp filter" in judgement.cause


PODMANS = SandboxFacts({"container": "/run/.containerenv", "masked": "/proc/acpi", "Seccomp": "2"})
DOCKERS = SandboxFacts({"container": "/.dockerenv", "masked": "/proc/acpi", "Seccomp": "2"})


def test_a_fix_is_in_the_words_of_the_engine_whose_container_it_is() -> None:
    said = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
    podmans, dockers = diagnose(said, PODMANS), diagnose(said, DOCKERS)
    assert podmans is not None
    assert dockers is not None
    assert podmans.cause == "Podman masks paths under /proc, and the kernel refuses a fuller view of it"
    assert podmans.fix.endswith('or add "--security-opt=unmask=ALL" to runArgs')
    assert '"--security-opt=systempaths=unconfined"' in dockers.fix
    assert dockers.cause.startswith("Docker masks")
    pivot = diagnose("bwrap: pivot_root: Operation not permitted", PODMANS)
    assert pivot is not None
    assert (pivot.layer, pivot.cause) == ("Podman seccomp", "Podman's seccomp profile refuses pivot_root")


# Builds


def test_a_build_is_podmans() -> None:
    docker = [
        "docker",
        "buildx",
        "build",
        "--load",
        "--platform",
        "linux/arm64",
        "--tag",
        "nestproof/x:secure-arm64",
    ]
    docker += [
        "--file",
        "/w/Dockerfile",
        "--target",
        "t",
        "--build-arg",
        "A=--load",
        "--secret=id=a,src=/b",
        "/w",
    ]
    assert as_podman(docker, ADDRESS) == (
        *(
            "podman",
            "--url",
            ADDRESS,
            "build",
            "--platform",
            "linux/arm64",
            "--tag",
            "nestproof/x:secure-arm64",
        ),
        *(
            "--file",
            "/w/Dockerfile",
            "--target",
            "t",
            "--build-arg",
            "A=--load",
            "--secret=id=a,src=/b",
            "/w",
        ),
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--provenance=false",),
        ("--provenance", "false"),
        ("--progress=plain", "--sbom", "true"),
        ("--builder", "b", "--attest=type=sbom"),
        ("--cache-from", "type=registry,ref=a/b"),
        ("--cache-to=type=local,dest=/c",),
    ],
)
def test_what_only_buildx_has_is_left_out(options: tuple[str, ...]) -> None:
    built = as_podman(["docker", "buildx", "build", *options, "--label", "a=b", "/w"], ADDRESS)
    assert built[3:] == ("build", "--label", "a=b", "/w")


def test_a_cache_in_a_repository_is_passed_on() -> None:
    built = as_podman(["docker", "buildx", "build", "--cache-from=a/b", "--cache-from", "c/d", "/w"], ADDRESS)
    assert built[4:] == ("--cache-from", "a/b", "--cache-from", "c/d", "/w")


def test_a_pull_is_podmans() -> None:
    pull = ("docker", "pull", "--platform", "linux/arm64", "base:1")
    assert as_podman(pull, ADDRESS) == ("podman", "--url", ADDRESS, "pull", *pull[2:])


def test_another_command_line_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="neither docker buildx build nor docker pull"):
        as_podman(["docker", "run", "x"], ADDRESS)


BUILT = """\
[1/2] STEP 1/3: FROM base AS codex
[1/2] STEP 2/3: RUN apt-get update     && apt-get install npm
--> Using cache 005ede3aaf5
--> 005ede3aaf5
[2/2] STEP 1/2: FROM base
[2/2] STEP 2/2: RUN echo broken >&2; false
broken
"""


def test_progress_tells_of_the_steps_that_are_really_run() -> None:
    told: list[str] = []
    steps = PodmanSteps(told.append)
    for line in BUILT.splitlines():
        steps.read(line)
    assert told == ["[stage 2/2, step 2/2] RUN echo broken >&2; false"]
    steps.read("STEP 2/3: COPY a b")
    steps.read("--> 655638b8afe")
    assert told[1:] == ["[step 2/3] COPY a b"]


class Images:
    """An engine that knows one image."""

    def inspect_image(self, reference: str) -> dict[str, str]:
        assert reference == "sha256:built"
        return {"Id": "sha256:0123456789abcdef0123", "Os": "linux", "Architecture": "amd64"}


PLAN = ImageBuild(
    "secure", ("linux/amd64",), "nestproof/x:secure-amd64", ("--file", "/Dockerfile", "/context")
)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """A `podman`, the only program of its kind on the path; returns the file of its arguments."""
    program = folder / "podman"
    program.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "$@" >"{folder}/called"\n{text}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.defpath}")
    return folder / "called"


def test_an_image_is_built_by_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves = 'while [ "$1" != --iidfile ]; do shift; done; printf sha256:built >"$2"'
    called = stand_in(tmp_path, monkeypatch, f"{saves}; echo 'STEP 1/1: RUN true'; echo '--> 1'")
    told: list[str] = []
    outcome, image = build_image(Engine(cast(APIClient, Images()), FACTS), PLAN, told.append)
    assert (outcome.status, told) == (Status.PASS, ["[step 1/1] RUN true"])
    assert image is not None
    assert outcome.observation is not None
    # The line that is shown is the one to paste.
    named = ("--platform", "linux/amd64", "--tag", "nestproof/x:secure-amd64", "--file", "/Dockerfile")
    line = ("podman", "--url", ADDRESS, "build", *named, "/context")
    assert outcome.observation.command == line
    words = called.read_text().splitlines()
    assert words == [*line[1:-1], "--iidfile", words[-2], "/context"]


def test_a_failing_build_says_what_podman_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Podman tells its steps, and all that they print, on standard output.
    words = 'Error: building at STEP "RUN false": while running runtime: exit status 1'
    stand_in(tmp_path, monkeypatch, f"echo 'STEP 1/1: RUN false'; echo broken; echo '{words}' >&2; exit 1")
    outcome, image = build_image(Engine(cast(APIClient, Images()), FACTS), PLAN, lambda _: None)
    cause = f"failing step: [step 1/1] RUN false\n{words}"
    assert (outcome.status, outcome.cause, image) == (Status.FAIL, cause, None)
    assert outcome.observation is not None
    assert outcome.observation.stderr == "broken"


# What a base image and a node are asked


class NoImages:
    """An engine without the base, but with what was made in its stead."""

    def inspect_image(self, reference: str) -> dict[str, str]:
        from docker.errors import ImageNotFound

        raise ImageNotFound(reference)


def test_a_registry_is_asked_through_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = stand_in(tmp_path, monkeypatch, "echo 'Error: reading image: manifest unknown' >&2; exit 125")
    base = BaseImage(image="ubuntu:24.04", variable="BASE", fallback=["false"])
    engine = Engine(cast(APIClient, NoImages()), FACTS)
    found = base_environment(engine, base, "linux/amd64", {}, workspace=tmp_path, say=lambda _: None)
    # "Unknown" is an answer: another base in silence would hide a misspelled one.
    assert found == {}
    assert called.read_text().split() == ["--url", ADDRESS, "manifest", "inspect", "ubuntu:24.04"]


@pytest.mark.parametrize(
    ("address", "handlers", "fidelity"),
    [
        (ADDRESS, {"qemu-aarch64": "PF"}, Fidelity.EMULATED),
        (ADDRESS, {"qemu-arm": "PF"}, Fidelity.ABSENT),
        (ADDRESS, {}, Fidelity.ABSENT),
        # What this machine has says nothing about another one.
        ("ssh://you@machine/run/podman/podman.sock", {"qemu-aarch64": "PF"}, Fidelity.ABSENT),
    ],
)
def test_podman_emulates_what_its_machine_has_a_handler_for(
    address: str, handlers: dict[str, str], fidelity: Fidelity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nestproof.nodes.node.binfmt_flags", lambda: handlers)
    facts = EngineFacts(address, "4.3.1", "debian", "6.1.0", "linux/amd64", "overlay", (), product="Podman")
    assert node_for(facts, "linux/arm64").fidelity is fidelity
