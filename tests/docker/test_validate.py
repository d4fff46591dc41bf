"""The main job on this repository's own profiles, on a real engine."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from nestproof.probes.table import PROBES
from tests.conftest import ROOT, Finished, Repository, own_containers

pytestmark = pytest.mark.docker

# On a kernel without AppArmor, how it confines cannot be shown; everything else can, on a native platform.
MAY_BE_UNVERIFIED = {"smoke.apparmor"}


@pytest.fixture(scope="module")
def proof(engine: Engine) -> Finished:
    before = own_containers(engine)
    finished = Repository(ROOT).nestproof("validate", "--json", timeout=1800)
    assert own_containers(engine) == before
    return finished


def test_both_profiles_are_proved(proof: Finished, engine: Engine) -> None:
    statuses = {(o["profile"], o["id"]): o["status"] for o in proof.evidence["outcomes"]}
    unverified = {key for key, status in statuses.items() if status == "unverified"}
    degraded = {key for key, status in statuses.items() if status == "degraded"}
    assert {name for _, name in unverified} <= MAY_BE_UNVERIFIED
    assert bool(unverified) is not engine.facts.confines_with("apparmor")
    survived = ("bwrap-proc", "contain-processes", "bwrap-two-masks")
    assert degraded <= {("secure", f"smoke.{name}") for name in survived}
    assert set(statuses.values()) <= {"pass", "degraded", "unverified"}, proof.stderr
    assert proof.status == (3 if unverified else 0)


PACKS = {
    "secure": {"users", "privileges", "setuid-bwrap", "bubblewrap", "containment", "codex", "tty"},
    "default": {"users", "privileges", "no-setuid-bwrap", "tty"},
}


# The questions of a session with Codex.
SESSION = (
    *("sandbox", "credentials", "privileges", "write", "network", "processes", "keys", "later"),
    *("escalate", "elsewhere", "login", "file", "symlink"),
)


@pytest.mark.parametrize("profile", PACKS)
def test_every_question_of_a_profile_was_asked(proof: Finished, profile: str) -> None:
    asked = {o["id"] for o in proof.evidence["outcomes"] if o["profile"] == profile}
    probes = {f"smoke.{probe.name}" for probe in PROBES if probe.pack in PACKS[profile]}
    agents = (
        {"agents", *(f"agent.codex.{question}" for question in SESSION)} if profile == "secure" else set()
    )
    assert asked == {"build", "smoke.relaxations"} | probes | agents


def test_the_facts_of_a_run_are_in_its_evidence(proof: Finished, engine: Engine) -> None:
    assert proof.evidence["engine"]["cgroupVersion"] in {"1", "2"}
    assert set(proof.evidence["binfmt"].values()) <= {"PF", "F", "POCF", "OCF", "P", ""}
    (secure,) = [target for target in proof.evidence["targets"] if target["profile"] == "secure"]
    assert secure["image"].startswith("sha256:")
    facts = secure["facts"]
    assert facts["bwrap-version"].startswith("bubblewrap ")
    assert facts["bwrap-package"]
    assert facts["codex"] == "codex-cli 0.120.0"
    assert facts["Seccomp"] == "0"
    assert int(facts["user/max_user_namespaces"]) > 0
    assert facts["kernel"] == f"Linux {engine.facts.kernel}"


def test_the_evidence_shows_what_the_sandbox_printed(proof: Finished) -> None:
    printed = {
        name: proof.outcome(f"smoke.{name}", "secure")["observation"]["stdout"]
        for name in ("bwrap-pidns", "bwrap-netns", "bwrap-fd", "codex-version", "codex-sandbox")
    }
    assert printed["bwrap-pidns"].endswith("the sandbox reaches its own process, not the outer one\n")
    assert printed["bwrap-netns"].endswith("bwrap-netns-ok\n")
    assert printed["bwrap-fd"].endswith("bwrap-fd-ok\n")
    assert printed["codex-version"] == "codex-cli 0.120.0\n"
    assert "codex-inner-ok\n" in printed["codex-sandbox"]


def test_the_default_profile_relaxes_nothing_in_force(proof: Finished) -> None:
    assert proof.outcome("smoke.relaxations", "default")["summary"] == "no relaxation is in force"


def test_a_build_of_the_other_platform_leaves_namespaces_unverified(
    repository: Repository, engine: Engine
) -> None:
    other = "linux/arm64" if engine.facts.platform == "linux/amd64" else "linux/amd64"
    finished = repository.nestproof(
        "validate", "--profile", "secure", "--platform", other, "--json", timeout=1800
    )
    assert finished.status == 3, finished.stderr
    assert finished.outcome("build")["status"] == "pass"
    assert finished.outcome("smoke.users")["status"] == "pass"
    assert finished.outcome("smoke.bwrap-setuid")["status"] == "pass"
    for name in [probe.name for probe in PROBES if probe.needs_namespaces and probe.pack in PACKS["secure"]]:
        outcome = finished.outcome(f"smoke.{name}")
        assert outcome["status"] == "unverified"
        assert "qemu-user" in outcome["summary"]


def test_unverified_is_let_through_only_when_asked_for(repository: Repository, engine: Engine) -> None:
    finished = repository.nestproof("smoke", "--profile", "default", "--allow-unverified", timeout=1200)
    assert finished.status == 0, finished.stdout + finished.stderr
    last = finished.stdout.splitlines()[-1]
    assert ("1 unverified that --allow-unverified lets through" in last) is not engine.facts.confines_with(
        "apparmor"
    )


def test_the_build_secret_is_used_and_leaves_no_trace(
    engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    marker = f"nestproof-secret-{secrets.token_hex(8)}"
    bundle = tmp_path / "proxy.pem"
    system = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    bundle.write_text(f"# {marker}\n{system.read_text()}")
    # The control: the step is run anew, and says that it saw the secret.
    step = '    && codex="@openai/codex@'
    # A step of another text each time: secrets are no part of what the builder's cache is keyed by.
    run = secrets.token_hex(4)
    said = f'    && echo "{run} sees: $(grep -c nestproof-secret /run/secrets/extra_ca)" \\\n'
    repository.edit(".devcontainer/Dockerfile.secure", step, said + step)
    built = repository.nestproof(
        "build", "--profile", "secure", "--json", timeout=1200, SSL_CERT_FILE=str(bundle)
    )
    assert built.status == 0, built.stderr
    build = built.outcome("build")
    assert f"{run} sees: 1" in build["observation"]["stderr"]
    tag = build["summary"].split()[0]
    assert marker not in str(engine.api.history(tag))
    tail = b""
    for chunk in engine.api.get_image(tag):
        assert marker.encode() not in tail + chunk
        tail = chunk[-len(marker) :]
