"""Lints of options that remove the container's isolation, and of profiles that promise otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nestproof.checks.lints.docker_options import Option, asked, named
from nestproof.checks.lints.rules import RULES, report
from nestproof.core.diagnostics import Diagnostic, Related
from nestproof.core.source import short
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile
from nestproof.engine.docker_flags import FALSE
from nestproof.engine.option_values import split_security_option
from nestproof.privileges.locations import relaxation_locations

# Option to the name of the namespace.
_NAMESPACES = {
    "network": "network", "pid": "PID", "ipc": "IPC", "uts": "UTS", "userns": "user", "cgroupns": "cgroup",
}  # fmt: skip
_IMPLIED = ("apparmor=unconfined", "label=disable", "seccomp=unconfined", "systempaths=unconfined")
_STRICT_PACK, _SETUID_PACK = "no-setuid-bwrap", "setuid-bwrap"


def privileged(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A privileged container confines nothing."""
    for option in named(document, "privileged"):
        message = "privileged removes all of the container's isolation; ask only for what is needed"
        yield report("privileged", option.node, message)


def overridden_by_privileged(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Options without effect beside --privileged."""
    options = asked(document)
    for first in [option for option in options if option.name == "privileged"][:1]:
        for option in options:
            if reason := _voided(option):
                note = Related(first.node.start, "privileged stands here")
                yield report("privileged-overrides", option.node, f"{reason}; remove one of the two", note)


def _voided(option: Option) -> str:
    # moby: oci/caps/utils.go (all capabilities, whatever is dropped), daemon/seccomp_linux.go and
    # daemon/oci_linux.go (unconfined unless a profile is named), daemon/create.go (no SELinux label).
    match option.name, option.value.replace(":", "=", 1):
        case "cap-add", value:
            return f"privileged grants {short(value)} already"
        case "cap-drop", value:
            return f"privileged grants {short(value)} although it is dropped here"
        case "security-opt", value if value in _IMPLIED:
            return f"privileged implies {value}"
    return ""


def host_namespace(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A namespace shared with the host or another container isolates nothing."""
    for option in named(document, *_NAMESPACES):
        if option.value == "host" or option.value.startswith("container:"):
            whose = "the host's" if option.value == "host" else "another container's"
            kind = _NAMESPACES[option.name]
            message = f"the container shares {whose} {kind} namespace; let it have its own"
            if option.name == "userns":
                # Docker's own default, unless the engine maps users to others (userns-remap).
                message = "the container has the host's users, as by default, unless the engine maps them"
                yield replace(report("host-namespace", option.node, message), severity="note")
                continue
            yield report("host-namespace", option.node, message)


def mapped_device(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A mapped device is reached without the host's permission checks."""
    for option in named(document, "device"):
        device = short(option.value.split(":")[0])
        message = f"{device} is a device of the host; remove it if the container can do without"
        found = report("device-mapped", option.node, message)
        # Whoever opens it mounts a file system of his own, in his own namespaces.
        yield replace(found, severity="note") if device == "/dev/fuse" else found


def setuid_bwrap_without_new_privileges(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """no-new-privileges makes a setuid bit inert (kernel, no_new_privs.rst), and the profile promises one."""
    for option in named(document, "security-opt"):
        name, _, value = split_security_option(option.value)
        if name == "no-new-privileges" and value not in FALSE and _declares(profile, _SETUID_PACK):
            message = "bwrap's setuid bit has no effect beside no-new-privileges; remove one of the two"
            declared = _declared_at(document, _SETUID_PACK)
            yield report("no-new-privileges-setuid-bwrap", option.node, message, *declared)


def relaxed_although_strict(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """The pack no-setuid-bwrap declares that no relaxation is needed for a sandbox; a container that is the
    sandbox must have none.
    """
    if profile.declarations.container_is_sandbox:
        related = tuple(_said_to_be_the_sandbox(document))
    elif _declares(profile, _STRICT_PACK):
        related = tuple(_declared_at(document, _STRICT_PACK))
    else:
        return
    rule = "relaxation-in-strict-profile"
    for relaxation, places in relaxation_locations(profile, document).items():
        message = f"{short(relaxation)} is a relaxation, and this profile is declared to have none"
        for place in places:
            yield Diagnostic(rule, RULES[rule].severity, message, place.start, place.end, related)


def _said_to_be_the_sandbox(document: Document) -> Iterator[Related]:
    if node := document.root and document.root.at("customizations", "nestproof", "sandbox"):
        yield Related(node.start, "the container is declared to be the sandbox here")


def _declares(profile: Profile, pack: str) -> bool:
    return pack in (profile.declarations.packs or ())


def _declared_at(document: Document, pack: str) -> Iterator[Related]:
    packs = document.root and document.root.at("customizations", "nestproof", "packs")
    for node in packs.items if packs else ():
        if node.value == pack:
            yield Related(node.start, f"the pack {pack} is declared here")
