"""Profile, platform ─▶ buildx plan ─▶ image, its platform verified by inspection."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nestbox.command import Completed, run
from nestbox.compose import Service
from nestbox.compose_build import build_options
from nestbox.engine import Engine, Image, find_image
from nestbox.errors import EngineError, NestboxError
from nestbox.outcome import Observation, Outcome, Status, Target
from nestbox.platforms import architecture
from nestbox.profile import Profile

# A first build downloads packages, perhaps under emulation; one that takes longer than this hangs.
BUILD_TIMEOUT = 3600.0
# How much of a failing build is evidence: its last lines.
SHOWN_LINES = 40

# Lines of `--progress=plain`: "#9 [codex 2/3] RUN apt-get update" names a step, "#9 CACHED" ends it at
# once, and any other line of the same number shows that it is really run.
_LINE = re.compile(r"#(\d+) (.*)")
_HEADING = re.compile(r"\[[^]]*\d+/\d+\] .*")


class CannotBuildError(NestboxError):
    """The profile needs something to build that nestbox does not do."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What builds one target: the image's tag and the command line, which works when pasted."""

    target: Target
    tag: str
    argv: tuple[str, ...]


def plan_build(profile: Profile, platform: str) -> Plan:
    """The `docker buildx build` command line for a target; raises CannotBuildError."""
    config, folder = profile.config, profile.file.parent
    if config.features:
        raise CannotBuildError(
            f"{profile.file.name} uses `features`, which nestbox does not build",
            fix="devcontainer build --workspace-folder . builds it",
        )
    target = Target(profile.name, platform)
    if profile.service is not None:
        return _plan_service(profile.service, target, _tag(profile, platform))
    if config.image:
        return Plan(target, config.image, ("docker", "pull", "--platform", platform, config.image))
    build = config.build
    dockerfile = profile.dockerfile
    if not dockerfile:
        raise CannotBuildError(
            f"{profile.file.name} names neither an image nor a Dockerfile", fix="add `image` or `build`"
        )
    tag = _tag(profile, platform)
    argv = ["docker", "buildx", "build", "--load", "--platform", platform, "--tag", tag]
    argv += ["--file", str(folder / dockerfile)]
    # Relative to the configuration's folder; by default it is the Dockerfile's own folder.
    legacy = config.docker_file is not None
    context = (config.context if legacy else build and build.context) or str(Path(dockerfile).parent)
    if build:
        argv += ["--target", build.target] if build.target else []
        for name, value in build.args.items():
            argv += ["--build-arg", f"{name}={value}"]
        for source in [build.cache_from] if isinstance(build.cache_from, str) else build.cache_from:
            argv += ["--cache-from", source]
        argv += build.options
    return Plan(target, tag, (*argv, str((folder / context).resolve())))


def _plan_service(service: Service, target: Target, tag: str) -> Plan:
    """As Compose would build the service; what has an image and no build section is only pulled."""
    if service.platform and not target.platform.startswith(service.platform.removesuffix("/v8")):
        raise CannotBuildError(
            f"the Compose service {service.name} is for {service.platform}, not for {target.platform}",
            fix=f"ask for --platform {service.platform}",
        )
    if service.build is None:
        pull = ("docker", "pull", "--platform", target.platform, service.image)
        return Plan(target, service.image, pull)
    options, context, odd = build_options(service.build, service.secrets)
    if odd:
        raise CannotBuildError(
            f"nestbox does not carry over {', '.join(odd)} of the build of the service {service.name}",
            fix=f"docker compose build {service.name} builds it",
        )
    buildx = ("docker", "buildx", "build", "--load", "--platform", target.platform, "--tag", tag)
    return Plan(target, tag, (*buildx, *options, context))


def _tag(profile: Profile, platform: str) -> str:
    """One tag per workspace, profile and platform: two clones do not take each other's images."""
    folder = re.sub(r"[^a-z0-9]+", "-", profile.workspace.name.lower()).strip("-") or "workspace"
    place = hashlib.sha256(str(profile.workspace).encode()).hexdigest()[:8]
    # A tag may not hold everything that a folder's name may; what is lost is made up for by a digest.
    name = re.sub(r"[^a-z0-9_.-]+", "-", profile.name.lower()).strip(".-")[:80]
    if name != profile.name:
        name = f"{name}-{hashlib.sha256(profile.name.encode()).hexdigest()[:8]}".lstrip("-")
    return f"nestbox/{folder}-{place}:{name}-{architecture(platform)}"


def build_image(
    engine: Engine, plan: Plan, on_progress: Callable[[str], None]
) -> tuple[Outcome, Image | None]:
    """Run a plan. Returns its outcome, and the image if that is a pass."""
    steps = _Steps(on_progress)
    if plan.argv[:2] == ("docker", "pull"):
        completed = _pull(engine, plan)
        wanted = plan.tag
    else:
        with tempfile.TemporaryDirectory(prefix="nestbox-") as scratch:
            id_file = Path(scratch) / "image-id"
            extra = ("--progress", "plain", "--iidfile", str(id_file))
            completed = run(
                (*plan.argv[:3], *extra, *plan.argv[3:]), timeout=BUILD_TIMEOUT, on_line=steps.read
            )
            wanted = id_file.read_text() if completed.status == 0 else ""
    observation = Observation(
        plan.argv, completed.status, completed.stdout, _last_lines(completed.stderr), completed.seconds
    )
    if completed.status != 0:
        there = find_image(engine, plan.tag) if plan.argv[:2] == ("docker", "pull") else None
        if there is not None:
            return _wrong_platform(plan, there, observation), None
        failed = failing_step(completed.stderr)
        return Outcome(
            "build",
            Status.FAIL,
            "the image could not be built",
            plan.target,
            f"failing step: {failed}",
            "",
            observation,
        ), None
    image = find_image(engine, wanted)
    if image is None:
        raise EngineError(
            f"the engine does not have the image that it just built, {wanted}",
            fix="is another engine's builder selected? docker buildx use default",
        )
    if image.platform != plan.target.platform:
        return _wrong_platform(plan, image, observation), None
    summary = f"{plan.tag} is {image.id.removeprefix('sha256:')[:12]}, for {image.platform}"
    return Outcome("build", Status.PASS, summary, plan.target, observation=observation), image


def _wrong_platform(plan: Plan, image: Image, observation: Observation) -> Outcome:
    cause = f"the image is for {image.platform}, not for {plan.target.platform}"
    fix = "build from a base image of that platform"
    return Outcome("build", Status.FAIL, cause, plan.target, cause, fix, observation)


class _Steps:
    """Tells of each step that is really run, once, out of buildx's plain progress."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._named: dict[str, str] = {}

    def read(self, line: str) -> None:
        found = _LINE.fullmatch(line)
        if not found:
            return
        number, said = found.groups()
        if _HEADING.fullmatch(said):
            self._named[number] = " ".join(said.split())
            return
        step = self._named.pop(number, "")
        if step and said != "CACHED" and not said.startswith("DONE 0.0s"):
            self._tell(step)


def _pull(engine: Engine, plan: Plan) -> Completed:
    """Pull only what the engine does not have for the platform: a local image needs no registry."""
    image = find_image(engine, plan.tag)
    if image and image.platform == plan.target.platform:
        return Completed(plan.argv, 0, f"{plan.tag} is there already\n", "", 0.0)
    return run(plan.argv, timeout=BUILD_TIMEOUT)


def failing_step(output: str) -> str:
    """What the failure is called: buildx's last ERROR line, or the last line of all."""
    errors = [line.partition("ERROR: ")[2] for line in output.splitlines() if "ERROR: " in line]
    lines = errors or [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "unknown; it printed nothing"


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-SHOWN_LINES:])
