"""Prove the firewall of a container: what it lets out, what it refuses, and who can open it."""
