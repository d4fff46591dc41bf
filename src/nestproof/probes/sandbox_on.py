"""Judge whether something in the container switches an agent's sandbox off. Pure."""

from __future__ import annotations

from nestproof.core.outcome import Observation, Status
from nestproof.probes.probe import Probe
from nestproof.probes.verdicts import Context, Judgement, failed, weaker_lines

_CONTROL = "control: the words are found"
_OFF = "off: "
_SHOWN = 5


def is_not_switched_off(observation: Observation, context: Context) -> Judgement:
    """A switched-off sandbox is a fail where Docker's walls are down for it."""
    lines = observation.stdout.splitlines()
    if observation.exit_status != 0 or _CONTROL not in lines:
        return failed(observation, context, "the settings of agents could not be read")
    off = [line.removeprefix(_OFF) for line in dict.fromkeys(lines) if line.startswith(_OFF)]
    if not off:
        weaker = dict.fromkeys(weaker_lines(observation.stdout))
        more = "".join(f"; {line}: it sees the container's /proc" for line in weaker)
        return Judgement(Status.PASS, f"nothing switches an agent's sandbox off{more}")
    said = "; ".join(off[:_SHOWN]) + (f"; and {len(off) - _SHOWN} more" if len(off) > _SHOWN else "")
    if context.container_is_sandbox:
        return Judgement(Status.PASS, f"an agent's sandbox is switched off, as declared: {said}")
    if not context.walls:
        return Judgement(
            Status.PASS, f"an agent's sandbox is switched off, and Docker's walls are up: {said}"
        )
    if "use_legacy_landlock" in said:
        said += " (Codex's Landlock way, which is gone since 0.171.0: it needs bubblewrap)"
    return Judgement(
        Status.FAIL,
        f"an agent's sandbox is switched off: {said}",
        f"Docker's walls are down for a sandbox that is off: {', '.join(context.walls)}",
        "take that setting out, or take the relaxations out of the profile",
    )


SANDBOX_ON = Probe(
    name="sandbox-on",
    pack="privileges",
    question="Is no agent's sandbox switched off by something in the container?",
    why="walls that are down for a sandbox protect nobody once it is off",
    judge=is_not_switched_off,
)
