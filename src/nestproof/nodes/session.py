"""One run of a command: its messages, its environment, and files that are read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nestproof.core.config import Config, load_config
from nestproof.core.outcome import TargetFacts
from nestproof.core.trust import CAUTIOUS, Trust, TrustOptions
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.engine.client import EngineFacts
from nestproof.engine.limits import Limits
from nestproof.nodes.node_pool import NodePool, require_node
from nestproof.nodes.vm import VirtualMachines
from nestproof.privileges.lock import Lock, read_lock
from nestproof.probes.custom import custom_probes
from nestproof.probes.probe import Probe


@dataclass
class Session:
    """One run of a command on a workspace; `say` takes progress, `print_line` lines that stay."""

    workspace: Path
    say: Callable[[str], None]
    print_line: Callable[[str], None] = print
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    facts: EngineFacts | None = None
    trust_options: TrustOptions = CAUTIOUS
    passed: set[str] = field(default_factory=set)
    """Names of this machine's variables that an image's label asks for."""
    targets: list[TargetFacts] = field(default_factory=list)
    trust: Trust = field(default=Trust(everything=True))
    """The repository's allowance on this machine: everything, unless the program asks (cli/trust.py)."""

    @property
    def copies_workspace(self) -> bool:
        """True if containers get a copy: what one leaves in .git would be run on the host later."""
        return not (self.trust.everything or self.trust_options.bind_workspace)

    @property
    def limits(self) -> Limits | None:
        """The limits of its containers; None for a repository that somebody trusts."""
        return None if self.trust.is_given else Limits(network=self.trust_options.egress)

    @cached_property
    def config(self) -> Config:
        """The configuration; raises UsageError when it is not sound."""
        return load_config(self.workspace)

    @cached_property
    def lock(self) -> Lock | None:
        """The privilege lock, None where there is none; raises UsageError when it is not sound."""
        return read_lock(self.workspace)

    @cached_property
    def profiles(self) -> ProfileReader:
        """The profiles, each read once."""
        return ProfileReader(self.workspace, self.environment)

    @cached_property
    def custom_probes(self) -> Mapping[str, tuple[Probe, ...]]:
        """Profile to the probes that the repository adds; raises UsageError for a wrong name."""
        return custom_probes(self.config.probe, tuple(self.profiles.files))

    def open_nodes(self, wanted: str = "") -> NodePool:
        """The configured nodes; raises UsageError unless `wanted` is empty or one of them."""
        if wanted:
            require_node(self.config, wanted)
        return NodePool(self.config.node, self.workspace, self.say)

    def open_machines(self) -> VirtualMachines:
        """The virtual machines that the configuration can start."""
        return VirtualMachines(self.config.guest, self.workspace, self.say)
