"""Find the denied system calls that a profile's sandbox makes: each denied alone, then the probes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nestproof.core.outcome import Outcome, Status, Target
from nestproof.core.syscalls import DENIED
from nestproof.engine.client import Engine
from nestproof.justify.experiment import ExperimentRunner, variant, workers_for
from nestproof.justify.search import Set, minimal_sets
from nestproof.justify.study import asked_probes
from nestproof.justify.trials import BwrapVariant, Job, Trial
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.smoke.plan import SmokeRun

SUSPECTS = "clone clone3 keyctl mount pivot_root sethostname setns umount2 unshare".split()
"""Those that a program which makes sandboxes may make; each is denied by itself, the others together."""
OTHERS = "others"

# include/uapi/linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NEW = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_EPERM, _ENOSYS = 1, 38


def filter_without(allowed: Iterable[str]) -> dict[str, Any]:
    """A seccomp profile that denies all of DENIED but these, and nothing else; OTHERS stands for the rest."""
    may = set(allowed)
    denied = [call for call in DENIED if call not in may and (call in SUSPECTS or OTHERS not in may)]
    plain = [call for call in denied if call not in ("clone", "clone3")]
    rules: list[dict[str, Any]] = [_denial(plain)] if plain else []
    if "clone3" in denied:
        rules.append(_denial(["clone3"], _ENOSYS))
    if "clone" in denied:
        rules += [_denial(["clone"]) | {"args": [_has(flag)]} for flag in _NEW]
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}


def _denial(names: list[str], error: int = _EPERM) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error}


def _has(flag: int) -> dict[str, Any]:
    return {"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}


UNFILTERED = "security-opt=seccomp=unconfined"


@dataclass(frozen=True, slots=True)
class SyscallNeed:
    """A call that a way needs, the capability with which Docker allows it, and the probes that make it."""

    call: str
    capability: str
    probes: tuple[str, ...]


def calls_needed(engine: Engine, run: SmokeRun, say: Callable[[str], None]) -> Iterator[Outcome]:
    """An outcome for each bwrap: the calls that Docker's profile denies and its sandbox needs."""
    asked = frozenset(relaxations_asked(run.profile.run))
    if UNFILTERED not in asked:
        said = f"the profile keeps Docker's filter: only one with {UNFILTERED} shows which calls it needs"
        yield Outcome("justify.syscalls", Status.PASS, said, run.target)
        return
    with tempfile.TemporaryDirectory(prefix="nestproof-") as scratch:
        vary = partial(filtered, folder=Path(scratch))
        runner = ExperimentRunner(engine, run, asked_probes(run), workers_for(engine, run), vary=vary)
        trials = yield from _tried(runner, say, run.target)
    held = {name.removeprefix("cap-add=") for name in asked if name.startswith("cap-add=")}
    for way, found in trials.items():
        yield _outcome(run.target, way, found, held)


def filtered(run: SmokeRun, allowed: Set, folder: Path) -> SmokeRun:
    """The run with a filter instead of none: one that denies what Docker's does, but for these calls."""
    kept = frozenset(relaxations_asked(run.profile.run)) - {UNFILTERED}
    varied = variant(run, kept)
    file = folder / f"{'-'.join(sorted(allowed)) or 'none'}.json"
    file.write_text(json.dumps(filter_without(allowed)), "utf-8")
    options = varied.profile.run
    options = replace(options, security_opt=(*options.security_opt, f"seccomp={file}"))
    return replace(varied, profile=replace(varied.profile, run=options))


def _tried(
    runner: ExperimentRunner, say: Callable[[str], None], target: Target
) -> Generator[Outcome, None, dict[BwrapVariant, tuple[Set, Mapping[Set, Trial]]]]:
    """For each way, the calls that suffice with nothing to take away, and the trials that show it."""
    universe = frozenset({*SUSPECTS, OTHERS})
    search, trials = minimal_sets(universe), dict[tuple[Set, BwrapVariant], Trial]()
    sets = next(search)
    # Both are asked for all of it in the same containers; the rest is a core of each.
    for one in runner.trials([Job(options, frozenset(BwrapVariant)) for options in sets]):
        for trial in one:
            trials[trial.options, trial.way] = trial
            say(f"syscalls {target}: without {', '.join(sorted(universe - trial.options)) or 'none'}")
    found: dict[BwrapVariant, tuple[Set, Mapping[Set, Trial]]] = {}
    cores: list[Job] = []
    for way in BwrapVariant:
        of_way = {options: trial for (options, asked), trial in trials.items() if asked is way}
        if not of_way:
            continue
        if not of_way[universe].suffices:
            first = of_way[universe].broken[0]
            yield Outcome(
                "justify.syscalls",
                Status.FAIL,
                f"it fails without any denial: {first.said}",
                target,
                first.cause,
            )
            continue
        core = frozenset(call for call in universe if not of_way[universe - {call}].suffices)
        cores.append(Job(core, frozenset({way})))
        found[way] = (core, of_way)
    for one in runner.trials(cores):
        for trial in one:
            if not trial.suffices:
                said = f"{', '.join(sorted(trial.options))} are needed, and more than one call beside them"
                yield Outcome("justify.syscalls", Status.UNVERIFIED, said, target, trial.broken[0].cause)
                found.pop(trial.way)
    return found


def _outcome(
    target: Target, way: BwrapVariant, found: tuple[Set, Mapping[Set, Trial]], held: set[str]
) -> Outcome:
    core, trials = found
    universe = frozenset({*SUSPECTS, OTHERS})
    needs = [
        SyscallNeed(call, DENIED.get(call, ""), tuple(a.probe for a in trials[universe - {call}].broken))
        for call in sorted(core)
    ]
    # The copy is there to do without capabilities.
    held = held if way is BwrapVariant.OWN else set()
    said = "; ".join(_words(need, held) for need in needs) or "none of those that Docker's profile denies"
    whose = "the image's own bwrap" if way is BwrapVariant.OWN else "a copy of bwrap without the setuid bit"
    more = [need.call for need in needs if need.capability not in held]
    instead = f"; instead of no filter, Docker's own with {', '.join(more)} allowed" if more else ""
    return Outcome(f"justify.syscalls.{way}", Status.PASS, f"{whose} needs {said}{instead}", target)


def _words(need: SyscallNeed, held: set[str]) -> str:
    capability = need.capability
    denied = f"denied without {capability}" if capability else "denied to all"
    if capability in held:
        denied += ", which the profile adds"
    probes = f"{need.probes[0]} and {len(need.probes) - 1} more" if len(need.probes) > 1 else need.probes[0]
    return f"{need.call} ({denied}; {probes})"
