"""What the questions about a firewall add to a smoke run, with packets that are refused or dropped.

The same profile is smoked in turns, so that a noisy machine is noisy for all: without a declared firewall,
with one that answers at once (REJECT), and with one that says nothing (DROP), all on a stand-in Internet.
What each run answers is held against what it must answer. The bound: 3 s more where answers are quick; a
dropped packet costs one wait, for all questions side by side.
Usage: python benchmarks/egress.py --base IMAGE [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from secure import ROOT

sys.path.insert(0, str(ROOT))
from tests.sabotage.egress_worlds import CLOSE, GOOD_SCRIPT, HEAD, SIX, TOOLS, sudoers, without

SCRIPT = "/usr/local/bin/start"
COMMAND = [sys.executable, "-m", "nestproof", "smoke", "--stand-in-internet", "--json", "--no-agents"]
DECLARED = {"allow": ["api.example.net:443", "registry.example.net:443"]}
DROPPED = without(
    CLOSE,
    by="iptables -P OUTPUT DROP\n",
    script=without(SIX, by="ip6tables -A OUTPUT -o lo -j ACCEPT\nip6tables -P OUTPUT DROP\n"),
)
KINDS = {"without": (GOOD_SCRIPT, None), "refused": (GOOD_SCRIPT, DECLARED), "dropped": (DROPPED, DECLARED)}
BOUND = 3.0


def repository(folder: Path, base: str, kind: str) -> Path:
    """A repository whose profile has that firewall, which its name does not give away."""
    script, declared = KINDS[kind]
    made = folder / kind / ".devcontainer"
    made.mkdir(parents=True)
    (made / "start").write_text(HEAD + "".join(script))
    allowed = f'NOPASSWD: {SCRIPT} ""'
    text = f"FROM {base}\n{TOOLS}{sudoers(allowed)}COPY --chmod=755 start {SCRIPT}\n"
    (made / "Dockerfile").write_text(text)
    nestproof = {"packs": ["users", "privileges", "tty"], **({"egress": declared} if declared else {})}
    config = {
        "build": {"dockerfile": "Dockerfile"},
        "runArgs": ["--cap-add=NET_ADMIN"],
        "remoteUser": "vscode",
        "postStartCommand": f"sudo {SCRIPT}",
        "customizations": {"nestproof": nestproof},
    }
    (made / "devcontainer.json").write_text(json.dumps(config))
    subprocess.run(["git", "init", "--quiet"], cwd=made.parent, check=True)
    return made.parent


def smoke(folder: Path) -> float:
    """The seconds of a run, whose answers are right."""
    begin = time.monotonic()
    environment = {**os.environ, "NESTPROOF_TRUST": "1"}
    done = subprocess.run(COMMAND, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    (run,) = json.loads(done.stdout)["runs"]
    wrong = [one for one in run["outcomes"] if one["status"] in ("fail", "error")]
    asked = [one["id"] for one in run["outcomes"] if one["id"].startswith("smoke.egress")]
    if wrong or bool(asked) is (folder.name == "without"):
        raise SystemExit(f"{folder.name}: {wrong or asked}")
    return seconds


def main() -> None:
    """Measure, print, and fail where the bound is not met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--base", required=True, help="an image of Debian or Ubuntu with a user vscode")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = {kind: repository(Path(folder), given.base, kind) for kind in KINDS}
        for one in made.values():
            smoke(one)  # builds what there is to build
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(given.runs):
            for kind, one in made.items():
                times[kind].append(smoke(one))
    medians = {kind: statistics.median(seconds) for kind, seconds in times.items()}
    for kind, seconds in times.items():
        more = medians[kind] - medians["without"]
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{kind:<8} {medians[kind]:.2f} s ({spread}), {more:+.2f} s")
    if medians["refused"] - medians["without"] > BOUND:
        raise SystemExit(f"the questions add more than {BOUND:g} s")


if __name__ == "__main__":
    main()
