"""Where images go, and which command lines take them there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.build.command import CannotBuildError, ImageBuild
from nestproof.build.destination import (
    Destination,
    builds_several,
    check_archive,
    parse_destination,
    plan_profile,
)
from nestproof.core.errors import UsageError
from nestproof.core.platforms import holds_several

BUILDX = ("docker", "buildx", "build")
BOTH = ("linux/amd64", "linux/arm64")
RECIPE = ("--file", "/w/Dockerfile", "/w")


def plans(*platforms: str, profile: str = "secure", **recipes: tuple[str, ...]) -> list[ImageBuild]:
    return [
        ImageBuild(
            profile,
            (platform,),
            f"nestproof/w:{profile}-{platform[6:]}",
            recipes.get(platform[6:], RECIPE),
        )
        for platform in platforms
    ]


def lines(
    made: list[ImageBuild], push: str = "", output: str = "", *, several: bool = False
) -> list[tuple[str, ...]]:
    arranged = plan_profile(made, parse_destination(push, output), several=several)
    return [*(plan.argv for plan in arranged.plans), *([arranged.index] if arranged.index else [])]


# To the engine


def test_an_engine_that_holds_one_platform_gets_a_tag_for_each() -> None:
    assert lines(plans(*BOTH)) == [
        (*BUILDX, "--load", "--platform", "linux/amd64", "--tag", "nestproof/w:secure-amd64", *RECIPE),
        (*BUILDX, "--load", "--platform", "linux/arm64", "--tag", "nestproof/w:secure-arm64", *RECIPE),
    ]


def test_an_engine_that_holds_several_gets_one_image_with_one_tag() -> None:
    assert lines(plans(*BOTH), several=True) == [
        (*BUILDX, "--load", "--platform", "linux/amd64,linux/arm64", "--tag", "nestproof/w:secure", *RECIPE)
    ]


def test_one_platform_keeps_its_tag() -> None:
    assert lines(plans("linux/arm64"), several=True) == [
        (*BUILDX, "--load", "--platform", "linux/arm64", "--tag", "nestproof/w:secure-arm64", *RECIPE)
    ]


def test_what_is_not_the_same_for_all_platforms_is_built_apart() -> None:
    other = ("--build-arg", "BASE=arm", *RECIPE)
    assert [line[5] for line in lines(plans(*BOTH, arm64=other), several=True)] == list(BOTH)


def test_what_is_pulled_is_pulled_for_each_platform() -> None:
    pulled = [ImageBuild("default", (platform,), "debian:12") for platform in BOTH]
    assert lines(pulled, several=True) == [
        ("docker", "pull", "--platform", "linux/amd64", "debian:12"),
        ("docker", "pull", "--platform", "linux/arm64", "debian:12"),
    ]


# To a registry


def test_nothing_is_pushed_or_written_without_being_told() -> None:
    for several in (False, True):
        for line in lines(plans(*BOTH), several=several):
            assert not {"--push", "--output", "imagetools"} & set(line)


def test_one_platform_is_pushed_under_the_name_itself() -> None:
    assert lines(plans("linux/arm64"), push="host:5000/x/{profile}:1") == [
        (*BUILDX, "--push", "--platform", "linux/arm64", "--tag", "host:5000/x/secure:1", *RECIPE)
    ]


def test_several_platforms_are_pushed_as_one_where_the_builder_can() -> None:
    assert lines(plans(*BOTH), push="host/x:1", several=True) == [
        (*BUILDX, "--push", "--platform", "linux/amd64,linux/arm64", "--tag", "host/x:1", *RECIPE)
    ]


@pytest.mark.parametrize(
    ("reference", "whole"),
    [("host/x:1", "host/x:1"), ("host:5000/x", "host:5000/x:latest"), ("x/{profile}", "x/secure:latest")],
)
def test_several_platforms_are_pushed_apart_and_then_joined_where_it_cannot(
    reference: str, whole: str
) -> None:
    assert lines(plans(*BOTH), push=reference) == [
        (*BUILDX, "--push", "--platform", "linux/amd64", "--tag", f"{whole}-amd64", *RECIPE),
        (*BUILDX, "--push", "--platform", "linux/arm64", "--tag", f"{whole}-arm64", *RECIPE),
        (
            *("docker", "buildx", "imagetools", "create", "--tag", whole),
            *(f"{whole}-amd64", f"{whole}-arm64"),
        ),
    ]


def test_what_differs_between_platforms_is_joined_also_where_the_builder_could() -> None:
    made = lines(plans(*BOTH, arm64=("/other",)), push="host/x:1", several=True)
    assert [line[2] for line in made] == ["build", "build", "imagetools"]


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("host/x:1-{arch}", ["host/x:1-amd64", "host/x:1-arm64"]),
        ("host/x:{platform}", ["host/x:linux-amd64", "host/x:linux-arm64"]),
    ],
)
def test_a_name_for_each_platform_is_all_that_is_pushed(reference: str, names: list[str]) -> None:
    for several in (False, True):
        made = lines(plans(*BOTH), push=reference, several=several)
        assert [line[line.index("--tag") + 1] for line in made] == names


@pytest.mark.parametrize("reference", ["x/Y", "a b", "x:", "-x", "x@sha256:0", "host/x:1:2", ""])
def test_a_reference_that_is_none_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="is no reference that can be pushed to"):
        plan_profile(plans(*BOTH), Destination(push=reference or "{arch}:"), several=False)


def test_a_profile_that_builds_nothing_has_nothing_to_deliver() -> None:
    with pytest.raises(CannotBuildError, match="default builds nothing to deliver: it takes debian:12"):
        lines([ImageBuild("default", ("linux/amd64",), "debian:12")], push="host/x")


# To an archive


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("oci", "secure.oci.tar"),
        ("oci:out/x.tar", "out/x.tar"),
        ("oci:out/", "out/secure.oci.tar"),
        ("oci:{profile}-{arch}", "secure-amd64"),
        ("oci:/a:b/{platform}.tar", "/a:b/linux-amd64.tar"),
    ],
)
def test_an_archive_is_written_where_it_was_told_to(output: str, path: str) -> None:
    assert lines(plans("linux/amd64"), output=output, several=True) == [
        (*BUILDX, "--output", f"type=oci,dest={path}", "--platform", "linux/amd64", *RECIPE)
    ]


def test_a_path_with_a_comma_is_one_field() -> None:
    ((*_, written, _, _, _, _, _),) = lines(plans("linux/amd64"), output="oci:a,b.tar", several=True)
    assert written == 'type=oci,"dest=a,b.tar"'


def test_several_platforms_go_into_one_archive() -> None:
    assert lines(plans(*BOTH), output="oci:x.tar", several=True) == [
        (*BUILDX, "--output", "type=oci,dest=x.tar", "--platform", "linux/amd64,linux/arm64", *RECIPE)
    ]


def test_what_differs_between_platforms_goes_into_an_archive_for_each() -> None:
    made = lines(plans(*BOTH, arm64=("/other",)), output="oci:d/x.oci.tar", several=True)
    assert [line[4] for line in made] == [
        "type=oci,dest=d/x-amd64.oci.tar",
        "type=oci,dest=d/x-arm64.oci.tar",
    ]
    made = lines(plans(*BOTH), output="oci:d/{arch}", several=True)
    assert [line[4] for line in made] == ["type=oci,dest=d/amd64", "type=oci,dest=d/arm64"]


# The command line


@pytest.mark.parametrize(
    ("push", "output", "said"),
    [
        ("x", "oci", "--push and --output exclude each other"),
        ("", "tar:x", "unknown output 'tar:x'"),
        ("", "ocix", "unknown output 'ocix'"),
        ("x/{name}", "", "{name} stands for nothing"),
        ("", "oci:{}", "{} stands for nothing"),
    ],
)
def test_what_cannot_be_delivered_is_refused(push: str, output: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_destination(push, output)
    assert caught.value.what == said
    assert caught.value.fix


# Builders and image stores


def info(name: str) -> Any:
    return json.loads((Path(__file__).parents[2] / "recorded" / "docker_info" / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("recorded", "several"), [("20.10", False), ("26.1-containerd", True), ("28.5-containerd", True)]
)
def test_containerds_image_store_holds_several_platforms(recorded: str, several: bool) -> None:
    assert holds_several(info(recorded)) is several


def test_an_engine_that_says_nothing_of_its_store_holds_one() -> None:
    assert not holds_several({})
    assert not holds_several({"DriverStatus": None})


@pytest.mark.parametrize(
    ("driver", "store", "able"),
    [
        ("docker", False, False),
        ("docker", True, True),
        ("docker-container", False, True),
        ("remote", False, True),
        ("kubernetes", True, True),
    ],
)
def test_what_a_builder_can(driver: str, store: bool, able: bool) -> None:
    assert builds_several(driver, several_platforms=store) is able
    if able:
        check_archive(driver, several_platforms=store)
        return
    with pytest.raises(UsageError, match="the selected builder writes no OCI archives") as caught:
        check_archive(driver, several_platforms=store)
    assert "docker buildx create --use" in caught.value.fix
