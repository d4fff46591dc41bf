"""The words of the reports for people, held as they are: a change of them is seen in review."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from nestproof.checks.checks import RULES
from nestproof.reports.evidence import Evidence
from nestproof.reports.formats import draw
from tests.conftest import ROOT
from tests.samples import CUT_SHORT, JUSTIFICATION, OUTCOMES, TWO_MACHINES, a_run
from tests.snapshots import TextExtension

# Without the outcome in which everything is hostile: it says nothing of the words.
DOCUMENTS = {
    "all-verdicts": Evidence(runs=(a_run(*OUTCOMES[:-1], justification=JUSTIFICATION),)),
    "all-passed": Evidence(runs=(a_run(OUTCOMES[0], OUTCOMES[2], OUTCOMES[3]),)),
    "two-machines": Evidence(
        runs=(
            a_run(*OUTCOMES[:-1]),
            TWO_MACHINES.runs[1],
        )
    ),
    "cut-short": CUT_SHORT,
    "nothing": Evidence(runs=()),
}


@pytest.mark.parametrize("form", ["terminal", "markdown"])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_report_reads_as_it_did(form: str, document: str, snapshot: SnapshotAssertion) -> None:
    assert draw(DOCUMENTS[document], form, ROOT, RULES) == snapshot(extension_class=TextExtension)
