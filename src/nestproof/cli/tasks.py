"""The Invoke tasks: `from nestproof.tasks import ns` in a repository's own tasks.py makes them its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from invoke.collection import Collection

from nestproof.cli.arguments import TakesWords
from nestproof.cli.check_tasks import checks
from nestproof.cli.node_tasks import nodes
from nestproof.cli.options import (
    ALLOW_UNVERIFIED,
    BIND_WORKSPACE,
    CONTAINERS,
    EGRESS,
    JSON,
    NO_EVIDENCE,
    NODE,
    PLATFORM,
    PROBE,
    PROFILE,
    RESULT,
    SARIF,
    STRICT,
    TRUST_BASE,
    VM,
    Option,
    command,
    output_of,
    request_of,
    trust_of,
)

_PLATFORM = Option("platform", "linux/amd64 or linux/arm64 (default: the engine's own)")


@command(PROFILE, PLATFORM, JSON, SARIF, STRICT, NODE, VM, BIND_WORKSPACE, *RESULT, *CONTAINERS)
def validate(_: object, **given: Any) -> None:
    """Prove everything that this machine can show: files, builds, smoke runs."""
    from nestproof.cli.commands import run_checks

    run_checks(request_of(given), output_of(given))


@command(
    PROFILE,
    PLATFORM,
    NODE,
    Option("push", "push to this reference, which may hold {profile}, {platform} and {arch}"),
    Option("output", "write an OCI archive: oci:PATH, where PATH may hold the same words"),
    Option("dry_run", "print the command lines, which work when pasted, and do nothing", False),
    JSON,
    *RESULT,
    TRUST_BASE,
)
def build(_: object, profile: list[str], platform: list[str], **given: Any) -> None:
    """Build the profiles' images with docker buildx, and publish them if told to."""
    from nestproof.build.matrix import BuildRequest
    from nestproof.cli import commands

    where = {name: given[name] for name in ("push", "output", "node")}
    run = commands.plan_build if given["dry_run"] else commands.build
    run(BuildRequest(tuple(profile), tuple(platform), **where), output_of(given), trust_of(given))


@command(PROFILE, PLATFORM, PROBE, JSON, NODE, VM, BIND_WORKSPACE, *RESULT, *CONTAINERS)
def smoke(_: object, **given: Any) -> None:
    """Run every probe in a container of each profile, built first if need be."""
    from nestproof.cli.commands import run_checks

    run_checks(request_of(given, steps=("build", "smoke")), output_of(given))


@command(
    Option("profile", "profile to open (default: default)", "default"),
    _PLATFORM,
    NODE,
    BIND_WORKSPACE,
    EGRESS,
)
def shell(_: object, profile: str, platform: str, node: str, **given: Any) -> None:
    """Open a terminal in a container of a profile; the container is gone when you leave."""
    from nestproof.cli.commands import open_shell

    open_shell(profile, platform, node, trust_of(given))


@command(
    PROFILE,
    _PLATFORM,
    Option("fresh", "repeat the experiments that are known from this host", False),
    replace(VM, help="try it in a virtual machine with a kernel of its own (see node.up)"),
    Option("update_lock", "write the results into the privilege lock where a reason is missing", False),
    Option("suggest", "try what would make a failing profile pass, and which system calls it needs", False),
    BIND_WORKSPACE,
    Option("residual", "try what root, a user and a sandboxed command can do there", False),
    JSON,
    *RESULT,
    EGRESS,
    TRUST_BASE,
)
def justify(_: object, **given: Any) -> None:
    """Remove each relaxation in turn: find the needed ones, and the smallest sets that work."""
    from nestproof.cli.justify import answer
    from nestproof.justify.study import JustifyRequest

    named = {name: given[name] for name in ("platform", "fresh", "vm", "update_lock")}
    request = JustifyRequest(tuple(given["profile"]), trust=trust_of(given), **named)
    answer(request, output_of(given), suggestions=given["suggest"], attempts=given["residual"])


@command(
    Option("merge", "evidence file of a machine; more may follow (default: the last run here)", []),
    Option("more", default=[]),
    Option("format", "terminal, markdown, html, junit, sarif or json (default: terminal, json if merging)"),
    Option("output", "write it into this file"),
    klass=TakesWords,
)
def report(_: object, merge: list[str], more: list[str], format: str, output: str) -> None:
    """Draw the last run, or runs of several machines, as text, a page or for CI."""
    from nestproof.cli.commands import report

    report([*merge, *more], format, output)


@command(
    Option(
        "update", "write into the lock what the profiles ask for, with reasons for a person to replace", False
    ),
    Option("base", "a revision, such as origin/main: show what came and went since the merge base", None),
    Option("json", "print the answer as JSON", False),
)
def privileges(_: object, update: bool, base: str | None, json: bool) -> None:
    """Show each profile's relaxations of Docker's defaults, with reasons and risks."""
    from nestproof.cli.commands import print_privileges

    print_privileges(update, base, json)


@command(
    Option("dry_run", "show the same table, and write nothing", False),
    Option("force", "also overwrite the workflow and update the lock; other files stay", False),
    Option(
        "source",
        "the source that pip installs nestproof from, such as git+https://… (default: this one)",
    ),
)
def init(_: object, dry_run: bool, force: bool, source: str) -> None:
    """Set nestproof up in this repository: a configuration, a privilege lock, a Nox session, a workflow."""
    from nestproof.cli.commands import init_repository

    init_repository(dry_run, force, source)


@command(
    Option("agent", "hold a session of this agent with a scripted model instead; may be given twice", []),
    JSON,
    ALLOW_UNVERIFIED,
    NO_EVIDENCE,
)
def doctor(_: object, **given: Any) -> None:
    """Test whether an agent's sandbox works on this machine or in this container, and for whom."""
    from nestproof.cli.commands import examine_machine

    examine_machine(output_of(given), given["agent"] or None)


@command(PROFILE, PLATFORM, JSON, NODE, VM, BIND_WORKSPACE, *RESULT, *CONTAINERS)
def agents(_: object, **given: Any) -> None:
    """Show what each agent does when a model tells it to run a command, in a profile or on this machine."""
    from nestproof.cli.commands import examine_machine, run_checks
    from nestproof.smoke.plan import AGENTS

    if not given["profile"]:
        examine_machine(output_of(given), ())
    run_checks(request_of({**given, "probe": [AGENTS]}, steps=("build", "smoke")), output_of(given))


@command(
    Option("dry_run", "show the list, and allow nothing", False),
    Option("revoke", "forget all that was allowed for this folder", False),
)
def trust(_: object, dry_run: bool, revoke: bool) -> None:
    """Show what this repository asks for of this machine, and allow exactly that."""
    from nestproof.cli.trust import change_trust

    change_trust(revoke=revoke, dry_run=dry_run)


ns = Collection(validate, build, smoke, agents, shell, justify, report, privileges, init, doctor, trust)
ns.add_collection(checks)
ns.add_collection(nodes)
