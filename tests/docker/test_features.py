"""Features, built by the real reference client: their parts in the image and the container, and the lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.config import load_config
from nestproof.engine.client import Engine
from tests.conftest import ROOT, Finished, Repository, base_environment, noted
from tests.docker.beside import free_port, running_registry

pytestmark = pytest.mark.docker
HELLO = {
    "id": "hello",
    "name": "Hello",
    "version": "1.0.0",
    "options": {"word": {"type": "string", "default": "hi"}},
    "mounts": ["source=cache-${devcontainerId},target=/cache,type=volume"],
    "entrypoint": "/usr/local/share/hello.sh",
    "postCreateCommand": "cat /etc/hello",
}
INSTALL = """#!/bin/sh
echo "$WORD" >/etc/hello
printf '#!/bin/sh\\ntouch /tmp/entered\\nexec "$@"\\n' >/usr/local/share/hello.sh
chmod +x /usr/local/share/hello.sh
"""


@pytest.fixture(scope="module", autouse=True)
def client() -> str:
    """The program, as the project's own script keeps it."""
    done = subprocess.run([ROOT / "scripts/devcontainer"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, base: str) -> Repository:
    made = Repository(tmp_path / f"with-features-{tmp_path.name[-1]}")
    (made.path / ".devcontainer").mkdir(parents=True)
    (made.path / ".devcontainer/Dockerfile").write_text(
        f"FROM {base}\nRUN id vscode 2>/dev/null || useradd --create-home --shell /bin/bash vscode\n"
    )
    made.git("init", "--quiet", "--template=")
    return noted(made)


def feature(repository: Repository, name: str, install: str = INSTALL, **metadata: Any) -> None:
    folder = repository.path / ".devcontainer" / name
    folder.mkdir()
    (folder / "devcontainer-feature.json").write_text(json.dumps({**HELLO, "id": name, **metadata}))
    (folder / "install.sh").write_text(install)


def write(repository: Repository, features: dict[str, Any], **properties: Any) -> None:
    own = {"build": {"dockerfile": "Dockerfile"}, "features": features, "remoteUser": "vscode", **properties}
    (repository.path / ".devcontainer/devcontainer.json").write_text(json.dumps(own))


def found(finished: Finished, name: str) -> list[dict[str, Any]]:
    (run,) = json.loads(finished.stdout)["runs"]
    return [one for one in run["outcomes"] if one["id"] == name]


def test_a_feature_of_the_repository_is_built_started_and_asked(repository: Repository) -> None:
    """Its option, its entry point, its volume and its command; the profile's own command runs once."""
    (repository.path / "nestproof.toml").write_text(
        "[[probe]]\nname = 'parts'\ncommand = 'cat /etc/hello; ls -d /tmp/entered /cache'\n"
        "stdout = 'yo\\n/cache\\n/tmp/entered'\n"
    )
    feature(repository, "hello")
    write(repository, {"./hello": {"word": "yo"}}, postCreateCommand="echo own")
    before = {file.name for file in (repository.path / ".devcontainer").iterdir()}
    finished = repository.nestproof("smoke", "--json")
    built = finished.outcome("build")
    assert built["status"] == "pass", finished.stdout
    assert built["summary"].endswith("with its features")
    assert finished.outcome("smoke.parts")["status"] == "pass"
    commands = found(finished, "lifecycle.postCreateCommand")
    assert [one["observation"]["stdout"] for one in commands] == ["yo\n", "own\n"]
    assert "the feature ./hello's" in commands[0]["summary"]
    assert {file.name for file in (repository.path / ".devcontainer").iterdir()} == before


@pytest.mark.parametrize(
    "service", [{"build": {"context": "."}}, {"image": "{base}"}], ids=["build", "image"]
)
def test_the_features_of_a_compose_service(
    repository: Repository, base: str, service: dict[str, Any]
) -> None:
    service = json.loads(json.dumps(service).replace("{base}", base))
    project = {"services": {"app": {**service, "command": "sleep infinity"}}}
    (repository.path / ".devcontainer/compose.yaml").write_text(json.dumps(project))
    feature(repository, "hello", postCreateCommand="cat /etc/hello; ls -d /tmp/entered /cache")
    own = {"dockerComposeFile": "compose.yaml", "service": "app", "features": {"./hello": {"word": "yo"}}}
    (repository.path / ".devcontainer/devcontainer.json").write_text(json.dumps(own))
    finished = repository.nestproof("smoke", "--json")
    assert finished.outcome("build")["status"] == "pass", finished.stdout
    (command,) = found(finished, "lifecycle.postCreateCommand")
    assert command["observation"]["stdout"] == "yo\n/cache\n/tmp/entered\n", finished.stdout


def test_a_dependency_comes_in_first(repository: Repository) -> None:
    feature(repository, "below", INSTALL.replace("/etc/hello", "/etc/below"), postCreateCommand="")
    feature(
        repository,
        "above",
        "#!/bin/sh\ncp /etc/below /etc/hello\n",
        entrypoint="",
        dependsOn={"./below": {"word": "deep"}},
    )
    write(repository, {"./above": {}})
    finished = repository.nestproof("smoke", "--json")
    (command,) = found(finished, "lifecycle.postCreateCommand")
    assert command["observation"]["stdout"] == "deep\n", finished.stdout


def test_what_a_feature_relaxes_is_held_against_the_lock_before_anything_starts(
    repository: Repository,
) -> None:
    (repository.path / ".devcontainer/privileges.lock").write_text("[default]\n")
    feature(repository, "taking", capAdd=["SYS_ADMIN"], securityOpt=["seccomp=unconfined"])
    write(repository, {"./taking": {}})
    finished = repository.nestproof("validate", "--json")
    locked = [one for one in found(finished, "check.lock") if one["status"] == "fail"]
    assert "asks for cap-add=SYS_ADMIN, security-opt=seccomp=unconfined" in locked[0]["summary"]
    assert (
        "no container is started: default may not have cap-add=SYS_ADMIN"
        in finished.outcome("smoke")["summary"]
    )


def test_a_feature_from_a_registry_is_known_once_it_is_built(
    repository: Repository, client: str, tmp_path: Path
) -> None:
    """Without an engine nothing says what it asks for; the image's label does."""
    with running_registry(free_port()) as registry:
        source = tmp_path / "published/src/hello"
        source.mkdir(parents=True)
        (source / "devcontainer-feature.json").write_text(json.dumps({**HELLO, "capAdd": ["SYS_PTRACE"]}))
        (source / "install.sh").write_text(INSTALL)
        # The client takes plain HTTP for that name alone.
        address = f"localhost:{registry.address.rpartition(':')[2]}"
        publish = [client, "features", "publish", "-r", address, "-n", "ns", str(source.parent)]
        subprocess.run(publish, check=True, capture_output=True)
        name = f"{address}/ns/hello:1"
        write(repository, {name: {"word": "far"}})
        (repository.path / ".devcontainer/privileges.lock").write_text("[default]\n")
        finished = repository.nestproof("validate", "--json")
        assert [one["status"] for one in found(finished, "check.lock")] == ["unverified", "pass"]
        assert "no container is started: default may not have cap-add=SYS_PTRACE" in finished.stdout
        (repository.path / ".devcontainer/privileges.lock").write_text(
            '[default]\n"cap-add=SYS_PTRACE" = "x"\n'
        )
        finished = repository.nestproof("smoke", "--json")
        (command,) = found(finished, "lifecycle.postCreateCommand")
        assert command["observation"]["stdout"] == "far\n", finished.stdout
        assert not (repository.path / ".devcontainer/devcontainer-lock.json").exists()


def test_a_build_that_fails_says_so_in_the_features_own_words(repository: Repository) -> None:
    feature(repository, "broken", "#!/bin/sh\necho no such thing >&2\nexit 9\n")
    write(repository, {"./broken": {}})
    built = repository.nestproof("smoke", "--json").outcome("build")
    assert built["status"] == "fail"
    assert "no such thing" in built["observation"]["stderr"]
    assert built["cause"]
    assert "build --workspace-folder" in built["fix"]


def test_without_the_client_it_is_unverified_with_the_line_that_installs_it(
    repository: Repository, tmp_path: Path
) -> None:
    feature(repository, "hello")
    write(repository, {"./hello": {}})
    plain = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not Path(part, "devcontainer").exists()
    )
    finished = repository.nestproof("smoke", "--json", XDG_CACHE_HOME=str(tmp_path), PATH=plain)
    built = finished.outcome("build")
    assert built["status"] == "unverified"
    assert built["fix"] == "npm install --global @devcontainers/cli@0.89.0"


def test_a_file_that_the_client_does_not_take_is_unverified(repository: Repository) -> None:
    feature(repository, "hello")
    write(repository, {"./hello": {}})
    file = repository.path / ".devcontainer/devcontainer.json"
    file.rename(file.with_name("devcontainer.other.json"))
    built = repository.nestproof("build", "--json").outcome("build")
    assert built["status"] == "unverified"
    assert built["fix"] == "move it to .devcontainer/other/devcontainer.json"


def test_nothing_is_published_that_the_client_builds(repository: Repository) -> None:
    feature(repository, "hello")
    write(repository, {"./hello": {}})
    built = repository.nestproof("build", "--push", "localhost:1/x", "--json").outcome("build")
    assert (built["status"], "publishes only what it builds itself" in built["summary"]) == (
        "unverified",
        True,
    )


def test_the_other_platform(repository: Repository, engine: Engine) -> None:
    other = "linux/arm64" if engine.facts.platform == "linux/amd64" else "linux/amd64"
    made = base_environment(
        engine, load_config(ROOT).base_image, other, os.environ, workspace=ROOT, say=print
    )
    base = made.get("NESTPROOF_BASE_IMAGE", "ubuntu:24.04")
    (repository.path / ".devcontainer/Dockerfile").write_text(f"FROM {base}\n")
    feature(repository, "hello", mounts=[], postCreateCommand="")
    write(repository, {"./hello": {}}, remoteUser="root")
    built = repository.nestproof("build", "--platform", other, "--json").outcome("build")
    assert built["status"] == "pass", built
    assert f"for {other}, with its features" in built["summary"]


def test_an_interrupted_build_leaves_no_container(repository: Repository, engine: Engine) -> None:
    feature(repository, "slow", "#!/bin/sh\nsleep 300\n")
    write(repository, {"./slow": {}})
    child = subprocess.Popen(
        [sys.executable, "-m", "nestproof", "smoke"],
        cwd=repository.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if "install.sh" in line or "RUN chmod" in line:
            break
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 130, said
    named = engine.api.containers(all=True, filters={"label": "dev.nestproof.owner"})
    assert not [one for one in named if f"/{child.pid}/" in one["Labels"]["dev.nestproof.owner"]]
    commands = subprocess.run(
        ["pgrep", "-fa", str(repository.path)], capture_output=True, check=False, text=True
    )
    assert "devcontainer build" not in commands.stdout


def test_a_client_that_dies_is_a_failure_and_leaves_nothing(repository: Repository, tmp_path: Path) -> None:
    """A stand-in for the client, which ends itself as the kernel does where memory is short."""
    program = tmp_path / "dies"
    program.write_text('#!/bin/sh\necho "half of a build" >&2\nkill -9 $$\n')
    program.chmod(0o755)
    (repository.path / "nestproof.toml").write_text(f'devcontainer = ["{program}"]\n')
    feature(repository, "hello")
    write(repository, {"./hello": {}})
    finished = repository.nestproof("smoke", "--json")
    built = finished.outcome("build")
    assert (built["status"], built["observation"]["exitStatus"]) == ("fail", -9)
    assert "half of a build" in built["observation"]["stderr"]
    assert finished.status == 1
