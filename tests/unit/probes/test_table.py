"""Every probe has a sentence for its fail, and one for its pass."""

from __future__ import annotations

import pytest

from nestproof.probes.probe import Probe
from nestproof.probes.table import PROBES

BY_LINES = [probe for probe in PROBES if probe.judge is None]


@pytest.mark.parametrize("probe", BY_LINES, ids=lambda probe: probe.name)
def test_a_fail_is_a_sentence_about_the_sandbox_and_not_about_a_script(probe: Probe) -> None:
    assert len(probe.fails.split()) > 4
    assert not probe.fails.startswith("it ")
    assert not probe.fails.endswith(".")
    assert "print" not in probe.fails


@pytest.mark.parametrize("probe", BY_LINES, ids=lambda probe: probe.name)
def test_a_pass_makes_sense_without_the_question(probe: Probe) -> None:
    shown = probe.says or "; ".join(probe.shows)
    assert "-ok" not in shown
    assert not shown.startswith(("it ", "they ", "the other", "nothing else"))


def test_no_two_probes_fail_in_the_same_words() -> None:
    assert len({probe.fails for probe in BY_LINES}) == len(BY_LINES)
