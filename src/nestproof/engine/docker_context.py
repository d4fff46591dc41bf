"""Find the docker client's engine, and open a client of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestproof.core.errors import CommandError
from nestproof.core.process import run

if TYPE_CHECKING:
    from docker import APIClient

# By these the docker client, its buildx included, is told of an engine.
DOCKER_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


def client_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The environment that makes a child's docker client reach the same engine; None removes a variable."""
    return {name: environment.get(name) for name in DOCKER_VARIABLES}


def client_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """Address and TLS, found as the docker client does: DOCKER_HOST, DOCKER_CONTEXT, the current context.

    Raises CommandError for a context that does not exist.
    """
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name
    from docker.utils import kwargs_from_env

    if environment.get("DOCKER_HOST"):
        return dict(kwargs_from_env(dict(environment)))
    name = environment.get("DOCKER_CONTEXT") or get_current_context_name()
    if name == "default":
        return {"base_url": ContextAPI.DEFAULT_CONTEXT.Host, "tls": False}
    return _context_settings(name)


def _context_settings(name: str) -> dict[str, Any]:
    """Ask the docker client for the context, as the docker package needs a config.json to find one."""
    from docker.tls import TLSConfig

    completed = run(["docker", "context", "inspect", name], timeout=10)
    if completed.status != 0:
        raise CommandError(
            f"the docker client has no context {name!r}",
            why=completed.stderr.strip(),
            fix="docker context ls names them",
        )
    (context,) = json.loads(completed.stdout)
    endpoint = context["Endpoints"]["docker"]
    folder = Path(context["Storage"]["TLSPath"], "docker")
    files = {file: str(folder / file) for file in context["TLSMaterial"].get("docker") or ()}
    if not files:
        return {"base_url": endpoint["Host"], "tls": False}
    pair = (files["cert.pem"], files["key.pem"]) if "cert.pem" in files else None
    verified = not endpoint.get("SkipTLSVerify")
    tls = TLSConfig(client_cert=pair, ca_cert=files.get("ca.pem"), verify=verified)
    return {"base_url": endpoint["Host"], "tls": tls}


def open_api(
    settings: Mapping[str, Any], variables: Mapping[str, str | None], *, version: str, timeout: int
) -> APIClient:
    """A client of the engine at those settings; raises what the docker package raises."""
    import docker

    if str(settings["base_url"]).startswith("ssh://"):
        from nestproof.engine.ssh_transport import DockerClientAdapter

        # The docker package's own ssh needs another library, or else reads without a timeout.
        api = docker.APIClient(base_url="unix:///not/used", version=version, timeout=timeout)
        api.mount("http+docker://", DockerClientAdapter(variables, timeout))
    else:
        api = docker.APIClient(version=version, timeout=timeout, **settings)
    # The environment's proxies and certificates are for other hosts: with them, requests would not
    # believe the key that was made for this engine.
    api.trust_env = False
    return api


def probe_socket(address: str, timeout: int) -> None:
    """Test that a local socket accepts a connection, as the docker package would keep a dead one open."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(address.removeprefix("unix://"))


def innermost_words(error: BaseException) -> str:
    """The message of the innermost error; the others only wrap it."""
    inner = next((part for part in error.args if isinstance(part, BaseException)), None)
    return innermost_words(inner) if inner else str(error).strip() or type(error).__name__
