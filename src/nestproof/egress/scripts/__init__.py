"""The scripts of the firewall's questions, by the names of their files."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def script(name: str) -> str:
    """The text of a script."""
    return (files(__name__) / name).read_text()
