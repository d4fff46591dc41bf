"""Each row of the table in docs/podman.md: what Podman makes of a request, and what nestproof makes of that.

A row is asked twice: with the request that a Docker Engine would get, and as nestproof asks Podman.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.capabilities import DOCKER_DEFAULT
from nestproof.core.errors import NestproofError
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, started_container
from nestproof.engine.labels import new_run_labels
from nestproof.privileges.relaxations import relaxations_in_force
from nestproof.probes.facts import parse_facts
from nestproof.probes.table import script
from tests.conftest import ROOT
from tests.docker.bwrap import BASIC, ask

UNMASKED: dict[str, list[str]] = {"MaskedPaths": [], "ReadonlyPaths": []}
MASKED = "sed -n 's|^.* \\(/proc/[^ ]*\\) .*|\\1|p' /proc/self/mountinfo | sort | tr '\\n' ' '"
DEFAULT_MASKS = "/proc/acpi /proc/bus /proc/fs /proc/irq /proc/keys /proc/sys /proc/timer_list "
BOUNDING = "sed -n 's/^CapBnd:.//p' /proc/self/status"
FILTER = "sed -n 's/^Seccomp:.//p' /proc/self/status"
PLAIN = f"cp /usr/bin/bwrap /tmp/bwrap && /tmp/bwrap {BASIC} echo works"
PROFILE = 'seccomp={"defaultAction": "SCMP_ACT_ALLOW"}'


@dataclass(frozen=True, slots=True)
class Shown:
    """What a line in the container prints, and what the inspection has; or the error of the start."""

    says: str = ""
    in_force: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a create request, a line for the container, and what comes of them."""

    host: dict[str, Any]
    line: str
    bare: Shown
    """As Podman takes a request that is meant for Docker."""
    handled: Shown | None = None
    """As nestproof asks; without it, the same."""
    user: str = "vscode"


ROWS = {
    "default capabilities": Row({}, BOUNDING, Shown("00000000800405fb")),
    "`cap-add=NET_RAW`": Row({"CapAdd": ["NET_RAW"]}, BOUNDING, Shown("00000000800425fb")),
    "`cap-add=ALL`": Row(
        {"CapAdd": ["ALL"]},
        "true",
        Shown(in_force=("cap-add=AUDIT_CONTROL", "cap-add=AUDIT_READ", "cap-add=BLOCK_SUSPEND")),
        Shown(in_force=("cap-add=ALL",)),
    ),
    "default seccomp profile": Row({}, f"{FILTER}; {PLAIN}", Shown("2\nworks")),
    "`seccomp=unconfined`": Row(
        {"SecurityOpt": ["seccomp=unconfined"]},
        f"{FILTER}; {PLAIN}",
        Shown("0\nworks", ("security-opt=seccomp=unconfined",)),
    ),
    "`seccomp=builtin`": Row(
        {"SecurityOpt": ["seccomp=builtin"]},
        FILTER,
        Shown(error="opening seccomp profile failed: open builtin: no such file or directory"),
        Shown("2"),
    ),
    "`seccomp=FILE`": Row(
        {"SecurityOpt": [PROFILE]},
        FILTER,
        Shown(error='opening seccomp profile failed: open {"defaultAction": "SCMP_ACT_ALLOW"}: no such file'),
        Shown(error="Podman's API does not take a seccomp profile"),
    ),
    "`systempaths=unconfined`": Row(
        UNMASKED, MASKED, Shown(DEFAULT_MASKS), Shown("", ("security-opt=systempaths=unconfined",))
    ),
    "`unmask=ALL`": Row(
        {"SecurityOpt": ["unmask=ALL"]}, MASKED, Shown(""), Shown("", ("security-opt=unmask=ALL",))
    ),
    "`apparmor=unconfined`": Row(
        {"SecurityOpt": ["apparmor=unconfined"]},
        "cat /proc/self/attr/current 2>/dev/null || echo none",
        Shown("none", ("security-opt=apparmor=unconfined",)),
    ),
    "`apparmor=docker-default`": Row(
        {"SecurityOpt": ["apparmor=docker-default"]},
        "true",
        Shown(
            error='apparmor profile "docker-default" specified, but Apparmor is not enabled on this system'
        ),
    ),
    "`label=disable`": Row(
        {"SecurityOpt": ["label=disable"]}, "true", Shown("", ("security-opt=label=disable",))
    ),
    "`no-new-privileges`": Row(
        {"SecurityOpt": ["no-new-privileges"]}, "sed -n 's/^NoNewPrivs:.//p' /proc/self/status", Shown("1")
    ),
    "`ipc=host`": Row(
        {"IpcMode": "host"},
        "readlink /proc/self/ns/ipc",
        Shown(str(Path("/proc/self/ns/ipc").readlink())),
        Shown(str(Path("/proc/self/ns/ipc").readlink()), ("ipc=host",)),
    ),
    "`init`": Row({"Init": True}, "tr '\\0' ' ' </proc/1/cmdline", Shown("/run/podman-init -- sleep 600 ")),
    "`read-only`": Row(
        {"ReadonlyRootfs": True}, "touch /tmp/x && echo written", Shown("written"), user="root"
    ),
    "`group-add`": Row(
        {"GroupAdd": ["adm"]}, "id -G; sed -n 's/^Groups:.//p' /proc/1/status", Shown("0\n4 "), user="root"
    ),
    "no `pids-limit`": Row(
        {}, "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null", Shown("2048")
    ),
    "the container's mark": Row(
        {}, "ls /.dockerenv /run/.containerenv 2>/dev/null", Shown("/run/.containerenv")
    ),
}
"""The first words of each row of the table, and the row."""


@contextmanager
def container(engine: Engine, image: str, host: dict[str, Any]) -> Iterator[Container]:
    body = {"Image": image, "Entrypoint": ["sleep", "600"], "Labels": new_run_labels(), "HostConfig": host}
    with started_container(engine, body, engine.facts.platform) as started:
        yield started


def bare(podman: Engine) -> Engine:
    """The same engine, taken for a Docker Engine."""
    return Engine(podman.api, replace(podman.facts, product="Docker"))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_podman_makes_of_a_request(podman: Engine, image: str, row: Row) -> None:
    if "apparmor" in str(row.host) and podman.facts.confines_with("apparmor"):
        pytest.skip("the row is one of a kernel without AppArmor")
    for engine, shown in ((bare(podman), row.bare), (podman, row.handled or row.bare)):
        if shown.error:
            with (
                pytest.raises(NestproofError, match=re.escape(shown.error)),
                container(engine, image, row.host),
            ):
                pass
            continue
        with container(engine, image, row.host) as started:
            _, said = ask(started, row.line, row.user)
            assert said.removesuffix("\n") == shown.says
            in_force = relaxations_in_force(started.inspection)
            # Podman names all of the capabilities, of which a kernel has as many as it has.
            assert in_force[: len(shown.in_force)] == shown.in_force
            assert bool(in_force) == bool(shown.in_force)


def test_the_default_set_is_what_podman_says_it_is(podman: Engine, image: str) -> None:
    with container(podman, image, {}) as started:
        here = parse_facts(ask(started, script("facts"))[1])
    assert here.bounding_set == frozenset(podman.facts.default_capabilities)
    assert here.bounding_set == DOCKER_DEFAULT - {"AUDIT_WRITE", "MKNOD", "NET_RAW"}
    assert here.in_podman


def test_a_bind_mount_of_nothing_makes_a_folder(podman: Engine, image: str, tmp_path: Path) -> None:
    source = tmp_path / "nothing"
    with container(podman, image, {"Mounts": [{"Type": "bind", "Source": str(source), "Target": "/mnt"}]}):
        assert source.is_dir()


def test_a_tag_gets_a_host_in_front(podman: Engine, image: str) -> None:
    # Copies of this repository build the same image under tags of their own.
    tag, *_ = podman.api.inspect_image(image)["RepoTags"]
    assert tag.startswith("localhost/nestproof/")
    assert podman.api.inspect_image(tag.removeprefix("localhost/"))["Id"] == image


def test_buildx_cannot_build_there(podman: Engine, image: str, address: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    environment = {**os.environ, "DOCKER_HOST": address}
    argv = ["docker", "buildx", "build", "--load", str(tmp_path)]
    built = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert built.returncode == 1
    assert "buildkit:buildx-stable-1" in built.stderr


def test_each_row_of_the_docs_is_one_here() -> None:
    text = (ROOT / "docs/podman.md").read_text()
    table = text.partition("\n| asked for |")[2].partition("\n\n")[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]] == list(ROWS)
