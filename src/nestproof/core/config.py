"""`[tool.nestproof]` of pyproject.toml, or nestproof.toml; every key of it is optional."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from nestproof.core.errors import UsageError
from nestproof.core.files import read_file
from nestproof.core.platforms import parse_platform

DEFAULT_NODE = "default"
"""The docker client's own engine, named as the docker client names its own context."""


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Table(BaseModel):
    model_config = ConfigDict(alias_generator=_kebab, extra="forbid", frozen=True, strict=True)


class BaseImage(_Table):
    """A command that makes the base image when no image registry answers."""

    image: str
    """The image that the profiles build from when `variable` is unset."""
    variable: str
    """The environment variable by which the profiles take another base, through `${localEnv:…}`."""
    build_platform_variable: str | None = None
    """The same for stages that run on the building machine's own platform."""
    fallback: list[str]
    """A command, run in the repository, that prints the tag of a local base; `{platform}` is filled in."""


class CustomRule(_Table):
    """A rule of the repository's own, as a jq program over the configuration."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    """The rule's name in findings; lower-case words with dashes."""
    jq: str
    """Gives true, or the path of what it objects to; false, null or nothing where all is well."""
    message: str
    """The message for a finding."""
    severity: Literal["error", "warning"] = "error"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class CustomProbe(_Table):
    """A question of the repository's own to its containers."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    """The probe's name in outcomes, after `smoke.`; lower-case words with dashes."""
    command: Annotated[str, Field(min_length=1)]
    """The command for the container's /bin/sh."""
    question: str = ""
    """The question in words."""
    exit_status: Annotated[int, Field(ge=0, le=255)] = 0
    stdout: Pattern | None = None
    """A regular expression that stdout must match somewhere; `^` and `$` are those of a line."""
    stderr: Pattern | None = None
    user: str = ""
    """The user who runs the command; the remote user if empty."""
    timeout: Annotated[int, Field(ge=1, le=600)] = 20
    """Seconds."""
    profiles: list[str] | None = None
    """Names of the profiles that it is asked of; without it, all."""
    needs_namespaces: bool = False
    """Emulation cannot answer it."""


def _platform(text: str) -> str:
    try:
        return parse_platform(text)
    except UsageError as error:
        raise ValueError(error.what) from error


class ConfiguredNode(_Table):
    """An engine beside the docker client's own: a Docker context, or an address."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    context: Annotated[str, Field(min_length=1)] | None = None
    """A Docker context, which holds the address and keys."""
    host: Annotated[str, Field(pattern=r"^(unix|tcp|ssh)://.")] | None = None
    """As in DOCKER_HOST."""
    tls: str | None = None
    """A folder with ca.pem, cert.pem and key.pem, as in DOCKER_CERT_PATH."""
    platforms: Annotated[list[Annotated[str, AfterValidator(_platform)]], Field(min_length=1)] | None = None
    """The platforms that the node is used for; all that it can run if empty."""
    timeout: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds without an answer after which the engine counts as lost; unset, the default."""
    local: bool | None = None
    """True if the engine sees this machine's files; if unset, an engine behind a unix:// socket does."""
    virtual: bool = False
    """The machine is emulated: its kernel is real, its speed about a tenth."""
    builds: bool = True
    """True if images are built on the node; otherwise the docker client's engine builds and sends them."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.context is None) == (self.host is None):
            raise ValueError("a node has either a context or a host")
        if self.name == DEFAULT_NODE:
            raise ValueError(f"{DEFAULT_NODE!r} is the docker client's own engine")
        if (self.host or "").startswith("tcp://") != (self.tls is not None):
            raise ValueError(
                "tcp:// needs tls, and nothing else has it: whoever reaches an engine is root there"
            )
        return self


def _names_once(nodes: list[ConfiguredNode]) -> list[ConfiguredNode]:
    names = [node.name for node in nodes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two nodes are named {', '.join(twice)}")
    return nodes


OLD_NAME = "nestbox"
"""The project's name until version 0.1: its keys are errors that name the new ones."""


class Config(_Table):
    """The whole configuration."""

    base_image: BaseImage | None = None
    rule: list[CustomRule] = []
    probe: list[CustomProbe] = []
    node: Annotated[list[ConfiguredNode], AfterValidator(_names_once)] = []
    lifecycle_timeout: Annotated[int, Field(ge=1, le=86400)] = 600
    """Seconds for each lifecycle command."""
    dockerfile: Literal["off", "warning", "error"] = "warning"
    """The severity of what hadolint finds in a Dockerfile from which an image can be built."""
    devcontainer: list[str] = []
    """The command of the reference client, which builds features; found on PATH if empty."""
    guest: list[str] = []
    """The command that starts virtual machines, such as nestproof's own `scripts/vm`."""


def load_config(workspace: Path) -> Config:
    """Read the configuration; raises UsageError that names the key and what is wrong with it."""
    old_file = workspace / f"{OLD_NAME}.toml"
    if old_file.exists():
        raise UsageError(
            f"{old_file.name} is not read any more",
            why=f"{OLD_NAME} is called nestproof since version 0.2.0",
            fix=f"rename {old_file.name} to nestproof.toml",
        )
    for file, keys in (
        (workspace / "nestproof.toml", ()),
        (workspace / "pyproject.toml", ("tool", "nestproof")),
    ):
        try:
            table: Any = tomllib.loads(read_file(file, below=workspace).decode())
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{file.name} cannot be read", why=str(error)) from error
        tools = table.get("tool") if keys else None
        if isinstance(tools, dict) and OLD_NAME in tools:
            raise UsageError(
                f"{file.name}: [tool.{OLD_NAME}] is not read any more",
                why=f"{OLD_NAME} is called nestproof since version 0.2.0",
                fix=f"rename [tool.{OLD_NAME}] to [tool.nestproof]",
            )
        for key in keys:
            if not isinstance(table, dict):
                raise UsageError(f"{file.name}: [{'.'.join(keys)}] is inside of what is not a table")
            table = table.get(key, {})
        if not keys or table:
            return _validate(table, ".".join((file.name, *keys)))
    return Config()


def _validate(table: Any, place: str) -> Config:
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        problems = [
            f"{place}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        ]
        raise UsageError("\n".join(problems)) from error
