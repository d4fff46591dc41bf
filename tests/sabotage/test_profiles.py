"""This repository's own profiles, each broken on purpose: the verdict must be red, for the right reason."""

from __future__ import annotations

import pytest

from nestproof.engine.client import Engine
from tests.conftest import Finished, Repository

SECURE = ".devcontainer/devcontainer.secure.json"
DEFAULT = ".devcontainer/devcontainer.json"
DOCKERFILE = ".devcontainer/Dockerfile.secure"


def smoke(repository: Repository, profile: str = "secure") -> Finished:
    return repository.nestproof("smoke", "--profile", profile, "--json", timeout=1200)


def red(finished: Finished) -> dict[str, str]:
    """The outcomes that are neither pass, degraded nor unverified, with their causes."""
    return {o["id"]: o["cause"] for o in finished.evidence["outcomes"] if o["status"] in ("fail", "error")}


def test_a_stray_comma_is_shown_at_its_place(repository: Repository) -> None:
    repository.edit(SECURE, '"remoteUser": "vscode",', '"remoteUser": "vscode",,')
    finished = repository.ask("check.json", "--json")
    assert finished.status == 1
    [fail] = [o for o in finished.evidence["outcomes"] if o["status"] == "fail"]
    line = next(
        number
        for number, text in enumerate((repository.path / SECURE).read_text().splitlines(), start=1)
        if ",," in text
    )
    assert fail["summary"].startswith(f"{SECURE}:{line}:26: ")
    [finding] = fail["findings"]
    assert finding["rule"] == "json-extra-comma"
    assert finding["excerpt"].splitlines()[1:] == ['  "remoteUser": "vscode",,', " " * 25 + "^"]
    # The damaged file does not hide the other.
    assert [o["summary"] for o in finished.evidence["outcomes"] if o["status"] == "pass"] == [
        f"{DEFAULT}: one JSON value, jq agrees"
    ]


def test_staged_trailing_white_space_is_shown_at_its_place(repository: Repository) -> None:
    (repository.path / "notes.txt").write_text("fine\nnot fine \n")
    repository.git("add", "notes.txt")
    finished = repository.ask("check.diff", "--json")
    assert finished.status == 1
    statuses = {o["summary"]: o["status"] for o in finished.evidence["outcomes"]}
    assert statuses == {
        "the working tree: no white-space error, no conflict marker": "pass",
        "what is staged: notes.txt:2: trailing whitespace.": "fail",
    }


@pytest.mark.docker
def test_a_bwrap_without_the_setuid_bit(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "RUN chmod 4755 /usr/bin/bwrap", "RUN chmod u-s /usr/bin/bwrap")
    finished = smoke(repository)
    assert finished.status == 1
    cause = "/usr/bin/bwrap is mode 755, owned by root, and must be mode 4755, owned by root (image)"
    assert red(finished) == {"smoke.bwrap-setuid": cause}


@pytest.mark.docker
def test_no_bwrap(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "        bubblewrap ca-certificates", "        ca-certificates")
    repository.edit(DOCKERFILE, "RUN chmod 4755 /usr/bin/bwrap", "RUN true")
    finished = smoke(repository)
    assert finished.status == 1
    for name in ("bwrap-setuid", "bwrap-pidns", "bwrap-netns", "bwrap-fd", "bwrap-proc"):
        outcome = finished.outcome(f"smoke.{name}")
        assert outcome["status"] == "fail"
        assert outcome["cause"] == "bwrap is not installed (image)"
        assert outcome["fix"] == "install the package bubblewrap in the Dockerfile"
    # Codex 0.120.0 has a bwrap of its own to fall back to, and that one does confine.
    assert finished.outcome("smoke.codex-sandbox")["status"] == "pass"


@pytest.mark.docker
def test_no_vscode(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "for user in ubuntu vscode;", "for user in ubuntu;")
    finished = smoke(repository)
    assert finished.status == 1
    users = finished.outcome("smoke.users")
    assert users["status"] == "fail"
    assert "vscode: does not exist" in users["observation"]["stdout"]
    assert users["cause"] == "the user vscode does not exist (image)"
    assert users["fix"] == "RUN useradd --create-home vscode in the Dockerfile"
    # Nothing can be asked as a user who is not there; that is said, and not called a pass.
    basic = finished.outcome("smoke.bwrap-pidns")
    assert basic["status"] == "error"
    assert "unable to find user vscode" in basic["summary"]


@pytest.mark.docker
def test_another_codex(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "ARG CODEX_VERSION=0.120.0", "ARG CODEX_VERSION=0.118.0")
    finished = smoke(repository)
    assert finished.status == 1
    version = finished.outcome("smoke.codex-version")
    assert version["summary"] == "codex-cli 0.118.0"
    assert red(finished) == {
        "smoke.codex-version": (
            "the profile declares codex-cli 0.120.0 (customizations.nestproof.codexVersion)"
        )
    }


@pytest.mark.docker
def test_a_codex_version_that_does_not_exist_fails_the_build(repository: Repository, engine: Engine) -> None:
    repository.edit(DOCKERFILE, "ARG CODEX_VERSION=0.120.0", "ARG CODEX_VERSION=0.0.0-none")
    finished = smoke(repository)
    assert finished.status == 1
    build = finished.outcome("build")
    assert build["status"] == "fail"
    assert "the package registry has no @openai/codex@0.0.0-none" in build["observation"]["stderr"]


@pytest.mark.docker
@pytest.mark.parametrize("name", ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"])
def test_a_missing_capability(repository: Repository, engine: Engine, name: str) -> None:
    repository.edit(SECURE, f'"--cap-add={name}",', "")
    finished = smoke(repository)
    assert finished.status == 1
    basic = finished.outcome("smoke.bwrap-pidns")
    assert basic["summary"] == "bwrap: capset failed: Operation not permitted"
    assert (
        basic["cause"]
        == f"setuid bwrap demands capabilities that the container withholds: {name} (capabilities)"
    )
    assert basic["fix"] == f'add "--cap-add={name}" to runArgs'


@pytest.mark.docker
def test_seccomp_on(repository: Repository, engine: Engine) -> None:
    repository.edit(SECURE, '"--security-opt=seccomp=unconfined",', "")
    finished = smoke(repository)
    assert finished.status == 1
    basic = finished.outcome("smoke.bwrap-pidns")
    # With AppArmor on, its refusal comes first only where it was not switched off as well.
    assert basic["summary"] == "bwrap: pivot_root: Operation not permitted"
    assert basic["cause"] == "Docker's seccomp profile refuses pivot_root (Docker seccomp)"
    assert basic["fix"] == 'add "--security-opt=seccomp=unconfined" to runArgs'
    # The profile may do without the filter, so that its being on is no fault by itself.
    assert finished.outcome("smoke.seccomp")["status"] == "pass"


@pytest.mark.docker
def test_a_relaxed_default_profile(repository: Repository, engine: Engine) -> None:
    repository.edit(DEFAULT, '"runArgs": ["--platform', '"runArgs": ["--cap-add=SYS_ADMIN", "--platform')
    finished = smoke(repository, "default")
    assert finished.status == 1
    refused = finished.outcome("smoke")
    assert refused["status"] == "fail"
    assert refused["summary"] == (
        "no container is started: default may not have cap-add=SYS_ADMIN (privilege lock)"
    )
    assert refused["cause"].startswith("cap-add=SYS_ADMIN: root in the container can mount file systems")


RELAXING = [
    ("--security-opt=seccomp=unconfined", "security-opt=seccomp=unconfined"),
    ("--security-opt=systempaths=unconfined", "security-opt=systempaths=unconfined"),
    ("--pid=host", "pid=host"),
    ("--network=host", "network=host"),
    ("--ipc=host", "ipc=host"),
    ("--device=/dev/null", "device=/dev/null"),
    ("--volume=/var/run/docker.sock:/var/run/docker.sock", "mount=/var/run/docker.sock"),
]


@pytest.mark.docker
@pytest.mark.parametrize(("option", "relaxation"), RELAXING)
def test_no_container_is_started_beyond_the_lock_whatever_the_relaxation(
    repository: Repository, engine: Engine, option: str, relaxation: str
) -> None:
    repository.edit(DEFAULT, '"runArgs": ["--platform', f'"runArgs": ["{option}", "--platform')
    finished = smoke(repository, "default")
    assert finished.status == 1
    assert relaxation in finished.outcome("smoke")["summary"]
    assert [one["id"] for one in finished.evidence["outcomes"]] == ["build", "smoke"]
    for command in (("justify", "--json"), ("justify", "--residual", "--json")):
        (outcome,) = repository.nestproof(*command, "--profile", "default").evidence["outcomes"]
        assert (outcome["id"], outcome["status"]) == ("justify", "fail")
        assert relaxation in outcome["summary"]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("option", "relaxation"),
    [
        *RELAXING,
        ("--volume=/tmp:/host", "mount=/tmp"),
        ("--device-cgroup-rule=c 1:3 rwm", "device-cgroup-rule=c 1:3 rwm"),
        ("--sysctl=net.ipv4.ip_unprivileged_port_start=0", "sysctl=net.ipv4.ip_unprivileged_port_start=0"),
        ("--group-add=audio", "group-add=audio"),
        ("--add-host=host:host-gateway", "add-host=host:host-gateway"),
    ],
)
def test_every_kind_of_relaxation_is_seen_in_force(
    repository: Repository, engine: Engine, option: str, relaxation: str
) -> None:
    """With a line in the lock the container is started, and the engine's word is what is shown."""
    repository.edit(DEFAULT, '"runArgs": ["--platform', f'"runArgs": ["{option}", "--platform')
    lock = repository.path / ".devcontainer/privileges.lock"
    lock.write_text(lock.read_text().replace("[default]\n", f'[default]\n"{relaxation}" = "tried here"\n'))
    outcome = smoke(repository, "default").outcome("smoke.relaxations")
    assert outcome["status"] == "pass"
    assert relaxation in outcome["observation"]["stdout"].splitlines()


@pytest.mark.docker
def test_what_an_images_label_asks_for_is_held_against_the_lock_before_the_start(
    repository: Repository, engine: Engine
) -> None:
    file = repository.path / ".devcontainer/Dockerfile"
    label = '[{"capAdd": ["SYS_ADMIN"], "mounts": ["type=bind,source=/,target=/host"]}]'
    file.write_text(f"{file.read_text()}\nLABEL devcontainer.metadata='{label}'\n")
    finished = smoke(repository, "default")
    assert finished.status == 1
    summary = finished.outcome("smoke")["summary"]
    assert summary.startswith("no container is started: default may not have ")
    assert "cap-add=SYS_ADMIN, mount=/" in summary


@pytest.mark.docker
def test_a_setuid_bwrap_in_the_default_profile(repository: Repository, engine: Engine) -> None:
    file = repository.path / ".devcontainer/Dockerfile"
    file.write_text(file.read_text() + "\nRUN cp /bin/true /usr/bin/bwrap && chmod 4755 /usr/bin/bwrap\n")
    finished = smoke(repository, "default")
    assert finished.status == 1
    outcome = finished.outcome("smoke.bwrap-not-setuid")
    assert outcome["summary"] == "setuid: /usr/bin/bwrap"
    assert outcome["status"] == "fail"


@pytest.mark.docker
@pytest.mark.parametrize(
    ("lie", "probe"),
    [
        # Prints what the probes print, and does nothing.
        (
            "echo the sandbox reaches its own process, not the outer one; "
            "echo bwrap-netns-ok; echo bwrap-fd-ok",
            "bwrap-pidns",
        ),
        # Runs the command, without any sandbox around it.
        ('while [ "$1" != sh ] && [ "$1" != true ]; do shift; done; exec "$@"', "bwrap-pidns"),
        ('while [ "$1" != sh ] && [ "$1" != true ]; do shift; done; exec "$@"', "bwrap-netns"),
    ],
)
def test_a_bwrap_that_lies(repository: Repository, engine: Engine, lie: str, probe: str) -> None:
    script = f"#!/bin/sh\n{lie}\n"
    (repository.path / ".devcontainer/liar").write_text(script)
    repository.edit(
        DOCKERFILE, "RUN chmod 4755 /usr/bin/bwrap", "COPY liar /usr/bin/bwrap\nRUN chmod 4755 /usr/bin/bwrap"
    )
    finished = smoke(repository)
    assert finished.status == 1
    outcome = finished.outcome(f"smoke.{probe}")
    assert outcome["status"] == "fail"
    assert f"{probe}-ok" not in outcome["observation"]["stdout"]


@pytest.mark.docker
def test_a_codex_that_echoes_without_a_sandbox(repository: Repository, engine: Engine) -> None:
    lie = (
        '#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.120.0 && exit\n'
        '[ "$2" = --help ] && exit\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    )
    (repository.path / ".devcontainer/liar").write_text(lie)
    file = repository.path / DOCKERFILE
    file.write_text(
        file.read_text() + "\nCOPY liar /usr/local/bin/liar\n"
        "RUN chmod 755 /usr/local/bin/liar && ln -sf liar /usr/local/bin/codex\n"
    )
    finished = smoke(repository)
    assert finished.status == 1
    outcome = finished.outcome("smoke.codex-sandbox")
    assert outcome["status"] == "fail"
    assert "codex-inner-ok" in outcome["observation"]["stdout"]
    assert "in a pid namespace of its own" not in outcome["observation"]["stdout"]
    assert finished.outcome("smoke.codex-version")["status"] == "pass"


@pytest.mark.docker
@pytest.mark.parametrize(("survives", "status"), [(True, "degraded"), (False, "fail")])
def test_an_undeclared_degradation_is_a_fail_unless_an_agent_there_survives_it(
    repository: Repository, engine: Engine, *, survives: bool, status: str
) -> None:
    repository.edit(
        SECURE, '"bwrap-proc": "Codex retries without --proc where Docker masks paths under /proc",', ""
    )
    if not survives:
        dockerfile = repository.path / ".devcontainer/Dockerfile.secure"
        dockerfile.write_text(dockerfile.read_text() + "USER root\nRUN rm -f $(command -v codex)\n")
    finished = smoke(repository)
    outcome = finished.outcome("smoke.bwrap-proc")
    assert outcome["status"] == status, finished.stdout
    said = "Codex goes on without" if survives else "Docker masks paths under /proc, and the kernel refuses"
    assert outcome["cause"].startswith(said)


@pytest.mark.docker
def test_unmasked_paths_make_proc_pass(repository: Repository, engine: Engine) -> None:
    repository.edit(
        SECURE,
        '"--security-opt=seccomp=unconfined",',
        '"--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined",',
    )
    lock = repository.path / ".devcontainer/privileges.lock"
    lock.write_text(
        lock.read_text() + '"security-opt=systempaths=unconfined" = "a sandbox with its own /proc"\n'
    )
    finished = smoke(repository)
    assert finished.outcome("smoke.bwrap-proc")["status"] == "pass"
    assert red(finished) == {}
