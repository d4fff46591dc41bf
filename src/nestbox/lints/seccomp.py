"""Lints of the seccomp profiles that a configuration brings along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nestbox import jsonc
from nestbox.findings import Mistake
from nestbox.jsonc import Document
from nestbox.lints.options import Option, asked, elements
from nestbox.lints.rules import report
from nestbox.lints.security import split_security_option
from nestbox.profile import Profile
from nestbox.source import short

Read = Callable[[Path], bytes]

# libseccomp, seccomp_rule_add(3): the call is made, whether or not it is noted as well.
_ALLOWING = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"})
# moby, profiles/seccomp/default_linux.go: refused to everybody, or tied to a capability that Docker does not
# grant. `clone` is allowed there, but only with flags that make no namespace; clone3's cannot be seen.
_GUARDED = frozenset(
    "acct add_key bpf clone clone3 delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick "
    "init_module ioperm iopl kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount "
    "open_by_handle_at open_tree perf_event_open pivot_root quotactl quotactl_fd reboot request_key "
    "setdomainname sethostname setns swapoff swapon syslog umount umount2 unshare userfaultfd".split()
)
# Not the names of files; nestbox.lints.security has a rule for what is none of them.
_NO_FILE = frozenset({"", "unconfined", "builtin", "default"})
_NAMED = 6


def lint_seccomp(profile: Profile, document: Document, read: Read) -> Iterator[Mistake]:
    """`read` gives the bytes of a file, or raises OSError; the docker client reads it in the workspace."""
    for option in asked(document):
        name, _, value = split_security_option(option.value)
        if option.name == "security-opt" and name == "seccomp" and value not in _NO_FILE:
            file = profile.workspace / _resolved(profile, document, option)
            yield from _lint_file(option, short(value.rpartition("/")[2]), file, read)


def _resolved(profile: Profile, document: Document, option: Option) -> str:
    """The file with the variables in its name resolved, as the profile has it at the same place."""
    for array, values in (("runArgs", profile.config.run_args), ("securityOpt", profile.config.security_opt)):
        for (_, node), value in zip(elements(document, array), values, strict=False):
            if node is option.node:
                return split_security_option(value.partition("seccomp")[2])[2]
    return ""


def _lint_file(option: Option, name: str, file: Path, read: Read) -> Iterator[Mistake]:
    try:
        content = jsonc.parse(read(file), name=name)
    except OSError as error:
        message = f"the seccomp profile {name} cannot be read: {error.strerror or error}"
        yield report("seccomp-profile-unreadable", option.node, message)
        return
    value = content.root.to_python() if content.root and content.ok else None
    if not isinstance(value, dict) or "defaultAction" not in value:
        message = f"{name} is no seccomp profile: a JSON object with a defaultAction"
        yield report("seccomp-profile-unreadable", option.node, message)
    elif value["defaultAction"] in _ALLOWING:
        message = (
            f"{name} allows all that it does not name ({value['defaultAction']}); "
            "start from Docker's own profile instead"
        )
        yield report("seccomp-default-allow", option.node, message)
    elif loose := sorted(_GUARDED & set(_allowed_to_all(value))):
        more = f" and {len(loose) - _NAMED} more" if len(loose) > _NAMED else ""
        message = (
            f"{name} allows everybody {', '.join(loose[:_NAMED])}{more}, which Docker's own profile "
            "does not; tie them to a capability"
        )
        yield report("seccomp-profile-loose", option.node, message)


def _allowed_to_all(profile: Mapping[str, Any]) -> Iterator[str]:
    """The system calls that are allowed whatever their arguments and the caller's capabilities are."""
    for rule in profile.get("syscalls") or ():
        guarded = rule.get("args") or (rule.get("includes") or {}).get("caps")
        if rule.get("action") in _ALLOWING and not guarded:
            yield from rule.get("names") or [rule.get("name", "")]
