"""Questions to files, which need no engine."""
