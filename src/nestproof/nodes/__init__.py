"""Engines for platforms, transfer to them, and workers."""
