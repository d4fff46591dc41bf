"""The evidence as JSON: the whole of it, under keys that stay."""

from __future__ import annotations

import json
from typing import Any

import nestbox
from nestbox.capabilities import DOCKER_DEFAULT
from nestbox.engine import EngineFacts
from nestbox.evidence import Evidence, to_json
from nestbox.findings import Finding, Mistake
from nestbox.outcome import Observation, Outcome, Status, Target, TargetFacts
from nestbox.source import Source

FACTS = EngineFacts(
    address="unix:///var/run/docker.sock",
    version="20.10.24",
    operating_system="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1.0",
    platform="linux/amd64",
    storage_driver="overlay2",
    security_options=("name=seccomp,profile=default",),
    cgroup_version="2",
)
OUTCOME = Outcome(
    "smoke.users",
    Status.FAIL,
    "vscode: is root",
    Target("secure", "linux/amd64"),
    "the user is root",
    "give it another id",
    Observation(("sh", "users.sh"), 1, "out \x1b[2J\udcff", "err", 0.25),
)


def as_read(*outcomes: Outcome, **more: Any) -> dict[str, Any]:
    """What a program gets that reads what nestbox prints."""
    allow = more.pop("allow_unverified", False)
    evidence = Evidence(outcomes, more.pop("engine", None), more.pop("seconds", 1.0), **more)
    value: dict[str, Any] = json.loads(json.dumps(to_json(evidence, allow_unverified=allow)))
    return value


def test_the_whole_of_a_run_is_told() -> None:
    assert as_read(OUTCOME, engine=FACTS, seconds=1.23456) == {
        "schemaVersion": 1,
        "nestbox": nestbox.__version__,
        "exitCode": 1,
        "interrupted": False,
        "seconds": 1.235,
        "counts": {"pass": 0, "fail": 1, "degraded": 0, "unverified": 0, "error": 0},
        "engine": {
            "address": "unix:///var/run/docker.sock",
            "version": "20.10.24",
            "operatingSystem": "Debian GNU/Linux 12 (bookworm)",
            "kernel": "6.1.0",
            "platform": "linux/amd64",
            "storageDriver": "overlay2",
            "securityOptions": ["name=seccomp,profile=default"],
            "cgroupVersion": "2",
            "severalPlatforms": False,
            "product": "Docker",
            "defaultCapabilities": sorted(DOCKER_DEFAULT),
        },
        "binfmt": {},
        "targets": [],
        "outcomes": [
            {
                "id": "smoke.users",
                "status": "fail",
                "profile": "secure",
                "platform": "linux/amd64",
                "summary": "vscode: is root",
                "cause": "the user is root",
                "fix": "give it another id",
                "findings": [],
                "observation": {
                    "command": ["sh", "users.sh"],
                    "exitStatus": 1,
                    "stdout": "out \x1b[2J\udcff",
                    "stderr": "err",
                    "seconds": 0.25,
                },
            }
        ],
    }


def test_what_is_not_there_is_null() -> None:
    value = as_read(Outcome("check.json", Status.PASS, "fine"))
    (outcome,) = value["outcomes"]
    assert value["engine"] is None
    assert outcome["profile"] is outcome["platform"] is outcome["observation"] is None


def test_a_finding_has_its_place_counted_from_one() -> None:
    source = Source.of("devcontainer.json", '{\n  "a": 1\n}')
    mistake = Mistake(
        "model-unknown-property", "warning", "no such thing", source.position(4), source.position(7)
    )
    value = as_read(
        Outcome("check.model", Status.PASS, "fine", findings=(Finding.of(source, mistake, "mend"),))
    )
    (finding,) = value["outcomes"][0]["findings"]
    excerpt = finding.pop("excerpt")
    assert finding == {
        "rule": "model-unknown-property",
        "severity": "warning",
        "message": "no such thing",
        "file": "devcontainer.json",
        "line": 2,
        "column": 3,
        "endLine": 2,
        "endColumn": 6,
        "fix": "mend",
    }
    assert '  "a": 1' in excerpt


def test_a_program_that_did_not_end_has_no_exit_status() -> None:
    outcome = Outcome("a", Status.ERROR, "lost", observation=Observation(("sh",), None))
    assert as_read(outcome)["outcomes"][0]["observation"]["exitStatus"] is None


def test_outcomes_keep_their_order() -> None:
    names = ["c", "a", "b"]
    value = as_read(*(Outcome(name, Status.PASS, "fine") for name in names))
    assert [outcome["id"] for outcome in value["outcomes"]] == names


def test_the_exit_code_is_that_of_the_run() -> None:
    unverified = Outcome("a", Status.UNVERIFIED, "emulated")
    assert as_read()["exitCode"] == 4
    assert as_read(unverified)["exitCode"] == 3
    assert as_read(unverified, allow_unverified=True)["exitCode"] == 0


def test_an_interrupted_run_says_so_and_has_its_own_exit_code() -> None:
    # The program ends with 130 then, whatever had passed before.
    value = as_read(Outcome("a", Status.PASS, "fine"), interrupted=True)
    assert value["interrupted"] is True
    assert value["exitCode"] == 130


def test_what_is_printed_is_plain_ascii_without_control_characters() -> None:
    text = json.dumps(to_json(Evidence((OUTCOME,), FACTS, 1.0)))
    assert text.isascii()
    assert text.isprintable()


def test_what_was_found_of_a_target_is_told() -> None:
    target = TargetFacts(
        Target("secure", "linux/amd64"), "sha256:01", {"Seccomp": "0", "bwrap": "/usr/bin/bwrap"}
    )
    value = to_json(Evidence((), None, 1.0, targets=(target,), binfmt={"qemu-aarch64": "PF"}))
    assert value["binfmt"] == {"qemu-aarch64": "PF"}
    assert value["targets"] == [
        {
            "profile": "secure",
            "platform": "linux/amd64",
            "image": "sha256:01",
            "facts": {"Seccomp": "0", "bwrap": "/usr/bin/bwrap"},
        }
    ]
