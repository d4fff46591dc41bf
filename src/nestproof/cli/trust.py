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
from nestproof.core.errors import UsageError
from nestproof.core.git import find_merge_base
from nestproof.core.source import safe
from nestproof.core.trust import (
    CAUTIOUS,
    Trust,
    TrustOptions,
    UntrustedError,
    is_asking,
    keep_trust,
    read_trust,
)
from nestproof.lifecycle.initialize import initialize_lines
from nestproof.nodes.session import Session
from nestproof.privileges.host_request import ALL_OF, configuration_lines, profile_lines
from nestproof.privileges.revision import written_out


def wanted_by(session: Session, names: Sequence[str] | None = ()) -> tuple[str, ...]:
    """The request of a repository for these profiles, none or all; raises UsageError for an unknown one."""
    lines = list(configuration_lines(session.config, session.workspace))
    if names is not None:
        for name in session.profiles.names(names):
            result = session.profiles.read(name)
            if session.trust_options.initialize:
                lines += initialize_lines(result.document)
            lines += profile_lines(result)
    return tuple(dict.fromkeys(lines))


def require_trust(
    session: Session,
    names: Sequence[str] | None = (),
    options: TrustOptions = CAUTIOUS,
    *,
    containers: bool = True,
) -> None:
    """Raise UntrustedError, before anything is started, unless all that the repository asks for is allowed.

    On a terminal a person is asked once, and the answer is kept. `names` are the profiles to be started, None
    for a command that starts none; `containers` says that containers come of them, whose limits are told.
    """
    session.trust_options = options
    if options.base:
        _take_from_base(session, names, options.base)
    elif is_asking():
        session.trust = _asked(session, names)
    if containers and (limits := session.limits):
        workspace = "the workspace itself" if options.bind_workspace else "a copy of the workspace"
        session.print_line(
            f"{'untrusted':<10} containers get {workspace}, {limits}; `nestproof trust` lifts the limits"
        )


def change_trust(*, revoke: bool, dry_run: bool) -> NoReturn:
    """Show what the repository asks for and allow exactly that, or forget what was allowed."""
    with exits():
        session = Session(Path.cwd(), say=lambda _: None)
        # What --initialize would run is told, too.
        session.trust_options = TrustOptions(initialize=True)
        trust = read_trust(session.workspace, session.environment)
        if revoke:
            file = keep_trust(session.workspace, session.environment, allowed=(), given=False)
            tell(f"nothing is allowed here any more ({safe(str(file))})", sys.stdout)
            raise Exit(code=0)
        wanted = (*wanted_by(session), *sorted(trust.seen))
        if not wanted:
            tell("this repository asks for nothing but builds inside it", sys.stdout)
        for line in dict.fromkeys(wanted):
            tell(f"{'allowed' if line in trust.lines else 'new':<8}  {safe(line)}", sys.stdout)
        if not dry_run:
            file = keep_trust(session.workspace, session.environment, allowed=wanted)
            tell(f"allowed for {safe(str(session.workspace))} (kept in {safe(str(file))})", sys.stdout)
            tell("its containers get their network, and have no limits", sys.stdout)
    raise Exit(code=0)


def _asked(session: Session, names: Sequence[str] | None) -> Trust:
    """Read what is allowed, and ask a person on a terminal for the rest; raises UntrustedError."""
    trust = read_trust(session.workspace, session.environment)
    missing = trust.missing(wanted_by(session, names))
    if not missing:
        return trust
    error = UntrustedError(missing, trust)
    if not _agreed(error):
        raise error
    allowed = trust.lines | set(missing)
    keep_trust(session.workspace, session.environment, allowed=allowed)
    return Trust(allowed, given=True)


def _take_from_base(session: Session, names: Sequence[str] | None, base: str) -> None:
    """Take lock, configuration and trust from the merge base: a pull request writes them all.

    Allowed is what the profiles ask for there. Raises UntrustedError for more than that, and as
    `find_merge_base` does.
    """
    with written_out(session.workspace, find_merge_base(session.workspace, base)) as folder:
        before = Session(folder, session.say, environment=session.environment)
        before.trust_options = session.trust_options
        session.config, session.lock = before.config, before.lock
        here, there = str(session.workspace), str(folder)
        try:
            asked = wanted_by(before, None if names is None else ())
        except UsageError:  # there was no profile yet
            asked = wanted_by(before, None)
    session.trust = Trust(frozenset(line.replace(there, here) for line in asked))
    # The folder was written out without what is around it, which is the repository of the merge base itself.
    wanted = [line for line in wanted_by(session, names) if not line.startswith(ALL_OF)]
    if missing := session.trust.missing(wanted):
        raise UntrustedError(missing, session.trust, base)


def _agreed(error: UntrustedError) -> bool:
    """True if a person on a terminal answers yes; never where nobody can be asked."""
    if os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    tell("This repository asks for something of this machine. It would", sys.stderr)
    for line in error.missing:
        tell(f"  {safe(line)}", sys.stderr)
    tell("Allow exactly this, for this folder? [y/N] ", sys.stderr, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
