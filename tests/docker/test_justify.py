"""The secure profile's relaxations, justified on a real engine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from nestproof.engine.client import Engine
from nestproof.justify.outcomes import hosts_table
from nestproof.justify.store import evidence
from tests.conftest import ROOT, Finished, Repository, noted, own_containers

pytestmark = pytest.mark.docker

CAPSET = "bwrap: capset failed: Operation not permitted"
SA = {"cap-add=SYS_ADMIN", "cap-add=NET_ADMIN", "cap-add=SYS_PTRACE"}
SECCOMP, APPARMOR = "security-opt=seccomp=unconfined", "security-opt=apparmor=unconfined"
FILE = ".devcontainer/devcontainer.secure.json"


@pytest.fixture(scope="module")
def justified(engine: Engine, pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the secure profile has been justified."""
    path = tmp_path_factory.mktemp("justified") / "copy"
    before = own_containers(engine)
    finished = noted(Repository(shutil.copytree(pristine, path))).nestproof(
        "justify", "--profile", "secure", "--json", timeout=1200
    )
    assert finished.status == (0 if engine.facts.confines_with("apparmor") else 3), finished.stderr
    assert own_containers(engine) == before
    (path / "first.json").write_text(finished.stdout)
    return path


@pytest.fixture
def again(justified: Path, tmp_path: Path) -> Repository:
    """The same in a folder of its own, with its evidence."""
    return noted(Repository(shutil.copytree(justified, tmp_path / "copy")))


@pytest.fixture
def made(justified: Path) -> Any:
    return justification(Finished(0, (justified / "first.json").read_text(), ""))


def justification(finished: Finished) -> Any:
    (one,) = finished.evidence["justification"]["profiles"]
    return one


def rows(made: Any) -> dict[str, Any]:
    return {row["relaxation"]: row for row in made["relaxations"]}


def test_what_setuid_bwrap_needs_is_named_with_its_errors(made: Any) -> None:
    found = rows(made)
    for name in SA:
        assert (found[name]["need"], found[name]["error"]) == ("needed", CAPSET)
        assert {"bwrap-pivot", "bwrap-netns", "contain-write", "codex-sandbox"} <= set(found[name]["probes"])
        assert "SYS_ADMIN" in found[name]["check"] or found[name]["source"].startswith("Linux, ")
        assert found[name]["copyDoesWithout"] is True
    assert (found[SECCOMP]["need"], found[SECCOMP]["copyDoesWithout"]) == ("needed", False)
    assert found[SECCOMP]["error"].startswith("bwrap: pivot_root: Operation not permitted")
    # They stop later than at pivot_root, and so are not broken by it.
    assert not {"bwrap-userns", "bwrap-slave"} & set(found[SECCOMP]["probes"])


def test_what_docker_grants_is_shown_by_dropping_all_first(made: Any) -> None:
    for name in ("SYS_CHROOT", "SETUID", "SETGID"):
        row = rows(made)[f"cap-add={name}"]
        assert (row["need"], row["byDefault"], row["error"]) == ("needed", True, CAPSET)
    assert made["otherDefaultsIdle"] is True


def test_without_apparmor_its_relaxation_is_unverified(made: Any, engine: Engine) -> None:
    row = rows(made)[APPARMOR]
    if engine.facts.confines_with("apparmor"):
        assert row["need"] == "needed"
    else:
        assert row["need"] == "unverified"
        assert "hosts with AppArmor" in row["neededOn"]


def test_the_user_namespace_way_needs_no_capability_at_all(made: Any) -> None:
    sets = {one["bwrap"]: [set(options) for options in one["sets"]] for one in made["minimal"]}
    assert sets == {"own": [SA | {SECCOMP, APPARMOR}], "copy": [{SECCOMP, APPARMOR}]}
    assert made["noCapabilityAtAll"] is True
    assert made["contradictions"] == []


def test_what_is_known_is_not_tried_again(again: Repository, made: Any) -> None:
    finished = again.nestproof("justify", "--profile", "secure", "--json", timeout=600)
    assert "12 of them known before" in finished.outcome("justify.baseline")["summary"]
    now = justification(finished)
    assert rows(now) == rows(made)
    fresh = again.nestproof("justify", "--profile", "secure", "--json", "--fresh", timeout=600)
    assert "known before" not in fresh.outcome("justify.baseline")["summary"]
    assert rows(justification(fresh)) == rows(made)


def test_one_added_for_nothing_is_found_and_validate_warns(again: Repository) -> None:
    again.edit(FILE, '"--cap-add=SYS_ADMIN",', '"--cap-add=SYS_ADMIN",\n    "--cap-add=SYS_TIME",')
    refused = again.nestproof("justify", "--profile", "secure", "--json", timeout=600).outcome("justify")
    assert "secure may not have cap-add=SYS_TIME (privilege lock)" in refused["summary"]
    assert again.nestproof("privileges", "--update").status == 0
    finished = again.nestproof("justify", "--profile", "secure", "--json", timeout=600)
    assert finished.status == 1
    found = finished.outcome("justify.cap-add=SYS_TIME")
    assert (found["status"], found["summary"]) == ("fail", "removable: no probe breaks without it")
    assert found["fix"].startswith("remove --cap-add=SYS_TIME from the profile")
    red = [one["id"] for one in finished.evidence["outcomes"] if one["status"] == "fail"]
    assert red == ["justify.cap-add=SYS_TIME"]
    warned, _ = again.nestproof("check.lock", "--profile", "secure", "--json").evidence["outcomes"]
    assert warned["status"] == "pass"
    (warning,) = [one for one in warned["findings"] if one["rule"] == "lock-removable"]
    assert warning["severity"] == "warning"
    assert warning["message"].startswith("cap-add=SYS_TIME is not needed")
    assert '"--cap-add=SYS_TIME",' in again.path.joinpath(FILE).read_text().splitlines()[warning["line"] - 1]


def test_a_profile_that_fails_as_it_is_is_not_justified(again: Repository) -> None:
    again.edit(FILE, '"--security-opt=seccomp=unconfined",', "")
    finished = again.nestproof("justify", "--profile", "secure", "--json", timeout=600)
    assert finished.status == 1
    found = finished.outcome("justify")
    assert found["status"] == "fail"
    assert "bwrap: pivot_root: Operation not permitted" in found["summary"]
    assert "justify --suggest" in found["fix"]
    assert finished.evidence["justification"] is None


def test_one_that_relaxes_nothing_has_nothing_to_justify(again: Repository) -> None:
    finished = again.nestproof("justify", "--profile", "default", timeout=600)
    assert finished.status == 0
    assert "relaxes nothing: there is nothing to justify" in finished.stdout


def test_ctrl_c_ends_all_containers_at_once(again: Repository, engine: Engine) -> None:
    probe = '\n[[tool.nestproof.probe]]\nname = "slow"\ncommand = "sleep 300"\ntimeout = 400\n'
    with (again.path / "pyproject.toml").open("a") as stream:
        stream.write(probe)
    before = own_containers(engine)
    process = subprocess.Popen(
        [sys.executable, "-m", "nestproof", "justify", "--profile", "secure", "--fresh"],
        cwd=again.path,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(asleep(engine, set(own_containers(engine)) - set(before))) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=150)  # half of what one that waits for its probes takes
    assert process.returncode == 130, stdout + stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert own_containers(engine) == before


def asleep(engine: Engine, containers: Iterable[str]) -> list[str]:
    """Those of the containers in which the slow probe is under way."""
    found = []
    for name in containers:
        with contextlib.suppress(APIError):  # it is not started yet
            processes = engine.api.top(name)["Processes"] or ()
            found += [name] if any("sleep 300" in " ".join(process) for process in processes) else []
    return found


def suggested(repository: Repository, gone: str) -> Finished:
    repository.edit(FILE, f'"--{gone}",', "")
    return repository.nestproof("justify", "--profile", "secure", "--suggest", "--json", timeout=900)


def test_of_a_failing_profile_the_cheapest_relaxation_that_helps_is_named(again: Repository) -> None:
    finished = suggested(again, SECCOMP)
    assert finished.status == 1
    own = finished.outcome("justify.suggest.own")
    assert "bwrap: pivot_root: Operation not permitted" in own["summary"]
    first, *others = own["fix"].split("; or add ")
    assert first.startswith(f"add --{SECCOMP} (high risk: ")
    # Not every engine has all of the capabilities that this one takes.
    untried = [
        one["summary"] for one in finished.evidence["outcomes"] if one["id"] == "justify.suggest.untried"
    ]
    privileged = [other for other in others if other.startswith("--privileged (critical risk: ")]
    assert len(privileged) == (0 if any("privileged" in said for said in untried) else 1)
    assert f"add --{SECCOMP}" in finished.outcome("justify.suggest.copy")["fix"]


def test_where_a_capability_is_missing_it_is_found_among_all(again: Repository) -> None:
    finished = suggested(again, "cap-add=NET_ADMIN")
    own = finished.outcome("justify.suggest.own")
    assert own["fix"].startswith("add --cap-add=NET_ADMIN (medium risk: ")
    assert finished.outcome("justify.suggest.copy")["status"] == "pass"


def test_a_profile_that_declares_nothing_is_asked_for_the_sandbox_that_it_does_not_let_in(
    again: Repository,
) -> None:
    built = again.nestproof("build", "--profile", "secure", "--json")
    image = built.outcome("build")["summary"].split()[0]
    file = again.path / ".devcontainer/plain/devcontainer.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"image": image, "remoteUser": "vscode"}))
    finished = again.nestproof("justify", "--profile", "plain", "--suggest", "--json", timeout=900)
    assert finished.status == 1
    assert "capset failed" in finished.outcome("justify.suggest.own")["summary"]
    assert finished.outcome("justify.suggest.copy")["fix"].startswith(f"add --{SECCOMP} (high risk: ")


def test_the_system_calls_that_docker_denies_and_each_way_needs_are_named(again: Repository) -> None:
    finished = again.nestproof("justify", "--profile", "secure", "--suggest", "--json", timeout=900)
    assert finished.status == 0
    own = finished.outcome("justify.syscalls.own")["summary"]
    assert "pivot_root (denied to all; bwrap-pivot and " in own
    assert "mount (denied without SYS_ADMIN, which the profile adds; bwrap-slave and " in own
    assert own.endswith("instead of no filter, Docker's own with pivot_root allowed")
    copy = finished.outcome("justify.syscalls.copy")["summary"]
    assert copy.endswith("Docker's own with clone, mount, pivot_root, umount2, unshare allowed")


def section(name: str) -> list[str]:
    """The lines of a table in the threat model."""
    text = (ROOT / "docs/threat-model.md").read_text()
    lines = text.partition(f"<!-- {name}: ")[2].partition("<!-- end -->")[0].splitlines()[1:]
    assert len(lines) > 5
    return lines


def test_the_threat_models_table_of_actions_is_what_is_seen(again: Repository) -> None:
    finished = again.nestproof("justify", "--residual", "--profile", "secure", timeout=600)
    assert finished.status == 0, finished.stdout
    assert "\n".join(section("residual")) in finished.stdout


def test_the_threat_models_table_of_relaxations_is_what_is_seen(justified: Path, engine: Engine) -> None:
    (made,) = evidence(justified)
    seen = [cells(line) for line in hosts_table([made]).splitlines()]
    told = [cells(line) for line in section("relaxations")]
    # Hosts differ in their versions; what decides is whether there is AppArmor.
    walls = f"{'with' if engine.facts.confines_with('apparmor') else 'without'} AppArmor"
    (column,) = [number for number, cell in enumerate(told[0]) if cell.endswith(walls)]
    assert [[row[0], row[column], *row[-3:]] for row in told[2:]] == [[row[0], *row[1:]] for row in seen[2:]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]
