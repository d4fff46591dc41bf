"""The properties of a devcontainer.json and their types, as the devcontainer specification has them.

Source: the specification's devContainer.base.schema.json. `customizations` is left open, except for
nestbox's own part, `Declarations`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Command = str | list[str] | dict[str, str | list[str]]
Port = Annotated[int, Field(ge=0, le=65535)] | str


class _Properties(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True, strict=True)


class Build(_Properties):
    """How the image is built from a Dockerfile."""

    dockerfile: str | None = None
    context: str = "."
    target: str | None = None
    args: dict[str, str] = {}
    cache_from: str | list[str] = []
    options: list[str] = []


class MountObject(_Properties):
    """A mount in object form; the string form is that of `docker run --mount`."""

    type: Literal["bind", "volume"]
    source: str | None = None
    target: str


class Declarations(BaseModel):
    """`customizations.nestbox`: what the profile's author says that its container must show."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    packs: list[str] | None = None
    """Names of the probe packs to ask; without it, they are inferred from the profile."""
    users: list[str] = []
    """Users that must exist and not be root, beside the remote user."""
    codex_version: str | None = None
    """What `codex --version` must say, exactly."""
    degradations: dict[str, str] = {}
    """Probe name to reason: a fallback that the agent is known to survive."""


class DevContainer(_Properties):
    """The properties of one devcontainer.json."""

    name: str | None = None
    image: str | None = None
    build: Build | None = None
    docker_file: str | None = None
    context: str | None = None
    docker_compose_file: str | list[str] | None = None
    service: str | None = None
    run_services: list[str] | None = None
    run_args: list[str] = []
    cap_add: list[str] = []
    security_opt: list[str] = []
    privileged: bool = False
    init: bool = False
    mounts: list[str | MountObject] = []
    workspace_mount: str | None = None
    workspace_folder: str | None = None
    remote_user: str | None = None
    container_user: str | None = None
    container_env: dict[str, str] = {}
    remote_env: dict[str, str | None] = {}
    override_command: bool | None = None
    update_remote_user_uid: Annotated[bool, Field(alias="updateRemoteUserUID")] = True
    features: dict[str, Any] = {}
    override_feature_install_order: list[str] = []
    initialize_command: Command | None = None
    on_create_command: Command | None = None
    update_content_command: Command | None = None
    post_create_command: Command | None = None
    post_start_command: Command | None = None
    post_attach_command: Command | None = None
    wait_for: str | None = None
    user_env_probe: Literal["none", "loginShell", "interactiveShell", "loginInteractiveShell"] | None = None
    shutdown_action: Literal["none", "stopContainer", "stopCompose"] | None = None
    forward_ports: list[Port] = []
    app_port: Port | list[Port] | None = None
    ports_attributes: dict[str, Any] = {}
    other_ports_attributes: dict[str, Any] = {}
    host_requirements: dict[str, Any] = {}
    customizations: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
