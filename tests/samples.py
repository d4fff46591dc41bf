"""Evidence to draw: two machines, all five verdicts, and an outcome in which everything is hostile."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from nestproof.core.diagnostics import Diagnostic, Finding
from nestproof.core.outcome import Observation, Outcome, Status, Target, count
from nestproof.core.source import Source
from nestproof.engine.client import EngineFacts
from nestproof.reports import evidence
from nestproof.reports.evidence import Evidence
from nestproof.reports.records import outcome_record

DEFAULT, SECURE = Target("default", "linux/amd64"), Target("secure", "linux/amd64")
ARM = Target("secure", "linux/arm64")

NASTY = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>"
    "`````\n```\n# heading\n::error file=x::injected\n##[error]injected\n@everyone #1 | cell ]]>"
    "\x00\x0b\ufffe\uffff \udcff \u202ereversed\u2066 &amp; {{ 7*7 }} {% raw %} ${x} $(id)"
)
"""Escape sequences, markup of every format, workflow commands, what XML cannot hold, half a character."""

SOURCE = Source.of(".devcontainer/devcontainer.json", '{\n  "runArgs": ["--privileged"] // ::error::x\n}\n')
MISTAKE = Diagnostic("privileged", "error", "a lint, with words", SOURCE.position(16), SOURCE.position(30))


def observed(stdout: str = "", stderr: str = "", status: int | None = 0, seconds: float = 0.2) -> Observation:
    return Observation(("sh", "probe.sh"), status, stdout, stderr, seconds)


OUTCOMES = (
    Outcome("check.json", Status.PASS, ".devcontainer/devcontainer.json: one JSON value, jq agrees"),
    Outcome(
        "check.lint",
        Status.FAIL,
        ".devcontainer/devcontainer.json:2:15: a lint, with words",
        findings=(Finding.of(SOURCE, MISTAKE, "take it out"),),
    ),
    Outcome("build", Status.PASS, "it is built", DEFAULT, observation=observed(seconds=3.0)),
    Outcome("smoke.users", Status.PASS, "vscode: exists, not root", DEFAULT, observation=observed()),
    Outcome(
        "smoke.apparmor",
        Status.UNVERIFIED,
        "this kernel has no AppArmor",
        DEFAULT,
        "it was built without",
        "run this on a host with AppArmor",
        observed("unconfined\n"),
    ),
    Outcome("build", Status.PASS, "it is built", SECURE, observation=observed(seconds=5.0)),
    Outcome(
        "smoke.bwrap-pidns",
        Status.FAIL,
        "bwrap: pivot_root: Operation not permitted",
        SECURE,
        "Docker's seccomp profile refuses pivot_root (seccomp)",
        'add "--security-opt=seccomp=unconfined" to runArgs',
        observed("control: outside, the process can be signalled\n", "bwrap: pivot_root\n", 1),
    ),
    Outcome(
        "smoke.bwrap-proc",
        Status.DEGRADED,
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
        SECURE,
        "declared: Codex retries without --proc",
        observation=observed("control: the sandbox works without --proc\n", "bwrap: Can't mount proc\n", 1),
    ),
    Outcome("smoke.codex-version", Status.PASS, "codex-cli 0.120.0", SECURE, observation=observed()),
    Outcome("smoke.codex-sandbox", Status.ERROR, "not asked: the engine was lost", SECURE),
    Outcome(
        "smoke.own",
        Status.FAIL,
        f"summary {NASTY}",
        ARM,
        f"cause {NASTY}",
        f"fix {NASTY}",
        Observation(("sh", "-c", NASTY), None, f"stdout {NASTY}", f"stderr {NASTY}", 0.5),
    ),
)

HOST = evidence.Host(
    kernel="Linux 6.1.0", operating_system="Debian 12", machine="x86_64", lsms=("apparmor",), python="3.11.2"
)
ENGINE = EngineFacts(
    address="unix:///var/run/docker.sock",
    version="20.10.24",
    operating_system="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1.0",
    platform="linux/amd64",
    storage_driver="overlay2",
    security_options=("name=apparmor", "name=seccomp,profile=default"),
    cgroup_version="2",
    several_platforms=False,
    product="Docker",
    default_capabilities=("CHOWN", "KILL"),
)
RELAXATION = evidence.Relaxation(
    relaxation="cap-add=SYS_ADMIN",
    rank="critical",
    allows="mount file systems and do most of what the kernel asks root for",
    source="capabilities(7)",
    standing="in the lock",
    reason="setuid bwrap demands it, for unshare, mount and pivot_root",
)


def a_run(*outcomes: Outcome, **more: object) -> evidence.Run:
    """A run of these outcomes, one after the other; `more` are properties that are to be others."""
    records, now = [], 0.0
    for outcome in outcomes:
        seconds = outcome.observation.seconds if outcome.observation else 0.01
        records.append(outcome_record(outcome, now, seconds, {"default": SOURCE.name}))
        now += seconds
    seen = count(outcomes)
    made = evidence.Run(
        nestproof="0.2.0",
        began="2026-01-02T03:04:05+00:00",
        seconds=round(now, 3),
        interrupted=False,
        trouble=None,
        exit_code=1,
        counts={status: seen[status] for status in Status},
        fingerprint=evidence.fingerprint(HOST, ENGINE),
        host=HOST,
        engine=ENGINE,
        binfmt={"qemu-aarch64": "PF"},
        revision=evidence.Revision(commit="0" * 40, changed=False),
        profiles=(
            evidence.Profile(name="default", file=SOURCE.name, trouble=None, relaxations=()),
            evidence.Profile(
                name="secure",
                file=".devcontainer/devcontainer.secure.json",
                trouble=None,
                relaxations=(RELAXATION,),
            ),
        ),
        targets=(
            evidence.Target(
                profile="secure",
                platform="linux/amd64",
                image="sha256:" + "1" * 64,
                run_args=("--cap-add=SYS_ADMIN",),
                create={"HostConfig": {"CapAdd": ["SYS_ADMIN"]}},
                facts={"Seccomp": "0"},
            ),
        ),
        outcomes=tuple(records),
    )
    return made.model_copy(update=more)


def remote(*outcomes: Outcome) -> evidence.Run:
    """A run on another machine, at another time."""
    host = HOST.model_copy(update={"lsms": ("apparmor", "bpf"), "kernel": "Linux 6.12.0"})
    engine = replace(ENGINE, kernel="6.12.0", version="26.1.5")
    return a_run(
        *outcomes,
        host=host,
        engine=engine,
        fingerprint=evidence.fingerprint(host, engine),
        began="2026-01-03T03:04:05+00:00",
    )


JUSTIFICATION: dict[str, JsonValue] = {
    "profiles": [
        {
            "profile": "secure",
            "platform": "linux/amd64",
            "relaxations": [
                {
                    "relaxation": "cap-add=SYS_ADMIN",
                    "need": "needed",
                    "probes": ["bwrap-userns", "bwrap-slave", "bwrap-pivot", "bwrap-pidns", "bwrap-netns"],
                    "error": "bwrap: capset failed: Operation not permitted",
                    "check": "mount asks for it",
                    "source": "fs/namespace.c, may_mount",
                },
                {"relaxation": "security-opt=apparmor=unconfined", "need": "unverified", "probes": []},
            ],
            "minimal": [{"bwrap": "not setuid", "sets": [["security-opt=seccomp=unconfined"], []]}],
        }
    ],
    "residual": [
        {
            "profile": "secure",
            "platform": "linux/amd64",
            "attempts": [
                {"what": "mount a tmpfs", "takes": "SYS_ADMIN", "who": "root", "could": "can"},
                {"what": "mount a tmpfs", "takes": "SYS_ADMIN", "who": "vscode", "could": "cannot"},
            ],
        }
    ],
}
EVERYTHING = Evidence(runs=(a_run(*OUTCOMES, justification=JUSTIFICATION),))
TWO_MACHINES = Evidence(
    runs=(
        a_run(*OUTCOMES),
        remote(Outcome("smoke.apparmor", Status.PASS, "docker-default (enforce)", DEFAULT)),
    )
)
CUT_SHORT = Evidence(
    runs=(a_run(OUTCOMES[0], interrupted=True, trouble="the engine was lost\nfor good", exit_code=4),)
)
