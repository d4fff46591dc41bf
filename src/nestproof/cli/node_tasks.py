"""The tasks of `node`: which engine answers for which platform, and guests with a kernel of their own."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

_GUEST = {"platform": "linux/amd64 or linux/arm64"}


@task(name="list")
def node_list(_: Context) -> None:
    """Which engine answers for which platform, how truly, and why."""
    from nestproof.cli.commands import print_nodes

    print_nodes()


@task(name="up", help=_GUEST)
def node_up(_: Context, platform: str) -> None:
    """Start a guest with a kernel of its own, with an engine in it."""
    from nestproof.cli.commands import control_guest

    control_guest("up", "--platform", platform)


@task(name="status")
def node_status(_: Context) -> None:
    """Which guests there are: running or not, since when, what they take."""
    from nestproof.cli.commands import control_guest

    control_guest("status")


@task(name="down", help={**_GUEST, "purge": "delete all that was made for it, too"})
def node_down(_: Context, platform: str = "", purge: bool = False) -> None:
    """Stop a platform's guest, or all of them."""
    from nestproof.cli.commands import control_guest

    control_guest("down", *(["--platform", platform] if platform else []), *(["--purge"] if purge else []))


nodes = Collection("node", node_list, node_up, node_status, node_down)
