"""What this repository promises about its own files."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from nestproof.core.capabilities import DOCKER_DEFAULT, SETUID_BWRAP
from nestproof.devcontainer.discovery import discover
from nestproof.devcontainer.loading import load_profile, read_profile
from nestproof.devcontainer.profile import Profile
from nestproof.privileges.lock import read_lock
from nestproof.privileges.lock_check import asked_by
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.probe import Probe
from nestproof.probes.table import PACKS, PROBES, script
from tests.conftest import ROOT


def profile(name: str) -> Profile:
    return load_profile(name, discover(ROOT)[name], ROOT, {})


def test_the_default_profile_only_selects_the_platform() -> None:
    config = profile("default").config
    assert config.run_args == ["--platform="]
    assert not config.cap_add
    assert not config.security_opt
    assert not config.privileged
    assert not config.mounts
    assert config.remote_user == "vscode"
    assert relaxations_asked(profile("default").run) == ()


def test_the_platform_is_taken_from_the_clients_own_variable() -> None:
    chosen = load_profile(
        "default", discover(ROOT)["default"], ROOT, {"DOCKER_DEFAULT_PLATFORM": "linux/arm64"}
    )
    assert chosen.run.platform == "linux/arm64"


def test_the_secure_profile_adds_exactly_what_setuid_bwrap_lacks() -> None:
    asked = relaxations_asked(profile("secure").run)
    assert set(asked) == {
        *(f"cap-add={name}" for name in SETUID_BWRAP - DOCKER_DEFAULT),
        "security-opt=seccomp=unconfined",
        "security-opt=apparmor=unconfined",
    }


def words(name: str) -> set[str]:
    reading = read_profile(name, discover(ROOT)[name], ROOT, {})
    assert reading.profile is not None
    return set(asked_by(reading.profile, reading.document))


def test_the_lock_is_exactly_what_the_profiles_ask_for() -> None:
    lock = read_lock(ROOT)
    assert lock is not None
    assert {name: set(reasons) for name, reasons in lock.items()} == {
        name: words(name) for name in discover(ROOT)
    }
    assert all(reason for reasons in lock.values() for reason in reasons.values())


def test_every_relaxation_is_explained_to_an_auditor() -> None:
    text = (ROOT / ".devcontainer/README.md").read_text()
    for relaxation in relaxations_asked(profile("secure").run):
        assert f"`--{relaxation}`" in text


def test_the_pinned_codex_is_the_declared_one() -> None:
    pinned = re.search(
        r"^ARG CODEX_VERSION=(.*)$", (ROOT / ".devcontainer/Dockerfile.secure").read_text(), re.M
    )
    assert pinned
    assert profile("secure").declarations.codex_version == pinned[1] == "0.120.0"


@pytest.mark.parametrize(
    "probe", [one for one in PROBES if one.pack != "egress"], ids=lambda probe: probe.name
)
def test_each_probe_is_one_small_script_that_says_its_question(probe: Probe) -> None:
    lines = script(probe.name).splitlines()
    # Of the ways to root there are many, and each is tried.
    assert len(lines) <= (120 if probe.name == "root" else 25)
    assert lines[0].startswith("# ")
    assert "?" in lines[0]


def test_every_pack_is_documented() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    for pack in PACKS:
        assert f"| `{pack}` |" in text


def test_every_probe_is_documented_in_its_pack() -> None:
    text = (ROOT / "docs/probes.md").read_text()
    for pack in PACKS:
        names = ", ".join(f"`{probe.name}`" for probe in PROBES if probe.pack == pack)
        assert f"| `{pack}` | {names} |" in text


def test_locks_have_hashes_and_no_addresses() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "http" not in text
        assert "file:" not in text
        requirements = re.findall(r"^[a-z].*$", text, re.M)
        assert requirements
        assert text.count("--hash=sha256:") >= len(requirements)


def test_locks_cover_the_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {re.split(r"[<>=]", line)[0] for line in project["project"]["dependencies"]}
    for name in ("dev", "runtime"):
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / f"requirements/{name}.txt").read_text(), re.M))
        assert declared <= locked


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = "./scripts/bootstrap --with-engine pytest"
    assert f"$ {command}\n" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").read_text().rstrip().endswith(f"NESTPROOF_REQUIRE_DOCKER=1 {command}")


def test_shell_scripts_are_executable() -> None:
    for name in ("bootstrap", "engine", "base-image", "vm", "vm-image", "vm-init", "../.ci/run"):
        assert (ROOT / "scripts" / name).stat().st_mode & 0o111, name


@pytest.mark.parametrize("name", ["bootstrap", "engine", "base-image", "vm", "vm-image"])
def test_scripts_explain_themselves(name: str) -> None:
    said = subprocess.run([ROOT / "scripts" / name, "--help"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith(f"Usage: scripts/{name}")
    assert "shellcheck" not in said.stdout


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("bootstrap", "--nonsense"),
        ("engine", "sideways"),
        ("base-image", "--platform=linux/riscv64"),
        ("vm", "sideways"),
        ("vm", "up"),
        ("vm-image", "--platform=linux/riscv64"),
    ],
)
def test_scripts_refuse_what_they_do_not_know(name: str, argument: str) -> None:
    said = subprocess.run([ROOT / "scripts" / name, argument], capture_output=True, text=True, check=False)
    assert said.returncode in (2, 4)
    assert said.stderr.startswith(f"{name}: ")
