"""The Invoke tasks: `from nestproof.tasks import ns` in a repository's own tasks.py makes them its own."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from nestproof.cli.arguments import TakesWords
from nestproof.cli.check_tasks import checks
from nestproof.cli.help import KEEP, LAST, NODE, ON_AN_ENGINE, OUTPUT, PROBE, PROFILE, SARIF, STRICT, VM
from nestproof.cli.node_tasks import nodes

_BUILD = {
    "push": "push to this reference, which may hold {profile}, {platform} and {arch}",
    "output": "oci:PATH writes an OCI archive there instead; PATH may hold the same",
    "dry-run": "print the command lines, which work when pasted, and do nothing",
}


@task(iterable=["profile", "platform"], help={**ON_AN_ENGINE, **SARIF, **STRICT, **VM})
def validate(
    _: Context,
    profile: list[str],
    platform: list[str],
    json: bool = False,
    sarif: bool = False,
    strict: bool = False,
    node: str = "",
    vm: bool = False,
    allow_unverified: bool = False,
    evidence: str = LAST,
) -> None:
    """The whole proof for this machine: files, builds, smoke runs."""
    from nestproof.cli.commands import run_checks
    from nestproof.cli.run_output import Output
    from nestproof.pipeline import ValidateRequest

    request = ValidateRequest(tuple(profile), tuple(platform), strict=strict, node=node, vm=vm)
    run_checks(request, Output(json, sarif, allow_unverified, evidence))


@task(iterable=["profile", "platform"], help={**ON_AN_ENGINE, **_BUILD})
def build(
    _: Context,
    profile: list[str],
    platform: list[str],
    node: str = "",
    push: str = "",
    output: str = "",
    dry_run: bool = False,
    json: bool = False,
    allow_unverified: bool = False,
    evidence: str = LAST,
) -> None:
    """Build the profiles' images with docker buildx, and publish them if told to."""
    from nestproof.build.matrix import BuildRequest
    from nestproof.cli import commands
    from nestproof.cli.run_output import Output

    request = BuildRequest(tuple(profile), tuple(platform), push, output, node)
    enter = commands.plan_build if dry_run else commands.build
    enter(request, Output(json, allow_unverified=allow_unverified, evidence=evidence))


@task(iterable=["profile", "platform", "probe"], help={**ON_AN_ENGINE, **VM, "probe": PROBE})
def smoke(
    _: Context,
    profile: list[str],
    platform: list[str],
    probe: list[str],
    json: bool = False,
    node: str = "",
    vm: bool = False,
    allow_unverified: bool = False,
    evidence: str = LAST,
) -> None:
    """Ask every probe in a container of each profile, built first if need be."""
    from nestproof.cli.commands import run_checks
    from nestproof.cli.run_output import Output
    from nestproof.pipeline import ValidateRequest

    steps = ("build", "smoke")
    request = ValidateRequest(tuple(profile), tuple(platform), steps, tuple(probe), node=node, vm=vm)
    run_checks(request, Output(json, allow_unverified=allow_unverified, evidence=evidence))


@task(
    help={
        "profile": "profile to open (default: default)",
        "platform": "its platform (default: the engine's own)",
        "node": NODE,
    }
)
def shell(_: Context, profile: str = "default", platform: str = "", node: str = "") -> None:
    """An interactive terminal in a container of a profile; it is gone when you leave."""
    from nestproof.cli.commands import open_shell

    open_shell(profile, platform, node)


@task(
    help={
        "update": "write into the lock what the profiles ask for, with reasons for a person to replace",
        "base": "a revision, such as origin/main: what came and went since the merge base; 1 if any came",
        "json": "print the answer as JSON",
    }
)
def privileges(_: Context, update: bool = False, base: str | None = None, json: bool = False) -> None:
    """What each profile may have beyond Docker's defaults, why, and what that allows an attacker."""
    from nestproof.cli.commands import print_privileges

    print_privileges(update, base, json)


@task(
    help={
        "dry-run": "show the same table, and write nothing",
        "force": "also write the workflow anew, and bring the lock up to date; all else is yours and stays",
        "source": "the source that pip installs nestproof from, such as git+https://… (default: its own)",
    }
)
def init(_: Context, dry_run: bool = False, force: bool = False, source: str = "") -> None:
    """Set nestproof up in this repository: a configuration, a privilege lock, a Nox session, a workflow."""
    from nestproof.cli.commands import init_repository

    init_repository(dry_run, force, source)


@task(help={**OUTPUT, **KEEP})
def doctor(_: Context, json: bool = False, allow_unverified: bool = False, evidence: str = "") -> None:
    """Can an agent's sandbox work on this machine, or in this container; for whom; if not, why?"""
    from nestproof.cli.commands import examine_machine
    from nestproof.cli.run_output import Output

    examine_machine(Output(json, allow_unverified=allow_unverified, evidence=evidence))


@task(
    klass=TakesWords,
    iterable=["merge", "more"],
    help={
        "merge": "evidence of a machine, more of it may follow (default: that of the last run here)",
        "format": "terminal, markdown, html, junit, sarif or json (default: terminal, json when merging)",
        "output": "write it into this file",
    },
)
def report(_: Context, merge: list[str], more: list[str], format: str = "", output: str = "") -> None:
    """The evidence of the last run, or of several machines, as a page, for a pull request or for CI."""
    from nestproof.cli.commands import report

    report([*merge, *more], format, output)


_JUSTIFY = {
    "profile": PROFILE,
    "platform": "linux/amd64 or linux/arm64 (default: the engine's own)",
    "fresh": "try everything again, also what is known from this host",
    "vm": "try it in a guest with a kernel of its own, started if need be (see node.up)",
    "residual": "what root, a user and a sandboxed command can do there, tried, as a table",
    "suggest": "what would make a failing profile pass; which denied system calls a sandbox needs",
    "update-lock": "write what is shown into the privilege lock where a reason is still wanted",
    **OUTPUT,
    **KEEP,
}


@task(iterable=["profile"], help=_JUSTIFY)
def justify(
    _: Context,
    profile: list[str],
    platform: str = "",
    fresh: bool = False,
    vm: bool = False,
    update_lock: bool = False,
    suggest: bool = False,
    residual: bool = False,
    json: bool = False,
    allow_unverified: bool = False,
    evidence: str = LAST,
) -> None:
    """Is each relaxation needed? It is taken away, and probes break or not; and which smallest sets work?"""
    from nestproof.cli.justify import answer
    from nestproof.cli.run_output import Output
    from nestproof.justify.study import JustifyRequest

    request = JustifyRequest(tuple(profile), platform, fresh, vm, update_lock)
    shown = Output(json, allow_unverified=allow_unverified, evidence=evidence)
    answer(request, shown, suggestions=suggest, attempts=residual)


ns = Collection(validate, build, smoke, shell, justify, report, privileges, init, doctor)
ns.add_collection(checks)
ns.add_collection(nodes)
