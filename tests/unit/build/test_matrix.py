"""The whole plan as lines to paste, and the verdict on what was delivered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from docker import APIClient
from nestproof.build import plan
from nestproof.build.base_image import Bases
from nestproof.build.destination import Arrangement, Delivery, arrange
from nestproof.build.image import Plan, Ran
from nestproof.build.matrix import check_delivered
from nestproof.build.plan import Ground, Matrix, check_names
from nestproof.build.published import Delivered
from nestproof.build.target import Workshop
from nestproof.core.config import BaseImage, Config
from nestproof.core.errors import EngineUnavailable, NestproofError, UsageError
from nestproof.core.outcome import Observation, Status
from nestproof.engine.buildx_builder import Builder
from nestproof.engine.client import Engine, EngineFacts
from nestproof.nodes.session import Session

BOTH = ("linux/amd64", "linux/arm64")
RAN = Ran(Observation(("docker",), 0), None, ("x",))


FACTS = EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", ())


def ground(bases: Bases, variables: dict[str, str | None] | None = None, workspace: Path = Path()) -> Ground:
    engine = Engine(cast(APIClient, None), FACTS, variables or {})
    return Ground(Workshop(workspace, Session(say=print), engine, Config()), bases)


GROUNDS = {platform: ground(Bases({}, {})) for platform in BOTH}


def plans(profile: str, tag: str = "nestproof/w:{}") -> list[Plan]:
    name = tag.format(profile)
    return [Plan(profile, (platform,), f"{name}-{platform[6:]}", ("/it's",)) for platform in BOTH]


def test_bases_come_first_and_once() -> None:
    base = BaseImage(image="u", variable="B", fallback=["make", "{platform}"])
    missing = Bases({"B": "s"}, {"linux/amd64": "s"}, base)
    matrix = Matrix(
        {
            "linux/amd64": ground(missing),
            "linux/arm64": ground(missing),
            "linux/s390x": ground(Bases({}, {"x": "y"}, base)),
        },
        arrangements=[Arrangement(tuple(plans("a")))],
    )
    assert [line for _, line in matrix.commands()] == [
        'docker tag "$(make linux/amd64)" s',
        "docker buildx build --load --platform linux/amd64 --tag nestproof/w:a-amd64 '/it'\"'\"'s'",
        "docker buildx build --load --platform linux/arm64 --tag nestproof/w:a-arm64 '/it'\"'\"'s'",
    ]


def test_an_index_comes_after_what_it_joins() -> None:
    arranged = [arrange(plans(name), Delivery("h/{profile}:1"), several=False) for name in ("a", "b")]
    matrix = Matrix(GROUNDS, arrangements=arranged)
    assert [line.split()[2] for _, line in matrix.commands()] == ["build", "build", "imagetools"] * 2
    assert [where for where, _ in matrix.commands()][:3] == ["a linux/amd64", "a linux/arm64", "a"]
    check_names(matrix, Delivery("h/{profile}:1"))


@pytest.mark.parametrize("delivery", [Delivery("h/x:1"), Delivery("h/x:{arch}"), Delivery("", "x.tar")])
@pytest.mark.parametrize("several", [False, True])
def test_two_profiles_do_not_go_to_one_place(delivery: Delivery, several: bool) -> None:
    arranged = [arrange(plans(name), delivery, several=several) for name in ("a", "b")]
    with pytest.raises(UsageError, match="2 images would go to") as caught:
        check_names(Matrix({}, arrangements=arranged), delivery)
    assert "{profile}" in caught.value.fix


def test_a_part_does_not_take_the_name_of_a_whole() -> None:
    # What one profile's whole is called, another one's part might be.
    whole = arrange(plans("a-amd64"), Delivery("h/x:{profile}"), several=True)
    parts = arrange(plans("a"), Delivery("h/x:{profile}"), several=False)
    with pytest.raises(UsageError, match="2 images would go to h/x:a-amd64"):
        check_names(Matrix({}, arrangements=[whole, parts]), Delivery("h/x:{profile}"))


def test_two_profiles_may_take_one_image() -> None:
    pulled = Arrangement((Plan("a", ("linux/amd64",), "debian:12"),))
    check_names(Matrix({}, arrangements=[pulled, pulled]), Delivery())


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


@pytest.mark.parametrize(("push", "built"), [("", ["linux/amd64"]), ("h/x:1", [])])
def test_a_part_of_what_was_asked_for_is_built_but_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, push: str, built: list[str]
) -> None:
    # A name that stands for two platforms must not come to stand for one.
    monkeypatch.setattr(plan, "selected_builder", lambda _: Builder("docker", frozenset()))
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text('{"build": {"dockerfile": "Dockerfile"}}')
    grounds: dict[str, Ground | NestproofError] = {
        "linux/amd64": ground(Bases({}, {}), workspace=tmp_path),
        "linux/arm64": EngineUnavailable("nothing here runs linux/arm64"),
    }
    matrix = plan.plan_matrix(grounds, {"default": file}, Delivery(push))
    assert [platform for plan in matrix.plans for platform in plan.platforms] == built
    assert {outcome.status for outcome in matrix.unasked} == {Status.UNVERIFIED}
    summaries = [outcome.summary for outcome in matrix.unasked]
    assert summaries[0] == "nothing here runs linux/arm64"
    assert [s for s in summaries[1:] if "nothing of default is published" in s] == summaries[1:]
    assert len(summaries) == 2 - len(built)


def test_a_line_for_another_node_says_for_which() -> None:
    there = ground(Bases({}, {}), {"DOCKER_CONTEXT": "my arm64", "NESTPROOF_UNHEARD_OF": None})
    matrix = Matrix({**GROUNDS, "linux/arm64": there}, arrangements=[Arrangement(tuple(plans("a")))])
    here, elsewhere = [line for _, line in matrix.commands()]
    assert here.startswith("docker buildx build ")
    assert elsewhere.startswith("(export DOCKER_CONTEXT='my arm64'; docker buildx build ")
    assert elsewhere.endswith(")")


def test_podman_publishes_nothing(tmp_path: Path) -> None:
    engine = Engine(cast(APIClient, None), replace(FACTS, product="Podman"))
    shop = Workshop(tmp_path, Session(say=print), engine, Config())
    with pytest.raises(UsageError, match="this engine is Podman") as caught:
        plan.plan_matrix({"linux/amd64": Ground(shop, Bases({}, {}))}, {}, Delivery("h/x:1"))
    assert "podman push" in caught.value.fix
