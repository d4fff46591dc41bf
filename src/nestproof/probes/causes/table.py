"""The table of causes. Of the rows that fit one line, the first counts."""

from __future__ import annotations

from nestproof.probes.causes.agents import AGENTS
from nestproof.probes.causes.bubblewrap import BUBBLEWRAP
from nestproof.probes.causes.image import IMAGE
from nestproof.probes.causes.mounts import MOUNTS
from nestproof.probes.causes.namespaces import NAMESPACES

CAUSES = (*NAMESPACES, *MOUNTS, *AGENTS, *BUBBLEWRAP, *IMAGE)
