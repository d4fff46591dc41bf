"""Diagnose a failure: its words and the facts around it give a cause, a layer and the smallest fix.

The words alone are not enough: seccomp is named only when the kernel reports a filter, AppArmor only when a
profile is enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nestproof.core.capabilities import SETUID_BWRAP
from nestproof.probes.causes.cause import Cause
from nestproof.probes.causes.fixes import (
    APPARMOR_OFF,
    LIFT,
    NO_SETUID,
    SECCOMP_OFF,
    add,
    in_words_of_the_place,
    left_to_do,
    lifting_options,
)
from nestproof.probes.causes.table import CAUSES
from nestproof.probes.facts import SandboxFacts

_CAPSET = "bwrap: capset failed: Operation not permitted"
SETUID_WANTED = "setuid bubblewrap"
"""As the agent of `diagnose`: the setuid bit is what is asked for, so that a fix may not take it off."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A failure's cause in a sentence, its layer, and a line to paste as the fix."""

    cause: str
    layer: str
    fix: str


def diagnose(said: str, here: SandboxFacts | None = None, *, agent: str = "") -> Diagnosis | None:
    """The diagnosis for what a probe, of an agent if named, printed; `here` is where it ran, if known.

    The first line that a row fits decides: what programs say later follows from it. None when no line is
    known: then the raw text is all there is.
    """
    contradicted: Cause | None = None
    for line in said.splitlines():
        if _CAPSET in line:
            return _said_here(_missing_capabilities(here, agent), here)
        for row, found in _rows(line, here, agent):
            if row.holds is not None and here is not None and row.holds(here) is False:
                contradicted = contradicted or row
                continue
            return _said_here(_of_row(row, found, here), here)
    if contradicted is not None:
        return _unknown(f"the words are those of {contradicted.layer}, and nothing of it is seen here")
    return None


def _rows(line: str, here: SandboxFacts | None, agent: str) -> Iterator[tuple[Cause, re.Match[str]]]:
    for row in CAUSES:
        if row.said_by not in ("", agent) or (row.only_when_seen and here is None):
            continue
        if found := re.search(row.said, line):
            yield row, found


def _of_row(row: Cause, found: re.Match[str], here: SandboxFacts | None) -> Diagnosis:
    cause, layer, fix = found.expand(row.cause), row.layer, found.expand(row.fix)
    own = APPARMOR_OFF if row.layer == "AppArmor" else SECCOMP_OFF
    options = lifting_options(here, own)
    lift = add(options) if options else ""
    if row.layer == "AppArmor":
        lift += ", or name a profile of the host that allows it"
    if row.call and here is not None and here.seccomp_file:
        cause = f"{here.seccomp_file}, the profile's own seccomp file, refuses {row.call}"
        layer = "seccomp file"
        allow = f"allow {row.call} in {here.seccomp_file} (SCMP_ACT_ALLOW)"
        lift = f"{allow}, and {lift}" if lift else allow
    return Diagnosis(cause, layer, fix.replace(LIFT, lift))


def _said_here(diagnosis: Diagnosis, here: SandboxFacts | None) -> Diagnosis:
    """The same without what the profile has already, in the words of the place."""
    fix = left_to_do(diagnosis.fix, here)
    if not fix:
        diagnosis = replace(
            diagnosis,
            cause=f"{diagnosis.cause}, although the profile asks for none of it",
            layer=f"outside the container: {diagnosis.layer}",
        )
        fix = "start the engine where nothing confines it: its own container, pod or service does"
    return Diagnosis(
        in_words_of_the_place(diagnosis.cause, here),
        in_words_of_the_place(diagnosis.layer, here),
        in_words_of_the_place(fix, here),
    )


def _unknown(cause: str) -> Diagnosis:
    return Diagnosis(cause, "unknown", "report it with the output below and the facts of the run (--json)")


def _missing_capabilities(here: SandboxFacts | None, agent: str) -> Diagnosis:
    held = here.bounding_set if here else None
    missing = sorted(SETUID_BWRAP - held) if held is not None else sorted(SETUID_BWRAP)
    if not missing:
        return _unknown("bwrap may not keep its capabilities, and the container withholds none of the six")
    lift = lifting_options(here)
    fix = add([*(f'"--cap-add={name}"' for name in missing), *lift])
    if here is not None and here.may_make_namespaces and agent != SETUID_WANTED:
        # What a filter refuses after the namespaces, such as pivot_root, shows only then.
        more = f", and {add(lift)}" if lift else ""
        fix = f"{NO_SETUID}{more}: users may make namespaces here, so that it needs no capability"
    return Diagnosis(
        f"setuid bwrap demands capabilities that the container withholds: {', '.join(missing)}",
        "capabilities",
        fix,
    )
