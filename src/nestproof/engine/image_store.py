"""Read an engine's image of a platform, also where one tag holds several."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

from nestproof.core.platforms import architecture
from nestproof.core.signals import interrupts_deferred
from nestproof.engine.client import Engine, Image, engine_errors, find_image
from nestproof.engine.labels import new_run_labels

# The first version of the API that inspects an image for a platform (Docker Engine 28.1).
_ASKS_FOR_PLATFORM = (1, 49)


def find_platform(engine: Engine, reference: str, platform: str) -> Image | None:
    """Find the engine's image of that platform; None if there is none. Raises EngineError."""
    if not engine.facts.several_platforms:
        image = find_image(engine, reference)
        return image if image is not None and image.platform == platform else None
    system, _, machine = platform.partition("/")
    if tuple(map(int, engine.api.api_version.split("."))) < _ASKS_FOR_PLATFORM:
        return _by_creating(engine, reference, platform)
    with engine_errors(f"inspecting the image {reference} for {platform}"):
        answer = engine.api.get(
            f"{engine.api.base_url}/v{engine.api.api_version}/images/{reference}/json",
            params={"platform": json.dumps({"os": system, "architecture": machine})},
        )
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found = answer.json()
    image = find_image(engine, reference)
    return replace(image, platform=f"{found['Os']}/{found['Architecture']}") if image else None


def _by_creating(engine: Engine, reference: str, platform: str) -> Image | None:
    """Find a platform's image by creating a container of it, as older engines list only their own."""
    from docker.errors import NotFound

    image = find_image(engine, reference)
    if image is None:
        return None
    name = f"nestproof-{architecture(platform)}-{uuid.uuid4().hex[:12]}"
    # An image without a command of its own makes no container either.
    request = {"Image": reference, "Cmd": ["true"], "Labels": new_run_labels()}
    with engine_errors(f"looking for {platform} in the image {reference}"), interrupts_deferred():
        try:
            engine.api.create_container_from_config(request, name, platform)
        except NotFound:
            return None
        engine.api.remove_container(name, force=True)
    return replace(image, platform=platform)
