"""Run probes in a container."""
