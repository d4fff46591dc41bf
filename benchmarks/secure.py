"""The secure profile's run on this machine, for the benchmarks beside this file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from nestproof.core.outcome import Target
from nestproof.engine.client import Engine
from nestproof.nodes.session import Session
from nestproof.privileges.lock import read_lock
from nestproof.smoke.plan import SmokeRun
from nestproof.smoke.target import TargetJob, build_target, prepare_target

ROOT = Path(__file__).parent.parent


def prepare() -> tuple[Engine, SmokeRun]:
    """The secure profile's run on this machine's own platform, its image built."""
    session = Session(ROOT, lambda text: print(text, file=sys.stderr))
    nodes = session.open_nodes()
    platform = nodes.own_platform("")
    job = TargetJob(Target("secure", platform), nodes.place(platform), session, lock=read_lock(ROOT))
    built = build_target(job)
    assert built.image, built.outcome
    engine, run = prepare_target(job, built.profile, built.image)
    # Sessions of agents are measured by themselves (sessions.py); goss cannot hold any.
    return engine, replace(run, agents=False)
