"""Guests: how their command is called and read, and what goes to an engine that is not on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from nestproof.core.errors import CommandError, UsageError
from nestproof.nodes.transfer import replace_binds
from nestproof.nodes.vm import read_variables, start_vm
from tests.conftest import Repository


def test_the_three_variables_are_read_and_nothing_else() -> None:
    said = "DOCKER_HOST=tcp://127.0.0.1:40123\nDOCKER_TLS_VERIFY=1\nDOCKER_CERT_PATH='/a b/vm'\nready\n= x\n"
    assert read_variables(said) == {
        "DOCKER_HOST": "tcp://127.0.0.1:40123",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/a b/vm",
    }


def test_a_repository_without_guests_is_told_how_to_have_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say how a virtual machine is started") as caught:
        start_vm([], tmp_path, "linux/arm64", print)
    assert 'guest = ["scripts/vm"]' in caught.value.fix


def test_a_guest_that_does_not_start_is_an_error_with_its_words(tmp_path: Path) -> None:
    script = tmp_path / "vm"
    script.write_text('#!/bin/sh\necho "vm: error: $*: no qemu" >&2\nexit 4\n')
    script.chmod(0o755)
    said: list[str] = []
    with pytest.raises(
        CommandError, match="the virtual machine for linux/arm64 could not be started"
    ) as caught:
        start_vm(["vm"], tmp_path, "linux/arm64", said.append)
    assert "up --platform linux/arm64: no qemu" in caught.value.why
    # Its progress is shown as it comes.
    assert any("no qemu" in line for line in said)


def request(*mounts: dict[str, str]) -> dict[str, object]:
    return {
        "Image": "x",
        "Labels": {"a": "b"},
        "HostConfig": {"Mounts": list(mounts), "CapAdd": ["SYS_ADMIN"]},
    }


def test_the_workspace_becomes_a_volume_and_other_mounts_stay(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    socket = {"Type": "bind", "Source": "/var/run/docker.sock", "Target": "/s"}
    bound = {"Type": "bind", "Source": str(tmp_path), "Target": "/workspaces/x"}
    named = {"Type": "volume", "Source": "cache", "Target": "/cache"}
    changed, folders = replace_binds(request(bound, socket, named), tmp_path / "inside")
    assert folders == {"/workspaces/x": tmp_path}
    assert changed["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Target": "/workspaces/x", "VolumeOptions": {"Labels": {"a": "b"}}},
        socket,
        named,
    ]
    assert changed["HostConfig"]["CapAdd"] == ["SYS_ADMIN"]


def test_a_workspace_that_a_compose_service_binds_is_copied_too(tmp_path: Path) -> None:
    binds = [f"{tmp_path}:/code:ro", "/var/run/docker.sock:/var/run/docker.sock"]
    changed, folders = replace_binds({"Labels": {}, "HostConfig": {"Binds": binds}}, tmp_path)
    assert folders == {"/code": tmp_path}
    assert changed["HostConfig"]["Binds"] == ["/var/run/docker.sock:/var/run/docker.sock"]
    assert changed["HostConfig"]["Mounts"][0]["Target"] == "/code"


def test_every_folder_of_the_repository_is_copied_and_nothing_above_it(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / ".git").mkdir(parents=True)
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / "file").touch()
    places = [root / ".git", root / "link", root / "file", tmp_path, Path("/")]
    bound = [{"Type": "bind", "Source": str(place), "Target": f"/{n}"} for n, place in enumerate(places)]
    changed, folders = replace_binds(request(*bound), root)
    assert folders == {"/0": root / ".git"}
    # A volume cannot stand for one file: it stays, and nothing can be left in it.
    read_only = {**bound[2], "ReadOnly": True}
    assert changed["HostConfig"]["Mounts"][1:] == [bound[1], read_only, bound[3], bound[4]]


def test_without_a_workspace_there_is_nothing_to_copy(tmp_path: Path) -> None:
    original = request()
    assert replace_binds(original, tmp_path) == (original, {})


def test_the_tasks_hand_their_words_to_the_guests_command(repository: Repository) -> None:
    script = repository.path / "scripts/vm"
    script.write_text('#!/bin/sh\necho "vm $*"\nexit 3\n')
    script.chmod(0o755)
    for arguments, words in (
        (("node.up", "--platform", "linux/arm64"), "vm up --platform linux/arm64"),
        (("node.status",), "vm status"),
        (("node.down", "--platform", "linux/arm64", "--purge"), "vm down --platform linux/arm64 --purge"),
        (("node.down",), "vm down"),
    ):
        done = repository.nestproof(*arguments)
        assert (done.status, done.stdout.strip()) == (3, words)
