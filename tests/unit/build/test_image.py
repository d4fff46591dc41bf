"""Build plans as one would paste them, and their outcomes.

`docker` is a stand-in that records how it was called and says what buildx 0.13 and Docker Engine 20.10 said;
the engine is one that only knows its images.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from docker.errors import ImageNotFound

from docker import APIClient
from nestproof.build.command import CannotBuildError, ImageBuild, plan_build
from nestproof.build.image import build_image
from nestproof.core.errors import CommandError, EngineError
from nestproof.core.outcome import Status, Target
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, EngineFacts

FACTS = EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", ())
AMD64 = {"Id": "sha256:0123456789abcdef0123", "Os": "linux", "Architecture": "amd64"}
ARM64 = {"Id": "sha256:fedcba98765432100000", "Os": "linux", "Architecture": "arm64"}

BUILT = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 142B done
#1 DONE 0.0s

#4 [base 1/2] FROM base:latest
#4 DONE 0.0s

#5 [base 2/2] RUN echo one
#5 CACHED

#6 [internal] load build context
#6 transferring context: 142B done
#6 DONE 0.0s

#7 [stage-1 1/2] COPY Dockerfile /
#7 DONE 0.0s

#8 [stage-1 2/2] RUN sleep 1;   echo done
#8 1.401 done
#8 1.402 done
#8 DONE 1.4s

#9 exporting to image
#9 exporting layers 0.0s done
#9 DONE 0.0s
"""
FAILED = """\
#5 [2/3] RUN echo one
#5 0.231 one
#5 DONE 0.3s

#6 [3/3] RUN echo two >&2 && exit 7
#6 0.271 two
#6 ERROR: executor failed running [/bin/sh -c echo two >&2 && exit 7]: exit code: 7
------
 > [3/3] RUN echo two >&2 && exit 7:
0.271 two
------
ERROR: failed to solve: executor failed running [/bin/sh -c echo two >&2 && exit 7]: exit code: 7
"""


class Images:
    """The one call that building makes to an engine; like the real one, it raises for the unknown."""

    def __init__(self, **images: dict[str, str]) -> None:
        self.images = images

    def inspect_image(self, reference: str) -> dict[str, str]:
        if reference not in self.images:
            raise ImageNotFound(f"No such image: {reference}")
        return self.images[reference]


def engine(images: dict[str, dict[str, str]] | None = None) -> Engine:
    return Engine(cast(APIClient, Images(**(images or {}))), FACTS)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stand-in for the docker client; `calls` there holds its arguments, one a line."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    docker(tmp_path, "", status=99)
    return tmp_path / "calls"


def docker(folder: Path, stderr: str, *, status: int = 0, image: str = "", about: str = "{}") -> None:
    (folder / "said").write_text(stderr)
    program = folder / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f"for argument; do printf '%s\\n' \"$argument\"; done >>'{folder}/calls'\n"
        "while [ $# -gt 0 ]; do\n"
        f'    [ "$1" != --iidfile ] || printf %s {image} >"$2"\n'
        f'    [ "$1" != --metadata-file ] || printf %s \'{about}\' >"$2"\n'
        "    shift\n"
        "done\n"
        f"cat '{folder}/said' >&2\n"
        f"exit {status}\n"
    )
    program.chmod(0o755)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "My Project"
    (folder / ".devcontainer").mkdir(parents=True)
    return folder


def profile(workspace: Path, config: dict[str, Any], name: str = "default") -> Profile:
    file = workspace / ".devcontainer" / "devcontainer.json"
    file.write_text(json.dumps(config))
    return load_profile(name, file, workspace, {})


def argv(workspace: Path, config: dict[str, Any]) -> tuple[str, ...]:
    plan = plan_build(profile(workspace, config), "linux/arm64")
    assert plan.targets == (Target("default", "linux/arm64"),)
    return plan.argv


# Plans


def test_a_dockerfile_is_built_for_the_platform_in_its_own_folder(workspace: Path) -> None:
    plan = plan_build(profile(workspace, {"build": {"dockerfile": "Dockerfile"}}), "linux/arm64")
    assert plan.argv == (
        "docker",
        "buildx",
        "build",
        "--load",
        "--platform",
        "linux/arm64",
        "--tag",
        plan.tag,
        "--file",
        f"{workspace}/.devcontainer/Dockerfile",
        f"{workspace}/.devcontainer",
    )


def test_without_a_context_it_is_the_dockerfiles_own_folder(workspace: Path) -> None:
    assert argv(workspace, {"build": {"dockerfile": "docker/Dockerfile"}})[8:] == (
        "--file",
        f"{workspace}/.devcontainer/docker/Dockerfile",
        f"{workspace}/.devcontainer/docker",
    )


def test_every_build_property_is_passed_on(workspace: Path) -> None:
    build = {
        "dockerfile": "docker/Dockerfile",
        "context": "..",
        "target": "dev",
        "args": {"A": "1", "B": "two words"},
        "cacheFrom": ["cache/a", "cache/b"],
        "options": ["--secret=id=x,src=/dev/null", "--network=none"],
    }
    assert argv(workspace, {"build": build})[8:] == (
        "--file",
        f"{workspace}/.devcontainer/docker/Dockerfile",
        "--target",
        "dev",
        "--build-arg",
        "A=1",
        "--build-arg",
        "B=two words",
        "--cache-from",
        "cache/a",
        "--cache-from",
        "cache/b",
        "--secret=id=x,src=/dev/null",
        "--network=none",
        str(workspace),
    )


@pytest.mark.parametrize(
    "options",
    [
        ["--secret=id=x,src=/dev/null", "--ssh=default"],
        ["--cache-to=type=inline", "--cache-from", "type=local,src=/c"],
        ["--provenance=false", "--sbom", "true"],
        ["--label=a=b c", "--label", "d='e'"],
        ["--annotation=index:a=b", "--add-host=x:1.2.3.4", "--no-cache-filter=dev", "--pull"],
    ],
)
def test_any_option_of_the_builder_is_passed_on_as_it_is(workspace: Path, options: list[str]) -> None:
    built = argv(workspace, {"build": {"dockerfile": "Dockerfile", "options": options}})
    assert built[10:-1] == tuple(options)


@pytest.mark.parametrize(
    "option", ["--push", "--push=true", "--output=type=registry", "--output", "-o", "-otype=oci", "-o=x"]
)
def test_an_option_by_which_the_image_leaves_is_refused(workspace: Path, option: str) -> None:
    with pytest.raises(CannotBuildError) as caught:
        argv(workspace, {"build": {"dockerfile": "Dockerfile", "options": ["--pull", option]}})
    assert f"has {option} in `build.options`" in caught.value.what
    assert "nestproof build --push REF" in caught.value.fix


def test_a_single_cache_is_passed_on_whole(workspace: Path) -> None:
    built = argv(workspace, {"build": {"dockerfile": "Dockerfile", "cacheFrom": "cache/a"}})
    assert built[-3:-1] == ("--cache-from", "cache/a")


def test_the_old_properties_are_understood(workspace: Path) -> None:
    assert argv(workspace, {"dockerFile": "Dockerfile.old", "context": ".."})[8:] == (
        "--file",
        f"{workspace}/.devcontainer/Dockerfile.old",
        str(workspace),
    )


def test_an_image_is_pulled_for_the_platform(workspace: Path) -> None:
    plan = plan_build(profile(workspace, {"image": "ubuntu:24.04"}), "linux/arm64")
    assert plan.tag == "ubuntu:24.04"
    assert plan.argv == ("docker", "pull", "--platform", "linux/arm64", "ubuntu:24.04")


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "names neither an image nor a Dockerfile"),
        ({"build": {"context": "."}}, "names neither an image nor a Dockerfile"),
    ],
)
def test_what_nestproof_does_not_build_is_said_and_unverified(
    workspace: Path, config: dict[str, Any], named: str
) -> None:
    with pytest.raises(CannotBuildError) as caught:
        argv(workspace, config)
    assert named in caught.value.what
    assert caught.value.fix
    assert caught.value.exit_code == 3


def test_a_tag_is_of_one_workspace_profile_and_platform(workspace: Path, tmp_path: Path) -> None:
    config = {"build": {"dockerfile": "Dockerfile"}}
    other = tmp_path / "other" / "My Project"
    (other / ".devcontainer").mkdir(parents=True)
    tags = [
        plan_build(profile(workspace, config), "linux/amd64").tag,
        plan_build(profile(workspace, config), "linux/arm64").tag,
        plan_build(profile(workspace, config, "secure"), "linux/amd64").tag,
        plan_build(profile(other, config), "linux/amd64").tag,
    ]
    assert len(set(tags)) == 4
    assert re.fullmatch(r"nestproof/my-project-[0-9a-f]{8}:default-amd64", tags[0])
    assert plan_build(profile(workspace, config), "linux/amd64").tag == tags[0]


@pytest.mark.parametrize("name", ["default", "a.b", "With Space", "ünï", "-dash", ".dot", "a+b", "x" * 200])
def test_any_profile_name_makes_a_tag_that_docker_takes(workspace: Path, name: str) -> None:
    plan = plan_build(profile(workspace, {"build": {"dockerfile": "Dockerfile"}}, name), "linux/amd64")
    assert re.fullmatch(r"[a-z0-9]+(?:[./_-][a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", plan.tag)


def test_profiles_of_different_names_have_different_tags(workspace: Path) -> None:
    config = {"build": {"dockerfile": "Dockerfile"}}
    names = ["a-b", "a b", "A-B", "a+b", "-a-b", "a.b", "x" * 200, "x" * 201]
    tags = {plan_build(profile(workspace, config, name), "linux/amd64").tag for name in names}
    assert len(tags) == len(names)


# Outcomes

PLAN = ImageBuild("secure", ("linux/amd64",), "nestproof/x:secure-amd64", ("/context",))
PULL = ImageBuild("secure", ("linux/amd64",), "base:1")


def ignore(_: str) -> None:
    """For tests that do not listen."""


def test_a_build_passes_with_the_image_that_it_made(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    outcome, image = build_image(engine({"sha256:built": AMD64}), PLAN, ignore)
    assert (outcome.id, outcome.status, outcome.target) == ("build", Status.PASS, PLAN.targets[0])
    assert outcome.summary == "nestproof/x:secure-amd64 is 0123456789ab, for linux/amd64"
    assert image is not None
    assert image.id == "sha256:0123456789abcdef0123"


def test_the_command_that_is_shown_is_the_one_to_paste(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    outcome, _ = build_image(engine({"sha256:built": AMD64}), PLAN, ignore)
    assert outcome.observation is not None
    assert outcome.observation.command == PLAN.argv
    called = calls.read_text().splitlines()
    heard_by = ["--iidfile", called[-6], "--progress", "rawjson", "--metadata-file", called[-2]]
    assert called == [*PLAN.argv[1:-1], *heard_by, PLAN.argv[-1]]


def test_progress_tells_of_the_steps_that_are_really_run(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    steps: list[str] = []
    build_image(engine({"sha256:built": AMD64}), PLAN, steps.append)
    assert steps == ["[stage-1 2/2] RUN sleep 1; echo done"]


def test_a_failing_build_names_its_step_and_has_no_image(calls: Path) -> None:
    docker(calls.parent, FAILED, status=1, image="sha256:built")
    steps: list[str] = []
    outcome, image = build_image(engine({"sha256:built": AMD64}), PLAN, steps.append)
    assert (outcome.status, outcome.summary, image) == (Status.FAIL, "the image could not be built", None)
    assert outcome.cause == (
        "failing step: [3/3] RUN echo two >&2 && exit 7\n"
        "executor failed running [/bin/sh -c echo two >&2 && exit 7]: exit code: 7"
    )
    assert steps == ["[2/3] RUN echo one", "[3/3] RUN echo two >&2 && exit 7"]
    assert outcome.observation is not None
    assert outcome.observation.exit_status == 1
    assert outcome.observation.stderr.splitlines()[0] == "two"
    assert "0.231 one" not in outcome.observation.stderr


def test_of_a_long_build_the_end_is_kept(calls: Path) -> None:
    docker(calls.parent, "".join(f"{number}\n" for number in range(1, 101)), image="sha256:built")
    outcome, _ = build_image(engine({"sha256:built": AMD64}), PLAN, ignore)
    assert outcome.observation is not None
    assert outcome.observation.stderr.splitlines() == [str(number) for number in range(61, 101)]


def test_an_image_for_another_platform_fails(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    outcome, image = build_image(engine({"sha256:built": ARM64}), PLAN, ignore)
    assert (outcome.status, image) == (Status.FAIL, None)
    assert outcome.summary == "the image is for linux/arm64, not for linux/amd64"


def test_a_base_for_another_platform_fails_although_the_image_says_otherwise(calls: Path) -> None:
    # As BuildKit of Docker Engine 28.5 said it, and it wrote the wanted platform into the image.
    said = (Path(__file__).parents[2] / "recorded" / "buildx" / "other-base-28.5.txt").read_text()
    docker(calls.parent, said, image="sha256:built")
    plan = replace(PLAN, platforms=("linux/arm64",))
    outcome, image = build_image(engine({"sha256:built": ARM64}), plan, ignore)
    assert (outcome.status, image) == (Status.FAIL, None)
    assert outcome.cause == "the base image nbx:amd is for linux/amd64, not for linux/arm64"
    assert outcome.fix == "build from a base image of that platform"
    # The same words of another platform's stage are no fault of this one.
    outcome, image = build_image(engine({"sha256:built": AMD64}), PLAN, ignore)
    assert outcome.status is Status.PASS


def test_an_id_file_of_the_profiles_own_does_not_hide_the_image(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    own = calls.parent / "own-id"
    plan = replace(PLAN, recipe=("--iidfile", str(own), "--progress=tty", "/context"))
    outcome, _ = build_image(engine({"sha256:built": AMD64}), plan, ignore)
    assert outcome.status is Status.PASS
    called = calls.read_text().splitlines()
    assert called.index("--progress=tty") < called.index("--progress") < len(called) - 1


def test_an_engine_may_know_an_image_by_its_manifest(calls: Path) -> None:
    docker(
        calls.parent,
        BUILT,
        image="sha256:configuration",
        about='{"containerimage.digest": "sha256:manifest", "image.name": "docker.io/library/x"}',
    )
    outcome, image = build_image(engine({"sha256:manifest": AMD64}), PLAN, ignore)
    assert outcome.status is Status.PASS
    assert image is not None
    with pytest.raises(EngineError, match="just built, sha256:configuration"):
        build_image(engine({"sha256:other": AMD64}), PLAN, ignore)


def test_an_image_that_the_engine_does_not_have_is_an_error(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    with pytest.raises(EngineError, match="does not have the image that it just built") as caught:
        build_image(engine(), PLAN, ignore)
    assert "docker buildx use default" in caught.value.fix


def test_a_missing_docker_client_is_an_error(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(calls.parent / "nowhere"))
    with pytest.raises(CommandError, match="docker was not found"):
        build_image(engine(), PLAN, ignore)


def test_an_image_that_is_there_is_not_pulled(calls: Path) -> None:
    outcome, image = build_image(engine({"base:1": AMD64}), PULL, ignore)
    assert (outcome.status, image and image.id) == (Status.PASS, AMD64["Id"])
    assert not calls.exists()


def test_an_image_that_is_there_for_another_platform_is_pulled_and_looked_at_again(calls: Path) -> None:
    docker(calls.parent, "")
    outcome, image = build_image(engine({"base:1": ARM64}), PULL, ignore)
    assert calls.read_text().split() == ["pull", "--platform", "linux/amd64", "base:1"]
    assert (outcome.status, image) == (Status.FAIL, None)


def test_a_pull_that_fails_says_what_the_engine_said(calls: Path) -> None:
    said = "Error response from daemon: pull access denied for base, repository does not exist"
    docker(calls.parent, f"{said}\n", status=1)
    outcome, image = build_image(engine(), PULL, ignore)
    assert (outcome.status, image) == (Status.FAIL, None)
    assert "pull access denied for base" in outcome.cause


def test_a_buildx_without_rawjson_is_asked_again_for_text(calls: Path) -> None:
    docker(calls.parent, BUILT, image="sha256:built")
    program = calls.parent / "docker"
    refusal = (
        'case " $* " in *" rawjson "*) echo "ERROR: invalid progress mode rawjson" >&2; exit 1 ;; esac\n'
    )
    program.write_text(program.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{refusal}"))
    told: list[str] = []
    outcome, image = build_image(engine({"sha256:built": AMD64}), PLAN, told.append)
    assert outcome.status is Status.PASS
    assert image is not None
    assert calls.read_text().splitlines().count("plain") == 1
    # A build that fails for another reason is not tried twice.
    calls.unlink()
    docker(calls.parent, "ERROR: failed to solve: no such step\n", status=1)
    assert build_image(engine({}), PLAN, told.append)[0].status is Status.FAIL
    assert calls.read_text().splitlines().count("--progress") == 1
