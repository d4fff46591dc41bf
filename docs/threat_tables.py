"""Writes the tables of threat-model.md from experiments, which take an engine.

Usage: python docs/threat_tables.py [FILE …]
Each FILE is the evidence of another host, as `nestproof justify` keeps it in .nestproof/justify.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from nestproof.core.outcome import Outcome
from nestproof.engine.client import Engine
from nestproof.justify import outcomes, residual
from nestproof.justify.justification import Justification
from nestproof.justify.records import from_json
from nestproof.justify.study import JustifyRequest, each_target, study
from nestproof.nodes.session import Session
from nestproof.smoke.plan import SmokeRun

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/threat-model.md"


def main() -> None:
    """Do the experiments that are not known yet, and write both tables."""
    session = Session(ROOT, lambda text: print(text, file=sys.stderr))
    request = JustifyRequest(("secure",))
    made: list[Justification] = [
        from_json(json.loads(Path(name).read_text("utf-8"))) for name in sys.argv[1:]
    ]
    tried: list[residual.Attempt] = []
    for _ in study(request, session, made.append):
        pass
    for _ in each_target(request, session, lambda engine, run: _attempt(engine, run, tried)):
        pass
    text = _with_table(PAGE.read_text("utf-8"), "relaxations", outcomes.hosts_table(made))
    PAGE.write_text(_with_table(text, "residual", residual.table(tried)), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def _attempt(engine: Engine, run: SmokeRun, tried: list[residual.Attempt]) -> Iterator[Outcome]:
    tried += residual.attempts(engine, run)
    return iter(())


def _with_table(text: str, name: str, table: str) -> str:
    """The page with the table between its marks."""
    before, mark, rest = text.partition(f"<!-- {name}: ")
    title, _, after = rest.partition(" -->\n")
    return f"{before}{mark}{title} -->\n{table}\n<!-- end -->{after.partition('<!-- end -->')[2]}"


if __name__ == "__main__":
    main()
