"""Run the probes in containers with sets of options: each container once, several at a time."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nestproof.core.errors import EngineError
from nestproof.core.outcome import Status, TargetFacts
from nestproof.core.signals import interrupts_deferred
from nestproof.engine.client import Engine, engine_errors
from nestproof.engine.container import Container, started_container
from nestproof.engine.exec import Exec
from nestproof.engine.run_options import RunOptions, parse_run_args
from nestproof.justify.search import Set
from nestproof.justify.trials import Answer, BwrapVariant, Job, Trial
from nestproof.nodes.transfer import Prepare
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.probe import Probe
from nestproof.probes.table import text_of
from nestproof.smoke.plan import SmokeRun, plan_probes, prepare_request
from nestproof.smoke.probes import ask_probes

DROP_ALL = "cap-drop=ALL"
"""Stands in a set of options for a container that starts without Docker's own capabilities."""

# What may be given more than once; the others have one value or none.
_LISTS = (
    *("cap_add", "security_opt", "devices", "device_cgroup_rules", "mounts", "volumes"),
    *("extra_hosts", "group_add", "sysctls"),
)
_MODES = ("network", "pid", "ipc", "uts", "userns", "cgroupns", "runtime")


def with_only(options: RunOptions, kept: Iterable[str]) -> RunOptions:
    """The options with exactly these relaxations, by their names; what relaxes nothing stays as it is.

    Raises UsageError for a name that is no option of docker run.
    """
    names = frozenset(kept)

    def stays(field: str, value: object) -> bool:
        # Asked for alone, so that the name is the one that the lock and the reports have.
        alone: dict[str, Any] = {field: value, "root": options.root, "home": options.home}
        return names.issuperset(relaxations_asked(RunOptions(**alone)))

    reduced: dict[str, Any] = {
        field: tuple(value for value in getattr(options, field) if stays(field, (value,))) for field in _LISTS
    }
    reduced |= {field: "" for field in _MODES if not stays(field, getattr(options, field))}
    reduced["privileged"] = options.privileged and "privileged" in names
    left = replace(options, **reduced)
    more = names - frozenset(relaxations_asked(left))
    return parse_run_args([f"--{name}" for name in sorted(more)], left)


def without(options: RunOptions, relaxation: str) -> RunOptions:
    """The options without one of their relaxations."""
    return with_only(options, set(relaxations_asked(options)) - {relaxation})


if TYPE_CHECKING:
    from docker import APIClient

# It makes a sandbox, too: one of which emulation can tell all that it is asked for.
_TOO = frozenset({"bwrap-mode"})
# Of one that is not setuid there is nothing to copy, and nothing is printed.
_COPY = """\
[ -u "$(readlink -f "$(command -v bwrap)")" ] || exit 0
dir=$(mktemp -d) && cp "$(command -v bwrap)" "$dir/bwrap" && chmod 755 "$dir" "$dir/bwrap" && echo "$dir"
"""
_COPY_TIMEOUT = 30


class CancelledError(EngineError):
    """Another experiment failed, or the run was interrupted."""


def sandbox_probes(run: SmokeRun) -> tuple[Probe, ...]:
    """The probes of the profile that a relaxation can affect; the others look only at the image."""
    asked = (*plan_probes(run.profile), *run.custom_probes)
    return tuple(
        probe for probe in asked if probe.needs_namespaces or probe in run.custom_probes or probe.name in _TOO
    )


def variant(run: SmokeRun, options: Set) -> SmokeRun:
    """The run with exactly these relaxations."""
    profile = replace(run.profile, run=with_only(run.profile.run, options))
    return replace(run, profile=profile)


def _ignore(_: TargetFacts) -> None:
    """Ignore the facts of a container; they are known already."""


@dataclass(slots=True)
class ExperimentRunner:
    """Run experiments on one engine; `workers` is the number of containers at a time."""

    engine: Engine
    run: SmokeRun
    probes: tuple[Probe, ...]
    workers: int
    learn: Callable[[TargetFacts], None] = _ignore
    vary: Callable[[SmokeRun, Set], SmokeRun] = variant
    """Turns the run into the one for a set of options."""
    refused: dict[Set, str] | None = None
    """Called with a set that the engine does not start, and the reason; unset, that is an error."""
    started: int = 0
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _living: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def trials(self, jobs: Sequence[Job]) -> Iterator[tuple[Trial, ...]]:
        """Run the jobs, and yield each result as it is done; raises EngineError if one could not be done."""
        # A large set takes longest: begun first, it does not hold up the end.
        queue = sorted(jobs, key=lambda job: (-len(job.options), sorted(job.options)))
        pool = ThreadPoolExecutor(self.workers)
        try:
            running: set[Future[tuple[Trial, ...]]] = {pool.submit(self._try, job) for job in queue}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        except BaseException:
            self._cancel()
            raise
        finally:
            with interrupts_deferred():
                pool.shutdown(wait=True, cancel_futures=True)

    def _cancel(self) -> None:
        """Remove the containers, so that no thread waits for their answers."""
        self._cancelled.set()
        with interrupts_deferred(), self._lock:
            for name in self._living:
                # One that ends by itself just then is no trouble.
                with contextlib.suppress(EngineError), engine_errors(f"ending {name}"):
                    self.engine.api.kill(name)

    def _try(self, job: Job) -> tuple[Trial, ...]:
        run = self.vary(self.run, job.options)
        request, fill = prepare_request(run, self.engine)
        prepare = partial(self._register, fill=fill)
        name = ""
        try:
            with started_container(self.engine, request, run.node.platform, prepare) as container:
                name = container.name
                return tuple(self._asked(run, job, container))
        except EngineError as error:
            if self.refused is None or name or isinstance(error, CancelledError):
                raise
            self.refused[job.options] = error.what
            return ()
        finally:
            with self._lock:
                self._living.discard(name)

    def _register(self, api: APIClient, name: str, fill: Prepare | None) -> None:
        if fill is not None:
            fill(api, name)
        if self._cancelled.is_set():
            raise CancelledError("not started: the run ends")
        with self._lock:
            self.started += 1

    def _asked(self, run: SmokeRun, job: Job, container: Container) -> Iterator[Trial]:
        with self._lock:
            self._living.add(container.name)
        if self._cancelled.is_set():
            raise CancelledError("not asked: the run ends")
        found: list[TargetFacts] = []
        told = replace(run, learn=found.append)
        if BwrapVariant.OWN in job.ways:
            yield _trial(job.options, BwrapVariant.OWN, self._answers(told, container, self.probes))
        if BwrapVariant.COPY in job.ways:
            place = _copy_bwrap(container, run.profile.remote_user)
            if place:
                before = f"PATH={place}:$PATH\n"
                probes = [replace(probe, text=f"{before}{text_of(probe)}") for probe in self.probes]
                yield _trial(job.options, BwrapVariant.COPY, self._answers(run, container, probes))
            elif BwrapVariant.OWN not in job.ways:
                yield _trial(job.options, BwrapVariant.OWN, self._answers(told, container, self.probes))
        for facts in found:
            self.learn(facts)

    def _answers(self, run: SmokeRun, container: Container, probes: Sequence[Probe]) -> list[Answer]:
        answers = [
            Answer.of(outcome) for outcome in ask_probes(self.engine, run, container, probes, more=False)
        ]
        # In the order of their table: the first that breaks explains the others.
        order = [probe.name for probe in probes]
        return sorted(answers, key=lambda answer: order.index(answer.probe))


def _trial(options: Set, way: BwrapVariant, answers: Sequence[Answer]) -> Trial:
    shown = ", ".join(sorted(options)) or "no option"
    for answer in answers:
        if answer.status is Status.ERROR:
            raise EngineError(
                f"the probe {answer.probe} could not be asked with {shown}",
                why=answer.said,
                fix="run it again when the machine is less busy",
            )
    return Trial(options, way, tuple(answers))


def _copy_bwrap(container: Container, user: str) -> str:
    """Make a copy of a setuid bwrap without that bit in a folder of its own; returns the folder, if any."""
    command = Exec(container, ["/bin/sh", "-c", _COPY], user=user, environment={}, timeout=_COPY_TIMEOUT)
    with engine_errors("copying bwrap"):
        said = b"".join(data for _, data in command).decode(errors="replace").strip()
    if command.exit_status != 0 or not re.fullmatch(r"(/[\w./-]+)?", said):
        raise EngineError(
            "a copy of bwrap without the setuid bit could not be made in the container",
            why=said,
            fix="the user that tools run as needs a folder for temporary files that can be written",
        )
    return said


def workers_for(engine: Engine, run: SmokeRun) -> int:
    """Three containers for each of the engine's processors: a start mostly waits for the engine.

    Measured on two processors, idle and busy: two at a time take a third longer, eight no less. Where the
    processors themselves are slow, one for each: a probe's time must not run out for others' sake.
    """
    processors = engine.cpus
    return processors if run.node.timeout_factor > 1 else 3 * processors
