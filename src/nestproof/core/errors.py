"""The errors that nestproof raises on purpose: each says what happened, why, and what to do next.

The exit codes are part of the command line's contract (see the table in the README).
"""

from __future__ import annotations


class NestproofError(Exception):
    """nestproof could not do what was asked of it; the base of every error it raises on purpose."""

    exit_code = 4

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class UsageError(NestproofError):
    """The command line or the configuration asks for something that does not exist or contradicts itself."""

    exit_code = 2


class CommandError(NestproofError):
    """A program that nestproof needs is missing, timed out, or failed in a way that answers nothing."""


class EngineError(NestproofError):
    """The engine was lost, refused a call, or did not answer in time."""


class EngineUnavailable(EngineError):
    """No engine answers, so that nothing could be asked."""


class PlatformAbsentError(EngineUnavailable):
    """Nothing on this machine runs a platform: what it would show is unverified."""

    exit_code = 3
