"""The console script, interrupted before a task begins."""

from __future__ import annotations

import signal
import subprocess
import sys

INTERRUPTED_IN_AN_IMPORT = """
import os, signal, sys
from importlib import abc

class Found(abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "nestproof.cli.program":
            type("Owner", (), {"name": Name()})

class Name:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Found())
from nestproof.__main__ import main
main()
"""


def test_an_interruption_in_an_import_ends_the_program_as_a_signal_does() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_IN_AN_IMPORT], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")
