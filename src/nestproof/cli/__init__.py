"""Invoke tasks, programs, terminal output, `init` and `shell`."""
