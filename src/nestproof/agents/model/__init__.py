"""A scripted model: it answers an agent in the place of the model that it would ask, turn by turn.

The package needs nothing but Python's own library, because it runs in a container of ours beside the agent's.
"""
