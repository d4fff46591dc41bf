"""The evidence: its schema, what it keeps of a run and what not, and that it is whole at any moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import nestproof
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.files import FOLDER, replace_file
from nestproof.core.outcome import Observation, Outcome, Status, Target, TargetFacts, joined
from nestproof.core.redaction import MARK
from nestproof.engine.client import EngineFacts
from nestproof.nodes.session import Session
from nestproof.reports import evidence
from nestproof.reports.evidence import Evidence, read_evidence, schema, to_json
from nestproof.reports.merge import disagreements, merged
from nestproof.reports.recorder import Recorder, default_file
from nestproof.reports.records import KEPT_CHARACTERS, outcome_record, restored
from tests.conftest import ROOT, Repository
from tests.samples import (
    DEFAULT,
    EVERYTHING,
    NASTY,
    OUTCOMES,
    SECURE,
    TWO_MACHINES,
    a_run,
    observed,
    remote,
)

SCHEMA = ROOT / "docs/evidence.schema.json"
FACTS = EngineFacts(
    address="unix:///home/alice/docker.sock",
    version="20.10.24",
    operating_system="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1.0",
    platform="linux/amd64",
    storage_driver="overlay2",
    security_options=("name=seccomp,profile=default",),
    cgroup_version="2",
)
ENVIRONMENT = {"HOME": "/home/alice", "DEPLOY_TOKEN": "hunter2hunter2"}
TOLD = Outcome("check.json", Status.PASS, ".devcontainer/devcontainer.json: fine")


def recorder(workspace: Path, file: Path | None = None) -> tuple[Recorder, Session, list[str]]:
    said: list[str] = []
    session = Session(workspace, said.append, environment=ENVIRONMENT)
    return Recorder(session, file), session, said


def valid(value: Any) -> None:
    """Against the schema as it is committed, not as the code would make it."""
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(value)


# The schema


def test_the_committed_schema_is_what_the_code_makes() -> None:
    made = json.dumps(schema(), indent=2) + "\n"
    if os.environ.get("NESTPROOF_WRITE_SCHEMA"):
        SCHEMA.write_text(made)
    assert SCHEMA.read_text() == made, (
        "NESTPROOF_WRITE_SCHEMA=1 pytest tests/unit/reports/test_evidence.py writes it anew"
    )
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("document", [EVERYTHING, TWO_MACHINES, Evidence(runs=())])
def test_a_document_is_valid_and_comes_back_as_it_was(document: Evidence, tmp_path: Path) -> None:
    value = to_json(document)
    valid(value)
    (tmp_path / "e.json").write_text(json.dumps(value))
    assert read_evidence(tmp_path / "e.json") == document


def test_the_schema_refuses_what_is_no_evidence() -> None:
    value = to_json(EVERYTHING)
    value["runs"][0]["outcomes"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError, match="fine"):
        valid(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "should be"),
        ('{"schemaVersion": 2, "runs": []}', "schemaVersion: Input should be 1"),
        ('{"schemaVersion": 1, "runs": [{}]}', "runs.0."),
        ('{"schemaVersion": 1, "runs": [], "more": 1}', "more: Extra inputs"),
    ],
)
def test_a_file_that_is_no_evidence_is_refused_in_words(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(UsageError, match="is not evidence") as raised:
        read_evidence(tmp_path / "e.json")
    assert why in raised.value.why


def test_what_is_printed_is_plain_ascii_without_control_characters() -> None:
    text = json.dumps(to_json(EVERYTHING))
    assert text.isascii()
    assert text.isprintable()


# An interrupt


def test_an_interrupt_waits_until_the_evidence_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _, _ = recorder(tmp_path, file := default_file(tmp_path))
    plain = run.snapshot

    def interrupted_snapshot(*of: Any, **more: Any) -> Evidence:
        os.kill(os.getpid(), signal.SIGINT)
        return plain(*of, **more)

    monkeypatch.setattr(run, "snapshot", interrupted_snapshot)
    with pytest.raises(KeyboardInterrupt):
        run.add(TOLD)
    with pytest.raises(KeyboardInterrupt):
        run.finish(130, interrupted=True)
    assert [outcome.id for outcome in read_evidence(file).runs[0].outcomes] == ["check.json"]


# What is kept of an outcome


def test_an_outcome_is_kept_with_all_that_it_says() -> None:
    outcome = Outcome(
        "smoke.users",
        Status.FAIL,
        "vscode: is root",
        SECURE,
        "the user is root",
        "give it another id",
        Observation(("sh", "users.sh"), 1, "vscode: is root\nubuntu: exists, not root\n", "err", 0.25),
    )
    record = outcome_record(outcome, 1.5, 0.25, {}).model_dump(mode="json", by_alias=True)
    script = record.pop("script")
    assert script.startswith("# Do the users exist, each without being root?")
    assert record == {
        "id": "smoke.users",
        "status": "fail",
        "profile": "secure",
        "platform": "linux/amd64",
        "summary": "vscode: is root",
        "cause": "the user is root",
        "fix": "give it another id",
        "question": "Do the users exist, each without being root?",
        "byHand": "id vscode && id ubuntu",
        "again": [
            "nestproof", "smoke", "--profile", "secure", "--platform", "linux/amd64", "--probe", "users"
        ],
        "begin": 1.5,
        "seconds": 0.25,
        "findings": [],
        "observation": {
            "command": ["sh", "users.sh"],
            "exitStatus": 1,
            "stdout": "vscode: is root\nubuntu: exists, not root\n",
            "stdoutLeftOut": 0,
            "stderr": "err",
            "stderrLeftOut": 0,
            "seconds": 0.25,
        },
    }  # fmt: skip


def test_a_hostile_name_of_a_user_is_not_put_into_a_command() -> None:
    outcome = Outcome(
        "smoke.users", Status.FAIL, "x", SECURE, observation=observed("$(id): is root\na;b: is root\n")
    )
    assert outcome_record(outcome, 0, 0, {}).by_hand == ""


def test_a_check_is_asked_again_of_its_own_file() -> None:
    files = {"default": ".devcontainer/devcontainer.json", "x": ".devcontainer/x/devcontainer.json"}
    assert outcome_record(TOLD, 0, 0, files).again == ("nestproof", "check.json", "--profile", "default")
    diff = Outcome("check.diff", Status.PASS, "the working tree: fine")
    assert outcome_record(diff, 0, 0, files).again == ("nestproof", "check.diff")


def test_of_a_gigabyte_the_end_is_kept_from_the_begin_of_a_line() -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    seen = outcome_record(
        Outcome("build", Status.FAIL, "x" * 9999, SECURE, observation=observed(text)), 0, 0, {}
    )
    assert seen.observation is not None
    assert seen.observation.stdout.endswith("line 99999\n")
    assert seen.observation.stdout.startswith("line ")
    assert len(seen.observation.stdout) <= KEPT_CHARACTERS
    assert seen.observation.stdout_left_out + len(seen.observation.stdout) == len(text)
    assert len(seen.summary) == 4000


def test_one_endless_line_is_cut_all_the_same() -> None:
    seen = outcome_record(
        Outcome("build", Status.FAIL, "x", observation=observed("x" * 10**6)), 0, 0, {}
    ).observation
    assert seen is not None
    assert (len(seen.stdout), seen.stdout_left_out) == (KEPT_CHARACTERS, 10**6 - KEPT_CHARACTERS)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.id)
def test_an_outcome_comes_back_for_the_reports(outcome: Outcome) -> None:
    back = restored(outcome_record(outcome, 0, 0, {}))
    assert (back.id, back.status, back.target) == (outcome.id, outcome.status, outcome.target)
    assert back.summary == outcome.summary.encode("utf-8", "replace").decode()
    assert [str(finding) for finding in back.findings] == [str(finding) for finding in outcome.findings]
    assert bool(back.observation) == bool(outcome.observation)


def test_of_a_target_the_later_word_counts_and_nothing_is_lost() -> None:
    create = {"User": ""}
    learned = [
        TargetFacts(SECURE, "sha256:01", {}),
        TargetFacts(DEFAULT, "sha256:02", {}),
        TargetFacts(SECURE, "sha256:01", {"a": "1"}, ("--init",), create),
        TargetFacts(SECURE, "sha256:01", {"a": "2", "b": "3"}),
    ]
    assert joined(learned) == (
        TargetFacts(SECURE, "sha256:01", {"a": "2", "b": "3"}, ("--init",), create),
        TargetFacts(DEFAULT, "sha256:02", {}),
    )


# A run as it goes


def test_a_run_is_kept_with_its_machine_its_engine_and_its_targets(repository: Repository) -> None:
    run, session, _ = recorder(repository.path)
    session.facts = FACTS
    request = {
        "Env": ["PASSWORD=hunter2hunter2", "PLAIN=value", "NAME"],
        "Labels": {"dev.nestproof.run": "1", "mine": "2"},
        "HostConfig": {"Mounts": [{"Source": str(repository.path), "VolumeOptions": {"Labels": {}}}]},
    }
    session.targets.append(TargetFacts(SECURE, "sha256:01", {"Seccomp": "0"}, ("-e", "A=b"), request))
    run.add(TOLD)
    (told,) = run.finish(0).runs
    valid(to_json(Evidence(runs=(told,))))
    assert (told.nestproof, told.exit_code, told.interrupted, told.trouble) == (
        nestproof.__version__,
        0,
        False,
        None,
    )
    assert told.counts == {**dict.fromkeys(Status, 0), Status.PASS: 1}
    assert told.engine is not None
    assert told.engine.address == "unix://~/docker.sock"
    assert told.revision == evidence.Revision(
        commit=repository.git("rev-parse", "HEAD").strip(), changed=False
    )
    assert [profile.name for profile in told.profiles] == ["default", "secure"]
    assert "cap-add=SYS_ADMIN" in {relaxed.relaxation for relaxed in told.profiles[1].relaxations}
    (target,) = told.targets
    assert target.run_args == ("-e", f"A={MARK}")
    assert target.create == {
        "Env": [f"PASSWORD={MARK}", f"PLAIN={MARK}", "NAME"],
        "Labels": {"mine": "2"},
        "HostConfig": {"Mounts": [{"Source": ".", "VolumeOptions": {}}]},
    }
    # What the container is started with is another's, and stays as it is.
    assert request["Labels"] == {"dev.nestproof.run": "1", "mine": "2"}
    assert request["HostConfig"] == {
        "Mounts": [{"Source": str(repository.path), "VolumeOptions": {"Labels": {}}}]
    }


def test_a_change_that_is_not_committed_is_told(repository: Repository) -> None:
    repository.edit(".devcontainer/devcontainer.json", '"name": "nestproof"', '"name": "other"')
    (told,) = recorder(repository.path)[0].finish(0).runs
    assert told.revision is not None
    assert told.revision.changed


def test_outside_of_a_repository_there_is_no_commit_and_no_profile(tmp_path: Path) -> None:
    (told,) = recorder(tmp_path)[0].finish(4).runs
    assert (told.revision, told.profiles) == (None, ())


def test_nothing_that_is_kept_or_shown_has_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    run, session, _ = recorder(tmp_path, file)
    session.facts = FACTS
    secret = ENVIRONMENT["DEPLOY_TOKEN"]
    outcome = Outcome(
        "build", Status.FAIL, secret, SECURE, secret, secret, Observation((secret,), 1, secret, secret)
    )
    session.targets.append(
        TargetFacts(SECURE, "sha256:01", {"unshare": secret}, (secret,), {"Cmd": [secret]})
    )
    shown = run.add(outcome)
    assert secret not in repr(shown)
    assert secret not in run.on_progress(f"build {secret}")
    for text in (file.read_text(), json.dumps(to_json(run.finish(1, trouble=f"lost {secret}")))):
        assert secret not in text
        assert "/home/alice" not in text


def test_the_time_of_an_outcome_is_its_own(tmp_path: Path) -> None:
    run, _, _ = recorder(tmp_path)
    time.sleep(0.3)
    run.add(TOLD)
    run.add(Outcome("build", Status.PASS, "built", SECURE, observation=observed(seconds=0.2)))
    first, second = run.finish(0).runs[0].outcomes
    # What says nothing of its time took all of it since the one before.
    assert first.begin == 0.0
    assert 0.3 <= first.seconds < 2
    assert second.seconds == 0.2
    assert 0.1 <= second.begin < 2


def test_until_its_end_a_run_says_that_it_was_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    run, _, _ = recorder(tmp_path, file)
    assert not file.exists()
    run.add(TOLD)
    (now,) = read_evidence(file).runs
    assert (now.interrupted, now.exit_code, len(now.outcomes)) == (True, 130, 1)
    run.finish(0)
    (then,) = read_evidence(file).runs
    assert (then.interrupted, then.exit_code) == (False, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.json"]


def test_writing_takes_a_small_part_of_the_time(tmp_path: Path) -> None:
    run, _, _ = recorder(tmp_path, tmp_path / "e.json")
    written: list[int] = []
    whole = run.snapshot

    def slow(*arguments: Any, **more: Any) -> Evidence:
        written.append(len(run.outcomes))
        time.sleep(0.05)
        return whole(*arguments, **more)

    run.snapshot = slow  # type: ignore[method-assign] # as on a slow disk
    for _ in range(100):
        run.add(TOLD)
    assert written == [1]
    run.finish(0)
    assert written == [1, 100]


def test_a_file_is_replaced_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        replace_file(file, "half a character: \udcff")
    assert file.read_text() == "before"
    with file.open() as reader:
        replace_file(file, "after")
        # Who is in the middle of the old one goes on reading it.
        assert reader.read() == "before"
    assert file.read_text() == "after"
    assert list(tmp_path.iterdir()) == [file]


def test_git_leaves_the_folder_alone_that_nestproof_makes(repository: Repository) -> None:
    replace_file(default_file(repository.path), "x")
    assert repository.git("status", "--porcelain") == ""


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        replace_file(default_file(tmp_path), "x")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_evidence_that_nobody_asked_for_stops_nothing_when_it_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file, not a folder")
    run, _, said = recorder(tmp_path, default_file(tmp_path))
    run.add(TOLD)
    run.finish(0)
    assert len(said) == 1
    assert said[0].startswith("the evidence of this run is not kept: ")


def test_evidence_that_was_asked_for_must_be_kept(tmp_path: Path) -> None:
    run, _, _ = recorder(tmp_path, tmp_path / "nowhere" / "e.json")
    with pytest.raises(NestproofError, match="cannot be kept in"):
        run.add(TOLD)


# The program


def test_every_run_leaves_its_evidence_where_the_report_looks(repository: Repository) -> None:
    finished = repository.ask("check")
    assert finished.status == 0
    value = json.loads(default_file(repository.path).read_text())
    valid(value)
    assert value["runs"][0]["exitCode"] == 0
    shown = repository.ask("report")
    assert shown.status == 0
    assert ".devcontainer/devcontainer.json: one JSON value, jq agrees" in shown.stdout
    assert repository.git("status", "--porcelain") == ""


def test_a_single_check_leaves_the_evidence_of_the_last_run_alone(repository: Repository) -> None:
    repository.ask("check.json")
    assert not default_file(repository.path).exists()
    repository.ask("check.json", "--evidence", "mine.json")
    valid(json.loads((repository.path / "mine.json").read_text()))


def test_without_evidence_the_report_says_where_it_comes_from(repository: Repository) -> None:
    finished = repository.ask("report")
    assert finished.status == 2
    assert "fix: nestproof validate writes it" in finished.stderr


def test_a_command_line_that_makes_no_sense_leaves_the_last_evidence(repository: Repository) -> None:
    repository.ask("check")
    before = default_file(repository.path).read_bytes()
    assert repository.ask("check", "--profile", "nope").status == 2
    assert default_file(repository.path).read_bytes() == before


# A git that never ends when it is asked for the diff check, the last one.
SLOW_GIT = """#!/bin/sh
case "$*" in *--check*) touch started; exec sleep 60 ;; esac
exec {git} "$@"
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_cut_short_leaves_valid_evidence_that_says_so(
    repository: Repository, number: signal.Signals
) -> None:
    tools = repository.path / "tools"
    tools.mkdir()
    (tools / "git").write_text(SLOW_GIT.format(git=shutil.which("git")))
    (tools / "git").chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "nestproof", "check"],
        cwd=repository.path,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started = repository.path / "started"
    try:
        for _ in range(600):
            if started.exists():
                break
            time.sleep(0.05)
        assert started.exists(), "git was never asked"
        process.send_signal(number)
        process.wait(30)
    finally:
        process.kill()
    value = json.loads(default_file(repository.path).read_text())
    valid(value)
    (run,) = value["runs"]
    assert (run["interrupted"], run["exitCode"]) == (True, 130)
    assert run["outcomes"][0]["id"] == "check.json"
    left = [path.name for path in (repository.path / FOLDER).iterdir()]
    # Only SIGKILL can leave a temporary file, and between two writes does not.
    assert sorted(left) == [".gitignore", "evidence.json"]


# Several machines


def test_runs_of_two_machines_stand_side_by_side_in_the_order_of_time() -> None:
    here, there = (Evidence(runs=(run,)) for run in TWO_MACHINES.runs)
    assert merged([there, here]) == TWO_MACHINES
    assert len({run.fingerprint for run in TWO_MACHINES.runs}) == 2


def test_the_same_run_in_two_files_is_one() -> None:
    assert merged([TWO_MACHINES, TWO_MACHINES]) == TWO_MACHINES


def test_conflicting_answers_are_kept_apart_and_named() -> None:
    before, after = TWO_MACHINES.runs
    whole = merged([Evidence(runs=(after,)), Evidence(runs=(before,))])
    statuses = [[o.status for o in run.outcomes if o.id == "smoke.apparmor"] for run in whole.runs]
    assert statuses == [[Status.UNVERIFIED], [Status.PASS]]
    (one,) = disagreements(whole.runs)
    assert one.question == ("default", "linux/amd64", "smoke.apparmor")
    assert [(run.fingerprint, status) for run, status in one.answers] == [
        (before.fingerprint, Status.UNVERIFIED),
        (after.fingerprint, Status.PASS),
    ]


def test_of_a_check_of_several_files_the_worst_answer_counts() -> None:
    good, bad = Outcome("check.json", Status.PASS, "a: x"), Outcome("check.json", Status.FAIL, "b: x")
    assert not list(disagreements([a_run(good, bad), remote(bad, good)]))
    assert list(disagreements([a_run(good, good), remote(bad, good)]))


def test_the_fingerprint_is_that_of_what_decides() -> None:
    first, second = TWO_MACHINES.runs
    assert first.fingerprint == evidence.fingerprint(first.host, first.engine)
    other = first.host.model_copy(update={"python": "3.99"})
    assert evidence.fingerprint(other, first.engine) == first.fingerprint
    assert evidence.fingerprint(first.host, None) != first.fingerprint
    assert second.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    "arguments", [["--merge", "a.json", "b.json"], ["--merge", "a.json", "--merge", "b.json"]]
)
@pytest.mark.parametrize("program", ["nestproof", "invoke"])
def test_files_are_merged_by_the_program(repository: Repository, arguments: list[str], program: str) -> None:
    for name, run in zip(("a.json", "b.json"), TWO_MACHINES.runs, strict=True):
        (repository.path / name).write_text(json.dumps(to_json(Evidence(runs=(run,)))))
    (repository.path / "tasks.py").write_text("from nestproof.tasks import ns\n")
    words = ["report", *arguments, "--output", "merged.json"]
    if program == "nestproof":
        assert repository.ask(*words).status == 0
    else:
        subprocess.run([sys.executable, "-m", program, *words], cwd=repository.path, check=True)
    assert read_evidence(repository.path / "merged.json") == TWO_MACHINES
    shown = repository.ask("report", *arguments)
    assert json.loads(shown.stdout) == to_json(TWO_MACHINES)


def test_the_nasty_outcome_is_kept_as_it_was(tmp_path: Path) -> None:
    run, _, _ = recorder(tmp_path, tmp_path / "e.json")
    run.add(OUTCOMES[-1])
    run.finish(1)
    (record,) = read_evidence(tmp_path / "e.json").runs[0].outcomes
    assert record.observation is not None
    assert "<script>alert(1)</script>" in record.observation.stdout
    assert "\x1b]0;owned\x07" in record.observation.stdout
    assert NASTY.encode("utf-8", "replace").decode() in record.observation.stderr


def test_a_target_is_named_as_it_is() -> None:
    odd = Outcome("build", Status.PASS, "x", Target("a\udcff", "linux/amd64"))
    assert outcome_record(odd, 0, 0, {}).profile == "a?"
