"""Secure profiles as they are found in the wild, without a line of configuration for nestproof."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nestproof.engine.client import Engine
from tests.conftest import ROOT, Finished, Repository, noted

pytestmark = pytest.mark.docker
PROFILES = Path(__file__).with_name("profiles")
MENDED = {
    "NESTPROOF_TEST_MAY": "/usr/local/sbin/own-volumes, /usr/local/sbin/init-firewall",
    "NESTPROOF_TEST_UNSAFE": "",
}


@pytest.fixture(scope="module")
def secure(engine: Engine) -> str:
    """The tag of the secure image, which has bubblewrap and Codex."""
    built = Repository(ROOT).nestproof("build", "--profile", "secure", "--json", timeout=1800)
    return str(built.outcome("build")["summary"].split()[0])


def taken(tmp_path: Path, name: str) -> Repository:
    """A clone of such a repository."""
    made = Repository(tmp_path / f"shape-{name}")
    shutil.copytree(PROFILES / name, made.path)
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Somebody\n")
    # Its stand-in Internet is built once for all.
    base = '[base-image]\nimage = "ubuntu:24.04"\nvariable = "NESTPROOF_TEST_BASE"\nfallback = ["false"]\n'
    (made.path / "nestproof.toml").write_text(base)
    made.git("init", "--quiet", "--template=")
    return noted(made)


def statuses(finished: Finished) -> dict[str, str]:
    (run,) = json.loads(finished.stdout)["runs"]
    return {one["id"]: one["status"] for one in run["outcomes"]}


HOLDS = dict.fromkeys("allow deny ipv6 neighbours metadata dns rerun restart tamper".split(), "pass")
# What its script leaves open, as it declares.
OF_CODEX = {"dns": "degraded", "neighbours": "degraded", "sandbox": "pass"}


def firewall(found: dict[str, str]) -> dict[str, str]:
    """The verdicts of the firewall's probes."""
    prefix = "smoke.egress-"
    return {name.removeprefix(prefix): status for name, status in found.items() if name.startswith(prefix)}


def ask(repository: Repository, base: str, *command: str, **variables: Any) -> Finished:
    gitconfig = str(repository.path.parent / "gitconfig")
    given = {"NESTPROOF_TEST_BASE": base, "NESTPROOF_TEST_GITCONFIG": gitconfig, **variables}
    return repository.nestproof(*(command or ("validate", "--stand-in-internet")), "--json", **given)


def test_a_profile_of_codexs_shape_fails_for_the_way_to_root_and_the_sandbox_that_is_off(
    tmp_path: Path, secure: str
) -> None:
    """Every question about the sandbox comes out as Codex lives with it; both faults have their fix."""
    repository = taken(tmp_path, "codex")
    finished = ask(repository, secure)
    found = statuses(finished)
    red = {name for name, status in found.items() if status in ("fail", "error")}
    assert red == {"smoke.root", "smoke.sandbox-on", "smoke.egress-tamper"}, finished.stdout
    assert firewall(found) == {**HOLDS, **OF_CODEX, "tamper": "fail"}
    asked = [name for name in found if name.startswith(("smoke.bwrap", "smoke.contain", "smoke.codex"))]
    assert {"smoke.codex-sandbox", "smoke.codex-write", "smoke.codex-network"} <= set(asked)
    assert {found[name] for name in asked} == {"pass", "degraded"}
    assert {found[name] for name in found if name.startswith(("lifecycle.", "restart."))} <= {
        "pass",
        "degraded",
    }
    assert "restart.codex-sandbox" in found
    root, off = finished.outcome("smoke.root"), finished.outcome("smoke.sandbox-on")
    assert "sudo asks for no password" in root["summary"]
    assert "NOPASSWD" in root["fix"]
    assert "CODEX_UNSAFE_ALLOW_NO_SANDBOX in the environment" in off["summary"]
    assert off["fix"]
    mended = ask(repository, secure, **MENDED)
    assert mended.status in (0, 3), mended.stdout
    assert firewall(statuses(mended)) == {**HOLDS, **OF_CODEX, "tamper": "pass"}
    assert "may run as root: /usr/local/sbin/own-volumes" in mended.outcome("smoke.root")["summary"]
    # What the way to root is worth, and that nothing of it is left once it is closed.
    for variables, could in (({}, "yes"), (MENDED, "no")):
        tried = ask(repository, secure, "justify", "--residual", **variables)
        (attempts,) = tried.evidence["justification"]["residual"]
        by_sudo = {one["deed"]: one["could"] for one in attempts["attempts"] if "through sudo" in one["who"]}
        assert by_sudo["can-mount"] == by_sudo["can-read-process"] == by_sudo["can-sysctl"] == could


def test_a_container_of_claude_codes_shape_is_judged_by_what_it_has(tmp_path: Path, base: str) -> None:
    repository = taken(tmp_path, "claude")
    program = subprocess.run([ROOT / "scripts/agent", "claude"], check=True, capture_output=True, text=True)
    shutil.copy(program.stdout.strip(), repository.path / ".devcontainer/claude")
    finished = ask(repository, base)
    assert finished.status in (0, 3), finished.stdout
    found = statuses(finished)
    assert firewall(found) == HOLDS
    assert found["lifecycle.postStartCommand"] == found["restart.postStartCommand"] == "pass"
    said = finished.outcome("smoke.root")["summary"]
    assert said == (
        "no way to root without a password is found; it may run as root: /usr/local/bin/init-firewall"
    )
    assert finished.outcome("agents")["summary"] == (
        "found: 2.1.332 (Claude Code) (/usr/local/bin/claude); "
        "nothing in the profile lets a sandbox in, so theirs is not asked"
    )
