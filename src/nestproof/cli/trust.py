"""Ask whether a repository may do on this machine what it asks for, and remember the answer.

Only the program `nestproof` asks. What a repository's own tasks.py or noxfile.py starts is trusted by that:
its code runs already.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from invoke.exceptions import Exit

from nestproof.cli.console import exits, tell
from nestproof.core.source import safe
from nestproof.core.trust import Trust, UntrustedError, is_asking, keep_trust, read_trust
from nestproof.nodes.session import Session
from nestproof.privileges.host_request import configuration_lines, profile_lines


def wanted_by(session: Session, names: Sequence[str] = (), *, profiles: bool = True) -> tuple[str, ...]:
    """The request of a repository for these profiles, or for all; raises UsageError for an unknown one."""
    lines = list(configuration_lines(session.config, session.workspace))
    if profiles:
        for name in session.profiles.names(names):
            lines += profile_lines(session.profiles.read(name))
    return tuple(dict.fromkeys(lines))


def require_trust(
    session: Session, names: Sequence[str] = (), *, profiles: bool = True, bind_workspace: bool = False
) -> None:
    """Raise UntrustedError, before anything is started, unless all that the repository asks for is allowed.

    On a terminal a person is asked once, and the answer is kept. `bind_workspace` is the option of that name.
    """
    session.bind_workspace = bind_workspace
    if not is_asking():
        return
    trust = read_trust(session.workspace, session.environment)
    missing = trust.missing(wanted_by(session, names, profiles=profiles))
    if missing:
        error = UntrustedError(missing, trust)
        if not _agreed(error):
            raise error
        trust = _allow(session, trust, missing)
    session.trust = trust


def change_trust(*, revoke: bool, dry_run: bool) -> NoReturn:
    """Show what the repository asks for and allow exactly that, or forget what was allowed."""
    with exits():
        session = Session(Path.cwd(), say=lambda _: None)
        trust = read_trust(session.workspace, session.environment)
        if revoke:
            file = keep_trust(session.workspace, session.environment, allowed=())
            tell(f"nothing is allowed here any more ({safe(str(file))})", sys.stdout)
            raise Exit(code=0)
        wanted = (*wanted_by(session), *sorted(trust.seen))
        if not wanted:
            tell("nothing to allow: this repository asks for nothing but builds inside it", sys.stdout)
            raise Exit(code=0)
        for line in dict.fromkeys(wanted):
            tell(f"{'allowed' if line in trust.lines else 'new':<8}  {safe(line)}", sys.stdout)
        if not dry_run:
            file = keep_trust(session.workspace, session.environment, allowed=wanted)
            tell(f"allowed for {safe(str(session.workspace))} (kept in {safe(str(file))})", sys.stdout)
    raise Exit(code=0)


def _agreed(error: UntrustedError) -> bool:
    """True if a person on a terminal answers yes; never where nobody can be asked."""
    if os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    tell("This repository asks for something of this machine. It would", sys.stderr)
    for line in error.missing:
        tell(f"  {safe(line)}", sys.stderr)
    tell("Allow exactly this, for this folder? [y/N] ", sys.stderr, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _allow(session: Session, trust: Trust, missing: Sequence[str]) -> Trust:
    allowed = trust.lines | set(missing)
    keep_trust(session.workspace, session.environment, allowed=allowed)
    return Trust(allowed)
