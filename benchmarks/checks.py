"""How long the file checks take, beside the reference client and the hand-made `sed | jq`.

Prints medians and ratios of runs that alternate, so that a noisy machine is noisy for all of them.
Usage: python benchmarks/checks.py [--runs 5] [--files 1000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
NESTPROOF = [sys.executable, "-m", "nestproof"]
SED = r"for f in $(find .devcontainer* -name '*.json'); do sed '/\/\*/,/\*\//d' $f | jq empty; done"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (default: 5)")
    parser.add_argument("--files", type=int, default=1000, help="how many files (default: 1000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nestproof-bench-") as scratch:
        many = many_files(Path(scratch), options.files)
        contenders: dict[str, tuple[list[str], Path]] = {
            "nestproof check, this repository": ([*NESTPROOF, "check"], ROOT),
            f"nestproof check, {options.files} files": ([*NESTPROOF, "check"], many),
            f"nestproof check.json, {options.files} files": ([*NESTPROOF, "check.json"], many),
            f"sed | jq empty, {options.files} files": (["sh", "-c", SED], many),
            "python -c pass": ([sys.executable, "-c", "pass"], ROOT),
        }
        if client := shutil.which("devcontainer"):
            read = [client, "read-configuration", "--workspace-folder", "."]
            contenders["devcontainer read-configuration, this repository"] = (read, ROOT)
        times = {name: [] for name in contenders}  # type: dict[str, list[float]]
        for _ in range(options.runs):
            for name, (argv, folder) in contenders.items():
                times[name].append(seconds(argv, folder))
    for name, taken in times.items():
        print(f"{statistics.median(taken):7.3f} s  {name}")


def many_files(folder: Path, count: int) -> Path:
    """A repository with that many profiles, each with comments, run arguments and mounts."""
    example = (ROOT / ".devcontainer/devcontainer.json").read_text()
    for number in range(count):
        file = folder / f".devcontainer/p{number:04}/devcontainer.json"
        file.parent.mkdir(parents=True)
        source = {"image": f"example.org/base:{number}", "forwardPorts": [number], "init": True}
        head = json.dumps(source)[1:-1]
        body = example[example.index("// The only run argument") :]
        file.write_text(f"// one of many\n{{\n  {head},\n  {body}")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def seconds(argv: list[str], folder: Path) -> float:
    """Wall time of one run, whatever its exit status."""
    begin = time.perf_counter()
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
