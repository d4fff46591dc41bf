"""Lints of images and features whose content can change while the configuration does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nestproof.checks.lints.docker_options import text
from nestproof.checks.lints.rules import report
from nestproof.core.diagnostics import Diagnostic
from nestproof.core.image_reference import IMAGE_REFERENCE
from nestproof.core.source import short
from nestproof.devcontainer.features import read_pins
from nestproof.devcontainer.jsonc import Document
from nestproof.devcontainer.profile import Profile

# A feature in a registry: the first part is a host. Others are paths, archives, or a legacy short form.
_FEATURE = re.compile(
    r"(?P<name>(?:[\w-]+\.[\w.-]+|localhost)(?::[0-9]+)?(?:/[^:@/]+)+)(?::(?P<version>[^@]*))?(?P<digest>@\S+)?"
)
# devcontainers/cli, containerCollectionsOCI.ts: what may stand behind the colon.
_VERSION = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def unpinned_image(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """An image without a tag, or with the tag latest, changes over time."""
    image = text(document, "image")
    found = image and IMAGE_REFERENCE.fullmatch(image[0])
    if image and found and not found["digest"] and found["tag"] in (None, "latest"):
        what = "the tag latest" if found["tag"] else "without a tag this is latest, which"
        message = f"{what} changes with every release; write a version, or a digest"
        yield report("image-unpinned", image[1], message)


def locked_features(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """The lock file of the features holds each one from a registry, by the digest of that one."""
    features = document.root and document.root.at("features")
    if not features:
        return
    try:
        pins = read_pins(profile.file, profile.workspace)
    except ValueError as error:
        yield report("feature-lock", features, str(error))
        return
    for member in features.members.values() if pins is not None else ():
        found, pin = _FEATURE.fullmatch(member.name), (pins or {}).get(member.name)
        if found and not found["digest"] and pin is None:
            yield report(
                "feature-not-locked", member.key, "the lock file of the features has no such feature"
            )
        elif found and pin and pin.resolved != f"{found['name']}@{pin.integrity}":
            message = (
                f"the lock file has {short(pin.resolved)} for it, with the digest {short(pin.integrity)}"
            )
            yield report("feature-lock", member.key, message)


def unpinned_feature(profile: Profile, document: Document) -> Iterator[Diagnostic]:
    """A feature's script runs as root during the build, so its version should be fixed."""
    features = document.root and document.root.at("features")
    try:
        pins = read_pins(profile.file, profile.workspace) or {}
    except ValueError:
        pins = {}
    for member in features.members.values() if features else ():
        found = _FEATURE.fullmatch(member.name)
        if not found or found["digest"] or "${" in member.name or member.name in pins:
            continue
        name, version = short(found["name"].rpartition("/")[2]), found["version"]
        if version in (None, "latest"):
            what = f"{name}:latest" if version else f"{name} without a version is latest, which"
            message = f"{what} changes with every release; write a version, if only its first number"
            yield report("feature-unpinned", member.key, message)
        elif not _VERSION.fullmatch(version):
            what = f"{short(version)} is no version" if version else "no version follows the colon"
            message = f"{what}; write one such as 1, 1.2 or 1.2.3"
            yield report("feature-version-invalid", member.key, message)
