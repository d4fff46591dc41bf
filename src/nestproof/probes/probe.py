"""A probe: a question to a running container, and the expected answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from nestproof.core.outcome import Observation, Status
from nestproof.probes.verdicts import Context, Judgement, judge_lines, weaker_lines

Judge = Callable[[Observation, Context], Judgement]

REMOTE = ""
"""Run as the remote user."""
ROOT = "root"
"""Run as root, for a probe that inspects the image."""
ANYONE = "anyone"
"""Run as the remote user or, if that user cannot run anything, as root: the answer is the same."""

YES_OR_NO = frozenset({Status.PASS, Status.FAIL})
"""The statuses that most probes may have; beside them, every probe may be an error."""
OR_DEGRADED = YES_OR_NO | {Status.DEGRADED}
OR_UNVERIFIED = YES_OR_NO | {Status.UNVERIFIED}
"""The same for probes that need namespaces, which emulation leaves unverified."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. Its script is the file of its name in this folder, unless `text` has it."""

    name: str
    pack: str
    question: str
    why: str
    """The purpose: the fault that would stay unseen without the probe."""
    control: tuple[str, ...] = ()
    """Lines of controls that hold; without them, a denial counts for nothing."""
    shows: tuple[str, ...] = ()
    """Lines of the right answer, as regular expressions; one with `{user}` stands for each user."""
    says: str = ""
    """The summary of a pass, in place of the lines."""
    fails: str = ""
    """The cause of a fail that no words of a program explain: a sentence about the sandbox."""
    fallback: str = ""
    """A regular expression for the stderr of an agent's fallback, which the profile may declare."""
    exit_status: int = 0
    """The expected exit status."""
    judge: Judge | None = None
    """The judge of the answer, in place of lines."""
    user: str = REMOTE
    needs_namespaces: bool = False
    """True if emulation cannot answer: neither a pass nor a fail would mean anything there."""
    verdicts: frozenset[Status] = YES_OR_NO
    timeout: int = 20
    """Seconds; thirty times what the slowest takes on a busy machine of two cores."""
    text: str = ""
    """The script of a probe that a repository adds."""
    by_hand: str = ""
    """The command to type in the container for the same result, without the controls; `{user}` as above."""

    def judged(self, observation: Observation, context: Context) -> Judgement:
        """Judge an observation."""
        if self.judge is not None:
            return self.judge(observation, context)
        lines = (*self.control, *self.shows)
        judgement = judge_lines(
            observation,
            context,
            lines,
            fails=self.fails,
            fallback=self.fallback,
            exit_status=self.exit_status,
        )
        if self.says and judgement.status is Status.PASS:
            return replace(judgement, summary="; ".join([self.says, *weaker_lines(observation.stdout)]))
        return judgement
