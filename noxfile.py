"""Pipelines in clean environments: `nox --list`. Arguments after `--` go on to the command inside."""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.error_on_missing_interpreters = True

SHELL_SCRIPTS = (
    "scripts/bootstrap",
    "scripts/engine",
    "scripts/base-image",
    "scripts/chromium",
    "scripts/devcontainer",
    "scripts/goss",
    "scripts/peers",
    "scripts/podman",
    "scripts/vm",
    "scripts/vm-image",
    "scripts/vm-init",
    ".ci/run",
)


def install(session: nox.Session, lock: str) -> None:
    """The locked dependencies, and nestproof as it is here."""
    session.install("--quiet", "--require-hashes", "--only-binary", ":all:", "-r", f"requirements/{lock}.txt")
    session.install("--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")


def run_validate(session: nox.Session, *arguments: str) -> None:
    """Run nestproof: any exit code but 0 fails the session, 3 (unverified) too; its last line says why."""
    install(session, "runtime")
    # Whoever starts this session runs the repository's code already.
    session.run("nestproof", "validate", *arguments, *session.posargs, env={"NESTPROOF_TRUST": "1"})


@nox.session
def default_amd64(session: nox.Session) -> None:
    """The default profile on linux/amd64."""
    run_validate(session, "--profile", "default", "--platform", "linux/amd64")


@nox.session
def default_arm64(session: nox.Session) -> None:
    """The default profile on linux/arm64."""
    run_validate(session, "--profile", "default", "--platform", "linux/arm64")


@nox.session
def secure_amd64(session: nox.Session) -> None:
    """The secure profile on linux/amd64."""
    run_validate(session, "--profile", "secure", "--platform", "linux/amd64")


@nox.session
def secure_arm64(session: nox.Session) -> None:
    """The secure profile on linux/arm64."""
    run_validate(session, "--profile", "secure", "--platform", "linux/arm64")


@nox.session(default=False)
def secure_apparmor(session: nox.Session) -> None:
    """The secure profile and each refusal of a kernel with AppArmor, in a virtual machine."""
    run_validate(session, "--profile", "secure", "--platform", "linux/amd64", "--vm")
    install(session, "dev")
    session.run("pytest", "tests/vm")


@nox.session(default=False)
def podman(session: nox.Session) -> None:
    """The whole proof on a Podman of its own (scripts/podman), and each of its differences."""
    install(session, "dev")
    session.run("pytest", "tests/podman", *session.posargs)


@nox.session(default=False)
def matrix(session: nox.Session) -> None:
    """Both profiles on both platforms; `-- --vm`: each in a virtual machine of its own."""
    run_validate(session, "--platform", "linux/amd64", "--platform", "linux/arm64")


@nox.session
def validate(session: nox.Session) -> None:
    """The whole proof for this machine: both profiles on its native platform."""
    run_validate(session)


@nox.session(default=False)
def justify(session: nox.Session) -> None:
    """The secure profile's relaxations, each tried without; `-- --suggest` and `-- --residual` ask more."""
    install(session, "runtime")
    trusted = {"NESTPROOF_TRUST": "1"}
    session.run("nestproof", "justify", "--profile", "secure", *session.posargs, env=trusted)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, formatting, the layers between the packages, shellcheck."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("shellcheck", "--external-sources", *SHELL_SCRIPTS)
    session.run("shellcheck", "--shell=sh", *session_probes())


def session_probes() -> list[str]:
    """The scripts of probes and of the firewall's questions, which any POSIX shell must be able to run."""
    from pathlib import Path

    packages = (Path("src/nestproof") / name for name in ("probes", "egress"))
    return [str(script) for one in packages for script in sorted((one / "scripts").glob("*.sh"))]


@nox.session
def typecheck(session: nox.Session) -> None:
    """Strict mypy over sources, tests and this file."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """pytest; `nox -s tests -- -m "not docker"` needs no engine."""
    install(session, "dev")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Write the references that are made from the code."""
    install(session, "runtime")
    session.run("python", "docs/reference.py")


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """All readers on random bytes, guided by coverage; `nox -s fuzz -- --seconds 3600 --keep`."""
    install(session, "dev")
    locked = ("--require-hashes", "--only-binary", ":all:", "-r", "requirements/fuzz.txt")
    session.install("--quiet", *locked)
    if not session.posargs:
        # Held against jq, too.
        session.run("python", "tests/unit/devcontainer/fuzz_jsonc.py", "--seconds", "30")
    session.run("python", "-m", "tests.trust.fuzz", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The cost of the proof and the checks, side by side with what they are compared with."""
    install(session, "dev")
    session.run("python", "benchmarks/validate.py")
    session.run("python", "benchmarks/build.py")
    session.run("python", "benchmarks/smoke.py")
    session.run("python", "benchmarks/sessions.py")
    session.run("python", "benchmarks/justify.py")
    session.run("python", "benchmarks/checks.py")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Resolve the dependencies anew into requirements/; hashes, and no download addresses."""
    session.install("uv")
    resolve = ("uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11")
    quiet = ("--generate-hashes", "--no-annotate", "--no-header", "--no-config", "--upgrade", "--quiet")
    session.run(*resolve, *quiet, "--group", "dev", "--output-file", "requirements/dev.txt")
    constrained = ("--constraint", "requirements/dev.txt", "--group", "build")
    session.run(*resolve, *quiet, *constrained, "--output-file", "requirements/runtime.txt")
    alone = ("uv", "pip", "compile", "--group", "fuzz", "--universal", "--python-version", "3.11")
    session.run(*alone, *quiet, "--output-file", "requirements/fuzz.txt")
