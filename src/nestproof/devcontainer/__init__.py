"""Read devcontainer files into a Profile."""
