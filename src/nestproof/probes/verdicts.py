"""Judge a probe: an observation and a context in, a verdict out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nestproof.core.capabilities import DOCKER_DEFAULT
from nestproof.core.outcome import Observation, Status
from nestproof.probes.causes.diagnosis import SETUID_WANTED, diagnose
from nestproof.probes.facts import SandboxFacts

# `timeout` of coreutils ends a command with 124, or with 137 when it had to kill it.
_OUT_OF_TIME = frozenset({124, 137})
# sysexits.h, EX_UNAVAILABLE: the script itself says that the image lacks what it needs to ask, and what.
_UNAVAILABLE = 69

_WEAKER = "weaker: "
PROC_DENIED = r"^bwrap: Can't mount proc on /(newroot/)?proc: Operation not permitted"
"""The refusal of a /proc mount, of bubblewrap to 0.11 and since 0.12; Docker masks paths under /proc."""
TWO_MASKS = r"^bwrap: Can't write data to file \S+: Bad file descriptor"
"""The refusal of a second mask: the first closes the descriptor (openai/codex issue 43929)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict in words."""

    status: Status
    summary: str
    cause: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The standard for answers: the profile's declarations, its lock, the engine's facts."""

    users: tuple[str, ...] = ()
    codex_version: str = ""
    degradations: Mapping[str, str] = field(default_factory=dict)
    survived: Mapping[str, str] = field(default_factory=dict)
    """Probe to reason: a fallback that an agent in the container is known to survive."""
    allowed: frozenset[str] = frozenset()
    """The relaxations that the profile may have."""
    walls: tuple[str, ...] = ()
    """Those that it has, and by which root in the container may be root on the host."""
    engine_has_seccomp: bool = True
    engine_has_apparmor: bool = True
    engine: str = "Docker"
    """The engine whose defaults apply."""
    default_capabilities: frozenset[str] = DOCKER_DEFAULT
    asked_capabilities: frozenset[str] = frozenset()
    """Capabilities of Docker's default set that the profile asks for; they relax nothing."""
    container_is_sandbox: bool = False
    """True if the profile declares that the container alone confines its agents."""
    setuid_wanted: bool = False
    """True if the profile declares that bwrap is setuid."""
    facts: SandboxFacts | None = None
    """The container's facts that decide about a sandbox, as far as they are known."""

    @property
    def rule(self) -> str:
        """The name of what says which relaxations the profile may have."""
        return "its container is the sandbox" if self.container_is_sandbox else "privilege lock"

    @property
    def or_allow(self) -> str:
        """The end of a fix: the other way to mend a relaxation, where there is one."""
        return "" if self.container_is_sandbox else ", or allow it in the lock with a reason"


def judge_lines(
    observation: Observation,
    context: Context,
    lines: Sequence[str],
    *,
    fails: str,
    fallback: str = "",
    exit_status: int = 0,
) -> Judgement:
    """Pass on the exit status with exactly these lines on stdout.

    They are regular expressions; one with `{user}` stands for a line for each user.

    `fails` is the cause where stderr names none. `fallback` is what stderr says when a declared fallback is
    needed; it counts only after every control line has been printed.
    """
    wanted = [line for pattern in lines for line in _filled(pattern, context)]
    weaker = weaker_lines(observation.stdout)
    shown = [line for line in observation.stdout.splitlines() if line not in weaker]
    as_wanted = len(shown) == len(wanted) and all(map(re.fullmatch, wanted, shown))
    if observation.exit_status == exit_status and as_wanted:
        shown = [line for line in shown if not line.startswith("control: ")]
        return Judgement(Status.PASS, "; ".join([*shown, *weaker]))
    # A sandbox that does not start shows nothing of its inside.
    controls = [
        line for line in wanted if line.startswith("control: ") and not line.startswith("control: inside")
    ]
    held = all(any(re.fullmatch(control, line) for line in shown) for control in controls)
    refused = re.search(fallback, observation.stderr, re.MULTILINE) if fallback else None
    if refused and held and observation.exit_status != 0:
        return Judgement(Status.DEGRADED, refused[0])
    return failed(observation, context, _cause(wanted, observation, fails, exit_status))


def weaker_lines(stdout: str) -> list[str]:
    """The lines that tell by which setting a sandbox is weaker, which are no part of an answer."""
    return [line for line in stdout.splitlines() if line.startswith(_WEAKER)]


def failed(observation: Observation, context: Context, cause: str) -> Judgement:
    """A fail with its diagnosis, or else with `cause`; an error when the probe ran out of time."""
    if observation.exit_status in _OUT_OF_TIME:
        return Judgement(Status.ERROR, f"did not end within its time ({observation.seconds:.1f} s)")
    # On both: a program that the script calls may end with 69, but it cannot print for the script.
    unavailable = re.match(r"unavailable: (.+)", last_line(observation.stdout))
    if observation.exit_status == _UNAVAILABLE and unavailable:
        return Judgement(Status.UNVERIFIED, unavailable[1], "", "ask a container that has what is missing")
    agent = _agent_of(observation.command[-1])
    if not agent and context.setuid_wanted:
        agent = SETUID_WANTED
    diagnosis = diagnose(f"{observation.stderr}\n{observation.stdout}", context.facts, agent=agent)
    summary = (
        _first_refusal(observation.stderr)
        or last_line(observation.stdout)
        or f"exit status {observation.exit_status}"
    )
    if diagnosis is None:
        return Judgement(Status.FAIL, summary, cause)
    return Judgement(Status.FAIL, summary, f"{diagnosis.cause} ({diagnosis.layer})", diagnosis.fix)


def degraded_as_declared(name: str, judgement: Judgement, context: Context) -> Judgement:
    """Keep a declared fallback as degraded; turn an undeclared one into a fail."""
    if judgement.status is not Status.DEGRADED:
        return judgement
    reason = context.degradations.get(name)
    if reason is not None:
        return Judgement(Status.DEGRADED, judgement.summary, f"declared: {reason}")
    if name in context.survived:
        return Judgement(Status.DEGRADED, judgement.summary, context.survived[name])
    diagnosis = diagnose(judgement.summary, context.facts, agent=_agent_of(name))
    cause, fix = (
        (f"{diagnosis.cause} ({diagnosis.layer})", diagnosis.fix)
        if diagnosis
        else ("a fallback that the profile does not declare", "")
    )
    return Judgement(Status.FAIL, judgement.summary, cause, fix)


def _agent_of(script: str) -> str:
    """The agent that a probe asks, by the name of its script; bwrap's probes name Codex as well."""
    name = script.removesuffix(".sh")
    return next((agent for agent in ("codex", "srt") if agent in name), "")


def last_line(text: str) -> str:
    """The last line that is not blank."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _first_refusal(stderr: str) -> str:
    """Bwrap's first line, the cause of the later ones; else the last line, as other programs end with why."""
    said = next((line for line in stderr.splitlines() if line.startswith("bwrap: ")), "")
    return said or last_line(stderr)


def _filled(pattern: str, context: Context) -> list[str]:
    """One line, or one line for each user where the pattern speaks of users."""
    if "{user}" not in pattern:
        return [pattern]
    return [pattern.replace("{user}", re.escape(user)) for user in context.users]


def lacking(control: str) -> str:
    """The cause where a control does not hold, in a sentence about the sandbox."""
    where, comma, rest = control.removeprefix("control: ").partition(", ")
    if comma and where == "inside":
        return f"in the sandbox, this does not hold, and must: {rest}"
    said = rest if comma and where == "outside" else control.removeprefix("control: ")
    return f"without any sandbox, this does not hold, so that nothing can be concluded: {said}"


def _cause(wanted: list[str], observation: Observation, fails: str, exit_status: int) -> str:
    """The cause without a diagnosis: the control that does not hold, or the probe's own sentence."""
    shown = observation.stdout.splitlines()
    missing = [pattern for pattern in wanted if not any(re.fullmatch(pattern, line) for line in shown)]
    controls = [line for line in missing if line.startswith("control: ")]
    if controls:
        return lacking(controls[0])
    if missing:
        return fails
    if len(shown) != len(wanted) or not all(map(re.fullmatch, wanted, shown)):
        return f"{fails}: it answers more than a working sandbox does"
    return f"{fails}: the exit status is {observation.exit_status} instead of {exit_status}"
