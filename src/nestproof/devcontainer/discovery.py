"""Find the profiles of a workspace: the configurations that clients list, and those beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nestproof.core.errors import UsageError
from nestproof.core.text import instead


def discover(workspace: Path) -> dict[str, Path]:
    """Profile names and files, in the order in which clients look, then `devcontainer.<name>.json`.

    Clients do not list the last kind; `devcontainer up --override-config FILE` opens it.
    """
    folder = workspace / ".devcontainer"
    found: dict[str, Path] = {}
    for name, file in [
        ("default", folder / "devcontainer.json"),
        ("default", workspace / ".devcontainer.json"),
        *((file.parent.name, file) for file in sorted(folder.glob("*/devcontainer.json"))),
        *((unlisted_name(file), file) for file in sorted(folder.glob("devcontainer.*.json"))),
    ]:
        if file.is_file():
            found.setdefault(name, file)
    return found


def unlisted_name(file: Path) -> str:
    """`secure` of `devcontainer.secure.json`, which clients do not list; empty for a name that they do."""
    parts = file.name.removeprefix(".").split(".")
    return ".".join(parts[1:-1])


def select(found: Mapping[str, Path], names: list[str]) -> dict[str, Path]:
    """The named profiles, or all of them; raises UsageError for a name that is not there, or when none is."""
    if not found:
        raise UsageError(
            "no devcontainer configuration was found",
            why="neither .devcontainer/devcontainer.json, .devcontainer/<folder>/devcontainer.json nor "
            ".devcontainer.json is here",
            fix="run nestproof in the folder that holds .devcontainer, or write a first one: "
            '{"image": "…"} in .devcontainer/devcontainer.json will do',
        )
    for name in names:
        if name not in found:
            raise UsageError(f"there is no profile {name!r}", fix=instead(name, found))
    return {name: file for name, file in found.items() if not names or name in names}
