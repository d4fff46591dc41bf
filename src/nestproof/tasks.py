"""The Invoke tasks: `from nestproof.tasks import ns` in a repository's own tasks.py makes them its own."""

from nestproof.cli.tasks import ns

__all__ = ["ns"]
