"""A repository that nobody allowed anything: the request in plain words, and nothing is started before it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from nestproof.core.trust import read_trust, state_folder
from nestproof.engine.client import Engine
from tests.conftest import Finished, Repository, noted

GIVES = "give the build, the container or an image's name this machine's variable"
NO_ENGINE = "unix:///nonexistent/docker.sock"


@pytest.fixture(autouse=True)
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers for the repository, and what is allowed is kept in a folder of the test."""
    monkeypatch.delenv("NESTPROOF_TRUST")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)


@pytest.fixture
def theirs(tmp_path: Path) -> Repository:
    """A stranger's repository with a Dockerfile inside it, and nothing else."""
    made = Repository(tmp_path / "theirs")
    (made.path / ".devcontainer").mkdir(parents=True)
    (made.path / ".devcontainer/Dockerfile").write_text("FROM debian:12\n")
    write(made, {})
    return made


def write(repository: Repository, properties: dict[str, object]) -> None:
    text = json.dumps({"build": {"dockerfile": "Dockerfile"}, **properties})
    (repository.path / ".devcontainer/devcontainer.json").write_text(text)


def refused(finished: Finished) -> list[str]:
    """The lines of the request."""
    assert finished.status == 2, finished.stdout + finished.stderr
    assert "this repository asks for something of this machine" in finished.stderr
    assert "nothing was started" in finished.stderr
    return [line.strip() for line in finished.stderr.splitlines() if line.startswith("    ")]


STARTS = [
    ("validate",),
    ("smoke",),
    ("build",),
    ("justify",),
    ("justify", "--residual"),
    ("justify", "--suggest"),
]


@pytest.mark.parametrize("properties", [{}, {"build": {"dockerfile": "Dockerfile", "context": ".."}}])
def test_a_plain_build_is_never_asked_about(theirs: Repository, properties: dict[str, object]) -> None:
    write(theirs, properties)
    assert theirs.ask("smoke").status == 4  # no engine answers: it was not refused
    said = theirs.ask("trust", "--dry-run")
    assert (said.status, said.stdout) == (0, "this repository asks for nothing but builds inside it\n")


def test_an_image_is_never_asked_about(theirs: Repository) -> None:
    (theirs.path / ".devcontainer/devcontainer.json").write_text('{"image": "debian:12"}')
    assert theirs.ask("smoke").status == 4


@pytest.mark.parametrize("command", STARTS)
def test_no_program_of_the_configuration_is_started(theirs: Repository, command: tuple[str, ...]) -> None:
    program = theirs.path / "program"
    program.write_text('#!/bin/sh\ntouch "$0.ran"\n')
    program.chmod(0o755)
    base = f'[base-image]\nimage = "debian:12"\nvariable = "X"\nfallback = ["{program}", "x y"]'
    (theirs.path / "nestproof.toml").write_text(f'guest = ["{program}"]\n{base}\n')
    digest = hashlib.sha256(program.read_bytes()).hexdigest()[:12]
    assert refused(theirs.ask(*command)) == [
        f"run on this machine, where no registry answers: {program} 'x y' ({program} is {digest})",
        f"run on this machine, for a virtual machine: {program} ({program} is {digest})",
    ]
    assert not program.with_name("program.ran").exists()


@pytest.mark.parametrize(
    "command", [("node.status",), ("node.up", "--platform", "linux/amd64"), ("node.down",)]
)
def test_no_virtual_machine_is_started(theirs: Repository, command: tuple[str, ...]) -> None:
    (theirs.path / "nestproof.toml").write_text('guest = ["/bin/touch", "ran"]\n')
    assert refused(theirs.ask(*command)) == ["run on this machine, for a virtual machine: /bin/touch ran"]
    assert not (theirs.path / "ran").exists()


@pytest.mark.parametrize("command", [*STARTS, ("build", "--dry-run"), ("node.list",)])
def test_no_engine_of_theirs_is_connected_to(
    theirs: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\ntouch "$0.ran"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    (theirs.path / "nestproof.toml").write_text('[[node]]\nname = "theirs"\nhost = "ssh://evil.invalid"\n')
    assert refused(theirs.ask(*command)) == ["connect to the node theirs: ssh://evil.invalid"]
    assert not ssh.with_name("ssh.ran").exists()


@pytest.mark.parametrize(
    ("properties", "lines"),
    [
        (
            {"containerEnv": {"A": "${localEnv:AWS_SECRET_ACCESS_KEY}"}},
            [f"{GIVES} AWS_SECRET_ACCESS_KEY"],
        ),
        ({"runArgs": ["--env", "GITHUB_TOKEN"]}, ["give the container this machine's variable GITHUB_TOKEN"]),
        (
            {"runArgs": ["-v", "/:/host", "--pid=host"]},
            ["start a container with mount=/", "start a container with pid=host"],
        ),
        ({"mounts": ["source=/tmp,target=/t,type=bind"]}, ["start a container with mount=/tmp"]),
        ({"privileged": True}, ["start a container with privileged"]),
        (
            {"runArgs": ["--env-file=/etc/environment"]},
            ["give the container the variables in /etc/environment"],
        ),
        (
            {
                "build": {
                    "dockerfile": "Dockerfile",
                    "options": ["--secret", "id=k,src=/k", "--ssh=default"],
                }
            },
            ["build with --secret id=k,src=/k", "build with --ssh=default"],
        ),
    ],
)
def test_everything_of_the_host_is_a_line(
    theirs: Repository, properties: dict[str, object], lines: list[str]
) -> None:
    write(theirs, properties)
    assert refused(theirs.ask("smoke")) == lines


def test_a_build_option_is_told_as_it_is_written(theirs: Repository) -> None:
    option = "--secret=id=k,src=${localEnv:KEY_FILE:/nonexistent}"
    write(theirs, {"build": {"dockerfile": "Dockerfile", "options": [option]}})
    lines = [f"{GIVES} KEY_FILE", f"build with {option}"]
    assert refused(theirs.ask("smoke", KEY_FILE="/home/me/key")) == lines


@pytest.mark.parametrize("place", ["dockerfile", "context"])
def test_a_build_from_the_outside_is_a_line(theirs: Repository, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write(theirs, {"build": {"dockerfile": "Dockerfile", place: "../../outside"}})
    line = f"send to the builder what is in {theirs.path}/.devcontainer/../../outside"
    assert refused(theirs.ask("smoke"))[0] == line
    # A link inside counts as the folder that it leads to.
    (theirs.path / ".devcontainer/link").symlink_to(outside)
    write(theirs, {"build": {"dockerfile": "Dockerfile", place: "link"}})
    assert len(refused(theirs.ask("smoke"))) == 1


def test_a_variable_behind_an_escape_is_seen(theirs: Repository) -> None:
    text = '{"image": "debian:12", "remoteEnv": {"A": "\\u0024{localEnv:TOKEN}"}}'
    (theirs.path / ".devcontainer/devcontainer.json").write_text(text)
    assert refused(theirs.ask("smoke")) == [f"{GIVES} TOKEN"]


def test_checks_of_files_ask_for_nothing(theirs: Repository) -> None:
    write(theirs, {"privileged": True, "image": "debian:12", "build": None})
    for command in ("check", "privileges", "init --dry-run", "report", "doctor"):
        assert "asks for something of this machine" not in theirs.ask(*command.split()).stderr


def test_trust_allows_exactly_the_list_and_a_change_asks_again(theirs: Repository) -> None:
    write(theirs, {"runArgs": ["--pid=host"]})
    shown = theirs.ask("trust", "--dry-run")
    assert shown.stdout == "new       start a container with pid=host\n"
    assert theirs.ask("smoke").status == 2
    allowed = theirs.ask("trust")
    assert allowed.stdout.startswith("new       start a container with pid=host\nallowed for ")
    assert theirs.ask("smoke").status == 4
    # The Dockerfile's own lines change nothing in it.
    (theirs.path / ".devcontainer/Dockerfile").write_text("FROM debian:12\nRUN make\n")
    assert theirs.ask("smoke").status == 4
    write(theirs, {"runArgs": ["--pid=host", "--network=host"]})
    finished = theirs.ask("smoke")
    assert refused(finished) == ["start a container with network=host"]
    assert "that is new since it was allowed" in finished.stderr
    write(theirs, {"runArgs": ["--pid=host"]})
    assert theirs.ask("smoke").status == 4
    assert theirs.ask("trust", "--revoke").status == 0
    assert theirs.ask("smoke").status == 2


def test_a_program_that_changes_is_asked_about_again(theirs: Repository) -> None:
    (theirs.path / "nestproof.toml").write_text('guest = ["/bin/sh", "vm"]\n')
    (theirs.path / "vm").write_text("exit 7\n")
    theirs.ask("trust")
    assert theirs.ask("node.status").status == 7
    (theirs.path / "vm").write_text("touch ran\n")
    (line,) = refused(theirs.ask("node.status"))
    assert line.startswith("run on this machine, for a virtual machine: /bin/sh vm (vm is ")
    assert not (theirs.path / "ran").exists()


def test_what_is_allowed_is_kept_for_the_user_alone_and_for_one_folder(
    theirs: Repository, tmp_path: Path
) -> None:
    write(theirs, {"privileged": True})
    theirs.ask("trust")
    (kept,) = (tmp_path / "state").rglob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert not list(theirs.path.rglob("*trust*"))
    moved = Repository(theirs.path.rename(tmp_path / "moved"))
    assert moved.ask("smoke").status == 2


@pytest.mark.parametrize("content", ["", "[]", '{"folder": 1}', '{"allowed": "*"}', "\0"])
def test_a_damaged_file_allows_nothing(theirs: Repository, tmp_path: Path, content: str) -> None:
    write(theirs, {"privileged": True})
    theirs.ask("trust")
    (kept,) = (tmp_path / "state").rglob("*.json")
    kept.write_text(content)
    assert read_trust(theirs.path, os.environ).lines == frozenset()
    assert theirs.ask("smoke").status == 2


@pytest.mark.parametrize(("answer", "status"), [("y", 4), ("yes", 4), ("n", 2), ("", 2)])
def test_on_a_terminal_a_person_is_asked_once(
    theirs: Repository, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    monkeypatch.delenv("CI", raising=False)
    write(theirs, {"runArgs": ["--pid=host"]})
    child = pexpect.spawn(
        sys.executable, ["-m", "nestproof", "smoke"], cwd=str(theirs.path), encoding="utf-8"
    )
    child.expect("start a container with pid=host")
    child.expect_exact("Allow exactly this, for this folder? [y/N] ")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == status
    assert theirs.ask("smoke").status == status


def test_a_repository_cannot_allow_itself_anything(theirs: Repository) -> None:
    """Neither its configuration, its .env nor a folder in it is where the answer is kept."""
    write(theirs, {"privileged": True})
    (theirs.path / ".env").write_text("NESTPROOF_TRUST=1\n")
    (theirs.path / "invoke.yaml").write_text("run:\n  env:\n    NESTPROOF_TRUST: '1'\n")
    assert theirs.ask("smoke").status == 2


def test_its_own_tasks_are_trusted_by_being_run(theirs: Repository) -> None:
    write(theirs, {"runArgs": ["--pid=host"]})
    (theirs.path / "tasks.py").write_text("from nestproof.tasks import ns\n")
    finished = subprocess.run(
        [sys.executable, "-m", "invoke", "smoke"],
        cwd=theirs.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 4, finished.stdout + finished.stderr


EVIDENCE = ".nestproof/evidence.json"


def test_the_evidence_of_a_run_is_for_the_user_alone_and_report_draws_it(theirs: Repository) -> None:
    theirs.ask("check")
    assert stat.S_IMODE((theirs.path / EVIDENCE).stat().st_mode) == 0o600
    assert stat.S_IMODE((theirs.path / EVIDENCE).parent.stat().st_mode) == 0o700
    assert theirs.ask("report").status == 0


def test_a_user_without_a_place_to_remember_keeps_the_evidence(theirs: Repository, tmp_path: Path) -> None:
    (tmp_path / "no-folder").touch()
    finished = theirs.ask("check", XDG_STATE_HOME=str(tmp_path / "no-folder"))
    assert "`report` will not know this run for yours" in finished.stderr
    kept = json.loads((theirs.path / EVIDENCE).read_text())
    assert not kept["runs"][0]["interrupted"]


def test_a_user_without_a_home_folder_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(OSError, match="no home folder"):
        state_folder({})
    assert read_trust(Path.cwd(), {}).lines == frozenset()


@pytest.mark.parametrize("how", ["committed", "changed", "moved"])
def test_evidence_that_came_with_the_repository_is_not_taken_for_the_last_run(
    theirs: Repository, tmp_path: Path, how: str
) -> None:
    theirs.ask("check")
    file = theirs.path / EVIDENCE
    repository = theirs
    if how == "committed":
        shutil.rmtree(tmp_path / "state")
    elif how == "changed":
        file.write_text(file.read_text().replace('"fail"', '"pass"') + "\n")
    else:
        repository = Repository(theirs.path.rename(tmp_path / "moved"))
    finished = repository.ask("report")
    assert (finished.status, finished.stdout) == (2, "")
    assert "evidence.json was not written by a run of yours in this folder" in finished.stderr
    assert repository.ask("report", "--merge", EVIDENCE, "--format", "terminal").status == 0


@pytest.mark.parametrize("name", ["invoke.py", "nestproof.py", "jq.py", "sitecustomize.py", "re.py"])
def test_no_python_file_of_theirs_is_loaded(theirs: Repository, name: str) -> None:
    (theirs.path / name).write_text("import pathlib; pathlib.Path('ran').touch()\n")
    (theirs.path / "nestproof.toml").write_text("[[rule]]\nid = 'theirs'\njq = 'false'\nmessage = 'no'\n")
    program = Path(sys.executable).with_name("nestproof")
    finished = subprocess.run(
        [program, "check"], cwd=theirs.path, capture_output=True, text=True, check=False
    )
    assert "check.rules" in finished.stdout, finished.stderr
    assert not (theirs.path / "ran").exists()


@pytest.mark.docker
@pytest.mark.parametrize(("option", "reaches"), [((), False), (("--bind-workspace",), True)])
def test_a_strangers_container_has_a_copy_of_the_workspace(
    theirs: Repository, base: str, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], *, reaches: bool
) -> None:
    """What it leaves in .git, the next git on the host would run."""
    monkeypatch.delenv("DOCKER_HOST")
    (theirs.path / "nestproof.toml").write_text(
        "[[probe]]\nname = 'writes'\n"
        "command = 'cd /workspaces/theirs && ls Dockerfile && mkdir -p .git && echo x > .git/left'\n"
    )
    (theirs.path / ".devcontainer/devcontainer.json").write_text(json.dumps({"image": base}))
    (theirs.path / "Dockerfile").touch()
    finished = theirs.ask("smoke", "--probe", "writes", "--json", *option)
    assert finished.outcome("smoke.writes")["status"] == "pass", finished.stdout + finished.stderr
    assert (theirs.path / ".git/left").exists() == reaches


LIMITED = (
    "untrusted  containers get a copy of the workspace, no network, at most 4 GiB of memory, 2 processors "
    "and 2048 processes; `nestproof trust` lifts the limits"
)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), LIMITED),
        (("--egress",), LIMITED.replace("no network", "its network")),
        (("--bind-workspace",), LIMITED.replace("a copy of the workspace", "the workspace itself")),
    ],
)
def test_the_limits_are_told_until_somebody_trusts_the_repository(
    theirs: Repository, options: tuple[str, ...], said: str
) -> None:
    assert said in theirs.ask("smoke", *options).stdout
    assert "untrusted" not in theirs.ask("build", "--dry-run").stdout
    assert "its containers get their network, and have no limits" in theirs.ask("trust").stdout
    assert "untrusted" not in theirs.ask("smoke", *options).stdout
    theirs.ask("trust", "--revoke")
    assert said in theirs.ask("smoke", *options).stdout


@pytest.mark.docker
@pytest.mark.parametrize(
    ("how", "network"), [("nobody", "lo"), ("--egress", "eth0lo"), ("trusted", "eth0lo")]
)
def test_a_container_that_nobody_trusts_is_limited(
    theirs: Repository, base: str, monkeypatch: pytest.MonkeyPatch, how: str, network: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    (theirs.path / "nestproof.toml").write_text(
        "[[probe]]\nname = 'limits'\ncommand = 'ls /sys/class/net | tr -d \"\\n\"; cd /sys/fs/cgroup; "
        "cat pids.max pids/pids.max; cat memory.max memory/memory.limit_in_bytes | sed s/9223.*/max/'\n"
    )
    (theirs.path / ".devcontainer/devcontainer.json").write_text(json.dumps({"image": base}))
    if how == "trusted":
        theirs.ask("trust")
    options = [how] if how.startswith("--") else []
    finished = theirs.ask("smoke", "--probe", "limits", "--json", *options)
    processes, memory = ("max", "max") if how == "trusted" else ("2048", str(4 << 30))
    seen = finished.outcome("smoke.limits")["observation"]["stdout"]
    assert seen == f"{network}{processes}\n{memory}\n", finished.stdout


@pytest.mark.docker
def test_what_an_images_label_asks_for_is_asked_about_before_the_start(
    theirs: Repository, engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    label = json.dumps([{"capAdd": ["SYS_ADMIN"], "containerEnv": {"A": "${localEnv:TOKEN}"}}])
    (theirs.path / ".devcontainer/Dockerfile").write_text(
        f"FROM {base}\nLABEL devcontainer.metadata={json.dumps(label).replace('$', chr(92) + '$')}\n"
    )
    lines = [
        "give the container this machine's variable TOKEN, which the image's label names",
        "start a container with cap-add=SYS_ADMIN",
    ]
    assert refused(noted(theirs).ask("smoke")) == lines
    shown = theirs.ask("trust")
    assert all(f"new       {line}" in shown.stdout for line in lines)
    assert theirs.ask("smoke", "--probe", "capabilities").status in (0, 3)


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_the_value_of_a_variable_that_a_profile_takes_is_hidden_whatever_its_name(
    theirs: Repository, form: str
) -> None:
    """The words around it are there, so that the value would be."""
    write(theirs, {"runArgs": ["--device=/dev/${localEnv:DEPLOY_ID}"]})
    (theirs.path / ".devcontainer/privileges.lock").touch()
    value = "blue-mountain-7731"
    finished = theirs.ask("check", *(["--json"] if form == "json" else []), DEPLOY_ID=value)
    shown = finished.stdout + finished.stderr
    assert value not in shown
    assert "asks for device=/dev/[redacted], which the lock does not have" in shown
    assert value not in (theirs.path / EVIDENCE).read_text()


def test_a_command_for_this_machine_is_asked_about_before_it_runs(theirs: Repository) -> None:
    write(theirs, {"initializeCommand": ["touch", "ran"]})
    assert theirs.ask("smoke").status == 4  # without the option it is not run, and nothing is asked
    assert refused(theirs.ask("smoke", "--initialize")) == ["run on this machine: touch ran"]
    assert not (theirs.path / "ran").exists()
    assert "new       run on this machine: touch ran" in theirs.ask("trust").stdout
    assert theirs.ask("smoke", "--initialize").status == 4  # no engine answers


def test_the_builder_of_features_is_asked_about_if_the_repository_names_it(theirs: Repository) -> None:
    (theirs.path / "nestproof.toml").write_text('devcontainer = ["/bin/touch", "ran"]\n')
    assert refused(theirs.ask("smoke")) == ["run on this machine, to build features: /bin/touch ran"]
    assert not (theirs.path / "ran").exists()


def test_a_folder_in_another_repository_is_not_given_that_one(theirs: Repository) -> None:
    """A client binds the whole repository: that of whoever unpacked an archive in theirs."""
    around = Repository(theirs.path.parent)
    around.git("init", "--quiet", "--template=")
    line = f"give the container all of {around.path}, the repository that this folder is in"
    assert refused(theirs.ask("smoke")) == [line]
    write(theirs, {"workspaceMount": "", "workspaceFolder": "/"})
    assert theirs.ask("smoke").status == 4
    write(theirs, {})
    theirs.git("init", "--quiet", "--template=")
    assert theirs.ask("smoke").status == 4
