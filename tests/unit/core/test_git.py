"""git is started in one place; what it is asked there, the tests of those who ask cover."""

from __future__ import annotations

import re
from pathlib import Path

import nestproof


def test_no_other_module_starts_git() -> None:
    sources = Path(nestproof.__file__).parent
    starter = re.compile(r"""(["'])git\1""")
    found = [file.name for file in sources.rglob("*.py") if starter.search(file.read_text("utf-8"))]
    assert found == ["git.py"]
