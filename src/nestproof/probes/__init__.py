"""The probes: a question, a small script, and the expected answer of each."""
