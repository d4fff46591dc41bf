"""Virtual machines with their own kernel: start them, reach their engines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nestproof.core.cancellation import acquire
from nestproof.core.errors import CommandError, UsageError
from nestproof.core.process import run, run_interactive
from nestproof.engine.client import Engine, connect
from nestproof.engine.container import remove_leftovers

if TYPE_CHECKING:
    pass

# A first start makes a file system under emulation; measured: under ten minutes on two cores.
UP_TIMEOUT = 3600.0
# An engine in a virtual machine without hardware help is some ten times slower.
CALL_TIMEOUT = 600


def control(command: Sequence[str], workspace: Path, *arguments: str) -> int:
    """Run the command for virtual machines on the terminal; returns its exit status."""
    return run_interactive([*_argv(command, workspace), *arguments])


def start_vm(command: Sequence[str], workspace: Path, platform: str, say: Callable[[str], None]) -> Engine:
    """Start the platform's virtual machine if need be, and return its engine.

    Raises CommandError when it does not start, EngineUnavailable when its engine does not answer.
    """
    say(f"starting the virtual machine for {platform}, or using the one that runs")
    up = run([*_argv(command, workspace), "up", "--platform", platform], timeout=UP_TIMEOUT, on_line=say)
    if up.status != 0:
        raise CommandError(
            f"the virtual machine for {platform} could not be started",
            why=up.stderr.strip()[-2000:],
            fix=f"{' '.join(command)} up --platform {platform}",
        )
    return connect(read_variables(up.stdout), timeout=CALL_TIMEOUT)


class VirtualMachines:
    """The virtual machines of a run, each opened once for all its targets."""

    def __init__(self, command: Sequence[str], workspace: Path, say: Callable[[str], None]) -> None:
        self._command, self._workspace, self._say = command, workspace, say
        self._lock = threading.Lock()
        self._opened: dict[str, Engine] = {}

    def open(self, platform: str) -> Engine:
        """Open the engine of the platform's virtual machine, and remove leftovers of killed runs."""
        with acquire(self._lock):
            if platform not in self._opened:
                engine = start_vm(self._command, self._workspace, platform, self._say)
                for name in remove_leftovers(engine):
                    self._say(f"removed {name}, left behind there by an earlier run that was killed")
                self._opened[platform] = engine
            return self._opened[platform]


def read_variables(text: str) -> dict[str, str]:
    """`NAME=value` lines, as a shell would take them; others are left out."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip("'\"") for name, is_one, value in pairs if is_one and name.isidentifier()}


def _argv(command: Sequence[str], workspace: Path) -> list[str]:
    if not command:
        raise UsageError(
            "this repository does not say how a virtual machine is started",
            fix='guest = ["scripts/vm"] in [tool.nestproof]; docs/nodes.md has the script',
        )
    program = workspace / command[0]
    return [str(program) if program.exists() else command[0], *command[1:]]
