"""Builds as a person runs them: pasted, published, failing, and of several platforms at once."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nestproof.build.command import plan_build
from nestproof.devcontainer.loading import load_profile
from nestproof.engine.client import Engine, connect, find_image
from nestproof.engine.image_store import find_platform
from tests.conftest import Finished, Repository
from tests.docker.beside import (
    CONTAINERD,
    Registry,
    Second,
    buildkit_of,
    free_port,
    program,
    running_engine,
    running_registry,
)

pytestmark = pytest.mark.docker

BOTH = ("--platform", "linux/amd64", "--platform", "linux/arm64")
SCRATCH = 'FROM scratch\nARG SAID\nLABEL said="$SAID"\nCOPY hello /\nCMD ["/hello"]\n'


@pytest.fixture
def small(tmp_path: Path, engine: Engine) -> Iterator[Repository]:
    """A repository with one image that needs no base, in a folder that a shell would stumble over."""
    folder = tmp_path / "it's a $HOME"
    write(folder, SCRATCH, args={"SAID": "two 'words' and $(three)"})
    tag = tag_of(folder, engine.facts.platform)
    yield Repository(folder)
    remove_images(engine, tag)


@pytest.fixture
def copy(repository: Repository, engine: Engine) -> Iterator[Repository]:
    """A copy of this repository, whose images go with it."""
    tag = tag_of(repository.path, engine.facts.platform)
    yield repository
    remove_images(engine, tag)


def write(folder: Path, dockerfile: str, **build: Any) -> None:
    (folder / ".devcontainer").mkdir(parents=True, exist_ok=True)
    (folder / ".devcontainer" / "hello").write_text("hello\n")
    (folder / ".devcontainer" / "Dockerfile").write_text(dockerfile)
    config = {"build": {"dockerfile": "Dockerfile", **build}}
    (folder / ".devcontainer" / "devcontainer.json").write_text(json.dumps(config))


def remove_images(engine: Engine, tag: str) -> None:
    for image in engine.api.images(tag.partition(":")[0]):
        for one in image["RepoTags"]:
            engine.api.remove_image(one)


def tag_of(workspace: Path, platform: str) -> str:
    file = workspace / ".devcontainer" / "devcontainer.json"
    return plan_build(load_profile("default", file, workspace, {}), platform).tag


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """A registry that the engine reaches."""
    with running_registry(free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def second(engine: Engine) -> Iterator[Second]:
    """An engine whose image store holds several platforms."""
    with running_engine(program("dockerd"), features=CONTAINERD) as running:
        yield running


# What is shown


def test_what_a_dry_run_prints_builds_the_image_when_it_is_pasted(small: Repository, engine: Engine) -> None:
    tag = tag_of(small.path, engine.facts.platform)
    dry = small.nestproof("build", "--dry-run")
    assert (dry.status, dry.stderr, dry.stdout.count("\n")) == (0, "", 1)
    assert find_image(engine, tag) is None
    # From a folder of their own: nothing in them is relative to where they are pasted.
    pasted = subprocess.run(["sh"], input=dry.stdout, cwd="/", capture_output=True, text=True, check=False)
    assert pasted.returncode == 0, pasted.stderr
    image = find_image(engine, tag)
    assert image is not None
    assert image.labels == {"said": "two 'words' and $(three)"}
    assert image.platform == engine.facts.platform


def test_a_real_run_shows_and_runs_what_the_dry_run_prints(copy: Repository, engine: Engine) -> None:
    # This repository's own profiles, with whatever base images this machine gives them.
    dry = copy.nestproof("build", "--dry-run")
    real = copy.nestproof("build", "--json", timeout=1200)
    assert (dry.status, real.status) == (0, 0), real.stderr
    builds = [line for line in dry.stdout.splitlines() if " buildx build " in line]
    # Where the repository is on this machine is nobody else's business: what is kept says `.`.
    kept = [line.replace(str(copy.path), ".") for line in builds]
    ran = [shlex.join(outcome["observation"]["command"]) for outcome in real.evidence["outcomes"]]
    assert kept == ran
    assert len(builds) == 2
    shown = [line for line in real.stderr.splitlines() if line.startswith("plan ")]
    assert [line[line.index("docker ") :] for line in shown if " buildx build " in line] == builds


def test_a_base_that_is_missing_is_made_by_what_is_pasted(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "repository"
    write(
        folder, "ARG BASE\nFROM $BASE\nCOPY hello /again\n", args={"BASE": "${localEnv:NESTPROOF_TEST_BASE}"}
    )
    (folder / "base").mkdir()
    (folder / "base" / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/x"]\n')
    (folder / "make").write_text(
        '#!/bin/sh\ndocker buildx build --quiet --load --platform "$1" --tag nestproof-test:base base >&2\n'
        "echo nestproof-test:base\n"
    )
    (folder / "make").chmod(0o755)
    (folder / "nestproof.toml").write_text(
        '[base-image]\nimage = "registry.invalid/nestproof-test:1"\nvariable = "NESTPROOF_TEST_BASE"\n'
        'fallback = ["./make", "{platform}"]\n'
    )
    repository = Repository(folder)
    stand_in = f"nestproof/stand-in:registry.invalid-nestproof-test-1-{engine.facts.platform[6:]}"
    tag = tag_of(folder, engine.facts.platform)
    try:
        dry = repository.nestproof("build", "--dry-run")
        assert dry.status == 0, dry.stderr
        assert dry.stdout.splitlines()[0] == (f'docker tag "$(./make {engine.facts.platform})" {stand_in}')
        assert find_image(engine, stand_in) is None
        pasted = subprocess.run(
            ["sh", "-e"], input=dry.stdout, cwd=folder, capture_output=True, text=True, check=False
        )
        assert pasted.returncode == 0, pasted.stderr
        assert find_image(engine, tag) is not None
        # Now that it is there, it is not made again, and what builds is the same.
        again = repository.nestproof("build", "--dry-run")
        assert again.stdout.splitlines() == dry.stdout.splitlines()[1:]
    finally:
        for one in (tag, stand_in, "nestproof-test:base"):
            if find_image(engine, one):
                engine.api.remove_image(one)


# What fails


NOISY = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE:-ubuntu:24.04} AS noisy
RUN i=0; while [ $i -lt 3000 ]; do echo "noise $i"; i=$((i + 1)); done; sleep 3; echo late noise; sleep 30
FROM ${BASE_IMAGE:-ubuntu:24.04} AS broken
RUN i=0; while [ $i -lt 60 ]; do echo "broken says $i"; i=$((i + 1)); done; sleep 2; echo "this is it"; exit 7
FROM scratch
COPY --from=noisy /etc/passwd /a
COPY --from=broken /etc/passwd /b
"""


def test_a_failure_shows_the_end_of_the_step_that_failed(copy: Repository, engine: Engine) -> None:
    (copy.path / ".devcontainer" / "Dockerfile").write_text(NOISY)
    finished = copy.nestproof("build", "--profile", "default", "--json")
    assert finished.status == 1, finished.stderr
    outcome = finished.outcome("build")
    assert outcome["summary"] == "the image could not be built"
    step, error = outcome["cause"].split("\n")
    assert step.startswith("failing step: [broken 2/2] RUN i=0;")
    assert error.endswith("exit code: 7")
    lines = outcome["observation"]["stderr"].splitlines()
    assert lines == [*(f"broken says {number}" for number in range(21, 60)), "this is it"]
    assert "noise 1" not in finished.stdout


# Progress


STEPS = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE:-ubuntu:24.04}
ARG ONCE
RUN sleep 0.2; echo first "$ONCE"
RUN sleep 0.2; echo second
"""


def in_a_terminal(repository: Repository, **environment: str) -> str:
    """What `nestproof build` writes where standard error is a terminal."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "nestproof", "build", "--profile", "default"]
    facts = {key: value for key, value in os.environ.items() if key != "CI"}
    facts |= {"NO_COLOR": "1", **environment}
    with subprocess.Popen(
        argv, cwd=repository.path, env=facts, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                said += os.read(ours, 1 << 16)
            except OSError:  # the last one who wrote there has ended
                break
    os.close(ours)
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.fixture
def steps(copy: Repository) -> Repository:
    """A repository whose default image takes two steps that were never run before."""
    file = copy.path / ".devcontainer" / "Dockerfile"
    file.write_text(STEPS.replace("ARG ONCE", f"ARG ONCE={copy.path}"))
    return copy


def test_a_terminal_shows_each_step_as_it_runs_in_one_line(steps: Repository, engine: Engine) -> None:
    said = in_a_terminal(steps)
    at = [said.index(f"\r\x1b[K… build default {engine.facts.platform}: [{n}/3] RUN") for n in (2, 3)]
    # Written over one another, and taken away before the outcome.
    assert "\n" not in said[at[0] : at[1]]
    assert said[at[1] :].count("\r\x1b[K") == 2
    assert "\r\x1b[Kpass " in said[at[1] :]


def test_in_ci_each_step_is_a_line_also_in_a_terminal(steps: Repository, engine: Engine) -> None:
    said = in_a_terminal(steps, CI="true")
    assert "\x1b[K" not in said
    lines = [
        line for line in said.splitlines() if line.startswith(f"… build default {engine.facts.platform}: [")
    ]
    assert [line.partition("[")[2][:3] for line in lines] == ["2/3", "3/3"]


def test_without_a_terminal_each_step_is_a_line(steps: Repository, engine: Engine) -> None:
    finished = steps.nestproof("build", "--profile", "default")
    assert finished.status == 0, finished.stderr
    lines = [line for line in finished.stderr.splitlines() if line.startswith("… build default ")]
    assert [line.partition("[")[2][:3] for line in lines] == ["2/3", "3/3"]
    assert "\x1b" not in finished.stderr


# A registry


def test_two_platforms_are_pushed_and_joined(small: Repository, engine: Engine, registry: Registry) -> None:
    finished = small.nestproof("build", *BOTH, "--push", f"{registry.address}/joined/{{profile}}:1", "--json")
    assert finished.status == 0, finished.stdout + finished.stderr
    assert sorted(registry.get("joined/default/tags/list")["tags"]) == ["1", "1-amd64", "1-arm64"]
    assert registry.platforms("joined/default", "1") == ["linux/amd64", "linux/arm64"]
    assert registry.platforms("joined/default", "1-arm64") == ["linux/arm64"]
    index = finished.outcome("build.index")
    assert (index["status"], index["platform"]) == ("pass", "linux/amd64,linux/arm64")
    for outcome in finished.evidence["outcomes"][:2]:
        assert (
            f"pushed as {digest(registry, 'joined/default', '1-' + outcome['platform'][6:])}"
            in outcome["summary"]
        )
    for name in ("1-amd64", "1-arm64"):
        engine.api.remove_image(f"{registry.address}/joined/default:{name}")


def digest(registry: Registry, name: str, reference: str) -> str:
    argv = [
        "docker",
        "buildx",
        "imagetools",
        "inspect",
        "--format",
        "{{json .Manifest}}",
        f"{registry.address}/{name}:{reference}",
    ]
    said = subprocess.run([*registry.enter, *argv], capture_output=True, text=True, check=True).stdout
    found: str = json.loads(said)["digest"]
    return found.removeprefix("sha256:")[:12]


def test_a_platform_is_pushed_under_its_own_name(
    small: Repository, engine: Engine, registry: Registry
) -> None:
    name = f"{registry.address}/own:{{arch}}"
    finished = small.nestproof("build", "--platform", "linux/arm64", "--push", name)
    assert finished.status == 0, finished.stdout + finished.stderr
    assert registry.get("own/tags/list")["tags"] == ["arm64"]
    assert registry.platforms("own", "arm64") == ["linux/arm64"]
    engine.api.remove_image(f"{registry.address}/own:arm64")


def test_what_is_not_pushed_makes_no_index(small: Repository, engine: Engine) -> None:
    nobody = f"127.0.0.1:{free_port()}/x"
    finished = small.nestproof("build", *BOTH, "--push", nobody, "--json")
    # The engine's own builder keeps what it could not push.
    for name in (f"{nobody}:latest-amd64", f"{nobody}:latest-arm64"):
        if find_image(engine, name):
            engine.api.remove_image(name)
    # A registry that does not answer says nothing about the images.
    assert finished.status == 4, finished.stdout
    assert [(one["id"], one["status"]) for one in finished.evidence["outcomes"]] == [("build", "error")] * 2
    assert "connection refused" in finished.evidence["outcomes"][0]["cause"]


def test_nothing_is_pushed_that_only_the_file_asks_for(
    small: Repository, engine: Engine, registry: Registry
) -> None:
    name = f"{registry.address}/silent:1"
    for options in (["--push"], [f"--output=type=registry,name={name}"], ["-o", "type=registry"]):
        write(small.path, SCRATCH, options=[*options, f"--tag={name}"])
        finished = small.nestproof("build")
        assert finished.status == 3, finished.stdout
        assert "nestproof publishes only what it is told to" in finished.stdout
    assert "silent" not in registry.get("_catalog")["repositories"]


def test_two_profiles_do_not_take_one_name(copy: Repository, engine: Engine) -> None:
    finished = copy.nestproof("build", "--push", "127.0.0.1:9/x:1")
    assert finished.status == 2
    assert "2 images would go to 127.0.0.1:9/x:1" in finished.stderr
    assert "{profile}" in finished.stderr


# Archives, and engines that hold several platforms


def test_the_classic_store_writes_no_archive(small: Repository, engine: Engine) -> None:
    if engine.facts.several_platforms:
        pytest.skip("this engine has containerd's image store")
    finished = small.nestproof("build", "--output", "oci")
    assert finished.status == 2
    assert "the selected builder writes no OCI archives" in finished.stderr
    assert "docker buildx create --use" in finished.stderr
    assert list(small.path.glob("*.tar")) == []


def beside(second: Second, repository: Repository, *arguments: str) -> Finished:
    """Run nestproof on the second engine, in its network."""
    completed = subprocess.run(
        [*second.enter, sys.executable, "-m", "nestproof", "build", *arguments, "--json"],
        cwd=repository.path,
        env={**os.environ, "DOCKER_HOST": second.host},
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(completed.returncode, completed.stdout, completed.stderr)


def test_several_platforms_are_one_image_where_the_store_holds_them(
    small: Repository, second: Second
) -> None:
    finished = beside(second, small, *BOTH)
    assert finished.status == 0, finished.stdout + finished.stderr
    outcomes = finished.evidence["outcomes"]
    assert [outcome["platform"] for outcome in outcomes] == ["linux/amd64", "linux/arm64"]
    tags = {outcome["summary"].partition(" is ")[0] for outcome in outcomes}
    (tag,) = tags
    assert tag == tag_of(small.path, "linux/amd64").removesuffix("-amd64")
    engine = connect({"DOCKER_HOST": second.host})
    assert engine.facts.several_platforms
    assert [image["RepoTags"] for image in engine.api.images(tag.partition(":")[0])] == [[tag]]
    # What the engine itself says when it is asked for one that it lacks.
    assert find_platform(engine, tag, "linux/s390x") is None
    for platform in ("linux/amd64", "linux/arm64"):
        found = find_platform(engine, tag, platform)
        assert found is not None
        assert found.platform == platform
    assert engine.api.containers(all=True) == []


def test_an_archive_holds_what_its_configurations_say(small: Repository, second: Second) -> None:
    finished = beside(second, small, *BOTH, "--output", "oci:{profile}.tar")
    assert finished.status == 0, finished.stdout + finished.stderr
    with tarfile.open(small.path / "default.tar") as archive:
        layout = archive.extractfile("oci-layout")
        assert layout is not None
        assert json.loads(layout.read()) == {"imageLayoutVersion": "1.0.0"}
    assert [one["status"] for one in finished.evidence["outcomes"]] == ["pass", "pass"]
    assert beside(second, small, "--output", "oci:nowhere/x.tar").status == 2


def test_several_platforms_are_pushed_as_one(small: Repository, second: Second) -> None:
    with running_registry(5000, second.enter) as registry:
        finished = beside(second, small, *BOTH, "--push", f"{registry.address}/one:1")
        assert finished.status == 0, finished.stdout + finished.stderr
        assert registry.get("one/tags/list")["tags"] == ["1"]
        assert registry.platforms("one", "1") == ["linux/amd64", "linux/arm64"]
        (command,) = {tuple(one["observation"]["command"]) for one in finished.evidence["outcomes"]}
        assert command[3:6] == ("--push", "--platform", "linux/amd64,linux/arm64")


def test_a_builder_of_its_own_does_what_the_engine_cannot(
    small: Repository, engine: Engine, second: Second, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    monkeypatch.setenv("BUILDX_BUILDER", "nestproof-test")
    with buildkit_of(second) as address:
        create = ["docker", "buildx", "create", "--name", "nestproof-test", "--driver", "remote", address]
        subprocess.run(create, check=True, capture_output=True)
        written = small.nestproof("build", *BOTH, "--output", "oci:both.tar")
        assert written.status == 0, written.stdout + written.stderr
        assert "both.tar, written as " in written.stdout
        # What it makes is loaded into the engine, which holds what it can.
        loaded = small.nestproof("build", *BOTH, "--json")
        assert loaded.status == 0, loaded.stdout + loaded.stderr
    for outcome in loaded.evidence["outcomes"]:
        image = find_image(engine, tag_of(small.path, outcome["platform"]))
        assert image is not None
        assert image.platform == outcome["platform"]


def test_a_builder_of_two_nodes_builds_on_each_what_it_is_for(
    small: Repository, second: Second, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    monkeypatch.setenv("BUILDX_BUILDER", "nestproof-test")
    with buildkit_of(second) as one, buildkit_of(second) as other:
        create = [
            "docker",
            "buildx",
            "create",
            "--name",
            "nestproof-test",
            "--driver",
            "remote",
            "--platform",
        ]
        subprocess.run([*create, "linux/amd64", one], check=True, capture_output=True)
        subprocess.run([*create, "linux/arm64", "--append", other], check=True, capture_output=True)
        written = small.nestproof("build", *BOTH, "--output", "oci:both.tar", "--json")
        loaded = beside(second, small, *BOTH)
        with running_registry(5000, second.enter) as registry:
            pushed = beside(second, small, *BOTH, "--push", f"{registry.address}/one:1")
            assert pushed.status == 0, pushed.stdout + pushed.stderr
            assert registry.platforms("one", "1") == ["linux/amd64", "linux/arm64"]
            assert registry.get("one/tags/list")["tags"] == ["1"]
    assert written.status == 0, written.stdout + written.stderr
    outcomes = written.evidence["outcomes"]
    assert [(outcome["platform"], outcome["status"]) for outcome in outcomes] == [
        ("linux/amd64", "pass"),
        ("linux/arm64", "pass"),
    ]
    # buildx joins what several nodes made in a registry only.
    assert loaded.status == 0, loaded.stdout + loaded.stderr
    assert sorted(file.name for file in small.path.glob("*.tar")) == ["both-amd64.tar", "both-arm64.tar"]
