"""Lints of the seccomp profiles that a configuration names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from nestproof.checks.lints.docker_options import Option, asked, elements
from nestproof.checks.lints.rules import report
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.source import short
from nestproof.core.syscalls import DENIED
from nestproof.devcontainer import jsonc
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.engine.option_values import split_security_option

Read = Callable[[Path], bytes]

# moby, profiles/seccomp/default_linux.go: refused to everybody, or tied to a capability that Docker does not
# grant. `clone` is allowed there, but only with flags that make no namespace; clone3's cannot be seen.
# Without those that older releases of Docker allow, or that reach only the container's own processes.
_GUARDED = frozenset(DENIED) - frozenset(
    "clock_settime get_mempolicy io_uring_enter io_uring_register io_uring_setup kcmp mbind migrate_pages "
    "move_pages pidfd_getfd process_madvise set_mempolicy set_mempolicy_home_node settimeofday sysfs ustat "
    "vhangup".split()
)
# Not the names of files; security_options.py has a rule for what is none of them.
_NO_FILE = frozenset({"", "unconfined", "builtin", "default"})
_NAMED = 6
"""So many system calls are named in a sentence."""


def lint_seccomp(profile: Profile, document: Document, read: Read) -> Iterator[Diagnostic]:
    """Check the seccomp profiles in the workspace; `read` gets a file's bytes, and raises OSError.

    What is elsewhere, or named by an environment variable, is another file on another machine.
    """
    for option in asked(document):
        name, _, value = split_security_option(option.value)
        if option.name != "security-opt" or name != "seccomp" or value in _NO_FILE or "Env:" in value:
            continue
        # The reference client starts docker in the workspace, from which docker opens the file.
        file = Path(os.path.normpath(profile.workspace / _resolved(profile, document, option)))
        if file.is_relative_to(profile.workspace):
            yield from _lint_file(option, short(value.rpartition("/")[2]), file, read)


def _resolved(profile: Profile, document: Document, option: Option) -> str:
    """The file with the variables in its name resolved, as the profile has it at the same place."""
    for array, values in (("runArgs", profile.config.run_args), ("securityOpt", profile.config.security_opt)):
        for (_, node), value in zip(elements(document, array), values, strict=False):
            if node is option.node:
                return split_security_option(value.partition("seccomp")[2])[2]
    return ""


def _lint_file(option: Option, name: str, file: Path, read: Read) -> Iterator[Diagnostic]:
    try:
        content = jsonc.parse(read(file), name=name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"the seccomp profile {name} cannot be read: {reason}"
        yield report("seccomp-profile-unreadable", option.node, message)
        return
    # Not above: pydantic takes longer to import than everything else here, and few profiles bring a file.
    from nestproof.checks.lints.seccomp_file import ALLOWING, read_seccomp

    held = read_seccomp(content)
    if isinstance(held, str):
        message = f"{name} is no seccomp profile; look at {short(held)}"
        yield report("seccomp-profile-unreadable", option.node, message)
    elif held.default_action in ALLOWING:
        message = f"{name} allows all that it does not name; start from Docker's own profile instead"
        yield report("seccomp-default-allow", option.node, message)
    elif loose := sorted(_GUARDED & held.allowed_to_all):
        more = f" and {len(loose) - _NAMED} more" if len(loose) > _NAMED else ""
        message = (
            f"{name} allows everybody {', '.join(loose[:_NAMED])}{more}, which Docker's own profile "
            "does not; tie them to a capability"
        )
        yield report("seccomp-profile-loose", option.node, message)
