"""The cost of an agent's session with all of its questions, beside its own start with one.

Both are sessions of Codex in the same container of the secure profile, in turns, so that a noisy machine is
noisy for both. The start with one question is the agent's own command line with a model that asks for one
command (`true`), without anything of nestproof's around it. The bound: all questions take at most three times
that.
Usage: python benchmarks/sessions.py [--runs 9]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from secure import prepare

from nestproof.agents.drive import Desk, Planned, at_desk, hold
from nestproof.agents.in_container import place_in
from nestproof.agents.listener import Listener
from nestproof.agents.model.server import Model
from nestproof.agents.model.turns import Script, Turn
from nestproof.agents.table import DRIVEN_AGENTS
from nestproof.agents.verdicts import judge
from nestproof.core.outcome import Status
from nestproof.engine.container import started_container
from nestproof.smoke.plan import request_container

BOUND = 3.0
CODEX = DRIVEN_AGENTS[0]


def main() -> int:
    """Measure, print, and say by the exit status whether the bound held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="how often each is run (default: 9)")
    runs = parser.parse_args().runs
    engine, run = prepare()
    request = request_container(run.profile, run.image, run.environment)
    one: list[float] = []
    every: list[float] = []
    with started_container(engine, request, run.node.platform) as container:
        place = place_in(
            engine, container, run.image.id, user="vscode", folder="/home/vscode", environment={}
        )
        with at_desk(place) as (desk, listener):
            for _ in range(runs):
                one.append(_start(desk, listener))
                begin = time.perf_counter()
                answered = list(judge(hold(desk, listener, Planned(CODEX)), promised=True))
                every.append(time.perf_counter() - begin)
                assert {answer.judgement.status for answer in answered} == {Status.PASS}, answered
    ratio = statistics.median(every) / statistics.median(one)
    print(f"{statistics.median(one):7.3f} s  Codex with a model that asks for one command")
    print(
        f"{statistics.median(every):7.3f} s  a session with {len(answered)} questions, controls and verdicts"
    )
    print(f"{ratio:7.2f}    in units of the former (bound: {BOUND:g})")
    return int(ratio > BOUND)


def _start(desk: Desk, listener: Listener) -> float:
    """The seconds of the agent's own start with one command."""
    desk.model = Model(Script((Turn("true"),)))
    desk.model.ready.set()
    address = f"http://127.0.0.1:{listener.tcp}"
    line = " ".join(f"'{part}'" for part in CODEX.command_line(address))
    begin = time.perf_counter()
    status, said = desk.place.run(f"exec {line}", CODEX.variables(address), 60)
    taken = time.perf_counter() - begin
    assert status == 0, said
    asked = [one.asked for one in desk.model.requests if one.asked is not None]
    assert max(len(one.results) for one in asked) == 1, said
    return taken


if __name__ == "__main__":
    sys.exit(main())
