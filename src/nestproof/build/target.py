"""The image of one target, built from a profile on an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nestproof.build.base_image import Bases, make_bases, plan_bases
from nestproof.build.image import build_image, plan_build
from nestproof.core.config import DEFAULT_NODE, Config, load_config
from nestproof.core.outcome import Outcome, Target
from nestproof.devcontainer.profile import Profile, load_profile
from nestproof.engine.client import Engine, Image
from nestproof.nodes.node_pool import NodePool
from nestproof.nodes.session import Session


@dataclass(frozen=True, slots=True)
class TargetBuilder:
    """What it takes to make a target's image: the repository, an engine, and a base that can be had."""

    workspace: Path
    session: Session
    engine: Engine
    config: Config

    def profile(self, target: Target, file: Path) -> Profile:
        """The profile as it is for one platform: that platform selected, its base at hand."""
        bases = self.bases(target.platform)
        make_bases(self.engine, bases, workspace=self.workspace, say=self.session.say)
        return self.load(target, file, bases)

    def bases(self, platform: str) -> Bases:
        """What profiles are to build from for a platform, and what of it is still to be made."""
        return plan_bases(self.engine, self.config.base_image, platform, self.session.environment)

    def load(self, target: Target, file: Path, bases: Bases) -> Profile:
        """The profile as it is with these bases."""
        # The docker client's own variable for the platform, by which a profile can select it.
        selected = {"DOCKER_DEFAULT_PLATFORM": target.platform}
        environment = {**self.session.environment, **bases.variables, **selected}
        return load_profile(target.profile, file, self.workspace, environment)

    def build(self, profile: Profile, target: Target) -> tuple[Outcome, Image | None]:
        """Build the profile's image for the target; see build_image."""
        return build_image(
            self.engine,
            plan_build(profile, target.platform),
            lambda step: self.session.say(f"build {target}: {step}"),
        )


def open_target_builder(workspace: Path, session: Session) -> TargetBuilder:
    """A workshop on the docker client's own engine; raises EngineUnavailable or UsageError."""
    config = load_config(workspace)
    engine = NodePool(config.node, workspace, session.say).reach(DEFAULT_NODE)
    session.facts = engine.facts
    return TargetBuilder(workspace, session, engine, config)
