"""The smallest fix, as it is said here: without what the profile has, in the words of the place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nestproof.probes.facts import SandboxFacts

SECCOMP_OFF = '"--security-opt=seccomp=unconfined"'
APPARMOR_OFF = '"--security-opt=apparmor=unconfined"'
PATHS_SHOWN = '"--security-opt=systempaths=unconfined"'

DECLARE = "declare it in customizations.nestproof.degradations"
WEAKER = '"enableWeakerNestedSandbox": true'
"""The setting with which the sandbox runtime does without a /proc of its own."""

LIFT = "{lift}"
"""Stands in a fix for the options that lift Docker's refusals, as far as they apply here."""
NO_SETUID = "RUN chmod u-s /usr/bin/bwrap in the Dockerfile"

_ADDED = re.compile(r'add ("--[^"]+"(?:, "--[^"]+")*) to runArgs')


def add(options: Sequence[str]) -> str:
    """The words that add run options, each in quotes."""
    return f"add {', '.join(options)} to runArgs"


def lifting_options(here: SandboxFacts | None, own: str = "") -> list[str]:
    """The options against all of Docker's refusals that apply here, as each shows only after the one before.

    `own` is the one for the refusal that was seen. A seccomp file of the profile's is not among them.
    """
    filtered, confined = (here.is_filtered, here.is_confined) if here else (None, False)
    options = [*([SECCOMP_OFF] if filtered else []), *([APPARMOR_OFF] if confined else [])]
    options = options if own in options or not own else [*options, own]
    return [one for one in options if one != SECCOMP_OFF or here is None or not here.seccomp_file]


def left_to_do(fix: str, here: SandboxFacts | None) -> str:
    """The fix without the options that the container was started with.

    An option that takes the place of another one says so. Empty if nothing is left to do.
    """
    found = _ADDED.search(fix)
    if here is None or found is None:
        return fix
    wanted = [option.strip('"') for option in found[1].split(", ")]
    left = [option for option in wanted if option not in here.options]
    if not left:
        return re.sub(r"^(and|or) |,? ?(and|or)$", "", fix.replace(found[0], "").strip(" ,")).strip(" ,")
    replaced = {one: old for one in left if (old := _other_value(one, here.options))}
    added = [f'"{one}"' for one in left if one not in replaced]
    words = [add(added)] if added else []
    words += [f'replace "{old}" in runArgs with "{new}"' for new, old in replaced.items()]
    return fix.replace(found[0], ", and ".join(words))


def _other_value(option: str, options: Sequence[str]) -> str:
    """The security option of the same name with another value, which the engine would not add to."""
    found = re.match(r"--security-opt=[a-z]+=", option)
    if not found or found[0] == "--security-opt=label=":
        return ""
    return next((old for old in options if old.startswith(found[0])), "")


def in_words_of_the_place(text: str, here: SandboxFacts | None) -> str:
    """Reword a cause or a fix about Docker's run options for what runs the container here."""
    if here is None:
        return text
    if here.in_pod:
        return _in_pods_words(text)
    if here.in_podman:
        text = _in_podmans_words(text)
    if here.service:
        return _in_composes_words(text, here.service)
    if here.in_codespace or here.in_wsl:
        return _for_a_host_of_others(text, codespace=here.in_codespace)
    return text


def _in_podmans_words(text: str) -> str:
    # A cause that has a word for either says both.
    text = text.replace(" (Podman: --security-opt=unmask=ALL)", "")
    text = text.replace("systempaths=unconfined", "unmask=ALL").replace("docker ", "podman ")
    return text.replace("docker-default", "containers-default").replace("Docker", "Podman")


def _in_composes_words(text: str, service: str) -> str:
    text = re.sub(
        r'replace "--[a-z-]+=([^"]+)" in runArgs with "--[a-z-]+=([^"]+)"',
        rf"replace \1 with \2 in the Compose service {service}",
        text,
    )
    text = re.sub(r'"--([a-z-]+)=([^"]+)"', lambda m: f"{m[1].replace('-', '_')}: [{m[2]}]", text)
    return text.replace("to runArgs", f"to the Compose service {service}")


# Kubernetes, core/v1: SecurityContext of a container; `hostUsers` is a field of the pod's spec.
_POD_FIELDS = {
    "security-opt=seccomp=unconfined": "seccompProfile.type: Unconfined",
    "security-opt=apparmor=unconfined": "appArmorProfile.type: Unconfined",
    "security-opt=systempaths=unconfined": "procMount: Unmasked",
    "security-opt=label=type:spc_t": "seLinuxOptions.type: spc_t",
}


def _in_pods_words(text: str) -> str:
    text = text.replace(" (Podman: --security-opt=unmask=ALL)", "")
    text = re.sub(
        r'(add|replace) ("--[^"]+"(?:, "--[^"]+")*) (?:to|in) runArgs(?: with ("--[^"]+"))?',
        lambda found: _pod_fields([option.strip('"') for option in (found[3] or found[2]).split(", ")]),
        text,
    )
    return text.replace("Docker's", "the container runtime's").replace("Docker", "the container runtime")


def _pod_fields(options: Sequence[str]) -> str:
    capabilities = [one.removeprefix("--cap-add=") for one in options if one.startswith("--cap-add=")]
    fields = [_POD_FIELDS[one.removeprefix("--")] for one in options if one.removeprefix("--") in _POD_FIELDS]
    fields += [f"capabilities.add: [{', '.join(capabilities)}]"] if capabilities else []
    words = [f"set {', '.join(fields)} in the container's securityContext"] if fields else []
    if "procMount: Unmasked" in fields:
        words.append("hostUsers: false in the pod's spec")
    words += [
        f"mount an emptyDir volume at {one.removeprefix('--tmpfs=')}"
        for one in options
        if one.startswith("--tmpfs=")
    ]
    return ", and ".join(words)


_OF_THE_HOST = re.compile(r"ask the host's administrator for .*|raise /proc/.* on the host.*")


def _for_a_host_of_others(text: str, *, codespace: bool) -> str:
    """A codespace's host cannot be changed by its user; WSL's kernel is set up in its distribution."""
    if codespace:
        return _OF_THE_HOST.sub("use another machine: nobody but GitHub can change a codespace's host", text)
    return _OF_THE_HOST.sub(
        "set it in /etc/sysctl.conf of the WSL distribution, then run wsl --shutdown", text
    )
