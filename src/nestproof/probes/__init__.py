"""The probes: one question, one small script each, and what its answer must be."""
