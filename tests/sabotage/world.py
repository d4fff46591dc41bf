"""How a world is made: a layer on the secure image, run options, a profile's edit; and what must come out."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nestproof.core.config import CustomProbe
from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer.image_metadata import LABEL
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import with_image_metadata
from nestproof.engine.client import Engine, find_image
from nestproof.nodes.node import node_for
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.custom import custom_probes
from nestproof.reports.terminal import details, in_order, line
from nestproof.smoke.plan import SmokeRun
from nestproof.smoke.run import smoke
from tests.conftest import ROOT
from tests.sabotage.score import PROPERTY

RED = (Status.FAIL, Status.ERROR)
# What the secure profile declares, and what every bubblewrap needs of it.
SURVIVED = {
    "bwrap-proc": "Codex retries without",
    "contain-processes": "no outer process can be signalled",
    "bwrap-two-masks": "no release takes it",
}


@dataclass(frozen=True, slots=True)
class World:
    """One world. Without `red` it is a good one, and must stay green."""

    name: str
    red: str = ""
    """The probe that is the first to be red, in the order in which probes explain each other.

    Where the moment decides between two, both, with a `|` between them; so for the cause.
    """
    cause: str = ""
    """What its cause says; for an error, its summary."""
    status: Status = Status.FAIL
    layer: str = ""
    """Dockerfile lines on the secure image."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What those lines may copy."""
    without: tuple[str, ...] = ()
    """Run arguments of the secure profile that it lacks."""
    plus: tuple[str, ...] = ()
    """Run arguments that it has beside them; `{folder}` is where `files` are."""
    packs: tuple[str, ...] = ("bubblewrap",)
    config: Mapping[str, Any] = field(default_factory=dict)
    """Other properties of its configuration."""
    nestproof: Mapping[str, Any] = field(default_factory=dict)
    probes: tuple[Mapping[str, Any], ...] = ()
    """Probes of its own."""
    agents: bool = False
    """Its agents are driven with a scripted model."""
    only: str = ""
    """The beginning of the names of what is judged; empty for everything."""
    asked: tuple[str, ...] = ()
    """The probes that are asked; empty for all."""
    stand_in: bool = False
    """Its container is put on a stand-in Internet."""
    lock: tuple[str, ...] = ()
    """Relaxations that it may have beside those of the secure profile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a world came out as it must, and what did come out."""

    verdict: bool
    cause: bool
    said: str


def make_image(folder: Path, base: str, world: World, platform: str) -> str:
    """The image's id: the base itself for a world without a layer."""
    if not world.layer:
        return base
    for name, text in world.files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "Dockerfile").write_text(
        world.layer if "FROM " in world.layer else f"FROM {base}\n{world.layer}\n"
    )
    id_file = folder / "id"
    build = ["docker", "buildx", "build", "--platform", platform, "--load", "--iidfile", str(id_file)]
    done = subprocess.run([*build, str(folder)], capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr[-4000:]
    return id_file.read_text()


def outcomes_of(
    engine: Engine, folder: Path, image: str, world: World, secure: Sequence[str], *, base: str
) -> list[Outcome]:
    """Everything that a smoke run says of the world; `base` is what a stand-in Internet is built on."""
    platform = engine.facts.platform
    arguments = [argument for argument in secure if argument not in world.without]
    arguments += [argument.format(folder=folder) for argument in world.plus]
    config = {
        "image": image,
        "runArgs": arguments,
        "workspaceMount": "",
        "workspaceFolder": "/",
        "remoteUser": "vscode",
        **world.config,
        "customizations": {"nestproof": {"packs": world.packs, "degradations": SURVIVED, **world.nestproof}},
    }
    file = folder / "devcontainer.json"
    file.write_text(json.dumps(config))
    profile = load_profile("world", file, folder, {})
    found = find_image(engine, image)
    assert found is not None
    profile = with_image_metadata(profile, found.labels.get(LABEL, ""))
    allowed = (*relaxations_asked(load_secure().run), *world.lock)
    own = custom_probes([CustomProbe.model_validate(dict(probe)) for probe in world.probes], ["world"])[
        "world"
    ]
    lock = {"world": dict.fromkeys(allowed, "as the secure profile")}
    node = node_for(engine.facts, platform)
    run = SmokeRun(profile, node, found, lock, {}, own, agents=world.agents, lifecycle_timeout=15)
    run = replace(run, stand_in=base if world.stand_in else "", only=world.asked)
    return in_order(list(smoke(engine, run)))


def load_secure() -> Any:
    """The secure profile as it is."""
    return load_profile("secure", ROOT / ".devcontainer/devcontainer.secure.json", ROOT, {})


def judge(world: World, outcomes: Sequence[Outcome]) -> Verdict:
    """Held against what must come out: the first red one with its cause, or none at all."""
    outcomes = [outcome for outcome in outcomes if outcome.id.startswith(world.only)]
    red = [
        o
        for o in outcomes
        if o.status in RED or (o.status, o.id.removeprefix("smoke.")) == (world.status, world.red)
    ]
    said = "\n".join(f"{o.status} {o.id}: {o.summary} | {o.cause} | {o.fix}" for o in red or outcomes)
    if not world.red:
        asked = [outcome for outcome in outcomes if outcome.status in (Status.PASS, Status.DEGRADED)]
        return Verdict(not red and bool(asked), not red, said)
    if not red:
        return Verdict(False, False, said)
    first = red[0]
    right = first.status is world.status and first.id.removeprefix("smoke.") in world.red.split("|")
    words = f"{first.summary} {first.cause}" if first.status is Status.ERROR else first.cause
    return Verdict(right, right and any(cause in words for cause in world.cause.split("|")), said)


def check(world: World, outcomes: Sequence[Outcome], record: Callable[[str, object], None]) -> None:
    """Hold a world's outcomes against what must come out, and record the score."""
    score = judge(world, outcomes)
    record(PROPERTY, json.dumps([score.verdict, score.cause]))
    assert score == Verdict(True, True, score.said), score.said
    # Whatever a container prints, it reaches no terminal as it is.
    shown = "\n".join([*map(line, outcomes), details(outcomes)])
    assert not set(shown) & {"\x1b", "\x07", "\0"}
    seen = [outcome.observation for outcome in outcomes if outcome.observation]
    assert all(len(one.stdout) <= 1 << 17 and len(one.stderr) <= 1 << 17 for one in seen)


@contextlib.contextmanager
def two_at_a_time(
    config: Any, chosen: Sequence[World], made: Callable[[World], list[Outcome]]
) -> Iterator[Callable[[World], list[Outcome]]]:
    """Make worlds before they are asked for, beside the test of another one.

    So where one process has them all: several would each make all.
    """
    if not getattr(config, "workerinput", {"engine_alone": True})["engine_alone"]:
        yield made
        return
    with ThreadPoolExecutor(max_workers=2) as pool:
        coming = {world.name: pool.submit(made, world) for world in chosen}
        yield lambda world: coming[world.name].result()
        pool.shutdown(cancel_futures=True)


def worlds_of(items: Sequence[Any], module: str) -> list[World]:
    """The worlds that the tests of a module are about to ask for."""
    calls = [getattr(item, "callspec", None) for item in items if item.module.__name__ == module]
    return [call.params["world"] for call in calls if call is not None and "world" in call.params]
