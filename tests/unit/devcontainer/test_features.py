"""Features without an engine: what those in the repository ask for counts as if the profile asked for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.checks.lints import lint
from nestproof.core.outcome import Status
from nestproof.devcontainer.loading import read_profile
from nestproof.devcontainer.profile import LoadResult
from nestproof.privileges.host_request import profile_lines
from nestproof.privileges.lock import parse_lock
from nestproof.privileges.lock_check import check_lock
from nestproof.privileges.relaxations import relaxations_asked

TAKING = {
    "id": "taking",
    "version": "1.0.0",
    "privileged": True,
    "capAdd": ["SYS_ADMIN"],
    "securityOpt": ["seccomp=unconfined"],
    "mounts": [
        {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"},
        "source=cache-${devcontainerId},target=/cache,type=volume",
    ],
    "entrypoint": "/usr/local/share/start.sh",
    "init": True,
    "containerEnv": {"A": "b"},
}
ASKED = ("cap-add=SYS_ADMIN", "mount=/var/run/docker.sock", "privileged", "security-opt=seccomp=unconfined")


def read(folder: Path, features: dict[str, Any], **metadata: dict[str, Any] | str) -> LoadResult:
    """A profile with these features; each keyword is one in the repository, with its metadata."""
    place = folder / ".devcontainer"
    for name, content in metadata.items():
        (place / name).mkdir(parents=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (place / name / "devcontainer-feature.json").write_text(text)
    place.mkdir(exist_ok=True)
    file = place / "devcontainer.json"
    file.write_text(json.dumps({"image": "debian:12", "features": features}, indent=1))
    return read_profile("default", file, folder, {})


def test_what_a_feature_in_the_repository_asks_for_is_part_of_the_profile(tmp_path: Path) -> None:
    profile = read(tmp_path, {"./taking": {}}, taking=TAKING).profile
    assert profile is not None
    assert relaxations_asked(profile.run) == ASKED
    assert profile.run.init
    assert profile.entrypoints == ("/usr/local/share/start.sh",)
    volume = profile.run.mounts[-1]
    assert "cache-" in volume
    assert "${" not in volume
    assert profile.unread_features == ()


def test_no_lock_passes_it_and_its_place_is_the_name_of_the_feature(tmp_path: Path) -> None:
    reading = read(tmp_path, {"./taking": {}}, taking=TAKING)
    assert reading.profile is not None
    outcome = check_lock("default", reading.profile, reading.document, parse_lock("[default]\n"))
    assert outcome.status is Status.FAIL
    assert "devcontainer.json:4:3: asks for " + ", ".join(ASKED) in outcome.summary
    messages = [finding.diagnostic.message for finding in outcome.findings]
    assert all(message.startswith("the feature ./taking asks for ") for message in messages)
    lines = list(profile_lines(reading))
    assert [f"start a container with {name}" for name in ASKED] == lines


def test_a_dependency_counts_too_at_the_name_that_brings_it_in(tmp_path: Path) -> None:
    outer = {"id": "outer", "dependsOn": {"./taking": {}, "ghcr.io/a/b/c:1": {}, "./outer": {}}}
    reading = read(tmp_path, {"./outer": {}}, outer=outer, taking=TAKING)
    assert reading.profile is not None
    assert relaxations_asked(reading.profile.run) == ASKED
    assert reading.profile.unread_features == ("ghcr.io/a/b/c:1",)
    lock = parse_lock("[default]\n")
    findings = check_lock("default", reading.profile, reading.document, lock).findings
    assert {finding.diagnostic.start.line for finding in findings} == {4}


@pytest.mark.parametrize("name", ["ghcr.io/a/b/c:1", "https://example.invalid/f.tgz", "node"])
def test_of_a_feature_that_is_not_here_nothing_is_known(tmp_path: Path, name: str) -> None:
    reading = read(tmp_path, {name: {}})
    assert reading.profile is not None
    outcome = check_lock("default", reading.profile, reading.document, parse_lock("[default]\n"))
    assert outcome.status is Status.UNVERIFIED
    assert "what the features ask for that are not in the repository" in outcome.summary
    assert name in outcome.cause
    # Without a lock there is nothing to hold it against, and what is asked for too much stays a failure.
    assert check_lock("default", reading.profile, reading.document, None).status is Status.PASS
    both = read(tmp_path, {name: {}, "./taking": {}}, taking=TAKING)
    assert both.profile is not None
    failed = check_lock("default", both.profile, both.document, parse_lock("[default]\n"))
    assert failed.status is Status.FAIL


@pytest.mark.parametrize(
    ("metadata", "rule", "said"),
    [
        ({}, "feature-missing", "the feature ./one is not there: no ./one/devcontainer-feature.json"),
        ({"one": "[]"}, "feature-unreadable", "its devcontainer-feature.json is no JSON object"),
        ({"one": "{"}, "feature-unreadable", "its devcontainer-feature.json is no JSON object"),
        ({"one": {"capAdd": 1}}, "feature-unreadable", "what a feature in the repository asks for makes no"),
        ({"one": {"entrypoint": 1}}, "feature-unreadable", "an entry point that is no string"),
    ],
)
def test_a_mistake_stands_at_the_feature(
    tmp_path: Path, metadata: dict[str, Any], rule: str, said: str
) -> None:
    reading = read(tmp_path, {"./one": {}}, **metadata)
    assert reading.profile is None
    [found] = reading.diagnostics
    assert found.rule == rule
    assert said in found.message
    assert found.start.line in (3, 4)


def test_no_feature_leads_out_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/devcontainer-feature.json").write_text('{"capAdd": ["SECRET"]}')
    inside = tmp_path / "inside"
    inside.mkdir()
    reading = read(inside, {"../../outside": {}})
    assert "it leads out of the repository" in reading.diagnostics[0].message
    (inside / ".devcontainer/link").symlink_to(tmp_path / "outside")
    reading = read(inside, {"./link": {}})
    assert "it leads out of the repository" in reading.diagnostics[0].message


def test_the_lints_of_options_see_a_features_own(tmp_path: Path) -> None:
    wrong = {**TAKING, "capAdd": ["SYS_ADMN"], "securityOpt": ["secomp=unconfined"]}
    reading = read(tmp_path, {"./wrong": {}}, wrong=wrong)
    assert reading.profile is not None
    found = {m.rule: m for m in lint(reading.profile, reading.document)}
    assert found.keys() == {
        "capability-unknown",
        "docker-socket-mounted",
        "privileged",
        "security-option-unknown",
    }
    assert all(m.message.startswith("the feature ./wrong: ") and m.start.line == 4 for m in found.values())


DIGEST = f"sha256:{'0' * 64}"
GOOD = {"version": "1.2.3", "resolved": f"ghcr.io/a/b/c@{DIGEST}", "integrity": DIGEST}


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (None, ["feature-unpinned"]),
        ({"features": {"ghcr.io/a/b/c": GOOD}}, []),
        ({"features": {}}, ["feature-not-locked", "feature-unpinned"]),
        ({"features": {"ghcr.io/a/b/c": {**GOOD, "integrity": f"sha256:{'1' * 64}"}}}, ["feature-lock"]),
        ({"features": {"ghcr.io/a/b/c": {**GOOD, "resolved": f"ghcr.io/x/y/z@{DIGEST}"}}}, ["feature-lock"]),
        ({"features": {"ghcr.io/a/b/c": {"version": "1"}}}, ["feature-lock", "feature-unpinned"]),
        ({"features": []}, ["feature-lock", "feature-unpinned"]),
        ([], ["feature-lock", "feature-unpinned"]),
    ],
)
def test_the_lock_file_of_the_features_is_read(tmp_path: Path, content: Any, rules: list[str]) -> None:
    reading = read(tmp_path, {"ghcr.io/a/b/c": {}})
    if content is not None:
        (tmp_path / ".devcontainer/devcontainer-lock.json").write_text(json.dumps(content))
    assert reading.profile is not None
    assert sorted(m.rule for m in lint(reading.profile, reading.document)) == rules


def test_an_empty_lock_file_is_there_to_be_filled(tmp_path: Path) -> None:
    reading = read(tmp_path, {"ghcr.io/a/b/c": {}})
    (tmp_path / ".devcontainer/devcontainer-lock.json").write_text("\n")
    assert reading.profile is not None
    assert sorted(m.rule for m in lint(reading.profile, reading.document)) == [
        "feature-not-locked",
        "feature-unpinned",
    ]
