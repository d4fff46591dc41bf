"""What a second `validate` costs, with nothing changed, in bare `docker run --rm IMAGE true`.

Both are run in turns, so that a noisy machine is noisy for both. The bound is twelve of them.
Usage: python benchmarks/validate.py [--runs 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Measure, print, and say by the exit status whether the bound held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (default: 5)")
    runs = parser.parse_args().runs
    validate = ["./scripts/bootstrap", "--with-engine", "invoke", "validate", "--allow-unverified"]
    # The first run builds what there is to build, and says by which name.
    first = subprocess.run(validate, cwd=ROOT, check=True, capture_output=True, text=True)
    image = next(
        word for word in first.stdout.split() if word.startswith("nestproof/") and ":default-" in word
    )
    proof, bare = [], []
    for _ in range(runs):
        proof.append(seconds(validate))
        bare.append(statistics.mean(seconds(["docker", "run", "--rm", image, "true"]) for _ in range(4)))
    ratio = statistics.median(proof) / statistics.median(bare)
    print(f"{statistics.median(proof):7.3f} s  scripts/bootstrap --with-engine invoke validate")
    print(f"{statistics.median(bare):7.3f} s  docker run --rm {image} true")
    print(f"{ratio:7.1f}    the first in units of the second (bound: 12)")
    return int(ratio >= 12)


def seconds(argv: list[str]) -> float:
    """Wall time of one run that must succeed."""
    begin = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
