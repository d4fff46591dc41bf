"""The rules of the lints by stable id; docs/rules.md has an example and a fix for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nestproof.core.diagnostics import Diagnostic, Related, Rule
from nestproof.devcontainer.jsonc import JsonNode

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "agent-sandbox-off": Rule(
            "error", "A variable lets an agent go without the sandbox that Docker's walls are down for."
        ),
        "capability-unknown": Rule("error", "A capability has a name that Linux does not have."),
        "credentials-mounted": Rule("warning", "A folder or file of the host that holds keys is mounted."),
        "device-mapped": Rule("warning", "A device of the host is mapped into the container."),
        "docker-socket-mounted": Rule("warning", "An engine's socket is mounted: whoever has it has root."),
        "feature-lock": Rule(
            "error", "The lock file of the features is none, or has another feature's digest."
        ),
        "feature-not-locked": Rule("warning", "The lock file of the features lacks a feature."),
        "feature-unpinned": Rule("warning", "A feature has no version, or latest: it changes unannounced."),
        "feature-version-invalid": Rule("error", "A feature's version is nothing that a registry can hold."),
        "home-mounted": Rule("warning", "The whole home folder of the host's user is mounted."),
        "host-namespace": Rule("warning", "The container shares a namespace of the host or of another."),
        "image-unpinned": Rule("warning", "An image has no tag, or latest: it changes unannounced."),
        "no-new-privileges-setuid-bwrap": Rule(
            "error", "no-new-privileges stands beside a setuid bwrap, which it makes void."
        ),
        "option-conflict": Rule("error", "Two options contradict each other, or only one can count."),
        "option-of-podman": Rule("warning", "Only Podman has this option: Docker refuses it."),
        "option-repeated": Rule("warning", "The same is asked for twice."),
        "platform-conflict": Rule("error", "The image is built for one platform and run as another."),
        "privileged": Rule("warning", "The container is privileged: root in it is root on the host."),
        "privileged-overrides": Rule("warning", "An option has no effect beside privileged."),
        "relaxation-in-strict-profile": Rule(
            "error", "A profile that is meant to have no relaxation asks for one."
        ),
        "root-remote-user": Rule("warning", "Tools and agents run as root in the container."),
        "seccomp-default-allow": Rule(
            "warning", "A seccomp profile allows every system call that it does not name."
        ),
        "seccomp-profile-loose": Rule(
            "warning", "A seccomp profile allows anybody what Docker's own ties to a capability or refuses."
        ),
        "seccomp-profile-unreadable": Rule("error", "A seccomp profile is not there, or no profile."),
        "secret-literal": Rule("warning", "What is named like a secret has its value in the file."),
        "secret-token": Rule("error", "The file holds a token or a private key."),
        "security-option-separator": Rule("warning", "A security option is written with the old separator."),
        "security-option-unknown": Rule("error", "A security option has a name that no engine knows."),
        "security-option-value": Rule("error", "A security option has a value that the engine refuses."),
        "system-folder-mounted": Rule("warning", "A folder that is the host's own system is mounted."),
    }
)


def report(rule: str, node: JsonNode, message: str, *related: Related) -> Diagnostic:
    """A mistake at a value, as grave as its rule."""
    return Diagnostic(rule, RULES[rule].severity, message, node.start, node.end, related)
