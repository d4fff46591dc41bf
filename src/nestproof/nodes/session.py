"""One run of a command: its messages, its environment, and files that are read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nestproof.core.config import Config, load_config
from nestproof.core.outcome import TargetFacts
from nestproof.core.trust import Trust
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.engine.client import EngineFacts
from nestproof.nodes.node_pool import NodePool, require_node
from nestproof.nodes.vm import VirtualMachines
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
    bind_workspace: bool = False
    """Bind the workspace into containers of a repository that is not trusted with everything, too."""
    targets: list[TargetFacts] = field(default_factory=list)
    trust: Trust = field(default=Trust(everything=True))
    """The repository's allowance on this machine: everything, unless the program asks (cli/trust.py)."""

    @property
    def copies_workspace(self) -> bool:
        """True if containers get a copy: what one leaves in .git would be run on the host later."""
        return not (self.trust.everything or self.bind_workspace)

    @cached_property
    def config(self) -> Config:
        """The configuration; raises UsageError when it is not sound."""
        return load_config(self.workspace)

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
