"""Which node answers for which platform; the engines are stand-ins that say what real ones say."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from docker import APIClient
from nestproof.core.config import Config, ConfiguredNode, load_config
from nestproof.core.errors import CommandError, EngineError, EngineUnavailable, UsageError
from nestproof.engine.buildx_builder import BuildxBuilder
from nestproof.engine.client import Engine, EngineFacts
from nestproof.nodes.node import Fidelity, Node
from nestproof.nodes.node_pool import NodePool, docker_variables, require_node

AMD64, ARM64 = "linux/amd64", "linux/arm64"


class Stand:
    """Stands in for what a pool asks of engines: who answers, and what their builders emulate."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.platforms: dict[str, str] = {"": AMD64}
        self.emulated: dict[str, frozenset[str]] = {}
        self.silent: dict[str, str] = {}
        self.reached: list[str] = []
        self.timeouts: dict[str, int] = {}
        monkeypatch.setattr("nestproof.nodes.node_pool.connect", self.connect)
        monkeypatch.setattr("nestproof.nodes.node_pool.remove_leftovers", lambda _: [])
        monkeypatch.setattr("nestproof.nodes.node.selected_builder", self.builder)

    def connect(self, variables: Mapping[str, str] | None, *, timeout: int) -> Engine:
        address = (variables or {}).get("DOCKER_HOST", "")
        self.reached.append(address)
        self.timeouts[address] = timeout
        if address in self.silent:
            raise EngineUnavailable(f"no Docker Engine answers at {address}", why=self.silent[address])
        facts = EngineFacts(address or "unix:///x", "1", "Debian", "6.1.0", self.platforms[address], "o", ())
        return Engine(cast(APIClient, object()), facts, dict(variables or {}), cpus=4)

    def builder(self, variables: Mapping[str, str | None] | None) -> BuildxBuilder:
        address = (variables or {}).get("DOCKER_HOST") or ""
        if address == "unix:///podman":
            raise CommandError("docker buildx cannot say", why="no BuildKit")
        return BuildxBuilder("docker", self.emulated.get(address, frozenset()))


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


def node(name: str, host: str = "", **settings: Any) -> ConfiguredNode:
    return ConfiguredNode.model_validate({"name": name, "host": host or f"unix:///{name}", **settings})


def node_pool(*nodes: ConfiguredNode) -> NodePool:
    return NodePool(nodes, Path("/w"), print)


def test_without_configuration_it_is_the_docker_clients_own_engine(stand: Stand) -> None:
    place = node_pool().place(AMD64)
    assert (place.node.name, place.node.fidelity, place.remote) == ("default", Fidelity.NATIVE, False)
    assert place.builder is place.engine
    assert stand.timeouts == {"": 60}


def test_others_are_not_even_asked_where_it_is_native(stand: Stand) -> None:
    stand.silent["unix:///arm"] = "gone"
    assert node_pool(node("arm")).place(AMD64).node.name == "default"
    assert stand.reached == [""]


@pytest.mark.parametrize(
    ("truths", "chosen"),
    [
        (["emulated", "native"], "b"),
        (["native", "native"], "a"),
        (["virtual", "native"], "b"),
        (["virtual", "emulated"], "a"),
        (["emulated", "virtual"], "b"),
        (["absent", "emulated"], "b"),
        (["emulated", "emulated"], "a"),
    ],
)
@pytest.mark.parametrize("own", ["emulated", "absent"])
def test_native_before_virtual_before_emulated_and_the_clients_own_first(
    stand: Stand, truths: list[str], chosen: str, own: str
) -> None:
    nodes = []
    for name, fidelity in zip("ab", truths, strict=True):
        address = f"unix:///{name}"
        stand.platforms[address] = ARM64 if fidelity in ("native", "virtual") else AMD64
        stand.emulated[address] = frozenset({ARM64} if fidelity == "emulated" else ())
        nodes.append(node(name, virtual=fidelity == "virtual"))
    stand.emulated[""] = frozenset({ARM64} if own == "emulated" else ())
    expected = "default" if own == "emulated" and set(truths) <= {"emulated", "absent"} else chosen
    place = node_pool(*nodes).place(ARM64)
    assert place.node.name == expected
    assert place.node.reason
    if expected != "default":
        assert place.node.fidelity.value == truths["ab".index(expected)]
    assert place.node.timeout_factor == (10 if place.node.fidelity is Fidelity.VIRTUAL else 1)


def test_a_node_answers_for_no_platform_but_those_that_it_is_kept_for(stand: Stand) -> None:
    stand.platforms["unix:///arm"] = ARM64
    stand.emulated[""] = frozenset({ARM64})
    assert node_pool(node("arm", platforms=[AMD64])).place(ARM64).node.name == "default"
    with pytest.raises(EngineUnavailable, match="nothing here runs linux/arm64") as caught:
        node_pool(node("arm", platforms=[AMD64])).place(ARM64, "arm")
    assert "leaves this platform out" in caught.value.why


@pytest.mark.parametrize("own", [Fidelity.NATIVE, Fidelity.EMULATED])
def test_of_equally_true_nodes_one_that_is_kept_for_the_platform_comes_first(
    stand: Stand, own: Fidelity
) -> None:
    platform = AMD64 if own is Fidelity.NATIVE else ARM64
    for address in ("", "unix:///a", "unix:///b"):
        stand.platforms[address], stand.emulated[address] = AMD64, frozenset({ARM64})
    assert node_pool(node("a"), node("b", platforms=[platform])).place(platform).node.name == "b"
    assert node_pool(node("a"), node("b")).place(platform).node.name == "default"
    stand.silent["unix:///b"] = "gone"
    assert node_pool(node("a"), node("b", platforms=[platform])).place(platform).node.name == "default"


def test_the_node_that_is_asked_for_or_none(stand: Stand) -> None:
    stand.platforms["unix:///other"] = AMD64
    place = node_pool(node("other")).place(AMD64, "other")
    assert (place.node.name, place.engine.facts.address) == ("other", "unix:///other")
    assert stand.reached == ["unix:///other"]
    stand.silent["unix:///other"] = "refused"
    with pytest.raises(EngineUnavailable, match="the node other does not answer") as caught:
        node_pool(node("other")).place(AMD64, "other")
    assert caught.value.why == "refused"


def test_a_node_that_is_missed_is_named_where_another_answers_less_truly(stand: Stand) -> None:
    stand.emulated[""] = frozenset({ARM64})
    stand.silent["unix:///arm"] = "connection refused"
    place = node_pool(node("arm")).place(ARM64)
    assert place.node.fidelity is Fidelity.EMULATED
    assert place.node.remedy.endswith(
        "the node arm does not answer: no Docker Engine answers at unix:///arm: connection refused"
    )


def test_a_configured_node_answers_where_the_docker_client_has_no_engine(stand: Stand) -> None:
    stand.silent[""] = "no such file"
    stand.platforms["unix:///other"] = AMD64
    assert node_pool(node("other")).place(AMD64).node.name == "other"
    with pytest.raises(EngineUnavailable, match="no Docker Engine answers"):
        node_pool().place(AMD64)
    stand.silent["unix:///other"] = "refused"
    with pytest.raises(EngineUnavailable, match="no node answers for linux/amd64") as caught:
        node_pool(node("other")).place(AMD64)
    assert "no such file" in caught.value.why
    assert "the node other does not answer" in caught.value.why


def test_a_builder_that_cannot_be_asked_costs_its_own_node_only(stand: Stand) -> None:
    stand.platforms["unix:///podman"] = AMD64
    stand.emulated[""] = frozenset({ARM64})
    assert node_pool(node("podman")).place(ARM64).node.name == "default"
    with pytest.raises(EngineUnavailable) as caught:
        node_pool(node("podman")).place(ARM64, "podman")
    assert "no BuildKit" in caught.value.why


@pytest.mark.parametrize(
    ("settings", "remote"),
    [
        ({"host": "unix:///a"}, False),
        ({"host": "ssh://a"}, True),
        ({"host": "tcp://a:2376", "tls": "keys"}, True),
        ({"host": "ssh://a", "local": True}, False),
        ({"host": "unix:///a", "local": False}, True),
    ],
)
def test_an_engine_behind_a_socket_sees_this_machines_files(
    stand: Stand, settings: dict[str, Any], remote: bool
) -> None:
    stand.platforms[settings["host"]] = AMD64
    assert node_pool(node("a", **settings)).place(AMD64, "a").remote is remote


def test_a_node_that_builds_nothing_is_given_images_of_the_clients_own_engine(stand: Stand) -> None:
    stand.platforms["unix:///plain"] = AMD64
    place = node_pool(node("plain", builds=False)).place(AMD64, "plain")
    assert (place.engine.facts.address, place.builder.facts.address) == ("unix:///plain", "unix:///x")
    assert place.builder_name == "default"


def test_nodes_are_reached_at_the_same_time(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=10)

    def connect(variables: Mapping[str, str] | None, *, timeout: int) -> Engine:
        if variables:
            together.wait()
        return stand.connect(variables, timeout=timeout)

    stand.platforms |= dict.fromkeys(("unix:///a", "unix:///b", "unix:///c"), AMD64)
    monkeypatch.setattr("nestproof.nodes.node_pool.connect", connect)
    names = {name for name, *_ in node_pool(node("a"), node("b"), node("c")).survey()}
    assert names == {"default", "a", "b", "c"}


def test_each_node_is_reached_once_and_with_its_own_timeout(stand: Stand) -> None:
    stand.platforms["unix:///a"] = AMD64
    nodes = node_pool(node("a", timeout=7))
    for platform in (AMD64, AMD64):
        nodes.place(platform, "a")
    assert stand.reached == ["unix:///a"]
    assert stand.timeouts == {"unix:///a": 7}


def test_the_survey_tells_each_node_for_each_platform_and_who_is_asked_first(stand: Stand) -> None:
    stand.platforms["unix:///arm"] = ARM64
    stand.silent["unix:///gone"] = "refused"
    rows = list(node_pool(node("arm"), node("gone")).survey())
    told = [(n, f.platform, f.fidelity.value, first) for n, _, f, first in rows if isinstance(f, Node)]
    assert told == [
        ("default", AMD64, "native", True),
        ("default", ARM64, "absent", False),
        ("arm", AMD64, "absent", False),
        ("arm", ARM64, "native", True),
    ]
    ((name, _, error, _),) = [row for row in rows if not isinstance(row[2], Node)]
    assert name == "gone"
    assert isinstance(error, EngineError)
    assert error.why == "refused"


def test_the_platform_without_a_word_is_the_asked_nodes_own(stand: Stand) -> None:
    stand.platforms["unix:///arm"] = ARM64
    assert node_pool(node("arm")).own_platform("") == AMD64
    assert node_pool(node("arm")).own_platform("arm") == ARM64


def test_a_name_that_no_node_has_is_a_usage_error_with_the_names() -> None:
    config = Config(node=[node("arm"), node("build-box")])
    require_node(config, "arm")
    require_node(config, "default")
    with pytest.raises(UsageError, match="there is no node 'amr'") as caught:
        require_node(config, "amr")
    assert caught.value.fix == "one of: default, arm, build-box"


def test_what_the_docker_client_is_told_of_a_node() -> None:
    there = ConfiguredNode.model_validate({"name": "a", "context": "arm64"})
    assert docker_variables(there, Path("/w")) == {"DOCKER_CONTEXT": "arm64"}
    assert docker_variables(node("a", "ssh://you@m"), Path("/w")) == {"DOCKER_HOST": "ssh://you@m"}
    assert docker_variables(node("a", "tcp://m:2376", tls="keys/m"), Path("/w")) == {
        "DOCKER_HOST": "tcp://m:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/w/keys/m",
    }
    told = docker_variables(node("a", "tcp://m:2376", tls="~/keys"), Path("/w"))
    assert told["DOCKER_CERT_PATH"] == str(Path.home() / "keys")


GOOD = """\
[[node]]
name = "arm"
context = "arm64"
platforms = ["arm64"]

[[node]]
name = "box"
host = "tcp://box:2376"
tls = "~/.docker/box"
timeout = 20
virtual = true
builds = false
"""


def test_nodes_are_configured(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text(GOOD)
    arm, box = load_config(tmp_path).node
    assert (arm.name, arm.context, arm.platforms, arm.timeout, arm.builds) == (
        "arm",
        "arm64",
        [ARM64],
        None,
        True,
    )
    assert (box.host, box.tls, box.timeout, box.virtual, box.builds) == (
        "tcp://box:2376",
        "~/.docker/box",
        20,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('context = "arm64"', "", "either a context or a host"),
        ('context = "arm64"', 'context = "arm64"\nhost = "ssh://x"', "either a context or a host"),
        ('tls = "~/.docker/box"', "", "tcp:// needs tls"),
        ("tcp://box:2376", "ssh://box", "tcp:// needs tls"),
        ("tcp://box:2376", "http://box:2376", "host"),
        ('name = "box"', 'name = "arm"', "two nodes are named arm"),
        ('name = "box"', 'name = "default"', "the docker client's own engine"),
        ('["arm64"]', '["riscv"]', "unknown platform 'riscv'"),
        ('["arm64"]', "[]", "at least 1"),
        ("timeout = 20", "timeout = 0", "greater than or equal to 1"),
        ("virtual = true", "vritual = true", "vritual"),
    ],
)
def test_a_mistake_in_a_node_is_told(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert GOOD.count(before) == 1
    (tmp_path / "nestproof.toml").write_text(GOOD.replace(before, after))
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path)
    assert says in str(caught.value)
    assert "nestproof.toml: node" in str(caught.value)
