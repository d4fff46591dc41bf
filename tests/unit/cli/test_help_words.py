"""The help texts, held as they are: a change of them is seen in review."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from syrupy.assertion import SnapshotAssertion

from nestproof.cli.tasks import ns
from tests.snapshots import TextExtension

# A process of its own, and modules of its own for each text: Invoke removes an option's help as it reads it.
PRINT_ALL = """
import contextlib, io, json, sys
import invoke.program
invoke.program.pty_size = lambda: (100, 24)
texts = {}
for name in sys.argv[1:]:
    for module in [module for module in sys.modules if module.startswith("nestproof.cli")]:
        del sys.modules[module]
    from nestproof.cli.tasks import ns
    program = invoke.program.Program(namespace=ns, version="0", name="nestproof", binary="nestproof")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        program.run(["nestproof", *(["--list"] if name == "list" else ["--help", name])], exit=False)
    texts[name] = "\\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\\n"
print(json.dumps(texts))
"""
NAMES = ("list", *sorted(ns.task_names))


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Task to its help, in a terminal of a hundred columns."""
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_ALL, *NAMES], capture_output=True, check=True, text=True, timeout=60
    )
    found: dict[str, str] = json.loads(printed.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_help_text_reads_as_it_did(name: str, texts: dict[str, str], snapshot: SnapshotAssertion) -> None:
    assert texts[name] == snapshot(extension_class=TextExtension)
