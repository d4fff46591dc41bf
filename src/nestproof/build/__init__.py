"""Profiles and platforms, built into images."""
