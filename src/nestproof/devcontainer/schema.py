"""The properties of a devcontainer.json and their types, as the devcontainer specification has them.

Source: the specification's devContainer.base.schema.json and its reference page. `customizations` is left
open, except for nestproof's own part (declarations.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.alias_generators import to_camel

# Names of union members are part of the places that pydantic gives; no key is likely to look like them.
STRING, _BOOLEAN, _NUMBER, LIST, _OBJECT = "⟨string⟩", "⟨boolean⟩", "⟨number⟩", "⟨list⟩", "⟨object⟩"


def _kind(value: Any) -> str:
    """Choose the member of a union that a JSON value is meant for."""
    match value:
        case str():
            return STRING
        case bool():
            return _BOOLEAN
        case int():
            return _NUMBER
        case list():
            return LIST
        case dict() | BaseModel():
            return _OBJECT
    return "other"


def one_of(words: str) -> Any:
    """A union told apart by JSON type; `words` names the types in the error."""
    return Discriminator(_kind, custom_error_type="union", custom_error_message=words)


TAGS = frozenset({STRING, _BOOLEAN, _NUMBER, LIST, _OBJECT})
"""Names of union members, which pydantic adds to the place of an error."""

Text = Annotated[str, Tag(STRING)]
Texts = Annotated[list[str], Tag(LIST)]
TextOrTexts = Annotated[Text | Texts, one_of("a string or a list of strings")]
Command = Annotated[
    Text | Texts | Annotated[dict[str, TextOrTexts], Tag(_OBJECT)],
    one_of("a string, a list of strings or an object"),
]
PortNumber = Annotated[int, Field(ge=0, le=65535), Tag(_NUMBER)]
Port = Annotated[PortNumber | Text, one_of("a whole number or a string")]
SIZE_PATTERN = r"^\d+([tgmk]b)?$"
Size = Annotated[str, Field(pattern=SIZE_PATTERN)]
OnAutoForward = Literal["notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"]


class Properties(BaseModel):
    """Properties by the names that they have in the file; unknown ones are kept, to be warned about."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", frozen=True, strict=True)


class Build(Properties):
    """The build of the image from a Dockerfile."""

    dockerfile: str | None = None
    context: str | None = None
    target: str | None = None
    args: dict[str, str] = {}
    cache_from: TextOrTexts = []
    options: list[str] = []


class MountObject(Properties):
    """A mount in object form; the string form is that of `docker run --mount`."""

    type: Literal["bind", "volume", "tmpfs"]
    source: str | None = None
    target: str


class PortAttributes(Properties):
    """The client's treatment of a forwarded port."""

    on_auto_forward: OnAutoForward | None = None
    elevate_if_needed: bool = False
    label: str | None = None
    require_local_port: bool = False
    protocol: Literal["http", "https"] | None = None


class Gpu(Properties):
    """A graphics processor that the host must have."""

    cores: Annotated[int, Field(ge=1)] | None = None
    memory: Size | None = None


class HostRequirements(Properties):
    """Requirements on the host; in a container, only the graphics processor matters."""

    cpus: Annotated[int, Field(ge=1)] | None = None
    memory: Size | None = None
    storage: Size | None = None
    gpu: Annotated[
        Annotated[bool, Tag(_BOOLEAN)]
        | Annotated[Literal["optional"], Tag(STRING)]
        | Annotated[Gpu, Tag(_OBJECT)],
        one_of('true, false, "optional" or an object'),
    ] = False


class DevContainer(Properties):
    """The properties of one devcontainer.json."""

    name: str | None = None
    image: str | None = None
    build: Build | None = None
    docker_file: str | None = None
    context: str | None = None
    docker_compose_file: TextOrTexts | None = None
    service: str | None = None
    run_services: list[str] = []
    run_args: list[str] = []
    cap_add: list[str] = []
    security_opt: list[str] = []
    privileged: bool = False
    init: bool = False
    mounts: list[Annotated[Text | Annotated[MountObject, Tag(_OBJECT)], one_of("a string or an object")]] = []
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
    wait_for: (
        Literal[
            "initializeCommand",
            "onCreateCommand",
            "updateContentCommand",
            "postCreateCommand",
            "postStartCommand",
        ]
        | None
    ) = None
    user_env_probe: Literal["none", "loginShell", "interactiveShell", "loginInteractiveShell"] | None = None
    shutdown_action: Literal["none", "stopContainer", "stopCompose"] | None = None
    forward_ports: list[Port] = []
    app_port: (
        Annotated[
            PortNumber | Text | Annotated[list[Port], Tag(LIST)],
            one_of("a whole number, a string or a list"),
        ]
        | None
    ) = None
    ports_attributes: dict[str, PortAttributes] = {}
    other_ports_attributes: PortAttributes | None = None
    host_requirements: HostRequirements = HostRequirements()
    customizations: dict[str, Any] = {}
    secrets: dict[str, dict[str, Any]] = {}
    schema_: Annotated[str | None, Field(alias="$schema")] = None
