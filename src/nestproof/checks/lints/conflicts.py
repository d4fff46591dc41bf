"""Lints of what is said twice, or said and unsaid."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from nestproof.checks.lints.docker_options import Option, asked, elements, named, read_arguments
from nestproof.checks.lints.mounts import target_of
from nestproof.checks.lints.rules import report
from nestproof.core.capabilities import normalize
from nestproof.core.diagnostics import Diagnostic, Related
from nestproof.core.source import short
from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.devcontainer.profile import Profile
from nestproof.engine.option_values import mount_fields, split_security_option
from nestproof.engine.run_options import is_podmans

# docker/cli, opts.go: of these, the last one given counts.
_SINGLE = frozenset(
    "cgroupns entrypoint hostname ipc name pid platform runtime shm-size user userns uts workdir".split()
)
_COMPARED = _SINGLE | {"cap-add", "cap-drop", "device", "init", "privileged", "security-opt"}
# moby, daemon_unix.go, parseSecurityOpt: of several, the last counts; labels add up.
_SINGLE_SECURITY = frozenset({"apparmor", "no-new-privileges", "seccomp", "systempaths", "writable-cgroups"})
# None of these can be joined with another network.
_LONE_NETWORKS = frozenset({"bridge", "default", "host", "none"})
_SYNONYMS = {"src": "source", "dst": "target", "destination": "target"}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64/v8": "arm64"}


def option_of_podman(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A profile with such an option is one for Podman, whatever it is called."""
    for option in asked(document):
        if is_podmans(option.name):
            message = f"only Podman has --{option.name}; with Docker, this container does not start"
            yield report("option-of-podman", option.node, message)


def repeated_option(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """The same capability, security option, device or switch once more, in one list or in two."""
    seen: dict[tuple[str, str], Option] = {}
    for option in asked(document):
        key = (option.name, _meaning(option))
        if option.name in _COMPARED:
            first = seen.setdefault(key, option)
            if first is not option:
                message = f"{shown(option)} is asked for twice; remove one of the two"
                yield report("option-repeated", option.node, message, _here(first))


def conflicting_options(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Two values where only one can count, or where Docker refuses the pair."""
    options = asked(document)
    yield from _added_and_dropped(options)
    firsts: dict[str, Option] = {}
    for option in options:
        subject = _subject(option)
        first = firsts.setdefault(subject, option) if subject else option
        if first.known and option.known and _meaning(first) != _meaning(option):
            message = f"{shown(option)} contradicts {shown(first)}; keep one of the two"
            yield report("option-conflict", option.node, message, _here(first))
    yield from _networks([option for option in options if option.name == "network"])
    in_mounts = {node.offset for node in _items(document, "mounts")}
    yield from _mounted_twice(options, in_mounts)


def _added_and_dropped(options: Sequence[Option]) -> Iterator[Diagnostic]:
    added = {normalize(option.value): option for option in options if option.name == "cap-add"}
    for option in options:
        # ALL is a set to take from or to add to, not a contradiction.
        if option.name == "cap-drop" and (first := added.get(normalize(option.value))):
            message = f"{short(normalize(option.value))} is both added and dropped; remove one of the two"
            yield report("option-conflict", option.node, message, _here(first))


def _networks(options: Sequence[Option]) -> Iterator[Diagnostic]:
    """docker/cli, opts.go, parseNetworkOpts: the same one twice, or any beside one that stands alone."""
    first, *others = options or (None,)
    for option in others:
        lone = [one for one in (first, option) if one and _is_lone(one.value)]
        if first and option.value == first.value:
            message = f"Docker joins {shown(option)} only once; remove one of the two"
            yield report("option-conflict", option.node, message, _here(first))
        elif first and lone:
            message = f"Docker joins no other network beside {shown(lone[0])}; keep one of the two"
            yield report("option-conflict", option.node, message, _here(first))


def _is_lone(network: str) -> bool:
    return network in _LONE_NETWORKS or network.startswith("container:")


def _items(document: Document, name: str) -> tuple[JsonNode, ...]:
    array = document.root and document.root.at(name)
    return tuple(array.items) if array else ()


def _mounted_twice(options: Sequence[Option], in_mounts: Collection[int]) -> Iterator[Diagnostic]:
    """The engine says `Duplicate mount point`, unless the two are one.

    The reference client merges what is in `mounts` by target, and the docker client equal volumes
    (docker/cli, opts.go, parse: a set).
    """
    seen: dict[str, Option] = {}
    for option in options:
        target = target_of(option)
        first = seen.setdefault(target, option) if target else option
        if first is option:
            continue
        node, note = (
            option.node.at("target") or option.node,
            Related(first.node.start, "the other stands here"),
        )
        merged = {option.node.offset, first.node.offset} <= set(in_mounts) or option.name == "volume"
        if merged and option.name == first.name and _fields(option) == _fields(first):
            message = f"the mount at {short(target)} is asked for twice; remove one of the two"
            yield report("option-repeated", node, message, note)
        else:
            message = f"two mounts have the target {short(target)}; keep one of the two"
            yield report("option-conflict", node, message, note)


def _fields(option: Option) -> object:
    """The meaning of a mount, however its fields are ordered."""
    if option.name != "mount":
        return option.value
    return {
        _SYNONYMS.get(name, name): value.rstrip("/") for name, value in mount_fields(option.value).items()
    }


def platforms_disagree(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """The engine refuses to run an image of another platform than the one asked for."""
    built = [
        option
        for option in read_arguments(elements(document, "build", "options"))
        if option.name == "platform"
    ]
    for option in named(document, "platform"):
        for build in built[-1:]:
            if build.known and _platform(option.value) not in map(_platform, build.value.split(",")):
                message = (
                    f"the image is built for {short(build.value)} and run as {short(option.value)}; "
                    "write the same in both"
                )
                yield report("platform-conflict", option.node, message, _here(build))


def _platform(name: str) -> str:
    machine = name.strip().lower().removeprefix("linux/")
    return _MACHINES.get(machine, machine)


def _subject(option: Option) -> str:
    """The subject that only one option can decide; empty for an option that may repeat."""
    if option.name == "security-opt":
        name = split_security_option(option.value)[0]
        return f"security-opt={name}" if name in _SINGLE_SECURITY else ""
    return option.name if option.name in _SINGLE else ""


def _meaning(option: Option) -> str:
    """The value in one of its spellings, so that two ways to write the same compare equal."""
    match option.name:
        case "cap-add" | "cap-drop":
            return normalize(option.value)
        case "security-opt":
            name, _, value = split_security_option(option.value)
            return f"{name}={value or 'true'}"
        case "platform":
            return _platform(option.value)
    return option.value


def shown(option: Option) -> str:
    """An option as a sentence names it."""
    if option.name in ("cap-add", "cap-drop"):
        return short(normalize(option.value))
    if option.name == "security-opt":
        return short(option.value)
    return f"{option.name}={short(option.value)}" if option.value else option.name


def _here(option: Option) -> Related:
    return Related(option.node.start, f"{shown(option)} stands here")
