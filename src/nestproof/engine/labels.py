"""Labels that name the run of a container or volume, and tell if that run still lives."""

from __future__ import annotations

import os
import platform as host_platform
import uuid
from pathlib import Path

RUN_LABEL = "dev.nestproof.run"
OWNER_LABEL = "dev.nestproof.owner"


def new_run_labels() -> dict[str, str]:
    """Labels for everything that this run makes: which run, and which process owns it."""
    return {RUN_LABEL: uuid.uuid4().hex, OWNER_LABEL: owner_of(os.getpid())}


def owner_of(pid: int) -> str:
    """Identify a process for its leftovers: machine, process id and, with /proc, its start time."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        started = ""
    return f"{host_platform.node()}/{pid}/{started}"


def owner_is_gone(owner: str) -> bool:
    machine, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if machine != host_platform.node() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return owner_of(int(pid)) != owner
