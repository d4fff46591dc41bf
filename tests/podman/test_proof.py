"""The whole proof on Podman, and what it says of profiles that are broken on purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from nestproof.engine.client import Engine
from nestproof.engine.labels import OWNER_LABEL
from tests.conftest import Finished, Repository

SECURE = ".devcontainer/devcontainer.secure.json"
DEFAULT = ".devcontainer/devcontainer.json"
DOCKERFILE = ".devcontainer/Dockerfile.secure"
SECCOMP = '    "--security-opt=seccomp=unconfined",\n'
LAST_OF_SECURE = '    "--security-opt=apparmor=unconfined"\n'
PLATFORM = '"runArgs": ["--platform=${localEnv:DOCKER_DEFAULT_PLATFORM}"'
LOCKED = '"security-opt=seccomp=unconfined"'

# What a kernel without AppArmor cannot show, on any engine.
UNVERIFIED = {"smoke.apparmor"}
DEGRADED = {"smoke.bwrap-proc", "smoke.contain-processes", "smoke.bwrap-two-masks"}


@pytest.fixture
def smoked(repository: Repository, address: str, image: str) -> Any:
    """Smoke a profile of the repository on Podman; the image's layers are there."""

    def smoke(profile: str) -> Finished:
        return repository.nestproof("smoke", "--profile", profile, "--json", timeout=900, DOCKER_HOST=address)

    return smoke


def by_status(done: Finished, status: str) -> set[str]:
    return {outcome["id"] for outcome in done.evidence["outcomes"] if outcome["status"] == status}


def test_the_whole_proof(repository: Repository, address: str, podman: Engine) -> None:
    done = repository.nestproof("validate", "--json", timeout=1800, DOCKER_HOST=address)
    unseen = set() if podman.facts.confines_with("apparmor") else UNVERIFIED
    assert by_status(done, "unverified") == unseen, done.stderr
    assert by_status(done, "fail") | by_status(done, "error") == set()
    assert by_status(done, "degraded") == DEGRADED
    assert done.status == (3 if unseen else 0)
    assert done.evidence["engine"]["product"] == "Podman"
    capabilities = done.outcome("smoke.capabilities", "secure")
    assert capabilities["summary"] == "Podman's default capabilities and NET_ADMIN, SYS_ADMIN, SYS_PTRACE"
    assert (
        done.outcome("smoke.capabilities", "default")["summary"]
        == "Podman's default capabilities, nothing more"
    )
    command = done.outcome("build", "secure")["observation"]["command"]
    assert command[:4] == ["podman", "--url", address, "build"]


def test_a_missing_capability_is_named(repository: Repository, smoked: Any) -> None:
    repository.edit(SECURE, '    "--cap-add=SYS_PTRACE",\n', "")
    done = smoked("secure")
    failed = done.outcome("smoke.bwrap-userns")
    assert (done.status, failed["status"]) == (1, "fail")
    assert failed["summary"] == "bwrap: capset failed: Operation not permitted"
    assert failed["fix"] == 'add "--cap-add=SYS_PTRACE" to runArgs'


def test_bwrap_does_without_seccomp_unconfined(repository: Repository, smoked: Any) -> None:
    repository.edit(SECURE, SECCOMP, "")
    done = smoked("secure")
    assert by_status(done, "fail") == set()
    assert done.outcome("smoke.seccomp")["summary"] == "a seccomp filter is on"
    assert done.outcome("smoke.codex-sandbox")["status"] == "pass"


@pytest.mark.parametrize("option", ["systempaths=unconfined", "unmask=ALL"])
def test_unmasked_paths_must_be_locked_and_give_proc(
    repository: Repository, smoked: Any, option: str
) -> None:
    added = LAST_OF_SECURE.replace("\n", f',\n    "--security-opt={option}"\n')
    repository.edit(SECURE, LAST_OF_SECURE, added)
    said = f"no container is started: secure may not have security-opt={option} (privilege lock)"
    assert smoked("secure").outcome("smoke")["summary"] == said
    repository.edit(".devcontainer/privileges.lock", LOCKED, f'"security-opt={option}" = "a test"\n{LOCKED}')
    done = smoked("secure")
    assert done.outcome("smoke.relaxations")["status"] == "pass"
    assert done.outcome("smoke.bwrap-proc")["status"] == "pass"


def test_what_docker_grants_anyway_is_no_relaxation(repository: Repository, smoked: Any) -> None:
    repository.edit(DEFAULT, PLATFORM, f'{PLATFORM}, "--cap-add=NET_RAW"')
    done = smoked("default")
    assert by_status(done, "fail") == set()
    assert done.outcome("smoke.capabilities")["summary"] == "Podman's default capabilities and NET_RAW"


def test_a_capability_that_is_not_locked_fails(repository: Repository, smoked: Any) -> None:
    repository.edit(DEFAULT, PLATFORM, f'{PLATFORM}, "--cap-add=SYS_ADMIN"')
    done = smoked("default")
    assert by_status(done, "fail") == {"smoke"}
    assert "default may not have cap-add=SYS_ADMIN" in done.outcome("smoke")["summary"]


def test_an_undeclared_degradation_is_fixed_in_podmans_words(repository: Repository, smoked: Any) -> None:
    repository.edit(SECURE, '"bwrap-proc": "Codex', '"bwrap-pro": "Codex')
    # Without Codex, of which it is known that it survives that.
    last = repository.path / DOCKERFILE
    last.write_text(last.read_text() + "\nUSER root\nRUN rm -f /usr/local/bin/codex\n")
    failed = smoked("secure").outcome("smoke.bwrap-proc")
    assert failed["status"] == "fail"
    assert failed["cause"] == "Podman masks paths under /proc, and the kernel refuses a fuller view of it"
    assert '"--security-opt=unmask=ALL" to runArgs' in failed["fix"]


def test_a_step_that_fails_is_named(repository: Repository, smoked: Any) -> None:
    repository.edit(DOCKERFILE, "RUN chmod 4755 /usr/bin/bwrap", "RUN echo no-such-thing >&2; exit 7")
    done = smoked("secure")
    failed = done.outcome("build")
    assert (done.status, failed["status"]) == (1, "fail")
    assert 'building at STEP "RUN echo no-such-thing >&2; exit 7"' in failed["cause"]
    assert "no-such-thing" in failed["observation"]["stdout"]


def test_what_a_killed_run_leaves_is_removed_by_the_next(
    repository: Repository, address: str, podman: Engine, image: str
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "nestproof", "smoke", "--profile", "secure"],
        cwd=repository.path,
        env={**os.environ, "DOCKER_HOST": address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not (left := owned_by(podman, run.pid)):
            assert run.poll() is None, "it ended before its container was seen"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    done = repository.nestproof("smoke", "--profile", "default", "--allow-unverified", DOCKER_HOST=address)
    assert done.status == 0, done.stderr
    assert f"removed {left[0]}, left behind by an earlier run" in done.stderr
    assert owned_by(podman, run.pid) == []


def owned_by(podman: Engine, pid: int) -> list[str]:
    """The containers that a process made."""
    found = podman.api.containers(all=True, filters={"label": OWNER_LABEL})
    return [one["Names"][0].lstrip("/") for one in found if f"/{pid}/" in one["Labels"][OWNER_LABEL]]
