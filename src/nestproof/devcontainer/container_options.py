"""Compute a container's options from properties, run arguments and the Compose service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestproof.devcontainer import image_metadata
from nestproof.devcontainer.compose_service import Service, join
from nestproof.engine.run_options import RunOptions, parse_run_args

if TYPE_CHECKING:
    from nestproof.devcontainer.schema import DevContainer


def mounted_root(workspace: Path) -> Path:
    """The folder that clients mount: the workspace's git repository, or else the workspace itself."""
    return next(
        (folder for folder in (workspace, *workspace.parents) if (folder / ".git").exists()), workspace
    )


def run_options(config: DevContainer, workspace: Path, service: Service | None, home: str = "") -> RunOptions:
    """All options; raises RunArgumentError. Beside Compose, run arguments have no effect.

    `home` is the home folder of the user on the host.
    """
    properties = replace(_from_properties(config, workspace), root=str(mounted_root(workspace)), home=home)
    if service is not None:
        return join(service.options, properties)
    return parse_run_args(config.run_args, properties)


def _from_properties(config: DevContainer, workspace: Path) -> RunOptions:
    """Options of the properties; their mounts come before those of the run arguments."""
    mount = config.workspace_mount
    if config.docker_compose_file is not None:
        mount = None
    elif "workspace_mount" not in config.model_fields_set:
        root = mounted_root(workspace)
        mount = f"type=bind,{_field('source', str(root))},{_field('target', f'/workspaces/{root.name}')}"
    mounts = image_metadata.unique_mounts(
        [m if isinstance(m, str) else m.model_dump() for m in config.mounts]
    )
    return RunOptions(
        cap_add=tuple(dict.fromkeys(config.cap_add)),
        env=tuple(f"{key}={value}" for key, value in config.container_env.items()),
        init=config.init,
        mounts=(*([mount] if mount else []), *map(mount_text, mounts)),
        privileged=config.privileged,
        security_opt=tuple(dict.fromkeys(config.security_opt)),
        user=config.container_user or "",
    )


def _field(name: str, value: str) -> str:
    # The docker client reads mounts as CSV: a field with a comma stands in quotes as a whole.
    return f'"{name}={value}"' if "," in value else f"{name}={value}"


def mount_text(mount: str | dict[str, Any]) -> str:
    """A mount as `--mount` takes it."""
    if isinstance(mount, str):
        return mount
    # The reference client carries over these three and drops the rest.
    source = f"source={mount['source']}," if mount.get("source") else ""
    return f"type={mount['type']},{source}target={mount['target']}"
