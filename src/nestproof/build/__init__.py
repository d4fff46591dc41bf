"""Build images from profiles, for platforms."""
