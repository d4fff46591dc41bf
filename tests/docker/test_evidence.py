"""The evidence of a real run of this repository, and the list of steps that is pasted into a pull request."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from nestproof.core.outcome import Status
from nestproof.engine.client import Engine
from nestproof.reports.evidence import Evidence, Target, read_evidence
from nestproof.reports.markdown import to_markdown
from tests.conftest import ROOT, Repository

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def told(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    file = tmp_path_factory.mktemp("evidence") / "evidence.json"
    finished = Repository(ROOT).nestproof("validate", "--evidence", str(file), timeout=1800)
    assert finished.status in (0, 3), finished.stdout
    schema = json.loads((ROOT / "docs/evidence.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(file.read_text()))
    return read_evidence(file)


def target(evidence: Evidence, profile: str) -> Target:
    (found,) = [target for target in evidence.runs[0].targets if target.profile == profile]
    return found


def test_the_markdown_is_the_list_of_validation_steps(told: Evidence) -> None:
    text = to_markdown(told)
    files, default, secure = re.split(r"^### .*$", text, flags=re.MULTILINE)[1:4]
    # What the change that brought the secure profile had as its Validation section, item by item.
    items = {
        "the default file, comments stripped": (
            files,
            r"`nestproof check.json --profile default` → `\.devcontainer/devcontainer\.json: one JSON value",
        ),
        "the secure file, comments stripped": (
            files,
            r"`nestproof check.json --profile secure` → `\.devcontainer/devcontainer\.secure\.json: one JSON",
        ),
        "diff check": (files, r"`nestproof check.diff` → `the working tree: no white-space error"),
        "default build": (default, r"`docker buildx build .*/Dockerfile .*` → `nestproof/.* for linux/"),
        "secure build": (
            secure,
            r"`docker buildx build .*/Dockerfile\.secure .*` → `nestproof/.* for linux/",
        ),
        "users": (secure, r"`id ubuntu && id vscode` → `ubuntu: exists, not root; vscode: exists, not root`"),
        "setuid": (
            secure,
            r"`stat .*/usr/bin/bwrap` → `mode 4755, owner root; bwrap is found as /usr/bin/bwrap`",
        ),
        "user namespace": (
            secure,
            r"`bwrap .*--unshare-user true` → `the sandbox has its own user and mount namespaces`",
        ),
        "pid namespace": (
            secure,
            r"`bwrap .*--unshare-pid .*` → `the sandbox reaches its own process, not the outer one`",
        ),
        "network namespace": (
            secure,
            r"`bwrap .*--unshare-net .*` → `lo is the only interface in the sandbox, and it is up`",
        ),
        "mounts": (secure, r"`bwrap .*` → `the sandbox sees only what is bound into it`"),
        "version": (secure, r"`codex --version` → `codex-cli 0\.120\.0`"),
        "sandbox": (
            secure,
            r"`codex sandbox .*'echo codex-inner-ok'` → `Codex runs a command in its own pid namespace,",
        ),
    }
    for name, (part, pattern) in items.items():
        assert re.search(rf"^- ✅ pass: {pattern}", part, re.MULTILINE), f"{name}\n{part}"
    assert re.search(
        r"^- ⚠️ degraded: `bwrap .*--proc /proc true` → `bwrap: Can't mount proc on /newroot/proc: .*`\n"
        r"  - why: `declared: Codex retries without --proc where Docker masks paths under /proc`$",
        secure,
        re.MULTILINE,
    )
    assert len(text) < 60_000


@pytest.fixture(scope="module", params=["default", "secure"])
def container(request: pytest.FixtureRequest, told: Evidence) -> Iterator[tuple[str, str]]:
    """A container as the evidence says that it is started, by docker's own client."""
    facts = target(told, request.param)
    started = subprocess.run(
        ["docker", "run", "--detach", "--rm", *facts.run_args, facts.image, "sleep", "300"],
        capture_output=True,
        text=True,
        check=True,
    )
    name = started.stdout.strip()
    yield request.param, name
    subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True)


def test_what_is_typed_by_hand_shows_the_same(told: Evidence, container: tuple[str, str]) -> None:
    profile, name = container
    typed = [o for o in told.runs[0].outcomes if o.profile == profile and o.by_hand]
    assert len(typed) > 3
    for outcome in typed:
        if outcome.status is Status.UNVERIFIED or outcome.id == "smoke.bwrap-not-setuid":
            continue  # a kernel without AppArmor; and find, which may not look everywhere
        done = subprocess.run(
            ["docker", "exec", "--user", "vscode", "--workdir", "/tmp", name, "sh", "-c", outcome.by_hand],
            capture_output=True,
            text=True,
            check=False,
        )
        passed = done.returncode == 0
        assert passed is (outcome.status is Status.PASS), (outcome.id, outcome.by_hand, done)


def test_what_is_kept_of_the_container_is_what_it_was_started_with(told: Evidence) -> None:
    secure = target(told, "secure")
    assert secure.create is not None
    host = secure.create["HostConfig"]
    assert isinstance(host, dict)
    assert host["CapAdd"] == ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"]
    assert secure.create["Env"] == ["NESTPROOF_VENV=[redacted]"]
    text = told.model_dump_json()
    assert str(ROOT) not in text.replace(str(ROOT / "src"), "")


def test_one_probe_is_asked_again_by_the_command_that_the_evidence_names(
    told: Evidence, tmp_path: Path
) -> None:
    (asked,) = [o for o in told.runs[0].outcomes if o.id == "smoke.codex-version"]
    arguments = list(asked.again[1:])
    finished = Repository(ROOT).nestproof(*arguments, "--evidence", str(tmp_path / "e.json"))
    assert finished.status == 0, finished.stdout
    ids = [outcome.id for outcome in read_evidence(tmp_path / "e.json").runs[0].outcomes]
    assert ids == ["build", "smoke.relaxations", "smoke.codex-version"]
    assert shlex.join(asked.again) in to_markdown(told)


def test_a_probe_that_there_is_not_is_a_mistake(engine: Engine) -> None:
    finished = Repository(ROOT).nestproof("smoke", "--profile", "default", "--probe", "codex-version")
    assert finished.status == 2
    assert "the profile default has no probe 'codex-version'" in finished.stderr
