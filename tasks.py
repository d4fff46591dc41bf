"""The contributor's commands: `invoke --list`. They are nestbox's own tasks, on nestbox itself."""

from nestbox.tasks import ns

__all__ = ["ns"]
