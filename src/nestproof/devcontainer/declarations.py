"""The properties of `customizations.nestproof`: what an author declares about the container.

They are held against the running container; nothing else in the file is ours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Tag
from pydantic.alias_generators import to_camel

from nestproof.devcontainer.schema import LIST, STRING, one_of


class AgentDeclaration(BaseModel):
    """`customizations.nestproof.agents.PROGRAM`: how an agent is started, and if it promises a sandbox."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    args: list[str] = []
    """Further arguments of its start line."""
    sandbox: bool | None = None
    """True if its commands are to be in a sandbox of its own; else its kind and its settings say so."""


class StandIn(BaseModel):
    """The names that answer in a way of their own, where a stand-in is in the place of the Internet."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    gone: list[str] = []
    """Names that no longer resolve."""
    several: list[str] = []
    """Names with more than one address."""
    duplicate: list[str] = []
    """Names that share one address."""
    changing: list[str] = []
    """Names that have another address once the lifecycle commands have run."""


_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(\.{_LABEL})*)"
_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
HOST_PATTERN = f"^{_HOST}(:{_PORT})?$"
PROXY_PATTERN = f"^((https?://)?{_HOST}(:{_PORT})?/?)?$"
HostAndPort = Annotated[str, Field(pattern=HOST_PATTERN)]
"""`host` or `host:port`; an IPv6 address stands in brackets."""


class EgressDeclaration(BaseModel):
    """The author's declarations about what may leave the container."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    allow: list[HostAndPort] = []
    """Hosts, or HOST:PORT, that must be reached; without a port, all of a host's are allowed."""
    deny: list[HostAndPort] = []
    """Hosts, or HOST:PORT, that answer on the network, and must not be reached."""
    dns: Annotated[
        Annotated[Literal["open"], Tag(STRING)] | Annotated[list[str], Tag(LIST)],
        one_of("'open' or a list of addresses"),
    ] = []
    """`open` if any resolver may be asked; else the addresses of those that may, beside the container's."""
    tools: Literal["remoteUser", "sandbox"] = "remoteUser"
    """Who reaches what is allowed: the remote user alone, or a command in an agent's sandbox, too."""
    proxy: Annotated[str, Field(pattern=PROXY_PATTERN)] = ""
    """The proxy through which everything goes, as HOST:PORT or a URL."""
    stand_in: StandIn = StandIn()

    @property
    def resolvers(self) -> tuple[str, ...]:
        """The resolvers that may be asked beside the container's own."""
        return () if self.dns == "open" else tuple(self.dns)


class Declarations(BaseModel):
    """`customizations.nestproof`: the author's declarations about the container."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    packs: list[str] | None = None
    """Names of the probe packs to ask; without it, they are inferred from the profile."""
    users: list[str] = []
    """Users that must exist and not be root, beside the remote user."""
    codex_version: str | None = None
    """The exact output expected of `codex --version`."""
    degradations: dict[str, str] = {}
    """Probe name to reason: a fallback that the agent is known to survive."""
    agents: dict[str, AgentDeclaration] = {}
    """Program to what is declared of it."""
    sandbox: Literal["container"] | None = None
    """`container` if the container is the sandbox, and those of the agents are off."""
    egress: EgressDeclaration | None = None
    """The hosts that the container's firewall lets out, and those that it must refuse."""

    @property
    def container_is_sandbox(self) -> bool:
        """True if the outer walls are all that is to hold."""
        return self.sandbox == "container"
