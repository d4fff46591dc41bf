"""Diagnose a failure: its words and the facts around it give a cause, a layer and the smallest fix.

The words alone are not enough: seccomp is named only when the kernel reports a filter, AppArmor only when a
profile is enforced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nestproof.core.capabilities import SETUID_BWRAP
from nestproof.probes.cause import Cause
from nestproof.probes.causes import APPARMOR_OFF, CAUSES, LIFT, SECCOMP_OFF
from nestproof.probes.facts import SandboxFacts


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A failure's cause in a sentence, its layer, and a line to paste as the fix."""

    cause: str
    layer: str
    fix: str


def diagnose(said: str, here: SandboxFacts | None = None, *, agent: str = "") -> Diagnosis | None:
    """The diagnosis for what a probe, of an agent if named, printed; `here` is where it ran, if known.

    None when the words are unknown: then the raw text is all there is.
    """
    diagnosis = _diagnose(said, here, agent)
    if diagnosis is None or here is None or not here.in_podman:
        return diagnosis
    return Diagnosis(*map(in_podmans_words, (diagnosis.cause, diagnosis.layer, diagnosis.fix)))


def _diagnose(said: str, here: SandboxFacts | None, agent: str) -> Diagnosis | None:
    if "bwrap: capset failed: Operation not permitted" in said:
        return _missing_capabilities(here)
    contradicted: Cause | None = None
    for row in CAUSES:
        found = re.search(row.said, said, re.MULTILINE)
        if not found or (row.said_by and row.said_by != agent):
            continue
        if row.holds is not None and here is not None and row.holds(here) is False:
            contradicted = row
            continue
        if row.only_when_seen and here is None:
            continue
        fix = found.expand(row.fix).replace(LIFT, _lift(here, row))
        return Diagnosis(found.expand(row.cause), row.layer, fix)
    if contradicted is not None:
        return _unknown(f"the words are those of {contradicted.layer}, and nothing of it is seen here")
    return None


def _unknown(cause: str) -> Diagnosis:
    return Diagnosis(cause, "unknown", "report it with the output below and the facts of the run (--json)")


def _missing_capabilities(here: SandboxFacts | None) -> Diagnosis | None:
    held = here.bounding_set if here else None
    missing = sorted(SETUID_BWRAP - held) if held is not None else sorted(SETUID_BWRAP)
    if not missing:
        return _unknown("bwrap may not keep its capabilities, and the container withholds none of the six")
    options = [f'"--cap-add={name}"' for name in missing]
    return Diagnosis(
        f"setuid bwrap demands capabilities that the container withholds: {', '.join(missing)}",
        "capabilities",
        f"add {', '.join([*options, *_lifting_options(here)])} to runArgs",
    )


def _lift(here: SandboxFacts | None, row: Cause) -> str:
    """The options against all of Docker's refusals that apply here: each shows only after the one before."""
    own = APPARMOR_OFF if row.layer == "AppArmor" else SECCOMP_OFF
    options = _lifting_options(here)
    lift = f"add {', '.join(options if own in options else [*options, own])} to runArgs"
    return f"{lift}, or name a profile of the host that allows it" if row.layer == "AppArmor" else lift


def _lifting_options(here: SandboxFacts | None) -> list[str]:
    filtered, confined = (here.is_filtered, here.is_confined) if here else (None, False)
    return [*([SECCOMP_OFF] if filtered else []), *([APPARMOR_OFF] if confined else [])]


def in_podmans_words(text: str) -> str:
    """Reword a cause or a fix about Docker for Podman."""
    # A cause that has a word for either says both.
    text = text.replace(" (Podman: --security-opt=unmask=ALL)", "")
    text = text.replace("systempaths=unconfined", "unmask=ALL").replace("docker ", "podman ")
    return text.replace("docker-default", "containers-default").replace("Docker", "Podman")
