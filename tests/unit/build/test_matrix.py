"""The whole plan as lines to paste, and the verdict on what was delivered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from docker import APIClient
from nestproof.build import plan
from nestproof.build.base_image import Bases
from nestproof.build.command import ImageBuild
from nestproof.build.destination import BuildPlan, Destination, plan_profile
from nestproof.build.image import BuildResult
from nestproof.build.matrix import check_published
from nestproof.build.plan import Matrix, PlatformBuilder, check_names
from nestproof.build.published import Published
from nestproof.build.target import TargetBuilder
from nestproof.core.config import BaseImage
from nestproof.core.errors import NestproofError, PlatformAbsentError, UsageError
from nestproof.core.outcome import Observation, Status
from nestproof.engine.buildx_builder import BuildxBuilder
from nestproof.engine.client import Engine, EngineFacts
from nestproof.nodes.session import Session

BOTH = ("linux/amd64", "linux/arm64")
RAN = BuildResult(Observation(("docker",), 0), None, ("x",))


FACTS = EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", ())


def platform_builder(
    bases: Bases, variables: dict[str, str | None] | None = None, workspace: Path = Path()
) -> PlatformBuilder:
    engine = Engine(cast(APIClient, None), FACTS, variables or {})
    return PlatformBuilder(TargetBuilder(Session(workspace, print), engine), bases)


GROUNDS = {platform: platform_builder(Bases({}, {})) for platform in BOTH}


def plans(profile: str, tag: str = "nestproof/w:{}") -> list[ImageBuild]:
    name = tag.format(profile)
    return [ImageBuild(profile, (platform,), f"{name}-{platform[6:]}", ("/it's",)) for platform in BOTH]


def test_bases_come_first_and_once() -> None:
    base = BaseImage(image="u", variable="B", fallback=["make", "{platform}"])
    missing = Bases({"B": "s"}, {"linux/amd64": "s"}, base)
    matrix = Matrix(
        {
            "linux/amd64": platform_builder(missing),
            "linux/arm64": platform_builder(missing),
            "linux/s390x": platform_builder(Bases({}, {"x": "y"}, base)),
        },
        plans_by_profile=[BuildPlan(tuple(plans("a")))],
    )
    assert [line for _, line in matrix.commands()] == [
        'docker tag "$(make linux/amd64)" s',
        "docker buildx build --load --platform linux/amd64 --tag nestproof/w:a-amd64 '/it'\"'\"'s'",
        "docker buildx build --load --platform linux/arm64 --tag nestproof/w:a-arm64 '/it'\"'\"'s'",
    ]


def test_an_index_comes_after_what_it_joins() -> None:
    arranged = [plan_profile(plans(name), Destination("h/{profile}:1"), several=False) for name in ("a", "b")]
    matrix = Matrix(GROUNDS, plans_by_profile=arranged)
    assert [line.split()[2] for _, line in matrix.commands()] == ["build", "build", "imagetools"] * 2
    assert [where for where, _ in matrix.commands()][:3] == ["a linux/amd64", "a linux/arm64", "a"]
    check_names(matrix, Destination("h/{profile}:1"))


@pytest.mark.parametrize(
    "destination", [Destination("h/x:1"), Destination("h/x:{arch}"), Destination("", "x.tar")]
)
@pytest.mark.parametrize("several", [False, True])
def test_two_profiles_do_not_go_to_one_place(destination: Destination, several: bool) -> None:
    arranged = [plan_profile(plans(name), destination, several=several) for name in ("a", "b")]
    with pytest.raises(UsageError, match="2 images would go to") as caught:
        check_names(Matrix({}, plans_by_profile=arranged), destination)
    assert "{profile}" in caught.value.fix


def test_a_part_does_not_take_the_name_of_a_whole() -> None:
    # What one profile's whole is called, another one's part might be.
    whole = plan_profile(plans("a-amd64"), Destination("h/x:{profile}"), several=True)
    parts = plan_profile(plans("a"), Destination("h/x:{profile}"), several=False)
    with pytest.raises(UsageError, match="2 images would go to h/x:a-amd64"):
        check_names(Matrix({}, plans_by_profile=[whole, parts]), Destination("h/x:{profile}"))


def test_two_profiles_may_take_one_image() -> None:
    pulled = BuildPlan((ImageBuild("a", ("linux/amd64",), "debian:12"),))
    check_names(Matrix({}, plans_by_profile=[pulled, pulled]), Destination())


@pytest.mark.parametrize(
    ("platforms", "cause"),
    [
        (BOTH, ""),
        (("linux/arm64",), ""),
        (("linux/amd64",), "the image is for linux/amd64, not for linux/arm64"),
        ((), "the image is for no platform, not for linux/arm64"),
    ],
)
def test_what_was_delivered_for_another_platform_fails(platforms: tuple[str, ...], cause: str) -> None:
    plan = ImageBuild("a", ("linux/arm64",), "h/x:1", ("/w",), ("--push",))
    outcome = check_published(plan, RAN, Published("sha256:0123456789abcdef", platforms), plan.targets[0])
    assert (outcome.status, outcome.cause) == (Status.FAIL if cause else Status.PASS, cause)
    if not cause:
        assert outcome.summary == "h/x:1, pushed as 0123456789ab, for linux/arm64"


@pytest.mark.parametrize(("push", "built"), [("", ["linux/amd64"]), ("h/x:1", [])])
def test_a_part_of_what_was_asked_for_is_built_but_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, push: str, built: list[str]
) -> None:
    # A name that stands for two platforms must not come to stand for one.
    monkeypatch.setattr(plan, "selected_builder", lambda _: BuildxBuilder("docker", frozenset()))
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text('{"build": {"dockerfile": "Dockerfile"}}')
    platform_builders: dict[str, PlatformBuilder | NestproofError] = {
        "linux/amd64": platform_builder(Bases({}, {}), workspace=tmp_path),
        "linux/arm64": PlatformAbsentError("nothing here runs linux/arm64"),
    }
    matrix = plan.plan_matrix(platform_builders, ["default"], Destination(push))
    assert [platform for plan in matrix.plans for platform in plan.platforms] == built
    assert {outcome.status for outcome in matrix.unasked} == {Status.UNVERIFIED}
    summaries = [outcome.summary for outcome in matrix.unasked]
    assert summaries[0] == "nothing here runs linux/arm64"
    assert [s for s in summaries[1:] if "nothing of default is published" in s] == summaries[1:]
    assert len(summaries) == 2 - len(built)


def test_a_line_for_another_node_says_for_which() -> None:
    there = platform_builder(Bases({}, {}), {"DOCKER_CONTEXT": "my arm64", "NESTPROOF_UNHEARD_OF": None})
    matrix = Matrix({**GROUNDS, "linux/arm64": there}, plans_by_profile=[BuildPlan(tuple(plans("a")))])
    here, remote = [line for _, line in matrix.commands()]
    assert here.startswith("docker buildx build ")
    assert remote.startswith("(export DOCKER_CONTEXT='my arm64'; docker buildx build ")
    assert remote.endswith(")")


def test_podman_publishes_nothing(tmp_path: Path) -> None:
    engine = Engine(cast(APIClient, None), replace(FACTS, product="Podman"))
    shop = TargetBuilder(Session(tmp_path, print), engine)
    with pytest.raises(UsageError, match="this engine is Podman") as caught:
        plan.plan_matrix({"linux/amd64": PlatformBuilder(shop, Bases({}, {}))}, [], Destination("h/x:1"))
    assert "podman push" in caught.value.fix
