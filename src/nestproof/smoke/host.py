"""Can an agent's sandbox work here, on a machine or inside of a container; for whom; and if not, why?

No engine is needed: the probes are asked of this machine's own shell.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from platform import machine

from nestproof.core.errors import NestproofError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.platforms import parse_platform
from nestproof.core.process import run
from nestproof.probes.causes.fixes import DECLARE
from nestproof.probes.facts import SandboxFacts, parse_facts
from nestproof.probes.known_agents import KNOWN_AGENTS, survived_by
from nestproof.probes.probe import Probe
from nestproof.probes.runner_protocol import FrameReader, Record
from nestproof.probes.table import PROBES, script, text_of
from nestproof.probes.verdicts import Context, Judgement, degraded_as_declared

_TIMEOUT = 60.0
# Users' own numbers (Debian policy 9.2.2). Not nobody's, 65534: the kernel shows every number that a user
# namespace does not map as that one, and setuid bwrap hangs as it.
_USERS = range(1000, 60000)
# Root's own PATH may lead through folders that are closed to others.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """A user whose commands an agent may run here, and the command that starts a program as them."""

    name: str
    prefix: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        return Target(f"as {self.name}", parse_platform(machine()))


class NotLinuxError(NestproofError):
    """Bubblewrap exists on Linux only."""

    exit_code = 3


def accounts() -> tuple[Account, ...]:
    """The users who run the probes: oneself and, if that is root, another user."""
    uid = os.getuid()
    known = {entry.pw_uid: entry for entry in pwd.getpwall()}
    own = Account(known[uid].pw_name if uid in known else f"user {uid}")
    if uid != 0 or not shutil.which("setpriv"):
        return (own,)
    number = next((uid for uid in sorted(known) if uid in _USERS), _USERS[-1])
    user = known.get(number)
    become = (
        "setpriv",
        f"--reuid={number}",
        f"--regid={user.pw_gid if user else number}",
        "--clear-groups",
        "--",
    )
    facts = ("env", f"PATH={_PATH}", f"HOME={user.pw_dir if user else '/nonexistent'}")
    return own, Account(user.pw_name if user else f"user {number}", (*become, *facts))


def examine(people: Sequence[Account]) -> Iterator[Outcome]:
    """Run the sandbox's probes as each user; raises NotLinuxError on another system."""
    if not sys.platform.startswith("linux"):
        raise NotLinuxError(
            "bubblewrap makes its sandboxes of Linux namespaces, and this is not Linux",
            fix="run nestproof doctor inside of the container: nestproof shell, then nestproof doctor",
        )
    for account in people:
        yield from _examine(account)


def _examine(account: Account) -> Iterator[Outcome]:
    probes = _probes()
    asked = [("facts", 10, script("facts")), *((p.name, p.timeout, text_of(p)) for p in probes)]
    records = {record.name: record for record in _ask(account, asked)}
    here = parse_facts(records["facts"].stdout) if "facts" in records else SandboxFacts({})
    context = Context(survived=survived_by(agent.program for agent in KNOWN_AGENTS), facts=here)
    yield Outcome("doctor.facts", Status.PASS, describe(here), account.target)
    for probe in probes:
        yield _judged(account, probe, records.get(probe.name), context)


def _probes() -> list[Probe]:
    """The probes of the sandbox, and of each agent that is installed."""
    packs = {"bubblewrap", "containment"}
    packs |= {agent.pack for agent in KNOWN_AGENTS if agent.pack and shutil.which(agent.program)}
    return [probe for probe in PROBES if probe.pack in packs]


def _ask(account: Account, asked: Iterable[tuple[str, int, str]]) -> list[Record]:
    reader = FrameReader(f"nestproof-{secrets.token_hex(16)}")
    argv = [*account.prefix, "/bin/sh", "-c", script("runner"), "nestproof", reader.nonce]
    for name, seconds, text in asked:
        argv += [name, str(seconds), text]
    done = run(argv, timeout=_TIMEOUT, env={"NESTPROOF_TOKEN": secrets.token_hex(8)})
    return reader.feed(done.stdout.encode())


def _judged(account: Account, probe: Probe, record: Record | None, context: Context) -> Outcome:
    name = f"doctor.{probe.name}"
    if record is None:
        return Outcome(name, Status.ERROR, "not asked: the shell gave no answer", account.target)
    command = (*account.prefix, "sh", f"{probe.name}.sh")
    seen = Observation(command, record.exit_status, record.stdout, record.stderr, record.seconds)
    judgement: Judgement = degraded_as_declared(probe.name, probe.judged(seen, context), context)
    # A machine has no profile in which to declare anything.
    fix = judgement.fix.removeprefix(f"{DECLARE}, or ")
    return Outcome(name, judgement.status, judgement.summary, account.target, judgement.cause, fix, seen)


def describe(here: SandboxFacts) -> str:
    """The facts that decide, in one line."""
    found = here.found
    parts = [found.get("kernel", "an unknown kernel")]
    parts.append("in a container" if here.in_container else "not in a Docker or Podman container")
    parts.append({True: "a seccomp filter is on", False: "no seccomp filter", None: ""}[here.is_filtered])
    parts.append(f"AppArmor: {here.apparmor}" if here.apparmor else "no AppArmor")
    if (restricted := here.number("kernel/apparmor_restrict_unprivileged_userns")) is not None:
        parts.append(f"kernel.apparmor_restrict_unprivileged_userns={restricted}")
    if (limit := here.number("user/max_user_namespaces")) is not None:
        parts.append(f"at most {limit} user namespaces")
    parts.append(f"{found['bwrap-version']} ({found['bwrap']})" if "bwrap" in found else "no bwrap")
    parts.append(found.get("codex", ""))
    return ", ".join(part for part in parts if part)


def verdicts(outcomes: Sequence[Outcome]) -> str:
    """Say for each user if an agent's sandbox works here; if not, the first cause and its fix."""
    lines = []
    for target in dict.fromkeys(outcome.target for outcome in outcomes):
        of_them = [outcome for outcome in outcomes if outcome.target == target]
        red = [outcome for outcome in of_them if outcome.status in (Status.FAIL, Status.ERROR)]
        who = target.profile if target else ""
        if not red:
            lines.append(f"An agent's sandbox works here, {who}.")
            continue
        lines.append(f"An agent's sandbox does not work here, {who}: {red[0].cause or red[0].summary}.")
        lines += [f"  What to do, or to ask the administrator for: {red[0].fix}"] if red[0].fix else []
    return "\n".join(lines)
