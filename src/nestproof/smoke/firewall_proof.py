"""The questions about the firewall of one container, in the order in which they can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from nestproof.core.errors import EngineError
from nestproof.core.outcome import Outcome, Status, TargetFacts, unasked
from nestproof.core.source import short
from nestproof.egress import proof
from nestproof.egress.aborts import last_words
from nestproof.egress.attempts import Attempt
from nestproof.egress.connect import said
from nestproof.egress.meant import looks_meant
from nestproof.egress.seen import Aborted, Seen
from nestproof.egress.tamper import tamper
from nestproof.egress.verdicts import JUDGES, judge_again, judge_sandbox
from nestproof.probes.verdicts import Judgement
from nestproof.smoke.after_start import Restarted
from nestproof.smoke.plan import SmokeRun

_SANDBOX = "bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid".split()
_WITHOUT_NETWORK = "--unshare-net"
_WITHOUT_A_LIST = ("egress-deny", "egress-ipv6", "egress-neighbours", "egress-metadata", "egress-dns")
_REFUSED = ("egress-deny", "egress-ipv6", "egress-metadata", "egress-dns")
_STANDS = ("egress-allow", "egress-deny", "egress-proxy")
_DECLARE = (
    'declare what it lets out: "customizations": {"nestproof": {"egress": '
    '{"allow": ["HOST"], "deny": ["HOST"]}}}'
)


@dataclass(slots=True)
class FirewallProof:
    """The questions about one container's firewall, and what was seen so far."""

    run: SmokeRun
    place: proof.Place
    names: tuple[str, ...]
    """The probes to ask."""
    seen: Seen
    stands: bool = False
    """True once what is allowed is reached, and what is refused is not."""

    def ask(self) -> Iterator[Outcome]:
        """The verdicts of the first asking."""
        seen = self.seen
        network = "a stand-in Internet" if self.place.internet is not None else "the profile's own network"
        facts = {"egress-asked-on": network, **seen.firewall.facts()}
        self.run.learn(TargetFacts(self.run.target, self.run.image.id, facts))
        if not seen.declares:
            yield self._undeclared()
            return
        wanted = [name for name in JUDGES if name != "egress-proxy" or seen.declared.proxy]
        verdicts = {name: JUDGES[name](seen) for name in wanted}
        # Whatever is asked for alone, the later questions mean nothing before an open firewall.
        first = [verdicts[name] for name in _STANDS if name in verdicts]
        held = [name for name in _REFUSED if verdicts[name].status is Status.PASS]
        refused = [one for name in held for one in seen.questions.of(name)]
        # The listeners near the container are gone by then.
        closed = seen.shown([one for one in refused if not one.of and one not in seen.questions.own_dns])
        self.seen = replace(seen, closed=closed)
        self.stands = bool(closed) and not any(one.status is Status.FAIL for one in first)
        for name, judgement in verdicts.items():
            if name not in self.names:
                continue
            observed = proof.observation(seen, seen.questions.of(name))
            yield replace(self._outcome(name, judgement), observation=observed)
        if "egress-sandbox" in self.names:
            yield self._tried("egress-sandbox", self._in_sandbox)

    def rerun(self, commands: Callable[[], Sequence[Outcome]]) -> Iterator[Outcome]:
        """The verdict after the start command ran a second time; `commands` runs it."""
        if "egress-rerun" not in self.names:
            return
        if not self.stands:
            yield self._not_asked("egress-rerun")
            return
        failed = [one for one in commands() if one.status is Status.FAIL]

        def judge() -> Judgement:
            seen = proof.again(self.place, self.seen, aborted_of(failed))
            judgement = judge_again(seen, "after a second run", self.place.rules)
            if failed and judgement.status is Status.PASS:
                said = f"although it failed: {last_words(failed[0].cause)}"
                return replace(judgement, summary=f"{judgement.summary}, {said}")
            return judgement

        outcome = self._tried("egress-rerun", judge)
        self.stands = outcome.status is Status.PASS
        yield outcome

    @property
    def wants_restart(self) -> bool:
        """True if another start of the container is to be asked about."""
        return "egress-restart" in self.names and self.stands

    def after_restart(self, restarted: Restarted | None) -> Iterator[Outcome]:
        """The verdict once the container was started again, and its commands have run; None if it was not."""
        if "egress-restart" not in self.names:
            return
        if not self.stands or restarted is None:
            yield self._not_asked("egress-restart")
            return
        self.place = replace(self.place, container=restarted.container)

        def judge() -> Judgement:
            judgement = judge_again(proof.again(self.place, self.seen), "after a restart", self.place.rules)
            if judgement.status is Status.PASS:
                window = f"it was open for at most {restarted.seconds:.1f} s before"
                return replace(judgement, summary=f"{judgement.summary}; {window}")
            return judgement

        outcome = self._tried("egress-restart", judge)
        self.stands = outcome.status is Status.PASS
        yield outcome

    def tamper(self) -> Iterator[Outcome]:
        """The verdict on the remote user's attempts to open it."""
        if "egress-tamper" not in self.names:
            return
        closed = self.seen.closed
        if not self.stands or not closed:
            yield self._not_asked("egress-tamper")
            return

        def run(user: str, command: str) -> str:
            environment = self.place.environment if user != "root" else {}
            argv = ["/bin/sh", "-c", command]
            return said(self.place.container, argv, user=user or self.place.user, environment=environment)

        def is_open() -> bool:
            asked = (*closed, *self.seen.questions.proxy_deny)
            return bool(replace(self.seen, here=self.place.connect(asked, quick=closed)).through(asked))

        def judge() -> Judgement:
            return tamper(
                run,
                is_open,
                user=self.place.user,
                denied=self._denied(closed),
                scripts=proof.firewall_scripts(self.place),
                capabilities=self.seen.firewall.capabilities,
            )

        yield self._tried("egress-tamper", judge)

    def _denied(self, closed: Sequence[Attempt]) -> list[str]:
        """A host that is refused, and its addresses."""
        names = [one.name for one in closed if one.name] or [closed[0].host]
        named = next((name for name in names if name not in self.seen.declared.allow), names[0])
        return [named, *dict.fromkeys(one.host for one in closed if one.name == named)]

    def _undeclared(self) -> Outcome:
        """One outcome for a profile that looks as if it meant a firewall, and declares none."""
        verdicts = [JUDGES[name](self.seen) for name in _WITHOUT_A_LIST]
        failed = [one for one in verdicts if one.status is Status.FAIL]
        untouched = self.seen.firewall.is_untouched(4) and bool(self.place.commands and failed)
        found = "; ".join(one.summary for one in failed)
        return Outcome(
            "egress",
            Status.FAIL if untouched else Status.UNVERIFIED,
            no_firewall_is_declared(self.run),
            self.run.target,
            failed[0].cause if untouched else found or "the script of a firewall can fail in silence",
            failed[0].fix if untouched else _DECLARE,
        )

    def _in_sandbox(self) -> Judgement:
        shares = self.seen.declared.tools == "sandbox"
        inside = [*_SANDBOX, *([] if shares else [_WITHOUT_NETWORK])]
        try:
            return judge_sandbox(proof.again(self.place, self.seen, inside=inside), self.seen)
        except EngineError as error:
            return Judgement(
                Status.UNVERIFIED, "the sandbox does not start", error.why, "smoke.bwrap-* say why"
            )

    def _tried(self, name: str, judge: Callable[[], Judgement]) -> Outcome:
        try:
            return self._outcome(name, judge())
        except EngineError as error:
            return unasked(f"smoke.{name}", self.run.target, error)

    def _not_asked(self, name: str) -> Outcome:
        said = "not asked: the firewall does not stand before it, or nothing shows that it does"
        why = "smoke.egress-allow and smoke.egress-deny say why"
        return self._outcome(name, Judgement(Status.UNVERIFIED, said, why))

    def _outcome(self, name: str, judgement: Judgement) -> Outcome:
        reason = self.run.profile.declarations.degradations.get(name)
        if judgement.status is Status.FAIL and reason is not None:
            why = f"declared: {reason} ({judgement.cause})"
            judgement = Judgement(Status.DEGRADED, judgement.summary, why)
        status, said = judgement.status, judgement.summary
        return Outcome(f"smoke.{name}", status, said, self.run.target, judgement.cause, judgement.fix)


class NothingAsked:
    """Stands for the proof of a firewall that nobody asks for, or that could not be asked."""

    wants_restart = False

    def __init__(self, *why: Outcome) -> None:
        self._why = why

    def ask(self) -> tuple[Outcome, ...]:
        """The reason why nothing could be asked, if there is one."""
        return self._why

    def rerun(self, commands: Callable[[], Sequence[Outcome]]) -> tuple[Outcome, ...]:
        """Nothing; the commands are not run."""
        return ()

    def after_restart(self, restarted: Restarted | None) -> tuple[Outcome, ...]:
        """Nothing."""
        return ()

    def tamper(self) -> tuple[Outcome, ...]:
        """Nothing."""
        return ()


Proof = FirewallProof | NothingAsked


def aborted_of(failed: Sequence[Outcome]) -> Aborted | None:
    """The command of the firewall that failed first."""
    if not failed:
        return None
    return Aborted(failed[0].id.removeprefix("lifecycle."), last_words(failed[0].cause))


def no_firewall_is_declared(run: SmokeRun) -> str:
    """The sentence on a profile that looks as if it meant one."""
    signs = looks_meant(run.profile)
    return f"no firewall is declared{f', although {short(signs[0])}' if signs else ''}"
