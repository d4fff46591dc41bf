"""Static checks of files, without an engine."""
