"""Repositories of strangers: what they contain runs nothing, reads nothing and hangs nothing."""
