"""Proves that a devcontainer can nest a coding agent's sandbox."""

__version__ = "0.2.0"
