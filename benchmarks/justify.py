"""What a full justification of the secure profile costs, in bare starts of as many containers.

Both are run in turns, so that a noisy machine is noisy for both: `nestproof justify --fresh`, which builds
the image (it is there), starts a container for each set of options and asks all probes in each, and
`docker run --rm IMAGE true`, one after the other. The bound is twice as much.
Usage: python benchmarks/justify.py [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "nestproof", "justify", "--profile", "secure", "--fresh", "--json"]
BARE = 3


def main() -> int:
    """Measure, print, and say by the exit status whether the bound held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (default: 5)")
    runs = parser.parse_args().runs
    ratios, whole, bare, sets = [], [], [], 0
    image = justified()[2]  # builds what there is to build
    for _ in range(runs):
        # Before and after: what else the machine does comes and goes.
        before = [started(image) for _ in range(BARE)]
        seconds, sets, image = justified()
        after = [started(image) for _ in range(BARE)]
        whole.append(seconds)
        bare.append(statistics.mean([*before, *after]))
        ratios.append(whole[-1] / (sets * bare[-1]))
    ratio = statistics.median(ratios)
    print(
        f"{statistics.median(whole):7.3f} s  nestproof justify --profile secure --fresh ({sets} containers)"
    )
    print(f"{statistics.median(bare):7.3f} s  docker run --rm {image[:19]} true")
    print(f"{ratio:7.2f}    the first in units of {sets} times the second (bound: 2)")
    print(f"{'':7}    from {min(ratios):.2f} to {max(ratios):.2f} in {runs} runs")
    return int(ratio >= 2)


def justified() -> tuple[float, int, str]:
    """Seconds of a whole justification that comes to its conclusion, its number of containers, the image."""
    begin = time.perf_counter()
    done = subprocess.run(COMMAND, cwd=ROOT, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    # 3 where there is no AppArmor to be shown anything about.
    assert done.returncode in (0, 3), done.stdout + done.stderr
    (made,) = json.loads(done.stdout)["runs"][0]["justification"]["profiles"]
    assert len(made["minimal"]) == 2, made
    sets = {tuple(trial["options"]) for trial in made["trials"]}
    return seconds, len(sets), made["host"]["image"]


def started(image: str) -> float:
    """Seconds of one bare container."""
    begin = time.perf_counter()
    subprocess.run(["docker", "run", "--rm", image, "true"], check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
