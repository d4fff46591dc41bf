"""The Docker and Podman API, create requests, and exec."""
