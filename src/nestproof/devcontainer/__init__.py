"""Devcontainer files, read into a Profile."""
