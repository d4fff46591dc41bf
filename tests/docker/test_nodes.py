"""Two engines on one machine, as two nodes: side by side, and one of them killed, stalled or left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import pytest

from nestproof.core.platforms import PLATFORMS
from nestproof.engine.client import Engine, connect, find_image
from nestproof.engine.labels import OWNER_LABEL
from nestproof.nodes.transfer import give_image
from tests.conftest import Finished, Repository, noted, own_containers
from tests.docker.second_engine import SecondEngine, second_engine
from tests.docker.test_shell import PROMPT, terminal

pytestmark = pytest.mark.docker

# How long the second node may say nothing, in seconds.
PATIENCE = 6
# Long enough for something to happen while it is asked, and to be asked on both nodes at once.
PROBE = """
[[tool.nestproof.probe]]
name = "while"
command = "date +%s.%N; sleep 12; date +%s.%N"
stdout = '^\\d+\\.\\d+\\n\\d+'
"""
NODE = """
[[tool.nestproof.node]]
name = "second"
host = "{host}"
tls = "{keys}"
platforms = ["{platform}"]
timeout = {patience}
builds = false
"""


@dataclass(frozen=True, slots=True)
class Two:
    """A repository whose other platform is the second engine's, with both images built."""

    repository: Repository
    first: Engine
    second: SecondEngine
    native: str
    other: str

    @property
    def command(self) -> tuple[str, ...]:
        return ("smoke", "--profile", "secure", "--json", "--platform", self.native, "--platform", self.other)

    def run_until(self, line: str, then: Callable[[subprocess.Popen[str]], None]) -> Finished:
        """Run both targets, and do something once a line that holds all those words was said."""
        said: list[str] = []

        def listen(process: subprocess.Popen[str]) -> None:
            assert process.stderr is not None
            waiting = True
            for one in process.stderr:
                said.append(one)
                if waiting and all(word in one for word in line.split()):
                    waiting = False
                    then(process)

        with subprocess.Popen(
            [sys.executable, "-m", "nestproof", *self.command],
            cwd=self.repository.path,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            listener = threading.Thread(target=listen, args=(process,))
            listener.start()
            assert process.stdout is not None
            printed = process.stdout.read()
            status = process.wait(timeout=120)
            listener.join(timeout=10)
        assert printed, "".join(said)
        return Finished(status, printed, "".join(said))


def left_on(engine: Engine) -> list[str]:
    """What runs have left there, whoever made them."""
    containers = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    volumes = engine.api.volumes(filters={"label": OWNER_LABEL})["Volumes"] or []
    return [one["Names"][0] for one in containers] + [one["Name"] for one in volumes]


def of(finished: Finished, platform: str) -> dict[str, Any]:
    return {o["id"]: o for o in finished.evidence["outcomes"] if o["platform"] == platform}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondEngine]:
    with second_engine(tmp_path_factory.mktemp("second")) as engine:
        yield engine


@pytest.fixture(scope="module")
def two(
    engine: Engine, second: SecondEngine, pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Two:
    path = tmp_path_factory.mktemp("two") / "copy"
    subprocess.run(["cp", "-r", str(pristine), str(path)], check=True)
    native = engine.facts.platform
    (other,) = set(PLATFORMS) - {native}
    configured = NODE.format(
        host=second.variables["DOCKER_HOST"],
        keys=second.variables["DOCKER_CERT_PATH"],
        platform=other,
        patience=PATIENCE,
    )
    with (path / "pyproject.toml").open("a") as file:
        file.write(PROBE + configured)
    return Two(noted(Repository(path)), engine, second, native, other)


@pytest.fixture(scope="module")
def both(two: Two) -> Finished:
    """A run in which nothing happens, with the images where they are needed."""
    built = two.repository.nestproof("build", *two.command[1:], timeout=1800)
    assert built.status == 0, built.stderr
    image = find_image(two.first, of(built, two.other)["build"]["summary"].split()[0])
    assert image is not None
    give_image(two.first, connect(two.second.variables), image, print)
    return two.repository.nestproof(*two.command, timeout=1800)


def test_each_platform_is_shown_on_its_own_node(two: Two, both: Finished) -> None:
    assert both.status == 3, both.stderr
    targets = {target["platform"]: target["facts"] for target in both.evidence["targets"]}
    assert targets[two.native]["node-name"] == "default"
    assert targets[two.native]["workspace"] == "bound"
    assert targets[two.other]["node-name"] == "second"
    assert targets[two.other]["engine"] == two.second.variables["DOCKER_HOST"]
    assert targets[two.other]["workspace"] == "copied into a volume"
    statuses = {o["status"] for platform in PLATFORMS for o in of(both, platform).values()}
    assert statuses <= {"pass", "degraded", "unverified"}
    assert of(both, two.other)["smoke.bwrap-setuid"]["status"] == "pass"


def test_both_nodes_are_asked_at_the_same_time(two: Two, both: Finished) -> None:
    spans = [of(both, p)["smoke.while"]["observation"]["stdout"].split() for p in PLATFORMS]
    (begin, end), (other_begin, other_end) = ([float(moment) for moment in span] for span in spans)
    assert min(end, other_end) - max(begin, other_begin) > 1, "they were asked one after the other"


def test_each_line_is_of_one_target(two: Two, both: Finished) -> None:
    lines = [line for line in both.stderr.splitlines() if line.startswith(("pass ", "degraded "))]
    assert len(lines) >= 40
    assert all(line.split()[1:3] in (["secure", two.native], ["secure", two.other]) for line in lines)


def test_a_run_leaves_nothing_on_either(two: Two, both: Finished) -> None:
    assert own_containers(two.first) == []
    assert left_on(connect(two.second.variables)) == []


def kill(two: Two) -> None:
    two.second.kill()


def stall(two: Two) -> None:
    two.second.signal(signal.SIGSTOP)


def start(two: Two) -> None:
    two.second.start()


def go_on(two: Two) -> None:
    two.second.signal(signal.SIGCONT)


@pytest.mark.parametrize(("mishap", "recovery"), [(kill, start), (stall, go_on)])
def test_a_lost_node_costs_its_own_target_only_and_leaves_nothing_after_the_next_run(
    two: Two, both: Finished, mishap: Callable[[Two], None], recovery: Callable[[Two], None]
) -> None:
    moment = []

    def strike(_: subprocess.Popen[str]) -> None:
        mishap(two)
        moment.append(time.monotonic())

    try:
        finished = two.run_until(f"pass secure {two.other} smoke.relaxations", strike)
    finally:
        recovery(two)
    took = time.monotonic() - moment[0]

    # The other node's verdicts are those of the run in which nothing happened.
    intact = {name: o["status"] for name, o in of(finished, two.native).items()}
    assert intact == {name: o["status"] for name, o in of(both, two.native).items()}
    assert intact["smoke.while"] == "pass"

    lost = of(finished, two.other)
    assert lost["build"]["status"] == "pass"
    errors = [o for o in lost.values() if o["status"] == "error"]
    assert errors, finished.stderr
    assert {o["status"] for o in lost.values()} <= {"pass", "unverified", "error"}
    assert lost.get("smoke.while", {"status": "error"})["status"] == "error"
    assert finished.status == 4
    assert any("the node second is lost" in o["summary"] for o in errors)
    # The other's slow probe, or the node's patience and what it takes to give up cleaning.
    assert took < 12 + 3 * PATIENCE + 20

    there = connect(two.second.variables)
    left = left_on(there)
    containers = [name.removeprefix("/") for name in left if name.startswith("/")]
    assert containers, "nothing was left behind, so nothing shows that it is cleared away"
    next_run = two.repository.nestproof(
        "build", "--profile", "secure", "--node", "second", "--platform", two.other
    )
    assert next_run.status == 0, next_run.stdout + next_run.stderr
    assert all(f"removed {name}, left behind" in next_run.stderr for name in containers)
    assert left_on(there) == []
    assert own_containers(two.first) == []


def test_an_interruption_reaches_both_nodes(two: Two, both: Finished) -> None:
    def interrupt(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)

    finished = two.run_until(f"pass secure {two.other} smoke.relaxations", interrupt)
    assert finished.status == 130, finished.stderr
    assert "smoke.while" not in of(finished, two.other), "it waited for the slow probe"
    assert finished.evidence["interrupted"] is True
    assert own_containers(two.first) == []
    assert left_on(connect(two.second.variables)) == []


def test_a_terminal_is_on_the_node_that_is_named(two: Two, both: Finished) -> None:
    there = connect(two.second.variables)
    with terminal(
        two.repository, "--profile", "secure", "--platform", two.other, "--node", "second"
    ) as child:
        child.expect(PROMPT, timeout=60)
        assert len(left_on(there)) >= 1
        assert own_containers(two.first) == []
        child.sendline("exit 5")
        child.expect(pexpect.EOF)
    assert child.exitstatus == 5
    assert left_on(there) == []


def test_without_its_key_the_second_engine_does_not_answer(two: Two, tmp_path: Path) -> None:
    stranger = {**two.second.variables, "DOCKER_CERT_PATH": str(two.second.folder / "server")}
    listed = two.repository.nestproof("node.list")
    assert f"second *       {two.other}" in listed.stdout
    two.repository.edit(
        "pyproject.toml", two.second.variables["DOCKER_CERT_PATH"], stranger["DOCKER_CERT_PATH"]
    )
    try:
        listed = two.repository.nestproof("node.list")
    finally:
        two.repository.edit(
            "pyproject.toml", stranger["DOCKER_CERT_PATH"], two.second.variables["DOCKER_CERT_PATH"]
        )
    assert "the node second does not answer: no Docker Engine answers at tcp://127.0.0.1" in listed.stdout


def test_a_node_builds_its_own_images(two: Two, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    (folder / ".devcontainer").mkdir(parents=True)
    (folder / ".devcontainer/devcontainer.json").write_text('{"build": {"dockerfile": "Dockerfile"}}\n')
    (folder / ".devcontainer/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    configured = NODE.format(
        host=two.second.variables["DOCKER_HOST"],
        keys=two.second.variables["DOCKER_CERT_PATH"],
        platform=two.native,
        patience=PATIENCE,
    )
    text = configured.replace("tool.nestproof.", "").replace("builds = false", "builds = true")
    (folder / "nestproof.toml").write_text(text)
    built = Repository(folder).nestproof("build", "--node", "second", "--json", timeout=300)
    assert built.status == 0, built.stderr
    tag = built.outcome("build")["summary"].split()[0]
    assert find_image(connect(two.second.variables), tag) is not None
    assert find_image(two.first, tag) is None
