"""The table of probes. The script of each is the file of its name beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nestproof.probes.agents import AGENTS
from nestproof.probes.bubblewrap import BUBBLEWRAP
from nestproof.probes.container import CONTAINER, TERMINAL
from nestproof.probes.containment import CONTAINMENT
from nestproof.probes.egress import EGRESS, PACK
from nestproof.probes.probe import Probe
from nestproof.probes.root import WAY_TO_ROOT
from nestproof.probes.sandbox_on import SANDBOX_ON

__all__ = ["PACKS", "PROBES", "TERMINAL", "script", "text_of"]

_SCRIPTS = Path(__file__).parent / "scripts"

PROBES = (*CONTAINER, WAY_TO_ROOT, SANDBOX_ON, *BUBBLEWRAP, *CONTAINMENT, *AGENTS, TERMINAL, *EGRESS)
"""In the order in which they explain each other: the first that fails is the one to mend."""

PACKS = tuple(dict.fromkeys(probe.pack for probe in PROBES))


@cache
def script(name: str) -> str:
    """The text of a file in scripts: a probe's by its name, `facts`, or `runner`."""
    return (_SCRIPTS / f"{name}.sh").read_text("utf-8")


def text_of(probe: Probe) -> str:
    """The script for the container's shell; empty for a probe that the package egress asks."""
    return probe.text or ("" if probe.pack == PACK else script(probe.name))
