"""What a smoke run of the secure profile costs, beside goss and beside one `docker run` for each question.

All three ask the same scripts, in turns, so that a noisy machine is noisy for all; what they answered is
held against what they must answer, each time. The bounds: less than goss takes, and less than a fifth of what
one run for each question takes.

goss is given the least to do: one `docker run` with the profile's options, its file and itself mounted, each
script as a command whose exit status and lines it matches, all at once (as it does by default). All are asked
as the remote user, and the facts that nestproof collects for causes are one more script. It cannot be asked
for the terminal, which takes a container that is started with one: the bound is on the same questions, and
the whole run is shown beside it. What this machine decides (which declared fallback is needed, what a judged
probe prints) is taken from nestproof's first run.

Beside them, the least that anything can take: a loop of the shell that starts all the scripts and waits for
them, with no bound on what they take or print, no answer read and nothing judged; once as the process of one
`docker run`, and once by an exec into a container that the API starts and removes, as tools reach a
devcontainer. What is between these and goss is all that there is to gain.
Usage: python benchmarks/smoke.py [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from secure import ROOT, prepare

from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine
from nestproof.engine.container import started_container
from nestproof.engine.exec import Exec
from nestproof.probes.probe import Probe
from nestproof.probes.table import TERMINAL, script, text_of
from nestproof.smoke.plan import SmokeRun, plan_probes, request_container
from nestproof.smoke.run import smoke

COMMAND = [sys.executable, "-m", "nestproof", "smoke", "--profile", "secure", "--allow-unverified"]
COMMAND.append("--no-agents")
Verdicts = dict[str, Status]
# Each argument is a script. All at once, as goss and nestproof do it.
LOOP = 'for script; do sh -c "$script" >/dev/null 2>&1 </dev/null & done; wait'


@dataclass(frozen=True, slots=True)
class Asked:
    """A script, and what it must answer: regular expressions for all of stdout, and for a line of stderr."""

    name: str
    text: str
    exit_status: int
    stdout: tuple[str, ...]
    stderr: str = ""

    def for_goss(self) -> dict[str, object]:
        """As a command of a goss file."""
        wanted = {"exec": self.text, "timeout": 20000, "exit-status": self.exit_status}
        stderr = {"stderr": [f"/{self.stderr}/"]} if self.stderr else {}
        return {**wanted, "stdout": [f"/^(?:{line})$/" for line in self.stdout], **stderr}

    def check(self, done: subprocess.CompletedProcess[str]) -> None:
        """Raise AssertionError unless this is the answer."""
        shown = done.stdout.splitlines()
        assert done.returncode == self.exit_status, (self.name, done)
        assert len(shown) == len(self.stdout), (self.name, done)
        assert all(map(re.fullmatch, self.stdout, shown)), (self.name, done)
        assert re.search(self.stderr, done.stderr, re.MULTILINE), (self.name, done)


def main() -> int:
    """Measure, print, and say by the exit status whether the bounds held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (default: 5)")
    runs = parser.parse_args().runs
    engine, run = prepare()
    without = replace(run, profile=without_terminal(run.profile))
    first = list(smoke(engine, run))
    verdicts = checked(first)
    questions = [question(run, probe, first) for probe in plan_probes(without.profile)]
    facts = Asked("facts", script("facts"), 0, ())
    goss = subprocess.run([ROOT / "scripts/goss"], check=True, capture_output=True, text=True).stdout.strip()
    contenders: dict[str, Callable[[], None]] = {
        "nestproof.smoke.smoke()": lambda: same(smoke(engine, run), verdicts),
        "the same without the terminal": lambda: same(smoke(engine, without), verdicts),
        "nestproof smoke --profile secure, as a command": command,
        f"goss, {len(questions) + 1} scripts in one docker run": lambda: ask_goss(
            run, goss, [*questions, facts]
        ),
        "one docker run for each question": lambda: ask_alone(run, questions),
        "a loop that judges nothing, in one docker run": lambda: loop_in_run(run, [*questions, facts]),
        "the same loop, by an exec": lambda: loop_in_exec(engine, run, [*questions, facts]),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, contender in contenders.items():
            begin = time.perf_counter()
            contender()
            times[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        print(f"{medians[name]:7.3f} s  {name} ({min(taken):.3f} to {max(taken):.3f})")
    whole, alone, process, one, each, run_loop, exec_loop = medians.values()
    print(f"{alone / one:7.2f}    nestproof in units of goss, the same scripts (bound: 1)")
    print(f"{whole / one:7.2f}    the same with the terminal's own container, which goss is not asked for")
    print(f"{process / one:7.2f}    the same as a command, which also starts Python and sees to the build")
    print(f"{whole / each:7.2f}    nestproof in units of one docker run for each question (bound: 0.2)")
    print(f"{run_loop / one:7.2f}    the loop in one docker run in units of goss: what no program gets below")
    print(f"{exec_loop / one:7.2f}    the loop by an exec in units of goss: what nestproof cannot get below")
    print(f"{alone / exec_loop:7.2f}    nestproof in units of the loop by an exec")
    return int(alone >= one or whole >= 0.2 * each)


def without_terminal(profile: Profile) -> Profile:
    """The profile without the pack of the terminal."""
    packs = [pack for pack in profile.declarations.packs or () if pack != TERMINAL.pack]
    return replace(profile, declarations=profile.declarations.model_copy(update={"packs": packs}))


def checked(outcomes: Iterable[Outcome]) -> Verdicts:
    """The verdicts of a run that passed; a kernel without AppArmor leaves that one unverified."""
    seen = {}
    for outcome in outcomes:
        unshown = outcome.id in ("smoke.apparmor", "agent") and outcome.status is Status.UNVERIFIED
        assert unshown or outcome.status in {Status.PASS, Status.DEGRADED}, outcome
        seen[outcome.id] = outcome.status
    return seen


def same(outcomes: Iterable[Outcome], verdicts: Verdicts) -> None:
    """Take every outcome of a run: each must be as in the first run, and none may be missing."""
    seen = checked(outcomes)
    assert {**verdicts, **seen} == verdicts, seen
    assert set(verdicts) - set(seen) <= {f"smoke.{TERMINAL.name}"}, seen


def command() -> None:
    """The whole command, which must succeed."""
    done = subprocess.run(COMMAND, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def question(run: SmokeRun, probe: Probe, outcomes: Iterable[Outcome]) -> Asked:
    """What the table has for the probe, and on this machine the first run."""
    (outcome,) = [outcome for outcome in outcomes if outcome.id == f"smoke.{probe.name}"]
    seen = outcome.observation
    assert seen, outcome
    assert seen.exit_status is not None, outcome
    if probe.judge is None and outcome.status is Status.PASS:
        lines = (*probe.control, *probe.shows)
        filled = (line.replace("{user}", user) for line in lines for user in users_for(line, run.profile))
        return Asked(probe.name, text_of(probe), probe.exit_status, tuple(filled))
    shown = tuple(re.escape(line) for line in seen.stdout.splitlines())
    return Asked(probe.name, text_of(probe), seen.exit_status, shown, probe.fallback)


def users_of(profile: Profile) -> tuple[str, ...]:
    """Those that the users' probe asks for."""
    return tuple(dict.fromkeys([*profile.declarations.users, profile.remote_user]))


def users_for(line: str, profile: Profile) -> tuple[str, ...]:
    """A line that speaks of users is one for each of them."""
    return users_of(profile) if "{user}" in line else ("",)


def docker_run(run: SmokeRun, *options: str) -> list[str]:
    """One docker run with the profile's own options, as its remote user."""
    profile = run.profile
    argv = ["docker", "run", "--rm", *profile.config.run_args, "--user", profile.remote_user]
    for mount in profile.run.mounts:
        argv += ["--mount", mount]
    users = " ".join(users_of(profile))
    for entry in (*profile.run.env, f"NESTPROOF_USERS={users}", f"NESTPROOF_TOKEN={secrets.token_hex(8)}"):
        argv += ["--env", entry]
    return [*argv, *options]


def ask_goss(run: SmokeRun, goss: str, questions: Iterable[Asked]) -> None:
    """All questions by goss, which must have asked each of them and be content."""
    commands = {asked.name: asked.for_goss() for asked in questions}
    with tempfile.TemporaryDirectory(prefix="nestproof-bench-") as scratch:
        file = Path(scratch) / "goss.yaml"  # JSON is YAML
        file.write_text(json.dumps({"command": commands}))
        file.chmod(0o644)
        Path(scratch).chmod(0o755)
        mounts = ("--volume", f"{goss}:/goss:ro", "--volume", f"{file}:/goss.yaml:ro")
        arguments = ("--gossfile", "/goss.yaml", "validate", "--format", "json")
        argv = docker_run(run, *mounts, "--entrypoint", "/goss", run.image.id, *arguments)
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    assert {result["resource-id"] for result in answer["results"]} == set(commands), answer
    assert answer["summary"]["failed-count"] == answer["summary"]["skipped-count"] == 0, answer


def ask_alone(run: SmokeRun, questions: Iterable[Asked]) -> None:
    """Each question in a container of its own, one after the other."""
    for asked in questions:
        argv = docker_run(run, "--entrypoint", "/bin/sh", run.image.id, "-c", asked.text)
        asked.check(subprocess.run(argv, check=False, capture_output=True, text=True))


def loop_in_run(run: SmokeRun, asked: Iterable[Asked]) -> None:
    """Every script is started, and nothing of what it says is looked at."""
    argv = docker_run(run, "--entrypoint", "/bin/sh", run.image.id, "-c", LOOP, "sh")
    subprocess.run([*argv, *(one.text for one in asked)], check=True, capture_output=True)


def loop_in_exec(engine: Engine, run: SmokeRun, asked: Iterable[Asked]) -> None:
    """The same in a container that waits."""
    environment = {
        "NESTPROOF_USERS": " ".join(users_of(run.profile)),
        "NESTPROOF_TOKEN": secrets.token_hex(8),
    }
    request = request_container(run.profile, run.image, run.environment)
    with started_container(engine, request, run.node.platform) as container:
        argv = ["/bin/sh", "-c", LOOP, "sh", *(one.text for one in asked)]
        user = run.profile.remote_user
        assert not list(Exec(container, argv, user=user, environment=environment, timeout=60))


if __name__ == "__main__":
    sys.exit(main())
