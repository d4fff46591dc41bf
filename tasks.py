"""The contributor's commands: `invoke --list`. They are nestproof's own tasks, on nestproof itself."""

from nestproof.cli.tasks import ns

__all__ = ["ns"]
