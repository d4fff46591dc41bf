"""Relaxations, their risks, and the privilege lock."""
