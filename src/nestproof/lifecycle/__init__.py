"""The commands that a client runs in a new container, and what they need: environment, workspace, time."""
