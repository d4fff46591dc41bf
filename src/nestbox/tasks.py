"""The Invoke tasks: `from nestbox.tasks import ns` in a repository's own tasks.py makes them its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from nestbox.arguments import TakesWords

_PROFILE = "profile to prove; may be given more than once (default: all)"
_PLATFORM = "linux/amd64 or linux/arm64; may be given more than once (default: the engine's own)"
_PROBE = "ask this one only; may be given more than once"
_OUTPUT = {
    "json": "print the evidence as JSON on stdout; progress goes to stderr",
    "allow-unverified": "exit 0 although something is unverified; the last line says how much",
}
_KEEP = {"evidence": "keep the evidence in this file, as the run goes"}
_LAST = ".nestbox/evidence.json"
_SARIF = {"sarif": "print what was found as SARIF 2.1.0 on stdout; progress goes to stderr"}
_STRICT = {"strict": "a trailing comma, which the specification forbids and clients take, is an error"}
_VM = {"vm": "smoke in a guest with a kernel of its own, started if need be (see node.up)"}
_NODE = "the node to ask, by its name (default: the truest for each platform; see node.list)"
_ON_AN_ENGINE = {"profile": _PROFILE, "platform": _PLATFORM, "node": _NODE, **_OUTPUT, **_KEEP}
_BUILD = {
    "push": "push to this reference, which may hold {profile}, {platform} and {arch}",
    "output": "oci:PATH writes an OCI archive there instead; PATH may hold the same",
    "dry-run": "print the command lines, which work when pasted, and do nothing",
}
_OF_FILES = {"profile": _PROFILE, **_OUTPUT, **_SARIF, **_KEEP}
_DIFF = {
    "staged": "only what is staged, as for a commit hook",
    "base": "everything since the merge base with this revision, such as origin/main",
}


@task(iterable=["profile", "platform"], help={**_ON_AN_ENGINE, **_SARIF, **_STRICT, **_VM})
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
    evidence: str = _LAST,
) -> None:
    """The whole proof for this machine: files, builds, smoke runs."""
    from nestbox.door import Output, prove
    from nestbox.validate import Request

    request = Request(Path.cwd(), tuple(profile), tuple(platform), strict=strict, node=node, vm=vm)
    prove(request, Output(json, sarif, allow_unverified, evidence))


@task(name="all", default=True, iterable=["profile"], help={**_OF_FILES, **_STRICT})
def check_all(
    _: Context,
    profile: list[str],
    json: bool = False,
    sarif: bool = False,
    strict: bool = False,
    allow_unverified: bool = False,
    evidence: str = _LAST,
) -> None:
    """All checks of the files, which need no engine."""
    from nestbox.door import Output, prove
    from nestbox.validate import CHECKS, Request

    prove(
        Request(Path.cwd(), tuple(profile), steps=CHECKS, strict=strict),
        Output(json, sarif, allow_unverified, evidence),
    )


@task(name="json", iterable=["profile"], help={**_OF_FILES, **_STRICT})
def check_json(
    _: Context,
    profile: list[str],
    json: bool = False,
    sarif: bool = False,
    strict: bool = False,
    allow_unverified: bool = False,
    evidence: str = "",
) -> None:
    """Are the devcontainer files JSON once their comments are stripped?"""
    from nestbox.door import Output, prove
    from nestbox.validate import Request

    request = Request(Path.cwd(), tuple(profile), steps=("check.json",), strict=strict)
    prove(request, Output(json, sarif, allow_unverified, evidence))


def _file_check(name: str, question: str) -> Task[Callable[..., None]]:
    def ask(
        _: Context,
        profile: list[str],
        json: bool = False,
        sarif: bool = False,
        allow_unverified: bool = False,
        evidence: str = "",
    ) -> None:
        from nestbox.door import Output, prove
        from nestbox.validate import Request

        request = Request(Path.cwd(), tuple(profile), steps=(f"check.{name}",))
        prove(request, Output(json, sarif, allow_unverified, evidence))

    ask.__doc__ = question
    return Task(ask, name=name, iterable=["profile"], help=_OF_FILES)


@task(name="diff", help={**_OUTPUT, **_SARIF, **_KEEP, **_DIFF})
def check_diff(
    _: Context,
    staged: bool = False,
    base: str = "",
    json: bool = False,
    sarif: bool = False,
    allow_unverified: bool = False,
    evidence: str = "",
) -> None:
    """Does git diff --check object to anything, staged or not?"""
    from nestbox.door import Output, prove
    from nestbox.validate import Request

    request = Request(Path.cwd(), steps=("check.diff",), staged=staged, base=base)
    prove(request, Output(json, sarif, allow_unverified, evidence))


@task(iterable=["profile", "platform"], help={**_ON_AN_ENGINE, **_BUILD})
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
    evidence: str = _LAST,
) -> None:
    """Build the profiles' images with docker buildx, and publish them if told to."""
    from nestbox import door
    from nestbox.build_matrix import BuildRequest

    request = BuildRequest(Path.cwd(), tuple(profile), tuple(platform), push, output, node)
    enter = door.plan_build if dry_run else door.build
    enter(request, door.Output(json, allow_unverified=allow_unverified, evidence=evidence))


@task(iterable=["profile", "platform", "probe"], help={**_ON_AN_ENGINE, **_VM, "probe": _PROBE})
def smoke(
    _: Context,
    profile: list[str],
    platform: list[str],
    probe: list[str],
    json: bool = False,
    node: str = "",
    vm: bool = False,
    allow_unverified: bool = False,
    evidence: str = _LAST,
) -> None:
    """Ask every probe in a container of each profile, built first if need be."""
    from nestbox.door import Output, prove
    from nestbox.validate import Request

    steps = ("build", "smoke")
    request = Request(Path.cwd(), tuple(profile), tuple(platform), steps, tuple(probe), node=node, vm=vm)
    prove(request, Output(json, allow_unverified=allow_unverified, evidence=evidence))


@task(
    help={
        "profile": "profile to open (default: default)",
        "platform": "its platform (default: the engine's own)",
        "node": _NODE,
    }
)
def shell(_: Context, profile: str = "default", platform: str = "", node: str = "") -> None:
    """An interactive terminal in a container of a profile; it is gone when you leave."""
    from nestbox.door import open_shell

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
    from nestbox.door import tell_privileges

    tell_privileges(update, base, json)


@task(
    help={
        "dry-run": "show the same table, and write nothing",
        "force": "also write the workflow anew, and bring the lock up to date; all else is yours and stays",
        "source": "where pip is to get nestbox from, such as git+https://… (default: where this one is from)",
    }
)
def init(_: Context, dry_run: bool = False, force: bool = False, source: str = "") -> None:
    """Set nestbox up in this repository: a configuration, a privilege lock, a Nox session, a workflow."""
    from nestbox.door import set_up

    set_up(dry_run, force, source)


@task(help={**_OUTPUT, **_KEEP})
def doctor(_: Context, json: bool = False, allow_unverified: bool = False, evidence: str = "") -> None:
    """Can an agent's sandbox work on this machine, or in this container; for whom; if not, why?"""
    from nestbox.door import Output, examine_machine

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
    from nestbox.door import report

    report([*merge, *more], format, output)


_GUEST = {"platform": "linux/amd64 or linux/arm64"}


@task(name="list")
def node_list(_: Context) -> None:
    """Which engine answers for which platform, how truly, and why."""
    from nestbox.door import tell_nodes

    tell_nodes()


@task(name="up", help=_GUEST)
def node_up(_: Context, platform: str) -> None:
    """Start a guest with a kernel of its own, with an engine in it."""
    from nestbox.door import control_guest

    control_guest("up", "--platform", platform)


@task(name="status")
def node_status(_: Context) -> None:
    """Which guests there are: running or not, since when, what they take."""
    from nestbox.door import control_guest

    control_guest("status")


@task(name="down", help={**_GUEST, "purge": "delete all that was made for it, too"})
def node_down(_: Context, platform: str = "", purge: bool = False) -> None:
    """Stop a platform's guest, or all of them."""
    from nestbox.door import control_guest

    control_guest("down", *(["--platform", platform] if platform else []), *(["--purge"] if purge else []))


ns = Collection(validate, build, smoke, shell, report, privileges, init, doctor)
ns.add_collection(
    Collection(
        "check",
        check_all,
        check_json,
        _file_check("model", "Is every property one that the specification has, and of its type?"),
        _file_check("lint", "Is anything well-formed and yet a mistake, or a risk?"),
        _file_check("rules", "Do the repository's own rules hold ([[tool.nestbox.rule]])?"),
        _file_check("lock", "Does each profile ask for no more than the privilege lock has for it?"),
        _file_check("dockerfile", "What does hadolint say of the Dockerfiles?"),
        check_diff,
    )
)
ns.add_collection(Collection("node", node_list, node_up, node_status, node_down))
