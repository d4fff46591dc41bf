"""What a build that is entirely cached costs, beside `docker buildx build` itself.

All build the same profiles by the same command lines, in turns, so that a noisy machine is noisy for all: the
lines of `nestproof build --dry-run` one after the other, as pasted; what nestproof does in a process that has
begun (it reaches the engine, plans, looks for base images, builds, inspects what it made); and the command
`nestproof build`, for which an interpreter has to start as well. The bound is for the second: the first and a
tenth of it. Ratios are medians of the turns' own ratios.
Usage: python benchmarks/build.py [--runs 15]
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from nestproof.build.matrix import BuildRequest, build_matrix
from nestproof.core.outcome import Status
from nestproof.nodes.session import Session

ROOT = Path(__file__).parent.parent
BOUND = 1.1


def keep_commands(kept: list[str], commands: Sequence[tuple[str, str]]) -> None:
    """The builds' command lines, without those that make a base."""
    kept += [line for _, line in commands if line.startswith("docker buildx build ")]


def main() -> int:
    """Measure, print, and say by the exit status whether the bound held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="how often each is run (default: 15)")
    runs = parser.parse_args().runs
    planned: list[str] = []
    # The first run builds what there is to build.
    keep = partial(keep_commands, planned)
    for outcome in build_matrix(BuildRequest(), open_session(), keep):
        assert outcome.status is Status.PASS, outcome
    lines = [tuple(shlex.split(line)) for line in planned]
    contenders: dict[str, Callable[[], None]] = {
        "docker buildx build, as pasted": lambda: pasted(lines),
        "what nestproof does, in its process": inside,
        "nestproof build, as a command": command,
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(runs):
        # Whoever comes first finds the machine as the last one of the other turn left it.
        order = list(contenders)[turn % 3 :] + list(contenders)[: turn % 3]
        for name in order:
            begin = time.perf_counter()
            contenders[name]()
            times[name].append(time.perf_counter() - begin)
    for line in lines:
        print(shlex.join(line)[:110])
    for name, taken in times.items():
        print(f"{statistics.median(taken):7.3f} s  {name} ({min(taken):.3f} to {max(taken):.3f})")
    bare, process, whole = times.values()
    ours = statistics.median(one / other for one, other in zip(process, bare, strict=True))
    command_too = statistics.median(one / other for one, other in zip(whole, bare, strict=True))
    print(f"{ours:7.3f}    the second in units of the first (bound: {BOUND})")
    print(f"{command_too:7.3f}    the third in units of the first (no bound: an interpreter has to start)")
    return int(ours > BOUND)


def open_session() -> Session:
    """A run's session, whose progress goes to stderr."""
    return Session(ROOT, lambda text: print(text, file=sys.stderr))


def pasted(lines: list[tuple[str, ...]]) -> None:
    """The command lines by themselves."""
    for line in lines:
        subprocess.run(line, cwd=ROOT, check=True, capture_output=True)


def inside() -> None:
    """Everything that nestproof does once it runs; a session of its own, since one reads a profile once."""
    session = open_session()
    for outcome in build_matrix(BuildRequest(), session, lambda _: None):
        assert outcome.status is Status.PASS, outcome


def command() -> None:
    """The whole command."""
    subprocess.run([sys.executable, "-m", "nestproof", "build"], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
