"""Questions to a running container."""
