"""Build the image of a profile with features, by the reference client: the implementation that users have.

Source: devcontainers/cli 0.89, `devcontainer build`. It runs no lifecycle command. The last entry of its
metadata label is that of the configuration itself, which the profile has already.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nestproof.build.command import CannotBuildError, ImageBuild, tag_of
from nestproof.build.image import BUILD_TIMEOUT, BuildResult
from nestproof.build.trouble import failed
from nestproof.core.cancellation import POLL_SECONDS, check_cancelled
from nestproof.core.errors import EngineError
from nestproof.core.outcome import Observation, Outcome, Status, Target
from nestproof.core.process import Completed, run
from nestproof.devcontainer.features import lock_of
from nestproof.devcontainer.image_metadata import LABEL, entries
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, Image, find_image

VERSION = "0.89.0"
_SHOWN_LINES = 40
_CONFIGS = ("devcontainer.json", ".devcontainer.json")
# Its default takes a Dockerfile frontend from a registry; the other way needs none.
_NO_FRONTEND = re.compile(r"docker(?:\.io)?/dockerfile:1|docker/dockerfile-upstream")
# "[2026-01-02T03:04:05.678Z] " stands before its own lines.
_TIME = re.compile(r"^\[[0-9T:.-]+Z\] ")


def find_client(configured: list[str], environment: Mapping[str, str]) -> list[str]:
    """The command of the reference client; raises CannotBuildError where there is none."""
    if configured:
        return configured
    cache = environment.get("XDG_CACHE_HOME") or f"{environment.get('HOME', '')}/.cache"
    kept = Path(cache, "nestproof", f"devcontainer-{VERSION}", "node_modules/.bin/devcontainer")
    found = shutil.which("devcontainer", path=environment.get("PATH")) or (str(kept) if kept.exists() else "")
    if found:
        return [found]
    raise CannotBuildError(
        "the profile has features, and their builder, `devcontainer`, is not here",
        why="features are built by the reference client",
        fix=f"npm install --global @devcontainers/cli@{VERSION}",
    )


def plan_features(profile: Profile, platform: str, client: list[str]) -> ImageBuild:
    """The client's command line for a profile; raises CannotBuildError for a file that it does not take."""
    if profile.file.name not in _CONFIGS:
        raise CannotBuildError(
            f"{profile.file.name} has features, and the reference client builds only a devcontainer.json",
            fix=f"move it to .devcontainer/{profile.name}/devcontainer.json",
        )
    tag = tag_of(profile, platform)
    lock = lock_of(profile.file)
    argv = [*client, "build", "--workspace-folder", str(profile.workspace), "--config", str(profile.file)]
    # Nothing is written beside the configuration.
    argv += ["--image-name", tag, "--frozen-lockfile" if lock.exists() else "--no-lockfile"]
    return ImageBuild(profile.name, (platform,), tag, client=tuple(argv))


def build_features(
    engine: Engine, plan: ImageBuild, variables: Mapping[str, str], on_progress: Callable[[str], None]
) -> tuple[Outcome, Image | None]:
    """Build the image; returns its outcome and, if that is a pass, the image without the client's own entry.

    Raises CommandError when the client cannot be started or takes too long.
    """
    (target,) = plan.targets

    def tell(line: str) -> None:
        if said := _TIME.sub("", line).strip():
            on_progress(said)

    def attempt(*options: str) -> Completed:
        return run(
            (*plan.client, *options),
            timeout=BUILD_TIMEOUT,
            env={**variables, **engine.variables, "DOCKER_DEFAULT_PLATFORM": target.platform},
            on_line=tell,
        )

    done = attempt()
    if done.status != 0 and _NO_FRONTEND.search(done.stderr):
        with _alone():
            done = attempt("--buildkit", "never")
    lines = [_TIME.sub("", line).strip() for line in done.stderr.splitlines()]
    lines = [line for line in lines if line][-_SHOWN_LINES:]
    seen = Observation(plan.client, done.status, done.stdout[-2000:], "\n".join(lines), done.seconds)
    if done.status != 0:
        return _failed(target, seen, done), None
    found = find_image(engine, plan.tag)
    if found is None:
        raise EngineError(f"the engine does not have the image that the client just built, {plan.tag}")
    if wrong := BuildResult(seen, None, (plan.tag,)).check_platform(target, found.platform):
        return wrong, None
    label = json.dumps(entries(found.labels.get(LABEL, ""))[:-1])
    built = replace(found, labels={**found.labels, LABEL: label})
    summary = (
        f"{plan.tag} is {found.id.removeprefix('sha256:')[:12]}, for {found.platform}, with its features"
    )
    return Outcome("build", Status.PASS, summary, target, observation=seen), built


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other run of this user builds so: the client gives its own images one name."""
    place = Path(tempfile.gettempdir(), f"nestproof-features-{os.getuid()}.lock")
    with os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check_cancelled()
                time.sleep(POLL_SECONDS)
        yield


def _failed(target: Target, seen: Observation, done: Completed) -> Outcome:
    said = ""
    for line in done.stdout.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        said = (
            str(answer.get("description") or answer.get("message") or "") if isinstance(answer, dict) else ""
        )
    errors = [line for line in seen.stderr.splitlines() if re.search(r"\bERROR\b|^Error|error:", line)]
    cause = "\n".join(errors[-5:]) or said
    fix = f"run it by hand: {' '.join(seen.command)}"
    return failed(cause[-1500:], target, seen, fix)
