"""Locate each relaxation in a profile's file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestproof.devcontainer.features import options_of
from nestproof.devcontainer.jsonc import Document, Position
from nestproof.devcontainer.profile import Profile
from nestproof.engine.docker_flags import read_flags
from nestproof.engine.run_options import RunOptions, parse_run_args
from nestproof.privileges.relaxations import relaxations_asked


@dataclass(frozen=True, slots=True)
class Location:
    """The property that asks for a relaxation, such as `runArgs[1]`, from `start` up to and without `end`."""

    path: str
    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class _Part:
    """A property, or the elements of a list that belong together, and what it asks for alone."""

    name: str
    options: RunOptions
    indexes: tuple[int, ...] = ()
    at: Location | None = None
    """Its place, where the path does not say it."""

    def place(self, document: Document) -> Location | None:
        if self.at is not None:
            return self.at
        steps: list[tuple[str | int, ...]] = [(self.name, index) for index in self.indexes]
        steps = steps or [(self.name,)]
        nodes = [document.root.at(*step) if document.root else None for step in steps]
        first, last = nodes[0], nodes[-1]
        if first is None or last is None:
            return None
        path = f"{self.name}[{self.indexes[0]}]" if self.indexes else self.name
        return Location(path, first.start, last.end)


def relaxation_locations(profile: Profile, document: Document) -> dict[str, tuple[Location, ...]]:
    """Relaxation to the places that ask for it, those of the run arguments first.

    What the file does not name itself, such as a sensitive folder that is the workspace, has no place.
    """
    found: dict[str, tuple[Location, ...]] = dict.fromkeys(relaxations_asked(profile.run), ())
    for part in _parts(profile):
        place = part.place(document)
        for name in relaxations_asked(part.options):
            # What a part asks for can be taken back by another, as by a second --network.
            if name in found and place is not None:
                found[name] += (place,)
    return found


def _parts(profile: Profile) -> Iterator[_Part]:
    config = profile.config
    if profile.service is not None:
        yield _Part("service", profile.service.options)
    else:
        for flag in read_flags(config.run_args):
            places = range(flag.index, flag.index + flag.width)
            yield _Part(
                "runArgs", parse_run_args(config.run_args[slice(places.start, places.stop)]), tuple(places)
            )
    for index, name in enumerate(config.cap_add):
        yield _Part("capAdd", RunOptions(cap_add=(name,)), (index,))
    for index, option in enumerate(config.security_opt):
        yield _Part("securityOpt", RunOptions(security_opt=(option,)), (index,))
    yield _Part("privileged", RunOptions(privileged=config.privileged))
    for index, mount in enumerate(config.mounts):
        text = mount if isinstance(mount, str) else f"type={mount.type},source={mount.source or ''}"
        yield _Part("mounts", RunOptions(mounts=(text,)), (index,))
    for feature in profile.features:
        if feature.document is not None:
            at = Location(f"the feature {feature.name}", feature.key.start, feature.key.end)
            yield _Part("features", options_of(feature, profile.variables, profile.run), at=at)
    yield _Part("workspaceMount", RunOptions(mounts=(config.workspace_mount or "",)))
