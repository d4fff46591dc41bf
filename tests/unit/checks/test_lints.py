"""What each lint finds, in its exact words and at its place, and what it lets pass."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestproof.checks.lints import RULES, lint
from nestproof.core.diagnostics import Diagnostic, render
from nestproof.devcontainer.loading import read_profile
from nestproof.devcontainer.secrets import redacted

ROOT = Path(__file__).parents[3]


class Linter:
    """Lints texts as profiles of a workspace whose other files are in `files`."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.files: dict[str, str] = {}
        (workspace / ".devcontainer").mkdir()

    def __call__(self, text: str) -> list[Diagnostic]:
        file = self.workspace / ".devcontainer" / "devcontainer.json"
        file.write_text(text)
        reading = read_profile("default", file, self.workspace, {})
        assert reading.profile is not None, reading
        return list(lint(reading.profile, reading.document, read=self._read))

    def _read(self, file: Path) -> bytes:
        name = str(file.relative_to(self.workspace))
        if name not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[name].encode()


@pytest.fixture
def linter(tmp_path: Path) -> Linter:
    return Linter(tmp_path)


def run_args(*arguments: str) -> str:
    return '{"runArgs": [' + ", ".join(f'"{argument}"' for argument in arguments) + "]}"


# A key that is no key, in two pieces, so that no scanner of this file takes it for one.
GITHUB = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"


def packs(pack: str, text: str) -> str:
    """A configuration that asks for `text` and declares a pack."""
    return f'{{{text}, "customizations": {{"nestproof": {{"packs": ["users", "{pack}"]}}}}}}'


def env(name: str, value: str) -> str:
    return f'{{"containerEnv": {{"{name}": "{value}"}}}}'


def feature(name: str) -> str:
    return f'{{"features": {{"{name}": {{}}}}}}'


def security(*options: str) -> str:
    return '{"securityOpt": [' + ", ".join(f'"{option}"' for option in options) + "]}"


def bind(source: str) -> str:
    return f'{{"mounts": ["type=bind,source={source},target=/here"]}}'


def bind_object(source: str) -> str:
    return f'{{"mounts": [{{"type": "bind", "source": "{source}", "target": "/here"}}]}}'


# Beside the example that docs/rules.md has for each rule: text, rule, what the carets stand under, message.
RED: list[tuple[str, str, str, str]] = [
    ('{"capAdd": ["cap_netadmin"]}', "capability-unknown", '"cap_netadmin"',
     "cap_netadmin is no capability; did you mean NET_ADMIN?"),
    (run_args("--cap-drop", "EVERYTHING"), "capability-unknown", '"EVERYTHING"',
     "EVERYTHING is no capability; write a name of capabilities(7)"),
    (run_args("--cap-add=BPF,PERFMON"), "capability-unknown", '"--cap-add=BPF,PERFMON"',
     "BPF,PERFMON is read as one name; give each capability an element of its own"),
    (security("userns=keep-id"), "security-option-unknown", '"userns=keep-id"',
     "userns is no security option; write one of apparmor, credentialspec, label, no-new-privileges, "
     "seccomp, systempaths, writable-cgroups"),
    (security("no-new-privileges=yes"), "security-option-value", '"no-new-privileges=yes"',
     "no-new-privileges is true or false, not yes"),
    (security("writable-cgroups"), "security-option-value", '"writable-cgroups"',
     "writable-cgroups needs a value, as in writable-cgroups=true"),
    (security("seccomp"), "security-option-value", '"seccomp"',
     "seccomp needs a value, as in seccomp=unconfined"),
    (security("systempaths=all"), "security-option-value", '"systempaths=all"',
     "systempaths can only be unconfined, not all"),
    (security("label=disabled"), "security-option-value", '"label=disabled"',
     "disabled is no label; write disable, or as in type:container_t"),
    (security("apparmor=unconfind"), "security-option-value", '"apparmor=unconfind"',
     "unconfind is read as the name of a profile; did you mean unconfined?"),
    (run_args("--init", "--privileged"), "privileged", '"--privileged"',
     "privileged removes all of the container's isolation; ask only for what is needed"),
    (run_args("--privileged", "--cap-drop=ALL"), "privileged-overrides", '"--cap-drop=ALL"',
     "privileged grants ALL although it is dropped here; remove one of the two"),
    (run_args("--privileged", "--security-opt=seccomp:unconfined"), "privileged-overrides",
     '"--security-opt=seccomp:unconfined"', "privileged implies seccomp=unconfined; remove one of the two"),
    (run_args("--pid", "container:other"), "host-namespace", '"container:other"',
     "the container shares another container's PID namespace; let it have its own"),
    (run_args("--net=host"), "host-namespace", '"--net=host"',
     "the container shares the host's network namespace; let it have its own"),
    (packs("no-setuid-bwrap", '"runArgs": ["--network", "host"]'), "relaxation-in-strict-profile",
     '"--network", "host"', "network=host is a relaxation, and this profile is declared to have none"),
    (run_args("--security-opt=no-new-privileges", "--security-opt=no-new-privileges=1"), "option-conflict",
     '"--security-opt=no-new-privileges=1"',
     "no-new-privileges=1 contradicts no-new-privileges; keep one of the two"),
    ('{"init": true, "runArgs": ["--init"]}', "option-repeated", '"--init"',
     "init is asked for twice; remove one of the two"),
    (run_args("--cap-drop=NET_RAW", "--cap-add=NET_RAW"), "option-conflict", '"--cap-drop=NET_RAW"',
     "NET_RAW is both added and dropped; remove one of the two"),
    ('{"containerUser": "node", "runArgs": ["-u", "dev"]}', "option-conflict", '"dev"',
     "user=dev contradicts user=node; keep one of the two"),
    (run_args("--network=mine", "--network=none"), "option-conflict", '"--network=none"',
     "Docker joins no other network beside network=none; keep one of the two"),
    (run_args("--net=mine", "--network=mine"), "option-conflict", '"--network=mine"',
     "Docker joins network=mine only once; remove one of the two"),
    ('{"mounts": ["source=one,target=/x"], "runArgs": ["-v", "two:/x/"]}', "option-conflict", '"two:/x/"',
     "two mounts have the target /x; keep one of the two"),
    ('{"mounts": ["type=bind,source=/a,target=/x", "target=/x/,src=/a,type=bind"]}', "option-repeated",
     '"target=/x/,src=/a,type=bind"', "the mount at /x is asked for twice; remove one of the two"),
    (run_args("-v=/a:/x", "--volume=/a:/x"), "option-repeated", '"--volume=/a:/x"',
     "the mount at /x is asked for twice; remove one of the two"),
    (run_args("--mount=type=bind,src=/a,dst=/x", "--mount=type=bind,src=/a,dst=/x"), "option-conflict",
     '"--mount=type=bind,src=/a,dst=/x"', "two mounts have the target /x; keep one of the two"),
    (run_args("-v=/run/user/1000/podman/podman.sock:/p"), "docker-socket-mounted",
     '"-v=/run/user/1000/podman/podman.sock:/p"', "whoever reaches /run/user/1000/podman/podman.sock has all "
     "that its user has on the host; run an engine in the container"),
    (bind_object("${localEnv:RUN}/podman.sock"), "docker-socket-mounted", '"${localEnv:RUN}/podman.sock"',
     "whoever reaches ${localEnv:RUN}/podman.sock is root on the host; run an engine in the container"),
    (run_args("-v=//./pipe/docker_engine:/p"), "docker-socket-mounted", '"-v=//./pipe/docker_engine:/p"',
     "whoever reaches /pipe/docker_engine is root on the host; run an engine in the container"),
    (run_args("--volume=${localEnv:HOME}:/host"), "home-mounted", '"--volume=${localEnv:HOME}:/host"',
     "${localEnv:HOME} is all that the host's user has; mount only the folder that is needed"),
    ('{"workspaceMount": "type=bind,source=/home/alex/,target=/w", "workspaceFolder": "/w"}', "home-mounted",
     '"type=bind,source=/home/alex/,target=/w"',
     "/home/alex is all that the host's user has; mount only the folder that is needed"),
    (bind_object("${env:HOME}${env:USERPROFILE}/.kube"), "credentials-mounted",
     '"${env:HOME}${env:USERPROFILE}/.kube"',
     "the host's .kube holds credentials; forward an agent or a token instead"),
    (bind_object("${localEnv:USERPROFILE}\\\\.aws"), "credentials-mounted",
     '"${localEnv:USERPROFILE}\\\\.aws"',
     "the host's .aws holds credentials; forward an agent or a token instead"),
    (run_args("--mount=type=bind,src=/,dst=/h"), "system-folder-mounted", '"--mount=type=bind,src=/,dst=/h"',
     "/ is the host's own system; mount only the file that is needed"),
    ('{"remoteUser": "0"}', "root-remote-user", '"0"',
     "tools and agents run as root in the container; name a user that is not root"),
    ('{"image": "ghcr.io/some/image"}', "image-unpinned", '"ghcr.io/some/image"',
     "without a tag this is latest, which changes with every release; write a version, or a digest"),
    ('{"image": "localhost:5000/a:latest"}', "image-unpinned", '"localhost:5000/a:latest"',
     "the tag latest changes with every release; write a version, or a digest"),
    (feature("ghcr.io/devcontainers/features/node:latest"), "feature-unpinned",
     '"ghcr.io/devcontainers/features/node:latest"',
     "node:latest changes with every release; write a version, if only its first number"),
    (feature("ghcr.io/devcontainers/features/node:"), "feature-version-invalid",
     '"ghcr.io/devcontainers/features/node:"',
     "no version follows the colon; write one such as 1, 1.2 or 1.2.3"),
    (run_args("-e", "API_KEY=0a1b2c3d4e5f60718293"), "secret-literal", "0a1b2c3d4e5f60718293",
     "API_KEY has its value in the file; pass it as ${localEnv:NAME}"),
    (run_args("--env=TOKEN=a\\\"B3!defg"), "secret-literal", '--env=TOKEN=a\\"B3!defg',
     "TOKEN has its value in the file; pass it as ${localEnv:NAME}"),
    (f'{{}} // once: {GITHUB}', "secret-token", GITHUB,
     "a GitHub token is written here; revoke it, and pass another one as ${localEnv:NAME}"),
    (env("K", "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNz"), "secret-token",
     "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNz",
     "a private key is written here; revoke it, and pass another one as ${localEnv:NAME}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rule", "under", "message"), RED, ids=[f"{r[1]}-{i}" for i, r in enumerate(RED)]
)
def test_a_mistake_is_shown_at_its_place(
    linter: Linter, text: str, rule: str, under: str, message: str
) -> None:
    found = [m for m in linter(text) if m.rule == rule]
    assert [m.message for m in found] == [message]
    assert text[found[0].start.offset : found[0].end.offset] == under
    assert found[0].severity == RULES[rule].severity


# Near misses, each with the rule that a hastier reading would break.
GREEN: list[tuple[str, str]] = [
    ("capability-unknown", run_args("--cap-add=cap_sys_admin", "--cap-drop=ALL", "--cap-add", "mknod")),
    ("capability-unknown", run_args("--cap-add=${localEnv:CAPABILITY}", "-e", "--cap-add=NO_OPTION")),
    ("security-option-unknown", security("unmask=/sys/fs/cgroup", "label=nested")),
    ("security-option-separator", security("label=type:container_t")),
    ("security-option-value", security("no-new-privileges:true", "seccomp=builtin", "apparmor=mine")),
    ("security-option-value", security("label=level:s0:c1,c2", "writable-cgroups=1")),
    ("privileged", '{"privileged": false, "runArgs": ["--privileged=false"]}'),
    ("privileged-overrides", run_args("--privileged", "--security-opt=seccomp=builtin", "--device=/dev/a")),
    ("privileged-overrides", run_args("--privileged=0", "--cap-add=SYS_PTRACE")),
    ("host-namespace", run_args("--network=hosts", "--hostname=host", "--ipc=private", "--userns=keep-id")),
    ("device-mapped", run_args("--gpus=all", "-e", "--device=/dev/fuse")),
    ("no-new-privileges-setuid-bwrap", packs("setuid-bwrap", '"securityOpt": ["no-new-privileges=f"]')),
    ("no-new-privileges-setuid-bwrap", packs("bubblewrap", '"securityOpt": ["no-new-privileges"]')),
    ("relaxation-in-strict-profile", packs("bubblewrap", '"capAdd": ["NET_ADMIN"]')),
    ("relaxation-in-strict-profile", packs("no-setuid-bwrap", '"securityOpt": ["no-new-privileges"]')),
    ("option-repeated", run_args("--cap-add=NET_RAW", "--cap-drop=NET_RAW", "-e=A=1", "-e=A=1")),
    ("option-repeated", run_args("--security-opt=label=user:a", "--security-opt=label=role:b")),
    ("option-conflict", run_args("--cap-drop=ALL", "--cap-add=NET_RAW", "--network=a", "--network=b")),
    ("option-conflict", run_args("--security-opt=label=user:a", "--security-opt=label=role:b")),
    ("option-conflict", '{"containerUser": "${localEnv:USER}", "runArgs": ["--user=dev"]}'),
    ("option-conflict", run_args("-v=a:/x", "-v=a:/x/y", "--mount=type=tmpfs,target=/z", "-v=${env:A:b}:/a")),
    ("platform-conflict", '{"build": {"dockerfile": "D", "options": ["--platform", "linux/arm64/v8"]}, '
     '"runArgs": ["--platform=aarch64"]}'),
    ("platform-conflict", '{"build": {"dockerfile": "D", "options": ["--platform=linux/arm64"]}, '
     '"runArgs": ["--platform=${localEnv:DOCKER_DEFAULT_PLATFORM}"]}'),
    ("docker-socket-mounted", '{"mounts": ["type=volume,source=docker.sock,target=/d"]}'),
    ("docker-socket-mounted", run_args("-v=/home/a/docker.sock.d:/x", "-e=SOCKET=/var/run/docker.sock")),
    ("home-mounted", run_args("-v=${localEnv:HOME}/.m2:/m2", "-v=/home:/h", "-v=home:/home/dev")),
    ("option-conflict", run_args("-v=c:\\\\x:/a", "-v=c:/y:/b", "-v=c:/c", "-v=d:/d:ro")),
    ("home-mounted", run_args("-v=/home/a/b:/c", "--mount=type=volume,source=${localEnv:HOME},target=/h")),
    ("credentials-mounted", run_args("-v=${localEnv:HOME}/.ssh/known_hosts:/k", "-v=keys:/home/dev/.ssh")),
    ("credentials-mounted", run_args("-v=${localEnv:HOME}/.sshx:/x", "-v=${localEnv:HOME}/.ssh/id.pub:/i")),
    ("credentials-mounted", bind("${localWorkspaceFolder}/.aws")),
    ("system-folder-mounted", run_args("-v=/etc/localtime:/etc/localtime:ro", "-v=/run/user/1/bus:/bus")),
    ("root-remote-user", '{"remoteUser": "rooty", "containerUser": "root"}'),
    ("root-remote-user", '{"remoteUser": "${localEnv:USER}"}'),
    ("image-unpinned", '{"image": "ubuntu:24.04"}'),
    ("image-unpinned", f'{{"image": "localhost:5000/ubuntu:latest@sha256:{"0" * 64}"}}'),
    ("image-unpinned", '{"image": "${localEnv:IMAGE}"}'),
    ("image-unpinned", '{"image": "latest:1"}'),
    ("feature-unpinned", '{"features": {"https://example.com/feature.tgz": {}, "git": {}}}'),
    ("feature-unpinned", feature(f"ghcr.io/a/b/c@sha256:{'0' * 64}")),
    ("feature-version-invalid", '{"features": {"ghcr.io/a/b/c:1.2.3-rc.1": {"version": "^18"}}}'),
    ("secret-literal", env("PGPASSWORD", "postgres")),
    ("secret-literal", env("TOKEN", "${localEnv:TOKEN}")),
    ("secret-literal", env("API_KEY", "your-Api-Key-here1")),
    ("secret-literal", env("SECRET", "changeme-2024-Now")),
    ("secret-literal", env("SECRET", "/run/secrets/Token_1")),
    ("secret-literal", env("PUBLIC_KEY_ID", "aB3!defghij")),
    ("secret-literal", env("TOKENIZERS_PARALLELISM", "aB3!defghij")),
    ("secret-literal", '{"secrets": {"API_TOKEN": {"description": "Made_at:https://example.com/A1"}}}'),
    ("secret-token", '{"name": "disk-usage-0123456789abcdefghijkl sk-learn-contrib-packages ghp_short"}'),
    ("secret-token", env("KEY", "AKIAIOSFODNN7EXAMPLE")),
    ("secret-token", env("KEY", "ghp_" + "x" * 36)),
    ("seccomp-profile-unreadable", security("seccomp=builtin", "seccomp=unconfined")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text"), GREEN, ids=[f"{r[0]}-{i}" for i, r in enumerate(GREEN)])
def test_a_near_miss_is_no_mistake(linter: Linter, rule: str, text: str) -> None:
    assert [m.message for m in linter(text) if m.rule == rule] == []


SECCOMP = security("seccomp=seccomp.json")
NO_PROFILE = "seccomp.json is no seccomp profile; look at "
LOOSE = "seccomp.json allows everybody {}, which Docker's own profile does not; tie them to a capability"


def rules(rule: str) -> str:
    """A seccomp profile that allows nothing but what this rule does."""
    return f'{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{{rule}}}]}}'


@pytest.mark.parametrize(
    ("content", "rule", "message"),
    [
        (None, "seccomp-profile-unreadable",
         "the seccomp profile seccomp.json cannot be read: No such file or directory"),
        ("[]", "seccomp-profile-unreadable", NO_PROFILE + "its JSON"),
        ("{}", "seccomp-profile-unreadable", NO_PROFILE + "defaultAction"),
        (rules('"names": 1, "action": ""'), "seccomp-profile-unreadable", NO_PROFILE + "syscalls.0.names"),
        ('{"defaultAction": 1', "seccomp-profile-unreadable", NO_PROFILE + "its JSON"),
        ('{"defaultAction": "SCMP_ACT_LOG"}', "seccomp-default-allow",
         "seccomp.json allows all that it does not name; start from Docker's own profile instead"),
        (rules('"names": ["read", "keyctl", "bpf"], "action": "SCMP_ACT_ALLOW"'), "seccomp-profile-loose",
         LOOSE.format("bpf, keyctl")),
        (rules('"name": "mount", "action": "SCMP_ACT_LOG", "includes": {"arches": ["amd64"]}'),
         "seccomp-profile-loose", LOOSE.format("mount")),
        (rules('"names": ["acct", "bpf", "mount", "reboot", "setns", "umount", "umount2", "unshare"], '
               '"action": "SCMP_ACT_ALLOW"'), "seccomp-profile-loose",
         LOOSE.format("acct, bpf, mount, reboot, setns, umount and 2 more")),
    ],
)  # fmt: skip
def test_a_seccomp_profile_is_read(linter: Linter, content: str | None, rule: str, message: str) -> None:
    if content is not None:
        linter.files["seccomp.json"] = content
    [found] = linter(SECCOMP)
    assert (found.rule, found.message) == (rule, message)
    assert SECCOMP[found.start.offset : found.end.offset] == '"seccomp=seccomp.json"'


@pytest.mark.parametrize(
    "rule",
    [
        '"names": ["read", "ptrace"], "action": "SCMP_ACT_ALLOW"',
        '"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}',
        '"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288}]',
        '"names": ["mount"], "action": "SCMP_ACT_ERRNO"',
    ],
)
def test_a_seccomp_profile_no_looser_than_dockers_is_no_mistake(linter: Linter, rule: str) -> None:
    linter.files["seccomp.json"] = rules(rule)
    assert linter(SECCOMP) == []


def test_a_seccomp_profile_is_found_by_its_resolved_name(linter: Linter) -> None:
    linter.files["seccomp/seccomp.json"] = '{"defaultAction": "SCMP_ACT_ALLOW"}'
    name = "${localWorkspaceFolder}/seccomp/seccomp.json"
    for text in (run_args(f"--security-opt=seccomp={name}"), run_args("--security-opt", f"seccomp={name}")):
        assert [m.rule for m in linter(text)] == ["seccomp-default-allow"]


@pytest.mark.parametrize(
    "name", ["/etc/docker/seccomp.json", "../seccomp.json", "${localEnv:PROFILES}/s.json"]
)
def test_a_seccomp_profile_of_the_machine_is_left_alone(linter: Linter, name: str) -> None:
    assert linter(security(f"seccomp={name}")) == []


def test_a_seccomp_profile_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    file = tmp_path / ".devcontainer.json"
    for name in ("pipe.json", "folder.json", "endless.json"):
        file.write_text(security(f"seccomp={name}"))
        reading = read_profile("default", file, tmp_path, {})
        assert reading.profile is not None
        assert [m.rule for m in lint(reading.profile, reading.document)] == ["seccomp-profile-unreadable"]


def test_the_other_place_of_a_contradiction_is_shown(linter: Linter) -> None:
    text = '{\n  "containerUser": "node",\n  "runArgs": ["--user=dev"]\n}'
    [found] = linter(text)
    [related] = found.related
    assert (related.position.line, related.position.column, related.note) == (2, 20, "user=node stands here")


def test_a_secret_is_never_shown(linter: Linter, tmp_path: Path) -> None:
    secrets = (GITHUB, "Tr0ub4dor&3", "0a1b2c3d4e5f60718293")
    text = (
        f'{{ // {secrets[0]}\n  "image": "ubuntu", "containerEnv": {{"DB_PASSWORD": "{secrets[1]}"}},\n'
        f'  "runArgs": ["--privileged", "-e", "API_KEY={secrets[2]}"]\n}}'
    )
    found = linter(text)
    assert {"secret-token", "secret-literal", "image-unpinned", "privileged"} <= {m.rule for m in found}
    file = tmp_path / ".devcontainer" / "devcontainer.json"
    document = read_profile("default", file, tmp_path, {}).document
    source = redacted(document)
    shown = "\n".join(render(source, diagnostic) for diagnostic in found)
    for secret in secrets:
        assert secret in text
        assert secret not in shown
        assert secret not in source.text
    # Every place stays where it was.
    assert source.line_starts == document.source.line_starts
    assert len(source.text) == len(document.text)
    assert '"image": "ubuntu"' in source.text


def test_the_findings_do_not_depend_on_who_asks(tmp_path: Path) -> None:
    file = tmp_path / ".devcontainer.json"
    file.write_text(run_args("--platform=${localEnv:P}", "-v=${localEnv:HOME}:/h", "--cap-add=${localEnv:C}"))
    found = []
    for environment in ({}, {"P": "linux/arm64", "HOME": "/home/alex", "C": "NO_SUCH"}):
        reading = read_profile("default", file, tmp_path, environment)
        assert reading.profile is not None
        found.append(list(lint(reading.profile, reading.document)))
    assert [m.rule for m in found[0]] == ["home-mounted"]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"mounts": [""], "workspaceMount": ""}',
        '{"mounts": [{"type": "bind", "target": "/x"}]}',
        '{"features": {"": {}}}',
        '{"securityOpt": [""], "capAdd": [""], "image": ""}',
        run_args("-v=", "-u=", "-it", "-e", "A"),
        run_args("--mount=a\\nb", "--security-opt==", "--security-opt=:", "--network="),
    ],
)
def test_no_lint_fails_on_what_makes_little_sense(linter: Linter, text: str) -> None:
    assert all(diagnostic.message for diagnostic in linter(text))


@pytest.mark.parametrize(
    "content",
    ["", "\x00", '{"defaultAction": [], "syscalls": 1}', '{"defaultAction": "x", "syscalls": {"a": 1}}',
     '{"defaultAction": "x", "syscalls": [1, null, {"names": 1, "action": "SCMP_ACT_ALLOW"}]}',
     '{"defaultAction": "x", "syscalls": [{"names": [[]], "action": [], "includes": 1}]}',
     '{"defaultAction": "x", "syscalls": [{"names": [[]], "action": "SCMP_ACT_ALLOW", "includes": []}]}'],
)  # fmt: skip
def test_no_seccomp_profile_makes_a_lint_fail(linter: Linter, content: str) -> None:
    linter.files["seccomp.json"] = content
    assert {diagnostic.rule for diagnostic in linter(SECCOMP)} <= {"seccomp-profile-unreadable"}


def test_a_large_configuration_is_linted_in_linear_time(linter: Linter) -> None:
    def seconds(count: int) -> float:
        text = run_args(
            *(f"--cap-add=CAP{n}" for n in range(3)), *["-v=a:/b", "-e=A_TOKEN=" + "sk-" * 20] * count
        )
        begin = time.perf_counter()
        linter(text)
        return time.perf_counter() - begin

    seconds(10)
    assert seconds(2000) < 30 * max(seconds(200), 0.01)


def _own_profiles() -> Iterator[str]:
    return (file.name for file in sorted((ROOT / ".devcontainer").glob("devcontainer*.json")))


@pytest.mark.parametrize("name", list(_own_profiles()))
def test_this_repositorys_own_profiles_are_clean(name: str) -> None:
    reading = read_profile("own", ROOT / ".devcontainer" / name, ROOT, {})
    assert reading.profile is not None
    assert list(lint(reading.profile, reading.document)) == []


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ('"containerEnv": {"CODEX_UNSAFE_ALLOW_NO_SANDBOX": "1"}', 1),
        ('"remoteEnv": {"CODEX_UNSAFE_ALLOW_NO_SANDBOX": "true"}', 1),
        ('"containerEnv": {"CODEX_UNSAFE_ALLOW_NO_SANDBOX": ""}', 0),
        ('"containerEnv": {"OTHER": "CODEX_UNSAFE_ALLOW_NO_SANDBOX"}', 0),
    ],
)
@pytest.mark.parametrize("walls", [True, False])
def test_a_sandbox_that_is_switched_off_is_a_mistake_where_walls_are_down_for_it(
    linter: Linter, more: str, found: int, *, walls: bool
) -> None:
    arguments = '"--security-opt=seccomp=unconfined"' if walls else '"--init"'
    mistakes = linter(f'{{"runArgs": [{arguments}], {more}}}')
    assert [m.rule for m in mistakes].count("agent-sandbox-off") == (found if walls else 0)


def test_a_variable_of_the_run_arguments_switches_off_too(linter: Linter) -> None:
    for written in ('"-e", "CODEX_UNSAFE_ALLOW_NO_SANDBOX=1"', '"--env=CODEX_UNSAFE_ALLOW_NO_SANDBOX"'):
        mistakes = linter(f'{{"runArgs": ["--cap-add=SYS_ADMIN", {written}]}}')
        assert "agent-sandbox-off" in [m.rule for m in mistakes]
