"""Record a run: each outcome as it comes, in a file that is whole at any moment."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from nestproof import __version__
from nestproof.core.errors import NestproofError
from nestproof.core.files import FOLDER, replace_file
from nestproof.core.outcome import INTERRUPTED, Outcome, Status, count, joined
from nestproof.core.own_files import remember
from nestproof.core.redaction import Redactor
from nestproof.core.signals import interrupts_deferred
from nestproof.nodes.node import binfmt_flags
from nestproof.nodes.session import Session
from nestproof.privileges.host_request import variables_of_profile
from nestproof.reports import evidence
from nestproof.reports.evidence import Evidence
from nestproof.reports.host import find_commit, host_facts
from nestproof.reports.records import clean, engine_record, outcome_record, target_record

_SHARE = 20
"""Writing takes at most this fraction of a run's time: one part in so many."""


def default_file(workspace: Path) -> Path:
    """The default path of a run's evidence."""
    return workspace / FOLDER / "evidence.json"


class Recorder:
    """Takes each outcome of a run as it comes; `file` is where it is kept, if anywhere.

    Until the end the file says that the run was interrupted: of one that is killed, that is what is left.
    """

    def __init__(self, session: Session, file: Path | None = None) -> None:
        self.file = file
        self.outcomes: list[Outcome] = []
        """The outcomes, without secrets."""
        self.justification: dict[str, Any] | None = None
        """The results of experiments."""
        self._session = session
        self._redactors: dict[tuple[int, frozenset[str]], Redactor] = {}
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._begin = time.monotonic()
        self._records: list[evidence.Outcome] = []
        self._latest = 0.0
        self._due = 0.0
        self._remembers = True
        # Targets side by side report from threads of their own.
        self._writing = threading.RLock()

    @property
    def redactor(self) -> Redactor:
        """Hides secrets: those of the environment, and each variable that a profile takes of it."""
        results, passed = self._session.profiles.results, frozenset(self._session.passed)
        if (len(results), passed) not in self._redactors:
            environment, workspace = self._session.environment, str(self._session.workspace)
            names = passed.union(*map(variables_of_profile, results))
            self._redactors[len(results), passed] = Redactor.of(environment, workspace, passed=names)
        return self._redactors[len(results), passed]

    def hide(self, text: str) -> str:
        """The text without secrets, as far as they are known by now."""
        return self.redactor.text(text)

    @property
    def seconds(self) -> float:
        """Since the begin of the run."""
        return time.monotonic() - self._begin

    def add(self, outcome: Outcome) -> Outcome:
        """Keep an outcome; returns it as it may be shown."""
        shown, now = self.redactor.outcome(outcome), self.seconds
        # What tells no time of its own is one of those that are asked one after the other.
        seconds = shown.observation.seconds if shown.observation else now - self._latest
        self._latest = now
        self.outcomes.append(shown)
        self._records.append(outcome_record(shown, max(0.0, now - seconds), seconds, self._files))
        self.keep()
        return shown

    def on_progress(self, text: str) -> str:
        """Redact a progress message, and save the run if it is due."""
        self.keep()
        return self.redactor.text(text)

    def keep(self) -> None:
        """Write what there is, unless that would take too much of the time."""
        # An interrupt within pydantic's serializer would come out as an error of the serializer.
        with self._writing, interrupts_deferred():
            start = time.monotonic()
            if self.file is not None and start >= self._due:
                self._write(self.snapshot(interrupted=True).model_dump_json(by_alias=True))
                now = time.monotonic()
                self._due = now + _SHARE * (now - start)

    def finish(self, exit_code: int, *, interrupted: bool = False, trouble: str = "") -> Evidence:
        """The whole run, written for the last time."""
        with self._writing, interrupts_deferred():
            whole = self.snapshot(exit_code, interrupted=interrupted, trouble=trouble)
            if self.file is not None:
                self._write(json.dumps(evidence.to_json(whole), indent=2) + "\n")
        return whole

    def snapshot(
        self, exit_code: int = INTERRUPTED, *, interrupted: bool = False, trouble: str = ""
    ) -> Evidence:
        """The run as known by now."""
        seen, facts = count(self.outcomes), self._session.facts
        engine = engine_record(facts, self.redactor) if facts else None
        targets = joined(self._session.targets)
        run = evidence.Run(
            nestproof=__version__,
            began=self._began,
            seconds=round(self.seconds, 3),
            interrupted=interrupted,
            trouble=self.redactor.text(trouble) or None,
            exit_code=exit_code,
            counts={status: seen[status] for status in Status},
            fingerprint=evidence.fingerprint(self._host, engine),
            host=self._host,
            engine=engine,
            binfmt=self._binfmt,
            revision=self._revision,
            profiles=self._profiles,
            targets=tuple(target_record(facts, self.redactor) for facts in targets),
            outcomes=tuple(self._records),
            justification=self.redactor.value(clean(self.justification)) if self.justification else None,
        )
        return Evidence(runs=(run,))

    @cached_property
    def _host(self) -> evidence.Host:
        return host_facts()

    @cached_property
    def _binfmt(self) -> dict[str, str]:
        return binfmt_flags()

    @cached_property
    def _revision(self) -> evidence.Revision | None:
        return find_commit(self._session.workspace)

    @cached_property
    def _files(self) -> dict[str, str]:
        """Profile to the name of its file, as the checks call it."""
        try:
            profiles = self._session.profiles
            return {name: profiles.shown(name) for name in profiles.files}
        except NestproofError:
            return {}

    @cached_property
    def _profiles(self) -> tuple[evidence.Profile, ...]:
        from nestproof.privileges import inventory, text

        try:
            answer = inventory.show(self._session.profiles)
        except NestproofError:
            return ()  # that there is none, or no sound lock, is an outcome or an error of its own
        held = self.redactor.value(clean(text.to_json(answer)["profiles"]))
        return tuple(evidence.Profile.model_validate(holder) for holder in held)

    def _write(self, text: str) -> None:
        assert self.file is not None
        is_default = self.file in (default_file(self._session.workspace), default_file(Path()))
        try:
            replace_file(self.file, text, private=True)
        except OSError as error:
            if is_default:
                # Nobody asked for it, and a repository that cannot be written can be proved all the same.
                self.file = None
                self._session.say(f"the evidence of this run is not kept: {error}")
                return
            raise NestproofError(
                f"the evidence cannot be kept in {self.file}",
                why=str(error),
                fix="--evidence FILE keeps it elsewhere, --evidence '' nowhere",
            ) from error
        if is_default and self._remembers:
            try:
                remember(self.file, text, self._session.environment)
            except OSError as error:
                self._remembers = False
                self._session.say(f"`report` will not know this run for yours: {error}")
