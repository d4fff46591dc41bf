"""What an image store has for a platform, as Docker Engine 28.5 says it; tests/docker ask older ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from docker.errors import ImageNotFound

from docker import APIClient
from nestproof.core.errors import EngineError
from nestproof.engine.client import Engine, EngineFacts
from nestproof.engine.image_store import find_platform

LACKS = "image with reference x:1 was found but does not provide the specified platform (linux/s390x)"


class Answer:
    """The part of an HTTP answer that is read."""

    def __init__(self, status: int, value: Any) -> None:
        self.status_code, self._value = status, value

    def json(self) -> Any:
        return self._value

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise OSError(f"{self.status_code} {self._value}")


class Api:
    """An engine with the image x:1 for two platforms; like the real one, it tells of its own by default."""

    api_version, base_url = "1.49", "http+docker://localhost"
    broken = False

    def inspect_image(self, reference: str) -> dict[str, str]:
        if reference != "x:1":
            raise ImageNotFound(f"No such image: {reference}")
        return {"Id": "sha256:index", "Os": "linux", "Architecture": "amd64"}

    def get(self, address: str, params: dict[str, str]) -> Answer:
        assert address.startswith("http+docker://localhost/v1.49/images/")
        wanted = json.loads(params["platform"])
        if self.broken:
            return Answer(500, {"message": "no"})
        if not address.endswith("/x:1/json") or wanted["architecture"] not in ("amd64", "arm64"):
            return Answer(404, {"message": LACKS})
        return Answer(200, {"Id": "sha256:one", "Os": wanted["os"], "Architecture": wanted["architecture"]})


def engine(api: Api, *, several: bool = True) -> Engine:
    facts = EngineFacts("unix:///x", "28.5.2", "Debian", "6.1.0", "linux/amd64", "overlayfs", ())
    return Engine(cast(APIClient, api), replace(facts, several_platforms=several))


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_each_platform_of_a_tag_is_found(platform: str) -> None:
    found = find_platform(engine(Api()), "x:1", platform)
    assert found is not None
    assert (found.id, found.platform) == ("sha256:index", platform)


def test_a_platform_that_a_tag_lacks_is_not_found() -> None:
    assert find_platform(engine(Api()), "x:1", "linux/s390x") is None
    assert find_platform(engine(Api()), "y:1", "linux/amd64") is None


def test_an_engine_that_does_not_say_is_an_error() -> None:
    api = Api()
    api.broken = True
    with pytest.raises(EngineError, match="inspecting the image x:1 for linux/arm64"):
        find_platform(engine(api), "x:1", "linux/arm64")


def test_a_store_of_one_platform_has_that_one() -> None:
    assert find_platform(engine(Api(), several=False), "x:1", "linux/amd64") is not None
    assert find_platform(engine(Api(), several=False), "x:1", "linux/arm64") is None
