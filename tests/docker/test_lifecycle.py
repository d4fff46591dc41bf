"""Lifecycle commands in real containers: order, user, folder, environment, failure, time, restart, traces."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nestproof.engine.client import Engine
from nestproof.lifecycle.commands import PHASES
from tests.conftest import Finished, Repository

pytestmark = pytest.mark.docker
USER = (
    "RUN id vscode 2>/dev/null || useradd --create-home --shell /bin/bash vscode\n"
    "RUN echo 'export ONLY_LOGIN=1 PATH=$PATH:/home/vscode/only-login' >>/home/vscode/.profile\n"
)


@pytest.fixture
def repository(tmp_path: Path, base: str) -> Repository:
    """A git repository with an image that has a user, one tracked file and one that is ignored."""
    made = Repository(tmp_path / "mine")
    (made.path / ".devcontainer").mkdir(parents=True)
    (made.path / ".devcontainer/Dockerfile").write_text(f"FROM {base}\n{USER}")
    (made.path / ".gitignore").write_text("ignored\n")
    (made.path / "ignored").write_text("x")
    (made.path / "tracked").write_text("x")
    made.git("init", "--quiet", "--initial-branch", "main", "--template=")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Start")
    return made


def write(repository: Repository, **properties: Any) -> None:
    own = {"build": {"dockerfile": "Dockerfile"}, "remoteUser": "vscode", **properties}
    (repository.path / ".devcontainer/devcontainer.json").write_text(json.dumps(own))


def ask(repository: Repository, *options: str) -> Finished:
    return repository.ask("smoke", "--json", *options)


def outcomes(finished: Finished) -> dict[str, dict[str, Any]]:
    (run,) = json.loads(finished.stdout)["runs"]
    return {one["id"]: one for one in run["outcomes"] if one["id"].startswith(("lifecycle", "restart"))}


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a tree, with its time and content."""
    return {
        str(file.relative_to(folder)): (file.lstat().st_mtime_ns, file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".nestproof" not in file.parts
    }


def test_order_user_folder_and_environment(repository: Repository) -> None:
    note = "echo {} $(whoami) $PWD $MINE $ONLY_LOGIN >>log; cat log"
    write(
        repository,
        postAttachCommand=note.format("attach"),
        postStartCommand=note.format("start"),
        postCreateCommand={"one": "sleep 1", "two": note.format("create")},
        updateContentCommand=["/bin/sh", "-c", note.format("update")],
        onCreateCommand=note.format("create-0"),
        remoteEnv={"MINE": "${containerEnv:PATH}"},
    )
    finished = ask(repository)
    found = outcomes(finished)
    assert list(found)[:6] == [
        "lifecycle.onCreateCommand",
        "lifecycle.updateContentCommand",
        "lifecycle.postCreateCommand.two",  # the other one sleeps
        "lifecycle.postCreateCommand.one",
        "lifecycle.postStartCommand",
        "lifecycle.postAttachCommand",
    ], finished.stderr
    assert all(one["status"] == "pass" for name, one in found.items() if name.startswith("lifecycle"))
    lines = found["lifecycle.postAttachCommand"]["observation"]["stdout"].splitlines()
    assert [line.split()[0] for line in lines] == ["create-0", "update", "create", "start", "attach"]
    assert all(line.split()[1:3] == ["vscode", "/workspaces/mine"] for line in lines)
    assert all("/usr/bin" in line.split()[3] and line.split()[4] == "1" for line in lines)


@pytest.mark.parametrize(("probe", "expected"), [("none", "unset"), ("loginShell", "1")])
def test_the_shell_that_is_asked_is_the_configured_one(
    repository: Repository, probe: str, expected: str
) -> None:
    write(repository, userEnvProbe=probe, postCreateCommand="echo ${ONLY_LOGIN-unset}")
    seen = outcomes(ask(repository))["lifecycle.postCreateCommand"]["observation"]
    assert seen["stdout"] == f"{expected}\n"


def test_nothing_of_the_tree_or_the_volumes_of_a_person_changes(
    repository: Repository, engine: Engine, tmp_path: Path
) -> None:
    """Tracked and untracked files are there, ignored ones are not; history is, without its configuration."""
    (repository.path / "untracked").write_text("x")
    repository.git("config", "http.extraheader", "Authorization: basic c2VjcmV0")
    home = tmp_path / "settings"
    home.mkdir()
    (home / "kept").write_text("x")
    volume = f"nestproof-test-{tmp_path.name}"
    engine.api.create_volume(volume)
    write(
        repository,
        mounts=[f"source={home},target=/settings,type=bind", f"source={volume},target=/data,type=volume"],
        postCreateCommand="ls -A; cat .git/HEAD .git/config; rm -rf tracked; echo x >new; "
        "cat /settings/kept; echo y >/settings/kept || true",
    )
    before = state(repository.path), state(home)
    try:
        seen = outcomes(ask(repository))["lifecycle.postCreateCommand"]
        assert seen["status"] == "pass", seen
        listed = seen["observation"]["stdout"].split()
        assert {"tracked", "untracked", ".git", "refs/heads/main", "bare"} <= set(listed)
        assert "ignored" not in listed
        assert "extraheader" not in seen["observation"]["stdout"]
        assert (state(repository.path), state(home)) == before
        names = [one["Name"] for one in engine.api.volumes()["Volumes"]]
        assert volume in names
        assert not [name for name in names if name.startswith("nestproof-") and name != volume]
    finally:
        engine.api.remove_volume(volume)


def test_with_bind_workspace_the_tree_itself_is_there(repository: Repository) -> None:
    write(repository, postCreateCommand="ls -A", remoteUser="root")
    finished = ask(repository, "--bind-workspace")
    listed = outcomes(finished)["lifecycle.postCreateCommand"]["observation"]["stdout"].split()
    assert "ignored" in listed


@pytest.mark.parametrize(
    ("command", "status"), [("stty size", "unverified"), ("echo because >&2; exit 3", "fail")]
)
def test_a_command_that_wants_a_terminal_is_no_fault_where_editors_give_it_one(
    repository: Repository, command: str, status: str
) -> None:
    write(repository, postAttachCommand=command)
    found = outcomes(ask(repository))["lifecycle.postAttachCommand"]
    assert found["status"] == status
    assert ("wants a terminal" in found["summary"]) == (status == "unverified")


def test_after_a_failure_the_rest_is_not_run_and_the_probes_are_asked(repository: Repository) -> None:
    write(
        repository,
        onCreateCommand="echo fine",
        postCreateCommand={"good": "echo fine", "bad": "echo because; exit 3"},
        postStartCommand="echo never",
        postAttachCommand="echo never",
    )
    finished = ask(repository)
    found = outcomes(finished)
    assert {name: one["status"] for name, one in found.items()} == {
        "lifecycle.onCreateCommand": "pass",
        "lifecycle.postCreateCommand.good": "pass",
        "lifecycle.postCreateCommand.bad": "fail",
        "lifecycle.postStartCommand": "unverified",
        "lifecycle.postAttachCommand": "unverified",
    }
    bad = found["lifecycle.postCreateCommand.bad"]
    assert "`echo because; exit 3` fails: exit status 3" in bad["summary"]
    assert bad["cause"] == "because"
    assert "the client stops after postCreateCommand" in found["lifecycle.postStartCommand"]["summary"]
    assert finished.outcome("smoke.capabilities")["status"] == "pass"
    assert finished.status == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sleep 600", "it did not end within 2 s, and was ended"),
        ("while :; do echo flood; done", "it did not end within 2 s, and was ended"),
        ("no-such-program", "exit status 127"),
        ("cat /nonexistent", "exit status 1"),
    ],
)
def test_a_command_that_fails_or_does_not_end_is_a_failure(
    repository: Repository, command: str, said: str
) -> None:
    (repository.path / "nestproof.toml").write_text("lifecycle-timeout = 2\n")
    write(repository, postCreateCommand=command, postStartCommand="ps -e")
    begin = time.monotonic()
    found = outcomes(ask(repository))["lifecycle.postCreateCommand"]
    assert found["status"] == "fail"
    assert said in found["summary"]
    assert len(found["observation"]["stdout"]) <= 64 << 10
    assert time.monotonic() - begin < 60


def test_a_daemon_that_a_command_leaves_keeps_nobody_waiting(repository: Repository) -> None:
    write(repository, postCreateCommand="sleep 300 & echo started")
    begin = time.monotonic()
    assert outcomes(ask(repository))["lifecycle.postCreateCommand"]["status"] == "pass"
    assert time.monotonic() - begin < 60


def test_left_out_is_unverified_and_named(repository: Repository) -> None:
    write(repository, onCreateCommand="exit 1", postCreateCommand={"a": "exit 1", "b": "exit 1"})
    finished = ask(repository, "--no-lifecycle")
    (only,) = outcomes(finished).values()
    assert (only["id"], only["status"]) == ("lifecycle", "unverified")
    assert "left out: onCreateCommand, postCreateCommand.a, postCreateCommand.b" in only["summary"]


def test_a_command_for_this_machine_is_run_only_when_asked_for(repository: Repository) -> None:
    write(repository, initializeCommand="touch made-by-initialize")
    found = outcomes(ask(repository))["lifecycle.initializeCommand"]
    assert found["status"] == "unverified"
    assert "--initialize runs it here" in found["fix"]
    assert not (repository.path / "made-by-initialize").exists()
    found = outcomes(ask(repository, "--initialize"))["lifecycle.initializeCommand"]
    assert found["status"] == "pass"
    assert (repository.path / "made-by-initialize").exists()
    write(repository, initializeCommand="echo why >&2; exit 4")
    finished = ask(repository, "--initialize")
    failed = outcomes(finished)["lifecycle.initializeCommand"]
    assert (failed["status"], failed["cause"]) == ("fail", "why")
    assert "smoke.capabilities" not in finished.stdout, "a client goes no further"


def test_what_only_an_earlier_command_set_up_is_gone_after_a_restart(repository: Repository) -> None:
    (repository.path / "nestproof.toml").write_text(
        "[[probe]]\nname = 'tmpfs'\ncommand = 'test -e /dev/shm/set-up'\n"
    )
    write(repository, postCreateCommand="touch /dev/shm/set-up", postStartCommand="echo started")
    finished = ask(repository)
    assert finished.outcome("smoke.tmpfs")["status"] == "pass"
    found = outcomes(finished)
    assert found["restart.postStartCommand"]["status"] == "pass"
    assert found["restart.tmpfs"]["status"] == "fail"
    assert found["restart.tmpfs"]["summary"].startswith("after a restart: ")
    write(repository, postCreateCommand="true", postStartCommand="touch /dev/shm/set-up")
    assert outcomes(ask(repository))["restart.tmpfs"]["status"] == "pass"


@pytest.mark.parametrize("phase", ["initializeCommand", *PHASES, "restart"])
def test_nothing_is_left_when_it_is_interrupted(
    repository: Repository, engine: Engine, tmp_path: Path, phase: str
) -> None:
    """In each phase: no container, no volume, no command on this machine."""
    mark = f"sleep 300.{tmp_path.name[-1]}7"
    once = f"[ -e /tmp/again ] && {mark}; touch /tmp/again"
    write(repository, **({"postStartCommand": once} if phase == "restart" else {phase: mark}))
    child = subprocess.Popen(
        [sys.executable, "-m", "nestproof", "smoke", "--initialize"],
        cwd=repository.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    seen = 0
    for line in child.stdout:
        seen += "Command: " in line and mark in line
        if seen == (2 if phase == "restart" else 1):
            break
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 130, said
    label = {"label": "dev.nestproof.owner"}
    left = [*engine.api.containers(all=True, filters=label), *(engine.api.volumes(label)["Volumes"] or ())]
    assert not [one for one in left if f"/{child.pid}/" in one["Labels"]["dev.nestproof.owner"]]
    assert not subprocess.run(["pgrep", "-f", f"^{mark}"], capture_output=True, check=False).stdout
