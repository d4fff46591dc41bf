"""The tasks of `node`: engines for platforms, and virtual machines with their own kernel."""

from __future__ import annotations

from invoke.collection import Collection

from nestproof.cli.options import Option, command

_PLATFORM = Option("platform", "linux/amd64 or linux/arm64")


@command(name="list")
def node_list(_: object) -> None:
    """List the engine for each platform, its fidelity, and the reason."""
    from nestproof.cli.commands import print_nodes

    print_nodes()


@command(Option("platform", _PLATFORM.help, required=True), name="up")
def node_up(_: object, platform: str) -> None:
    """Start a virtual machine with a kernel and an engine of its own."""
    from nestproof.cli.commands import control_vm

    control_vm("up", "--platform", platform)


@command(name="status")
def node_status(_: object) -> None:
    """Show the virtual machines: running or not, since when, what they take."""
    from nestproof.cli.commands import control_vm

    control_vm("status")


@command(_PLATFORM, Option("purge", "also delete all that was made for it", False), name="down")
def node_down(_: object, platform: str, purge: bool) -> None:
    """Stop a platform's virtual machine, or all of them."""
    from nestproof.cli.commands import control_vm

    control_vm("down", *(["--platform", platform] if platform else []), *(["--purge"] if purge else []))


nodes = Collection("node", node_list, node_up, node_status, node_down)
