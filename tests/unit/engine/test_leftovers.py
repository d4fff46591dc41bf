"""Removing what killed runs left, while another run does so, too."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from docker.errors import APIError

from nestproof.core.errors import EngineError
from nestproof.engine.client import Engine, EngineFacts
from nestproof.engine.container import remove_leftovers
from nestproof.engine.labels import OWNER_LABEL, owner_of

DEAD = {"Labels": {OWNER_LABEL: owner_of(2**22 + 1)}}


class Api:
    """An engine with one thing of each kind, whose removal ends with that status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[str] = []

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Id": "c", "Names": ["/c"], **DEAD}]

    def volumes(self, **_: Any) -> dict[str, Any]:
        return {"Volumes": [{"Name": "v", **DEAD}]}

    def networks(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Name": "n", **DEAD}]

    def _remove(self, name: str, **_: Any) -> None:
        self.asked.append(name)
        response = requests.Response()
        response.status_code = self.status
        raise APIError("no", response, "removal of container c is already in progress")

    remove_container = remove_volume = remove_network = _remove


def engine(api: Any) -> Engine:
    return Engine(api, EngineFacts("", "", "", "", "linux/amd64", "", ()))


@pytest.mark.parametrize("status", [404, 409])
def test_what_another_run_removes_at_the_same_time_is_gone(status: int) -> None:
    api = Api(status)
    assert remove_leftovers(engine(api)) == ["c", "v", "n"]
    assert api.asked == ["c", "v", "n"]


def test_an_engine_that_fails_is_told() -> None:
    with pytest.raises(EngineError, match=r"looking for leftovers|removing the container"):
        remove_leftovers(engine(Api(500)))
