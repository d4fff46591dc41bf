"""The whole plan as lines to paste, and the verdict on what was delivered."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from docker import APIClient
from nestbox import build_matrix
from nestbox.base_image import Bases
from nestbox.build import Plan, Ran
from nestbox.build_matrix import BuildRequest, Matrix, check_delivered, check_names
from nestbox.config import BaseImage, Config
from nestbox.delivered import Delivered
from nestbox.engine import Engine, EngineFacts
from nestbox.errors import UsageError
from nestbox.nodes import Node, Truth
from nestbox.outcome import Observation, Status
from nestbox.publish import Arrangement, Delivery, arrange
from nestbox.validate import Session, Workshop

BOTH = ("linux/amd64", "linux/arm64")
RAN = Ran(Observation(("docker",), 0), None, "x")


def plans(profile: str, tag: str = "nestbox/w:{}") -> list[Plan]:
    name = tag.format(profile)
    return [Plan(profile, (platform,), f"{name}-{platform[6:]}", ("/it's",)) for platform in BOTH]


def test_bases_come_first_and_once() -> None:
    base = BaseImage(image="u", variable="B", fallback=["make", "{platform}"])
    missing = Bases({"B": "s"}, {"linux/amd64": "s"}, base)
    matrix = Matrix(
        bases={"linux/amd64": missing, "linux/arm64": missing, "linux/s390x": Bases({}, {"x": "y"}, base)},
        arrangements=[Arrangement(tuple(plans("a")))],
    )
    assert [line for _, line in matrix.commands(FACTS)] == [
        'docker tag "$(make linux/amd64)" s',
        "docker buildx build --load --platform linux/amd64 --tag nestbox/w:a-amd64 '/it'\"'\"'s'",
        "docker buildx build --load --platform linux/arm64 --tag nestbox/w:a-arm64 '/it'\"'\"'s'",
    ]


def test_an_index_comes_after_what_it_joins() -> None:
    arranged = [arrange(plans(name), Delivery("h/{profile}:1"), several=False) for name in ("a", "b")]
    matrix = Matrix(arrangements=arranged)
    assert [line.split()[2] for _, line in matrix.commands(FACTS)] == ["build", "build", "imagetools"] * 2
    assert [where for where, _ in matrix.commands(FACTS)][:3] == ["a linux/amd64", "a linux/arm64", "a"]
    check_names(matrix, Delivery("h/{profile}:1"))


@pytest.mark.parametrize("delivery", [Delivery("h/x:1"), Delivery("h/x:{arch}"), Delivery("", "x.tar")])
@pytest.mark.parametrize("several", [False, True])
def test_two_profiles_do_not_go_to_one_place(delivery: Delivery, several: bool) -> None:
    arranged = [arrange(plans(name), delivery, several=several) for name in ("a", "b")]
    with pytest.raises(UsageError, match="2 images would go to") as caught:
        check_names(Matrix(arrangements=arranged), delivery)
    assert "{profile}" in caught.value.fix


def test_a_part_does_not_take_the_name_of_a_whole() -> None:
    # What one profile's whole is called, another one's part might be.
    whole = arrange(plans("a-amd64"), Delivery("h/x:{profile}"), several=True)
    parts = arrange(plans("a"), Delivery("h/x:{profile}"), several=False)
    with pytest.raises(UsageError, match="2 images would go to h/x:a-amd64"):
        check_names(Matrix(arrangements=[whole, parts]), Delivery("h/x:{profile}"))


def test_two_profiles_may_take_one_image() -> None:
    pulled = Arrangement((Plan("a", ("linux/amd64",), "debian:12"),))
    check_names(Matrix(arrangements=[pulled, pulled]), Delivery())


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
    plan = Plan("a", ("linux/arm64",), "h/x:1", ("/w",), ("--push",))
    outcome = check_delivered(plan, RAN, Delivered("sha256:0123456789abcdef", platforms), plan.targets[0])
    assert (outcome.status, outcome.cause) == (Status.FAIL if cause else Status.PASS, cause)
    if not cause:
        assert outcome.summary == "h/x:1, pushed as 0123456789ab, for linux/arm64"


FACTS = EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", ())


def without_arm64(facts: EngineFacts, platform: str) -> Node:
    truth = Truth.NATIVE if platform == facts.platform else Truth.ABSENT
    return Node(platform, truth, "no handler", "qemu-user-static")


@pytest.mark.parametrize(("push", "built"), [("", ["linux/amd64"]), ("h/x:1", [])])
def test_a_part_of_what_was_asked_for_is_built_but_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, push: str, built: list[str]
) -> None:
    # A name that stands for two platforms must not come to stand for one.
    monkeypatch.setattr(build_matrix, "node_for", without_arm64)
    monkeypatch.setattr(build_matrix, "_driver", lambda: "docker")
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text('{"build": {"dockerfile": "Dockerfile"}}')
    workshop = Workshop(tmp_path, Session(say=print), Engine(cast(APIClient, None), FACTS), Config())
    request = BuildRequest(tmp_path, platforms=BOTH)
    matrix = build_matrix.plan_matrix(request, workshop, {"default": file}, Delivery(push))
    assert [platform for plan in matrix.plans for platform in plan.platforms] == built
    assert {outcome.status for outcome in matrix.unasked} == {Status.UNVERIFIED}
    summaries = [outcome.summary for outcome in matrix.unasked]
    assert summaries[0] == "nothing here runs linux/arm64"
    assert [s for s in summaries[1:] if "nothing of default is published" in s] == summaries[1:]
    assert len(summaries) == 2 - len(built)
