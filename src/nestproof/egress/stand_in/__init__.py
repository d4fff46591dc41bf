"""An Internet of our own: a network, a resolver and servers that stand for the hosts of a profile."""
