"""Lints of how capabilities and security options are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nestproof.checks.lints.docker_options import named
from nestproof.checks.lints.rules import report
from nestproof.core.capabilities import NAMES, normalize
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.errors import UsageError
from nestproof.core.source import short
from nestproof.core.text import nearest
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.engine.option_values import go_bool, split_security_option

# moby, daemon/daemon_unix.go, parseSecurityOpt; systempaths is the docker client's own, and credentialspec
# is for Windows containers.
_SECURITY_OPTIONS = (
    "apparmor credentialspec label no-new-privileges seccomp systempaths writable-cgroups".split()
)
# podman-run(1), --security-opt: Docker refuses them, but a profile may be meant for Podman alone.
_OF_PODMAN = frozenset({"mask", "proc-opts", "unmask"})
# opencontainers/selinux, InitLabels: `disable`, or one of these and a value; Podman adds `nested`.
_LABELS = ("user", "role", "type", "level", "filetype")
_EXAMPLES = {
    "credentialspec": "credentialspec=file://NAME.json",
    "label": "label=disable",
    "writable-cgroups": "writable-cgroups=true",
}


def unknown_capability(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Docker refuses to start a container with a capability that Linux does not have."""
    for option in named(document, "cap-add", "cap-drop"):
        name = normalize(option.value)
        if name in NAMES or name == "ALL":
            continue
        if "," in name:
            message = f"{short(option.value)} is read as one name; give each capability an element of its own"
        else:
            message = f"{short(option.value)} is no capability; " + _instead(
                name, NAMES, "write a name of capabilities(7)"
            )
        yield report("capability-unknown", option.node, message)


def unknown_security_option(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Docker refuses to start a container with a security option that it does not know."""
    for option in named(document, "security-opt"):
        name, _, _ = split_security_option(option.value)
        if name not in _SECURITY_OPTIONS and name not in _OF_PODMAN:
            known = "write one of " + ", ".join(_SECURITY_OPTIONS)
            message = f"{short(name)} is no security option; " + _instead(name, _SECURITY_OPTIONS, known)
            yield report("security-option-unknown", option.node, message)


def old_separator(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """moby warns that `apparmor:unconfined` is deprecated (daemon_unix.go, parseSecurityOpt)."""
    for option in named(document, "security-opt"):
        name, separator, value = split_security_option(option.value)
        if separator == ":" and name in _SECURITY_OPTIONS:
            message = f"the separator : is deprecated; write {name}={short(value)}"
            yield report("security-option-separator", option.node, message)


def refused_security_value(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A value that the docker client or the engine refuses, or a slip of the pen in `unconfined`."""
    for option in named(document, "security-opt"):
        name, _, value = split_security_option(option.value)
        if problem := _problem(name, value):
            yield report("security-option-value", option.node, problem)


def _problem(name: str, value: str) -> str:
    problem = ""
    match name:
        case "no-new-privileges" | "writable-cgroups" if value:
            try:
                go_bool(value, name)
            except UsageError:
                problem = f"{name} is true or false, not {short(value)}"
        case "no-new-privileges":
            pass  # the only one that needs no value
        case _ if name in _SECURITY_OPTIONS and not value:
            problem = f"{name} needs a value, as in {_EXAMPLES.get(name, f'{name}=unconfined')}"
        case "systempaths" if value != "unconfined":
            problem = f"systempaths can only be unconfined, not {short(value)}"
        case "label" if value not in ("disable", "nested") and value.partition(":")[0] not in _LABELS:
            problem = f"{short(value)} is no label; write disable, or as in type:container_t"
        case "seccomp" if value == "default":
            problem = "default is read as a file's name; leave the option out"
        case "seccomp" | "apparmor" if value != "unconfined" and nearest(value, ["unconfined"], 0.8):
            problem = f"{short(value)} is read as the name of a profile; did you mean unconfined?"
    return problem


def _instead(name: str, known: Sequence[str], otherwise: str) -> str:
    near = nearest(name, known)
    return f"did you mean {near}?" if near else otherwise
