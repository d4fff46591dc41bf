"""Judge the container's privileges by the kernel's words, and the version of Codex. Pure."""

from __future__ import annotations

import re

from nestproof.core.capabilities import NAMES, decode
from nestproof.core.outcome import Observation, Status
from nestproof.probes.verdicts import Context, Judgement, failed, last_line


def holds_allowed_capabilities(observation: Observation, context: Context) -> Judgement:
    """Compare the kernel's bounding set with the lock."""
    found = re.fullmatch(r"CapBnd:\s+([0-9a-f]{16})\n", observation.stdout)
    if observation.exit_status != 0 or not found:
        return failed(observation, context, "CapBnd could not be read from /proc/self/status")
    held = decode(int(found[1], 16))
    added = {name.removeprefix("cap-add=") for name in context.allowed if name.startswith("cap-add=")}
    everything = "privileged" in context.allowed or "ALL" in added
    extra = (
        sorted(held - context.default_capabilities - context.asked_capabilities - added)
        if not everything
        else []
    )
    if extra:
        names = ", ".join(extra)
        options = " ".join(f"--cap-add={name}" for name in extra if name in NAMES) or "what grants them"
        return Judgement(
            Status.FAIL,
            f"the bounding set holds {names}",
            f"the profile may not have {names} ({context.rule})",
            f"remove {options} from the profile{context.or_allow}",
        )
    return Judgement(Status.PASS, _set_in_words(held, context))


def _set_in_words(held: frozenset[str], context: Context) -> str:
    default = context.default_capabilities
    more, less = sorted(held - default), sorted(default - held)
    if less:
        return (
            f"the container can hold only {', '.join(sorted(held))}"
            if held
            else "the container can hold no capability"
        )
    return f"{context.engine}'s default capabilities{' and ' + ', '.join(more) if more else ', nothing more'}"


def is_filtered_unless_allowed(observation: Observation, context: Context) -> Judgement:
    """Require seccomp mode 2 in /proc/self/status, unless the lock allows it to be off."""
    found = re.fullmatch(r"Seccomp:\s+([012])\n", observation.stdout)
    if observation.exit_status != 0 or not found:
        return failed(observation, context, "the seccomp mode could not be read from /proc/self/status")
    allowed = bool({"security-opt=seccomp=unconfined", "privileged"} & context.allowed)
    if found[1] == "2":
        return Judgement(Status.PASS, "a seccomp filter is on")
    if allowed:
        return Judgement(Status.PASS, "seccomp is off, as the privilege lock allows")
    if not context.engine_has_seccomp:
        return Judgement(
            Status.UNVERIFIED,
            "seccomp is off: this engine does not support it",
            "",
            "ask an engine built with seccomp",
        )
    return Judgement(
        Status.FAIL,
        "no seccomp filter is on",
        f"the profile may not run without {context.engine}'s seccomp filter ({context.rule})",
        f"remove seccomp=unconfined from the profile{context.or_allow}",
    )


def is_confined_unless_allowed(observation: Observation, context: Context) -> Judgement:
    """Require an enforced AppArmor profile, unless the lock allows none; unverified without AppArmor."""
    label = observation.stdout.strip().strip("\0")
    if observation.exit_status != 0 or not label:
        return failed(observation, context, "the AppArmor label could not be read")
    allowed = bool({"security-opt=apparmor=unconfined", "privileged"} & context.allowed)
    if not context.engine_has_apparmor:
        shown = "that the sandbox works with it" if allowed else "that it confines the container"
        return Judgement(
            Status.UNVERIFIED,
            f"this kernel has no AppArmor, so nothing shows {shown}",
            "",
            "run this on a host with AppArmor (Debian's and Ubuntu's kernels have it)",
        )
    # Only an enforced profile refuses anything; a complaining one writes down what it would have refused.
    if not label.endswith(" (enforce)") and not allowed:
        return Judgement(
            Status.FAIL,
            f"AppArmor: {label}",
            f"the profile may not run without an enforced AppArmor profile ({context.rule})",
            f"remove apparmor=unconfined from the profile{context.or_allow}",
        )
    return Judgement(Status.PASS, f"AppArmor: {label}")


def is_pinned_codex(observation: Observation, context: Context) -> Judgement:
    """Require the declared version of `codex --version` exactly; without a declaration, any version."""
    wanted = f"codex-cli {context.codex_version}"
    pattern = re.escape(wanted) if context.codex_version else r"codex-cli \d+\.\d+\.\S+"
    if observation.exit_status == 0 and re.fullmatch(f"{pattern}\n", observation.stdout):
        return Judgement(Status.PASS, observation.stdout.strip())
    if observation.exit_status != 0 or not context.codex_version:
        return failed(observation, context, "codex could not say its version")
    return Judgement(
        Status.FAIL,
        last_line(observation.stdout),
        f"the profile declares {wanted} (customizations.nestproof.codexVersion)",
        f"build with CODEX_VERSION={context.codex_version}, or declare the new version",
    )
