"""Whatever happens to a run, nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from nestproof.core.errors import EngineError
from nestproof.core.platforms import architecture
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, remove_leftovers, started_container
from nestproof.engine.exec import Exec
from nestproof.engine.labels import OWNER_LABEL, RUN_LABEL, new_run_labels
from tests.conftest import Repository, own_containers

pytestmark = pytest.mark.docker


@pytest.fixture
def built(repository: Repository, engine: Engine) -> Repository:
    """A repository whose images are there already, so that interruptions hit the smoke runs."""
    finished = repository.nestproof("build", timeout=1200)
    assert finished.status == 0, finished.stdout + finished.stderr
    return repository


def request(image: str, **host: object) -> dict[str, object]:
    return {
        "Image": image,
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "sleep 600"],
        "Labels": new_run_labels(),
        "HostConfig": host,
    }


@pytest.fixture
def image(built: Repository, engine: Engine) -> str:
    tags = [tag for image in engine.api.images() for tag in image["RepoTags"] or ()]
    native = f":secure-{architecture(engine.facts.platform)}"
    found: str = next(tag for tag in tags if tag.startswith("nestproof/copy-") and tag.endswith(native))
    return found


def start(
    repository: Repository, scratch: Path, mark: str = "", *, side_by_side: bool = False
) -> subprocess.Popen[bytes]:
    """The secure profile alone, or both at once."""
    which = () if side_by_side else ("--profile", "secure")
    return subprocess.Popen(
        [sys.executable, "-m", "nestproof", "smoke", *which],
        cwd=repository.path,
        env={**os.environ, "TMPDIR": str(scratch), "NESTPROOF_TEST_MARK": mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def marked_processes(mark: str) -> list[str]:
    """Programs of this machine that were started with the mark in their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"NESTPROOF_TEST_MARK={mark}".encode() in environ.read_bytes().split(b"\0"):
                found.append((environ.parent / "cmdline").read_text().replace("\0", " "))
    return found


def left_by(engine: Engine, pid: int) -> list[str]:
    """Containers and volumes of one process: others may be running beside it."""
    containers = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    volumes = engine.api.volumes(filters={"label": OWNER_LABEL})["Volumes"] or []
    owned = [(thing["Labels"][OWNER_LABEL], str(thing)) for thing in (*containers, *volumes)]
    return [thing for owner, thing in owned if owner.split("/")[1] == str(pid)]


# Fifty-one moments in all: from before the first import to past the end.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing(
    built: Repository, engine: Engine, tmp_path: Path, number: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    moments = random.Random(int(number))
    begin = time.monotonic()
    both = number is signal.SIGINT
    start(built, scratch, side_by_side=both).communicate(timeout=60)
    whole = time.monotonic() - begin
    seen = set()
    for turn in range(9):
        mark = f"{number.name}-{turn}"
        process = start(built, scratch, mark, side_by_side=both)
        time.sleep(moments.uniform(0.1, whole))
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
        seen.add(process.returncode)
        # Before it has begun, a signal ends it as it ends any program.
        assert process.returncode in (130, 0, 3, -number), said.decode()
        assert left_by(engine, process.pid) == []
        assert marked_processes(mark) == []
        assert list(scratch.iterdir()) == []
    assert 130 in seen, "no moment hit the run"


def test_a_killed_run_is_cleared_away_by_the_next(built: Repository, engine: Engine, tmp_path: Path) -> None:
    process = start(built, tmp_path)
    deadline = time.monotonic() + 60
    before = set(own_containers(engine))
    while not (left := set(own_containers(engine)) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=60)
    assert left & set(own_containers(engine)), "the run was over before it could be killed"
    assert {f"/{name}" for name in remove_leftovers(engine)} >= left
    assert not left & set(own_containers(engine))


def test_a_living_runs_container_is_not_a_leftover(engine: Engine, image: str) -> None:
    with started_container(engine, request(image), engine.facts.platform) as container:
        assert container.name not in remove_leftovers(engine)
        assert f"/{container.name}" in own_containers(engine)


def test_a_container_goes_when_its_use_fails(engine: Engine, image: str) -> None:
    def use() -> None:
        with started_container(engine, request(image), engine.facts.platform):
            raise RuntimeError("something else")

    before = own_containers(engine)
    with pytest.raises(RuntimeError, match="something else"):
        use()
    assert own_containers(engine) == before


def test_volumes_made_for_the_container_go_and_others_stay(engine: Engine, image: str) -> None:
    kept = engine.api.create_volume("nestproof-test-kept")["Name"]
    body = request(image)
    mounts = [
        {"Type": "volume", "Source": name, "Target": f"/{name}", "VolumeOptions": {"Labels": body["Labels"]}}
        for name in (kept, "nestproof-test-made")
    ]
    try:
        with started_container(engine, {**body, "HostConfig": {"Mounts": mounts}}, engine.facts.platform):
            names = {volume["Name"] for volume in engine.api.volumes()["Volumes"]}
            assert names >= {kept, "nestproof-test-made"}
        names = {volume["Name"] for volume in engine.api.volumes()["Volumes"] or ()}
        assert kept in names
        assert "nestproof-test-made" not in names
    finally:
        engine.api.remove_volume(kept)


def test_a_container_that_ends_at_once_is_an_error_with_its_last_words(engine: Engine, image: str) -> None:
    body = {**request(image), "Cmd": ["-c", "echo no licence found; exit 7"]}

    def use() -> None:
        with started_container(engine, body, engine.facts.platform):
            time.sleep(0)

    # The engine may inspect it a moment before it ends.
    for _ in range(5):
        try:
            use()
        except EngineError as error:
            assert "exit status 7" in str(error)
            assert "no licence found" in str(error)
            return
    pytest.fail("the container was never seen to have ended")


def test_a_command_that_does_not_end_in_time_is_an_error(engine: Engine, image: str) -> None:
    def ask(container: Container) -> None:
        command = Exec(container, ["sleep", "60"], user="root", environment={}, timeout=1)
        list(command)

    with (
        started_container(engine, request(image), engine.facts.platform) as container,
        pytest.raises(EngineError, match="the engine said nothing in time"),
    ):
        ask(container)


def test_everything_carries_both_labels(engine: Engine, image: str) -> None:
    with started_container(engine, request(image), engine.facts.platform) as container:
        assert {RUN_LABEL, OWNER_LABEL} <= set(container.inspection["Config"]["Labels"])


def test_no_temporary_file_is_left_by_a_build(built: Repository, tmp_path: Path) -> None:
    scratch = Path(tempfile.mkdtemp(dir=tmp_path))
    finished = built.nestproof("build", "--profile", "secure", TMPDIR=str(scratch))
    assert finished.status == 0, finished.stderr
    assert list(scratch.iterdir()) == []
