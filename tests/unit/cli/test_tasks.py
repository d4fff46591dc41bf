"""The doors, as a user opens them: lists, help, exit codes, and a machine without an engine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nestproof.core.errors import EngineUnavailable, NestproofError, UsageError
from nestproof.core.outcome import INTERRUPTED
from tests.conftest import ROOT, Repository

NO_ENGINE = "unix:///nonexistent/docker.sock"


def test_invoke_and_nestproof_have_the_same_tasks() -> None:
    listed = [
        subprocess.run(
            [sys.executable, "-m", *program, "--list"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        for program in (["invoke"], ["nestproof"])
    ]
    assert [one.returncode for one in listed] == [0, 0]
    invoke, nestproof = (one.stdout.splitlines()[2:] for one in listed)
    assert invoke == nestproof
    names = [line.split()[0] for line in invoke if line.startswith("  ") and line[2] != " "]
    assert names == [
        "agents", "build", "doctor", "init", "justify", "privileges", "report", "shell", "smoke", "trust",
        "validate",
        "check.all", "check.diff", "check.dockerfile", "check.json", "check.lint", "check.lock",
        "check.model", "check.rules",
        "node.down", "node.list", "node.status", "node.up",
    ]  # fmt: skip


def test_a_tasks_file_gets_everything_from_nestproof() -> None:
    import tasks

    from nestproof.cli.tasks import ns

    assert tasks.ns is ns


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys, nestproof.cli; "
        "print([m for m in ('docker', 'requests', 'pydantic', 'jq') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


@pytest.mark.parametrize(
    "task",
    [
        "validate",
        "build",
        "smoke",
        "shell",
        "justify",
        "privileges",
        "report",
        "check",
        "check.json",
        "check.diff",
    ],
)
def test_every_option_has_a_help_text(task: str) -> None:
    finished = Repository(ROOT).ask("--help", task)
    assert finished.status == 0
    options = [line for line in finished.stdout.splitlines() if line.strip().startswith("-")]
    assert options
    for line in options:
        assert len(line.split()) > 2, f"{task}: {line!r} is not explained"


def test_without_an_engine_the_files_are_checked_and_the_rest_is_an_error(repository: Repository) -> None:
    finished = repository.nestproof("validate", "--json", DOCKER_HOST=NO_ENGINE)
    assert finished.status == 4
    statuses = {(o["id"], o["profile"]): o["status"] for o in finished.evidence["outcomes"]}
    assert statuses == {
        ("check.json", None): "pass",
        ("check.model", None): "pass",
        ("check.lint", None): "pass",
        ("check.lock", None): "pass",
        ("check.dockerfile", None): "pass",
        ("check.diff", None): "pass",
        ("build", "default"): "error",
        ("build", "secure"): "error",
    }
    for outcome in finished.evidence["outcomes"]:
        if outcome["status"] == "error":
            assert outcome["summary"] == "no Docker Engine answers at unix:///nonexistent/docker.sock"
            assert "apt-get install docker.io" in outcome["fix"]


@pytest.mark.parametrize("more", [[], ["--suggest"], ["--residual"]])
def test_without_an_engine_nothing_is_justified(repository: Repository, more: list[str]) -> None:
    finished = repository.ask("justify", "--profile", "secure", "--json", *more, DOCKER_HOST=NO_ENGINE)
    assert finished.status == 4
    found = finished.outcome("justify", "secure")
    assert (found["status"], found["summary"]) == ("error", f"no Docker Engine answers at {NO_ENGINE}")


def test_without_an_engine_people_are_told_how_to_get_one(repository: Repository) -> None:
    finished = repository.ask("validate", DOCKER_HOST=NO_ENGINE)
    assert finished.status == 4
    assert "fix: start Docker; on Debian and Ubuntu: apt-get install docker.io" in finished.stdout
    assert finished.stdout.splitlines()[-1].endswith("nestproof could not ask (exit 4)")


def test_a_run_that_shows_nothing_is_never_proved(repository: Repository) -> None:
    finished = repository.ask("validate", "--allow-unverified", DOCKER_HOST=NO_ENGINE)
    assert finished.status == 4
    assert "proved" not in finished.stdout.splitlines()[-1]


def test_json_is_all_of_stdout(repository: Repository) -> None:
    finished = repository.ask("check.json", "--json")
    assert finished.status == 0
    value = json.loads(finished.stdout)
    assert value["schemaVersion"] == 1
    (value,) = value["runs"]
    assert value["counts"] == {"pass": 2, "fail": 0, "degraded": 0, "unverified": 0, "error": 0}
    assert value["exitCode"] == 0
    assert "2 pass in" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["validate", "--profile", "nope"], "there is no profile 'nope'"),
        (["validate", "--platform", "linux/riscv64"], "unknown platform 'linux/riscv64'"),
        (
            ["justify", "--suggest", "--residual"],
            "--suggest, --residual and --update-lock exclude each other",
        ),
        (["justify", "--platform", "linux/riscv64"], "unknown platform 'linux/riscv64'"),
        (["validate", "--no-such-option"], "No idea what '--no-such-option' is"),
        (["no-such-task"], "No idea what 'no-such-task' is"),
    ],
)
def test_a_senseless_command_line_exits_with_2(
    repository: Repository, arguments: list[str], said: str
) -> None:
    finished = repository.ask(*arguments, DOCKER_HOST=NO_ENGINE)
    assert finished.status == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_folder_without_profiles_says_where_it_looked(repository: Repository) -> None:
    (repository.path / "empty").mkdir()
    finished = Repository(repository.path / "empty").nestproof("validate")
    assert finished.status == 2
    assert finished.stderr == (
        "nestproof: no devcontainer configuration was found\n"
        "  why: neither .devcontainer/devcontainer.json, .devcontainer/<folder>/devcontainer.json nor "
        ".devcontainer.json is here\n"
        "  fix: run nestproof in the folder that holds .devcontainer, or write a first one: "
        '{"image": "…"} in .devcontainer/devcontainer.json will do\n'
    )


def test_a_mistake_in_the_configuration_is_named(repository: Repository) -> None:
    repository.edit("pyproject.toml", 'image = "ubuntu:24.04"', "image = 24")
    finished = repository.ask("validate", DOCKER_HOST=NO_ENGINE)
    assert finished.status == 2
    assert "pyproject.toml.tool.nestproof: base-image.image: " in finished.stderr


def test_a_broken_lock_is_named(repository: Repository) -> None:
    (repository.path / ".devcontainer/privileges.lock").write_text("[secure\n")
    finished = repository.ask("validate", DOCKER_HOST=NO_ENGINE)
    assert finished.status == 2
    assert ".devcontainer/privileges.lock cannot be read" in finished.stderr


def test_exit_codes_are_as_documented() -> None:
    readme = (ROOT / "README.md").read_text()
    for code in (
        0,
        1,
        UsageError.exit_code,
        EngineUnavailable.exit_code,
        NestproofError.exit_code,
        INTERRUPTED,
    ):
        assert f"\n| {code} | " in readme


def test_an_error_tells_no_secret(repository: Repository) -> None:
    secret = "hunter2hunter2"  # noqa: S105 # nobody's
    finished = repository.nestproof("check", "--profile", secret, MY_TOKEN=secret)
    assert finished.status == 2
    assert "there is no profile '[redacted]'" in finished.stderr


def test_a_report_in_a_file_has_no_colour(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.ask("check")
    monkeypatch.setattr("nestproof.cli.commands.wants_color", lambda _: True)
    assert "\x1b" in repository.ask("report").stdout
    assert repository.ask("report", "--output", "out.txt").stdout == ""
    assert "\x1b" not in (repository.path / "out.txt").read_text()


def test_a_format_that_there_is_not_is_a_mistake(repository: Repository) -> None:
    repository.ask("check")
    finished = repository.ask("report", "--format", "pdf")
    assert finished.status == 2
    assert "fix: one of: terminal, markdown, html, junit, sarif, json" in finished.stderr


def test_a_report_that_cannot_be_written_says_why(repository: Repository) -> None:
    repository.ask("check")
    finished = repository.ask("report", "--output", "nowhere/out.txt")
    assert finished.status == 4
    assert "nowhere/out.txt cannot be written" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dry-run", "--json"), "--dry-run and --json exclude each other"),
        (("--push", "x", "--output", "oci"), "--push and --output exclude each other"),
        (("--output", "docker"), "unknown output 'docker'"),
        (("--dry-run", "--push", "{nope}"), "{nope} stands for nothing"),
        (("--dry-run", "--platform", "linux/vax"), "unknown platform 'linux/vax'"),
        (("--dry-run", "--profile", "nope"), "nope"),
    ],
)
def test_a_build_that_makes_no_sense_is_refused(
    repository: Repository, arguments: tuple[str, ...], said: str
) -> None:
    finished = repository.ask("build", *arguments, DOCKER_HOST=NO_ENGINE)
    assert (finished.status, finished.stdout) == (2, "")
    assert said in finished.stderr


def test_without_an_engine_there_is_no_plan(repository: Repository) -> None:
    dry = repository.ask("build", "--dry-run", DOCKER_HOST=NO_ENGINE)
    assert (dry.status, dry.stdout) == (4, "")
    assert "no Docker Engine answers" in dry.stderr
    real = repository.ask("build", "--json", DOCKER_HOST=NO_ENGINE)
    assert real.status == 4
    assert [one["status"] for one in real.evidence["outcomes"]] == ["error"] * 2
