"""Agents other than the pinned one, for real: the newest Codex, and the sandbox runtime of another agent."""

from __future__ import annotations

import json

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository

pytestmark = pytest.mark.docker

# The newest when this was written; its command line is another one than that of 0.120.0.
NEWEST_CODEX = "0.169.0"
SRT = "0.0.83"
SECURE = ".devcontainer/devcontainer.secure.json"
DOCKERFILE = ".devcontainer/Dockerfile.secure"
PACKS = '["users", "privileges", "setuid-bwrap", "bubblewrap", "containment", "codex", "tty"]'


def test_the_newest_codex_confines(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "ARG CODEX_VERSION=0.120.0", f"ARG CODEX_VERSION={NEWEST_CODEX}")
    repository.edit(SECURE, '"codexVersion": "0.120.0"', f'"codexVersion": "{NEWEST_CODEX}"')
    repository.edit(SECURE, PACKS, '["codex"]')
    done = repository.nestproof("smoke", "--profile", "secure", "--json", timeout=1200)
    assert done.status == 0, done.stdout + done.stderr
    assert done.outcome("smoke.codex-version")["summary"] == f"codex-cli {NEWEST_CODEX}"
    for name in ("codex-sandbox", "codex-write", "codex-network"):
        assert done.outcome(f"smoke.{name}")["status"] == "pass"


# srt refuses a file of settings without these parts.
WEAKER = {
    "network": {"allowedDomains": [], "deniedDomains": []},
    "filesystem": {"denyRead": [], "allowWrite": [], "denyWrite": []},
    "enableWeakerNestedSandbox": True,
}


@pytest.fixture
def runtime(repository: Repository, engine: Engine) -> Repository:
    """The secure profile with the sandbox runtime, which needs a newer Node than the distribution has."""
    file = repository.path / DOCKERFILE
    tools, rest = file.read_text().split("\nFROM ${BASE_IMAGE:-ubuntu:24.04}\n")
    stage = tools[tools.index("FROM --platform") : tools.index("ARG CODEX_VERSION")].replace(
        " AS codex", " AS srt"
    )
    install = (
        "RUN --mount=type=secret,id=extra_ca"
        " if [ -s /run/secrets/extra_ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/extra_ca; fi"
        f" && npm install --global --prefix /opt/srt node@22 @anthropic-ai/sandbox-runtime@{SRT}"
    )
    file.write_text(
        f"{tools}\n{stage}\n{install}\n\nFROM ${{BASE_IMAGE:-ubuntu:24.04}}\n{rest}\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends ripgrep socat\n"
        "COPY --from=srt /opt/srt /opt/srt\n"
        "RUN ln -s /opt/srt/bin/node /opt/srt/bin/srt /usr/local/bin/\n"
    )
    repository.edit(SECURE, PACKS, '["sandbox-runtime"]')
    return repository


def test_the_sandbox_runtime_needs_a_proc_of_its_own(runtime: Repository) -> None:
    done = runtime.nestproof("smoke", "--profile", "secure", "--json", timeout=1800)
    assert done.status == 1, done.stdout + done.stderr
    for name in ("srt-sandbox", "srt-write"):
        outcome = done.outcome(f"smoke.{name}")
        assert outcome["cause"].endswith("(masked paths)")
        assert '"--security-opt=systempaths=unconfined"' in outcome["fix"]
        assert '"enableWeakerNestedSandbox": true in ~/.srt-settings.json' in outcome["fix"]
    # Declared, it is a degradation; with the setting that the fix names, it is a weaker sandbox.
    file = runtime.path / DOCKERFILE
    unchanged = file.read_text()
    runtime.edit(
        SECURE, '"degradations": {', '"degradations": {"srt-sandbox": "tried", "srt-write": "tried", '
    )
    done = runtime.nestproof("smoke", "--profile", "secure", "--json", timeout=600)
    assert done.status == 0, done.stdout + done.stderr
    for name in ("srt-sandbox", "srt-write"):
        assert done.outcome(f"smoke.{name}")["status"] == "degraded"
    (file.parent / "srt-settings.json").write_text(json.dumps(WEAKER))
    file.write_text(f"{unchanged}\nCOPY srt-settings.json /home/vscode/.srt-settings.json\n")
    done = runtime.nestproof("smoke", "--profile", "secure", "--json", timeout=600)
    assert done.status == 0, done.stdout + done.stderr
    for name in ("srt-sandbox", "srt-write"):
        outcome = done.outcome(f"smoke.{name}")
        assert outcome["status"] == "pass"
        assert "weaker: the sandbox sees the container's /proc" in outcome["summary"]
    file.write_text(unchanged)
    # With what the fix says, it confines.
    option = '"--security-opt=systempaths=unconfined"'
    runtime.edit(SECURE, '"--cap-add=SYS_ADMIN",', f'{option},\n    "--cap-add=SYS_ADMIN",')
    lock = runtime.path / ".devcontainer/privileges.lock"
    lock.write_text(
        f'{lock.read_text()}"security-opt=systempaths=unconfined" = "srt needs a /proc of its own"\n'
    )
    done = runtime.nestproof("smoke", "--profile", "secure", "--json", timeout=600)
    assert done.status == 0, done.stdout + done.stderr
    for name in ("srt-sandbox", "srt-write"):
        assert done.outcome(f"smoke.{name}")["status"] == "pass"
