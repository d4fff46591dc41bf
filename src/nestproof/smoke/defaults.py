"""Defaults for a profile that declares nothing, and the notice of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nestproof.core.outcome import Status
from nestproof.core.source import safe
from nestproof.devcontainer.profile import Profile, ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.egress import PACK as EGRESS
from nestproof.probes.verdicts import Judgement

# Alone, each lets a process make namespaces, mount or see a whole /proc: what a sandbox needs first.
_FOR_A_SANDBOX = ("cap-add=ALL", "cap-add=SYS_ADMIN", "privileged", "security-opt=seccomp=")
# Of the packs that nobody declared: their probes ask for a program that the image need, or need not, have.
_UNPROMISED = ("bwrap is not installed", "the image has a setuid bwrap")


@dataclass(frozen=True, slots=True)
class Packs:
    """The packs of probes for a profile; `why` is empty if the profile declares them."""

    names: tuple[str, ...]
    why: str = ""


def packs_of(profile: Profile) -> Packs:
    """The declared packs; without any, packs inferred from the profile's options.

    The pack of the firewall is asked where one is declared.
    """
    packs = _own_packs(profile)
    if profile.declarations.egress is None or EGRESS in packs.names:
        return packs
    return replace(packs, names=(*packs.names, EGRESS))


def _own_packs(profile: Profile) -> Packs:
    if profile.declarations.packs is not None:
        return Packs(tuple(profile.declarations.packs))
    always = ("users", "privileges")
    if profile.declarations.container_is_sandbox:
        return Packs(always, "the container is declared to be the sandbox")
    if opened := lets_a_sandbox_in(profile):
        return Packs((*always, "bubblewrap", "containment"), f"{opened[0]} lets a sandbox in")
    return Packs((*always, "no-setuid-bwrap"), "nothing in it lets a sandbox in")


def lets_a_sandbox_in(profile: Profile) -> tuple[str, ...]:
    """The relaxations of a profile without which no sandbox can be made in a container."""
    return tuple(name for name in relaxations_asked(profile.run) if name.startswith(_FOR_A_SANDBOX))


def downgrade_if_undeclared(profile: Profile, judgement: Judgement) -> Judgement:
    """An image without bwrap, or with a setuid one, breaks no promise where the profile made none."""
    is_breach = judgement.status is Status.FAIL and judgement.cause.startswith(_UNPROMISED)
    if not is_breach or profile.declarations.packs is not None:
        return judgement
    return replace(
        judgement,
        status=Status.UNVERIFIED,
        cause=f"{judgement.cause}; and the profile does not declare what it must show",
        fix='install bubblewrap for a sandbox, or name what the container must show: "customizations": '
        '{"nestproof": {"packs": […]}}',
    )


def describe_defaults(
    profiles: ProfileReader, names: Sequence[str], platforms: Sequence[str], *, locked: bool
) -> Iterator[str]:
    """The first lines of a run without configuration: the profiles, the platforms, the reasons."""
    found = {name: _loaded(profiles, name) for name in names}
    named = [
        f"{name} ({profiles.shown(name)}{describe(profile) if profile else ''})"
        for name, profile in found.items()
    ]
    where = ", ".join(platforms) or "the engine's own platform"
    held = "" if locked else "; no privilege lock: each may have what it asks for"
    yield safe(f"profile{'s' if len(named) > 1 else ''} {', '.join(named)} on {where}{held}")
    asked = [(name, packs_of(profile)) for name, profile in found.items() if profile is not None]
    if undeclared := [f"{', '.join(p.names)} of {name} ({p.why})" for name, p in asked if p.why]:
        yield safe(f"packs {'; '.join(undeclared)}")


def _loaded(profiles: ProfileReader, name: str) -> Profile | None:
    try:
        return profiles.read(name).profile
    except ProfileError:
        return None  # told by the checks, with its place


def describe(profile: Profile) -> str:
    """A profile's kind of source, to stand behind its name."""
    service = profile.service
    if service is not None:
        beside = f", without {', '.join(service.others)}" if service.others else ""
        return f": Compose service {service.name}{beside}"
    if profile.config.image:
        return f": image {profile.config.image}"
    return f": {profile.dockerfile}" if profile.dockerfile else ""
