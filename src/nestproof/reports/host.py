"""Facts about the machine that nestproof itself runs on."""

from __future__ import annotations

import platform
from pathlib import Path

from nestproof.core.errors import NestproofError
from nestproof.core.git import run_git
from nestproof.reports.evidence import Host, Revision


def host_facts(lsm_file: Path = Path("/sys/kernel/security/lsm")) -> Host:
    """Facts about this machine, without any name that a person gave it."""
    try:
        lsms = lsm_file.read_text("utf-8").strip()
    except OSError:
        lsms = ""  # securityfs is not mounted here, as in containers; the engine says the rest
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = ""
    return Host(
        kernel=f"{platform.system()} {platform.release()}",
        operating_system=system or platform.system(),
        machine=platform.machine(),
        lsms=tuple(name for name in lsms.split(",") if name),
        python=platform.python_version(),
    )


def find_commit(workspace: Path) -> Revision | None:
    """The commit that is checked out, and whether the working tree differs; None where git says neither."""
    try:
        head = run_git(workspace, "rev-parse", "--verify", "--quiet", "HEAD")
        # To compare a submodule, git would start another git in it, with the submodule's own filters.
        options = ("--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all")
        status = run_git(workspace, "--no-optional-locks", "status", *options)
    except NestproofError:
        return None
    if head.status != 0 or status.status != 0:
        return None
    return Revision(commit=head.stdout.strip(), changed=bool(status.stdout))
