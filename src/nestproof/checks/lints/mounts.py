"""Lints of host paths that are mounted into the container."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from nestproof.checks.lints.docker_options import Option, asked
from nestproof.checks.lints.rules import report
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.source import short
from nestproof.devcontainer.jsonc import Document, JsonNode
from nestproof.devcontainer.profile import Profile
from nestproof.engine.option_values import mount_fields, mount_source, mount_target
from nestproof.privileges.relaxations import is_system_folder

_SOCKETS = frozenset({"containerd.sock", "docker.raw.sock", "docker.sock", "podman.sock"})
# The socket of an engine that is not root's (systemd, user-runtime-dir@.service).
_ROOTLESS = re.compile(r"/run/user/[1-9]|\$\{(?:localEnv|env):XDG_RUNTIME_DIR\b")
_PIPES = re.compile(r"[/\\]pipe[/\\](?:docker|podman)[\w.-]*\Z", re.IGNORECASE)
# Both variables of a home folder, one of which is empty on each system, are often written in a row.
_HOME = re.compile(
    r"(?:(?:\$\{(?:localEnv|env):(?:HOME|USERPROFILE)(?::[^}]*)?\})+|~"
    r"|/home/[^/$]+|/Users/[^/$]+|/root|[A-Za-z]:/Users/[^/$]+)(?=/|\Z)"
)
# What holds keys or tokens, below a home folder; what is below a folder counts as well.
_CREDENTIALS = (
    ".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".docker/config.json", ".git-credentials",
    ".gnupg", ".kube", ".netrc", ".npmrc", ".pypirc", ".ssh",
)  # fmt: skip
_NO_SECRET = re.compile(
    r"\.ssh/(?:config|known_hosts|.*\.pub)\Z|\.docker/(?:cli-plugins|desktop|run)(?:/|\Z)"
)

# The colons of a variable and of a Windows drive (`c:\\work:/work`) separate nothing.
_COLON_SEPARATED = re.compile(r"(?:\$\{[^}]*\}|\A[A-Za-z]:(?=[/\\][^:]*:/)|[^:])+")


def mounted_socket(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """The socket of an engine starts privileged containers on the host for whoever can write to it."""
    for node, source in _sources(document):
        if _ROOTLESS.match(source) and posixpath.basename(source) in _SOCKETS:
            message = f"whoever reaches {short(source)} has all that its user has on the host; "
            yield report("docker-socket-mounted", node, f"{message}run an engine in the container")
        elif posixpath.basename(source) in _SOCKETS or _PIPES.search(source):
            message = f"whoever reaches {short(source)} is root on the host; run an engine in the container"
            yield report("docker-socket-mounted", node, message)


def mounted_home(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A home folder holds keys, and start-up files that run outside the container."""
    for node, source in _sources(document):
        if _HOME.fullmatch(source):
            message = f"{short(source)} is all that the host's user has; mount only the folder that is needed"
            yield report("home-mounted", node, message)


def mounted_credentials(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """Keys that are mounted can be read by everything that runs in the container."""
    for node, source in _sources(document):
        home = _HOME.match(source)
        below = source[home.end() :].strip("/") if home else ""
        if _NO_SECRET.match(below):
            continue
        if any(below == place or below.startswith(place + "/") for place in _CREDENTIALS):
            message = f"the host's {short(below)} holds credentials; forward an agent or a token instead"
            yield report("credentials-mounted", node, message)


def mounted_system(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A mounted folder of the system configures or controls the host."""
    for node, source in _sources(document):
        # A home folder, root's too, has a rule of its own.
        if is_system_folder(source) and not _HOME.fullmatch(source):
            message = f"{source} is the host's own system; mount only the file that is needed"
            yield report("system-folder-mounted", node, message)


def target_of(option: Option) -> str:
    """The mount's path in the container; empty for an option that is no mount or names no target."""
    target = ""
    if option.name == "mount":
        target = mount_target(mount_fields(option.value))
    elif option.name == "volume":
        target = _paths(option.value)[-1]
    return target.rstrip("/")


def _sources(document: Document) -> Iterator[tuple[JsonNode, str]]:
    """The host paths that are mounted, without a slash at the end, and where each is written."""
    for option in asked(document):
        source = ""
        if option.name == "mount":
            # Docker's default is a volume, whose source is a name.
            source = mount_source(mount_fields(option.value))
        elif option.name == "volume":
            source = "".join(_paths(option.value)[:-1])
        if source:
            path = source.replace("\\", "/").rstrip("/")
            node = option.node.at("source") or option.node
            yield node, posixpath.normpath("/" + path.lstrip("/")) if source.startswith("/") else path


def _paths(value: str) -> list[str]:
    """The source, if there is one, and the target of a volume, without its options."""
    return _COLON_SEPARATED.findall(value)[:2] or [""]
