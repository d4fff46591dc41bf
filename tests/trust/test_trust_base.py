"""`--trust-base`: what a pull request asks for is held against its merge base, not against what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Repository

NO_ENGINE = "unix:///nonexistent/docker.sock"
CAPABILITY: dict[str, object] = {"image": "debian:12", "runArgs": ["--cap-add=SYS_ADMIN"]}
LOCK = '[default]\n"cap-add=SYS_ADMIN" = "for bubblewrap"\n'


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A branch of its own on a main that asks for one capability."""
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    made = Repository(tmp_path / "theirs")
    write(made, CAPABILITY, LOCK)
    made.git("init", "--initial-branch=main")
    commit(made)
    made.git("checkout", "-b", "change")
    return made


def write(repository: Repository, profile: dict[str, object], lock: str = "") -> None:
    folder = repository.path / ".devcontainer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "devcontainer.json").write_text(json.dumps(profile))
    if lock:
        (folder / "privileges.lock").write_text(lock)


def commit(repository: Repository) -> None:
    repository.git("add", "--all")
    repository.git("commit", "--message=change")


def test_what_the_base_asks_for_is_allowed(branch: Repository) -> None:
    (branch.path / "README.md").write_text("A change.\n")
    commit(branch)
    finished = branch.ask("smoke", "--trust-base", "main")
    assert finished.status == 4, finished.stderr  # no engine answers: nothing was refused
    assert "untrusted  containers get a copy of the workspace, no network" in finished.stdout


@pytest.mark.parametrize("command", ["validate", "smoke", "build", "justify"])
def test_what_is_new_is_refused_although_the_change_writes_it_into_the_lock(
    branch: Repository, command: str
) -> None:
    """The runner's own NESTPROOF_TRUST=1 does not count either."""
    profile: dict[str, object] = {**CAPABILITY, "mounts": ["source=/,target=/host,type=bind"]}
    write(branch, profile, LOCK + '"mount=/" = "no harm"\n')
    commit(branch)
    assert branch.ask(command).status == 4
    finished = branch.ask(command, "--trust-base", "main")
    assert finished.status == 2
    assert "that it does not ask for at its merge base with main; nothing was started" in finished.stderr
    assert "    start a container with mount=/\n" in finished.stderr
    assert "SYS_ADMIN" not in finished.stderr
    assert "they are allowed once they are merged" in finished.stderr


def test_the_lock_is_that_of_the_base(branch: Repository) -> None:
    """A relaxation that the base has in a file, and its lock does not have, stays a failure."""
    branch.git("checkout", "main")
    write(branch, CAPABILITY, "[default]\n")
    commit(branch)
    branch.git("checkout", "-B", "change")
    write(branch, CAPABILITY, LOCK)
    commit(branch)
    words = "1 relaxation, each in the lock"
    assert words in branch.ask("validate").stdout
    finished = branch.ask("validate", "--trust-base", "main")
    assert words not in finished.stdout
    assert "asks for cap-add=SYS_ADMIN, which the lock does not have for default" in finished.stdout


def test_the_configuration_is_that_of_the_base(branch: Repository) -> None:
    """No program, engine, rule or probe of the change counts, and none is started."""
    program = branch.path / "program"
    program.write_text('#!/bin/sh\ntouch "$0.ran"\n')
    program.chmod(0o755)
    rule = "[[rule]]\nid = 'theirs'\njq = 'false'\nmessage = 'no'\n"
    base = f'[base-image]\nimage = "debian:12"\nvariable = "X"\nfallback = ["{program}"]\n'
    (branch.path / "nestproof.toml").write_text(f'guest = ["{program}"]\n{base}{rule}')
    commit(branch)
    finished = branch.ask("validate", "--trust-base", "main", "--json")
    assert finished.status == 4, finished.stderr
    assert "theirs" not in finished.stdout.replace(str(branch.path), "")
    assert not program.with_name("program.ran").exists()


def test_a_program_of_the_base_that_the_change_replaces_is_refused(branch: Repository) -> None:
    branch.git("checkout", "main")
    (branch.path / "nestproof.toml").write_text('guest = ["/bin/sh", "vm"]\n')
    (branch.path / "vm").write_text("exit 7\n")
    commit(branch)
    branch.git("checkout", "-B", "change")
    assert branch.ask("smoke", "--trust-base", "main").status == 4
    (branch.path / "vm").write_text("touch ran\n")
    commit(branch)
    finished = branch.ask("smoke", "--trust-base", "main")
    assert finished.status == 2
    assert "run on this machine, for a virtual machine: /bin/sh vm (vm is " in finished.stderr


def test_a_base_without_a_profile_allows_nothing(branch: Repository) -> None:
    branch.git("checkout", "--orphan", "new")
    branch.git("rm", "-rf", "--quiet", ".")
    (branch.path / "README.md").write_text("Empty.\n")
    commit(branch)
    branch.git("checkout", "-b", "first")
    write(branch, CAPABILITY, LOCK)
    commit(branch)
    finished = branch.ask("smoke", "--trust-base", "new")
    assert finished.status == 2
    assert "start a container with cap-add=SYS_ADMIN" in finished.stderr


def test_an_unknown_base_is_an_error(branch: Repository) -> None:
    finished = branch.ask("smoke", "--trust-base", "nowhere")
    assert finished.status == 2
    assert '"nowhere" names no commit of this repository' in finished.stderr


def test_a_folder_of_a_larger_repository_is_held_against_the_same_folder(
    branch: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Repository(branch.path / "part")
    write(part, CAPABILITY, LOCK)
    commit(branch)
    branch.git("branch", "--force", "main")
    assert part.ask("smoke", "--trust-base", "main").status == 4
    write(part, {**CAPABILITY, "privileged": True})
    finished = part.ask("smoke", "--trust-base", "main")
    assert finished.status == 2
    assert "start a container with privileged" in finished.stderr
    assert "all of" not in finished.stderr
