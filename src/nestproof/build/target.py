"""The image of one target, built from a profile on an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nestproof.build.base_image import Bases, make_bases, plan_bases
from nestproof.build.command import ImageBuild, plan_build
from nestproof.build.features import build_features, find_client, plan_features
from nestproof.build.image import build_image
from nestproof.core.outcome import Outcome, Target
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, Image
from nestproof.nodes.session import Session
from nestproof.privileges.lock_check import require_build_locked


@dataclass(frozen=True, slots=True)
class TargetBuilder:
    """Builds the images of a session's profiles on one engine."""

    session: Session
    engine: Engine

    def plan_bases(self, platform: str) -> Bases:
        """Plan the base images of profiles for a platform."""
        return plan_bases(self.engine, self.session.config.base_image, platform, self.session.environment)

    def make_bases(self, bases: Bases) -> None:
        """Make the missing base images; raises CommandError if that fails."""
        make_bases(self.engine, bases, workspace=self.session.workspace, say=self.session.say)

    def load(self, target: Target, bases: Bases) -> Profile:
        """The profile as it is for one platform, with these bases; raises LockRefusal."""
        # The docker client's own variable for the platform, by which a profile can select it.
        variables = {**bases.variables, "DOCKER_DEFAULT_PLATFORM": target.platform}
        profile = self.session.profiles.load(target.profile, variables)
        document = self.session.profiles.read(target.profile).document
        require_build_locked(profile, document, self.session.lock)
        return profile

    def build(self, target: Target) -> tuple[Profile, Outcome, Image | None]:
        """Make the bases, load the profile and build its image, which is None unless that passes."""
        bases = self.plan_bases(target.platform)
        self.make_bases(bases)
        profile = self.load(target, bases)
        plan = self.plan(profile, target.platform)
        return profile, *self.run(plan, bases, lambda step: self.session.say(f"build {target}: {step}"))

    def plan(self, profile: Profile, platform: str) -> ImageBuild:
        """The command line for a profile's image; raises CannotBuildError."""
        if profile.features:
            client = find_client(self.session.config.devcontainer, self.session.environment)
            return plan_features(profile, platform, client)
        return plan_build(profile, platform)

    def run(
        self, plan: ImageBuild, bases: Bases, on_progress: Callable[[str], None]
    ) -> tuple[Outcome, Image | None]:
        """Run a plan for one platform."""
        if plan.client:
            return build_features(self.engine, plan, bases.variables, on_progress)
        return build_image(self.engine, plan, on_progress)
