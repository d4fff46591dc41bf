"""The agents themselves: who they are, and what they do when a model asks them to run a command."""
