"""Try what root, a user and a sandboxed command can still do, in a profile and beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, started_container
from nestproof.justify.experiment import variant
from nestproof.justify.search import Set
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.probe import ROOT
from nestproof.probes.table import script
from nestproof.probes.verdicts import last_line
from nestproof.smoke.ask import Answer, NoAnswer, Script, ask_all
from nestproof.smoke.plan import SmokeRun, prepare_request

# The kernel's words, mount's own for a user who is not root, and those of can-route.sh.
_REFUSED = re.compile(
    "Operation not permitted|[Pp]ermission denied|Read-only file system|must be superuser|no route to another"
)
_TIMEOUT = 20
_MAPPED = (
    "This engine maps root to another user of the host: its capabilities count only over what its own user "
    "namespace owns (user_namespaces(7))."
)
# Those of sudo itself, for which an action needs no control: it was never begun.
_NO_SUDO = re.compile(
    r"^(?:no sudo in the image|sudo: .*(?:password is required|not allowed|no new privileges).*)$", re.M
)
_HAS_SUDO = "command -v sudo >/dev/null 2>&1 || { echo no sudo in the image >&2; exit 127; }"
_SANDBOX = "bwrap --ro-bind / / --dev /dev --tmpfs /tmp --unshare-user --unshare-pid --unshare-net"


class ActionResult(StrEnum):
    """The result of an attempt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Action:
    """An action to attempt; its script is the file of its name among the probes."""

    name: str
    what: str
    takes: str
    """The kernel's and Docker's conditions for it, and their source."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempted action: the user and container, the result, and the refusal's words."""

    action: Action
    actor: str
    could: ActionResult
    said: str = ""


_MOUNT = "SYS_ADMIN (Linux, fs/namespace.c, may_mount)"
ACTIONS = (
    Action("can-mount", "mount a file system", _MOUNT),
    Action("can-devtmpfs", "make the host's device nodes appear", f"{_MOUNT}; opening them is another thing"),
    Action(
        "can-disk",
        "read a disk of the host",
        "the device cgroup, which no relaxation here touches (devices.list)",
    ),
    Action("can-mknod", "make a device node", "MKNOD, which Docker grants (moby, oci/caps/defaults.go)"),
    Action(
        "can-sysctl", "write a setting under /proc/sys", f"{_MOUNT}: Docker's read-only mount is remounted"
    ),
    Action("can-cgroup", "make a control group at the root of the hierarchy", _MOUNT),
    Action("can-promisc", "configure a network interface", "NET_ADMIN (Linux, net/core/dev_ioctl.c)"),
    Action(
        "can-capture", "capture packets of the container network", "NET_RAW, which Docker grants (packet(7))"
    ),
    Action(
        "can-read-process",
        "trace another user's process",
        "SYS_PTRACE (Linux, kernel/ptrace.c, __ptrace_may_access)",
    ),
    Action("can-userns", "make a user namespace", "no seccomp filter (moby, profiles/seccomp/default.json)"),
    Action(
        "can-mount-own",
        "mount in namespaces of one's own",
        "no seccomp filter; the kernel allows it to every user (user_namespaces(7))",
    ),
    Action(
        "can-keyring", "use the kernel's keyrings", "no seccomp filter (moby, profiles/seccomp/default.json)"
    ),
    Action("can-route", "reach other machines", "a network namespace that has a route"),
    Action("can-write", "write the user's own files", "a mount that is not read-only"),
)

ROOT_DEFAULT, ROOT_HERE = "root, Docker's defaults", "root, {profile}"
USER_DEFAULT, USER_HERE, INNER, SUDO = (
    "{user}, Docker's defaults",
    "{user}, {profile}",
    "{user}, {profile}, in bwrap",
    "{user} through sudo, {profile}",
)


def attempts(engine: Engine, run: SmokeRun) -> Iterator[Attempt]:
    """Try every action as root and as the user: with Docker's defaults, in the profile, by sudo and bwrap.

    One container without any relaxation and one with the profile's own, of the same image. Raises EngineError
    when one of them cannot be started.
    """
    here = frozenset(relaxations_asked(run.profile.run))
    user = run.profile.remote_user
    names = {"profile": run.profile.name, "user": user or "the user"}
    yield from _in_one(engine, run, frozenset(), {ROOT: ROOT_DEFAULT, user: USER_DEFAULT}, names)
    yield from _in_one(engine, run, here, {ROOT: ROOT_HERE, user: USER_HERE}, names)


def _in_one(
    engine: Engine, run: SmokeRun, options: Set, actors: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Attempt]:
    varied = variant(run, options)
    request, prepare = prepare_request(varied, engine)
    with started_container(engine, request, run.node.platform, prepare) as container:
        asked = sorted(_asked(container, actors, run, sandboxed=bool(options)), key=_place_in_table)
    for name, actor, answer in asked:
        yield _attempt(name, actor.format_map(names), answer)


def _place_in_table(answered: tuple[str, str, Answer]) -> int:
    """Users answer side by side, in no order of theirs."""
    return (ROOT_DEFAULT, USER_DEFAULT, ROOT_HERE, USER_HERE, SUDO, INNER).index(answered[1])


def _asked(
    container: Container, actors: Mapping[str, str], run: SmokeRun, *, sandboxed: bool
) -> Iterator[tuple[str, str, Answer]]:
    for user, actor in actors.items():
        ways = {actor: ""}
        if sandboxed and user != ROOT:
            ways |= {SUDO: f"{_HAS_SUDO}\nexec sudo -n", INNER: f"exec {_SANDBOX}"}
        asked = {
            f"{one.name}-{number}": (one.name, who) for number, who in enumerate(ways) for one in ACTIONS
        }
        seconds = _TIMEOUT * run.node.timeout_factor
        questions = [Script(key, seconds, _by(ways[who], script(name))) for key, (name, who) in asked.items()]
        for answer in ask_all(container, {user: questions}, {}):
            for key in answer.names if isinstance(answer, NoAnswer) else (answer.name,):
                yield (*asked[key], answer)


def _by(way: str, text: str) -> str:
    """The script, run by the program that `way` ends with, if there is one."""
    return f"{way} sh -c {shlex.quote(text)}" if way else text


def _attempt(name: str, actor: str, answer: Answer) -> Attempt:
    action = next(action for action in ACTIONS if action.name == name)
    if isinstance(answer, NoAnswer):
        raise EngineError(f"{name} could not be asked", why=answer.why)
    return judged(action, actor, answer.exit_status, answer.stdout, answer.stderr)


def judged(action: Action, actor: str, status: int, stdout: str, stderr: str) -> Attempt:
    """Judge an attempt: a refusal counts only in its own words and with its control."""
    lines = stdout.splitlines()
    controlled = bool(lines) and lines[0].startswith("control: ")
    if status == 0 and controlled and lines[1:] == ["done"]:
        return Attempt(action, actor, ActionResult.YES)
    if not lines and status != 0 and (no_sudo := _NO_SUDO.search(stderr)):
        return Attempt(action, actor, ActionResult.NO, no_sudo[0])
    refused = [line for line in stderr.splitlines() if _REFUSED.search(line)]
    if status != 0 and controlled and lines[1:] == [] and refused:
        return Attempt(action, actor, ActionResult.NO, refused[-1].strip())
    return Attempt(action, actor, ActionResult.UNKNOWN, last_line(stderr) or last_line(stdout))


def outcomes_of(target: Target, tried: Sequence[Attempt]) -> Iterator[Outcome]:
    """An outcome for each action: each result is an answer, unless there is none."""
    for action in ACTIONS:
        of_it = [attempt for attempt in tried if attempt.action == action]
        could = [attempt.actor for attempt in of_it if attempt.could is ActionResult.YES]
        unknown = [attempt for attempt in of_it if attempt.could is ActionResult.UNKNOWN]
        said = f"{action.what}: {'; '.join(could) or 'nobody'}"
        status, why = Status.PASS, ""
        if unknown:
            status = Status.UNVERIFIED
            said, why = f"{action.what}: not shown for {unknown[0].actor}", unknown[0].said
        yield Outcome(f"justify.{action.name}", status, said, target, why)


def to_json(target: Target, tried: Sequence[Attempt]) -> dict[str, Any]:
    """The attempts as plain JSON values."""
    rows = [
        {"deed": one.action.name, "what": one.action.what, "takes": one.action.takes, "who": one.actor}
        | {"could": one.could.value, "error": one.said}
        for one in tried
    ]
    return {"profile": target.profile, "platform": target.platform, "attempts": rows}


def table(tried: Sequence[Attempt], *, mapped: bool = False) -> str:
    """The attempts as a Markdown table: a row for each action, a column for each user and container.

    `mapped`: the engine maps root to another user of the host, which says why root's capabilities do less.
    """
    actors = list(dict.fromkeys(attempt.actor for attempt in tried))
    could = {(attempt.action.name, attempt.actor): attempt.could for attempt in tried}
    lines = [f"| | {' | '.join(actors)} | what it takes |", f"| --- |{' --- |' * (len(actors) + 1)}"]
    for action in ACTIONS:
        cells = " | ".join(could[action.name, actor] for actor in actors)
        lines.append(f"| {action.what} | {cells} | {action.takes} |")
    return "\n".join([*lines, *(["", _MAPPED] if mapped else [])])
