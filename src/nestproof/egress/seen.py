"""The subject of the verdicts: replies inside, replies of the control, rules, a script's end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nestproof.devcontainer.declarations import EgressDeclaration
from nestproof.egress.attempts import Answers, Attempt, reached
from nestproof.egress.firewall import Firewall
from nestproof.egress.questions import Questions


@dataclass(frozen=True, slots=True)
class Aborted:
    """A command of the firewall that failed."""

    name: str
    """The command's place in the lifecycle, such as `postStartCommand`."""
    said: str
    """Its last lines."""
    line: str = ""
    """`line 12: ipset add …` where a trace of the script shows it."""
    script: str = ""
    """The script's file in the container."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that a verdict is made of."""

    declared: EgressDeclaration
    questions: Questions
    here: Answers
    bare: Answers
    firewall: Firewall = field(default_factory=Firewall)
    aborted: Aborted | None = None
    at_each_start: bool = True
    """False if a firewall's command runs only once, in a container that is new."""
    declares: bool = True
    """False if the profile only looks as if it meant a firewall."""
    closed: tuple[Attempt, ...] = ()
    """The attempts that were refused, can succeed, and need no listener of ours: they are made again."""
    starts: str = ""
    """The names of the firewall's commands, for texts."""

    def reached(self, attempt: Attempt) -> bool:
        """True if it was reached from inside the container."""
        return reached(attempt, self.here.get(attempt, ()), self.bare.get(attempt, ()))

    def has_control(self, attempt: Attempt) -> bool:
        """True if the bare container reached it."""
        control = self.bare.get(attempt, ())
        return reached(attempt, control, control)

    def is_resolved(self, attempt: Attempt) -> bool:
        """True if its name has an address inside the container."""
        return bool(self.here.get(attempt, ()))

    def addresses(self, attempt: Attempt) -> tuple[str, ...]:
        """The addresses of its host, as they were found inside and outside."""
        replies = (*self.here.get(attempt, ()), *self.bare.get(attempt, ()))
        return tuple(dict.fromkeys(reply.address for reply in replies))

    def through(self, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
        """Those that were reached."""
        return tuple(one for one in attempts if self.reached(one))

    def shown(self, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
        """Those with a control."""
        return tuple(one for one in attempts if self.has_control(one))

    def table(self, attempts: Sequence[Attempt]) -> str:
        """A line for each attempt: what it came to inside, and of the control."""
        return "\n".join(
            f"{one}: {_ends(one, self.here)}; control: {_ends(one, self.bare)}" for one in attempts
        )


def _ends(attempt: Attempt, answers: Answers) -> str:
    replies = answers.get(attempt)
    if replies is None:
        return "not asked"
    return ", ".join(f"{one.address} {one.result}" for one in replies) or "no address"
