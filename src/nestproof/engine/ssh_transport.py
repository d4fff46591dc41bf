"""HTTP to an engine through the docker client itself, for the ways that only it knows: ssh."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from nestproof.core.process import SocketProcess

# What the docker client runs on the other machine, too, when it is given an ssh:// address. Here it takes
# OpenSSH with the user's own configuration and keys, as `docker buildx` does for the build.
_DIAL = ("docker", "system", "dial-stdio")


class DockerClientAdapter(HTTPAdapter):
    """A transport for APIClient: each connection is a docker client that passes on what it is given."""

    def __init__(self, environment: Mapping[str, str | None], timeout: int) -> None:
        super().__init__()
        self._pool = _Pool(environment, timeout)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The one pool: there is one host to talk to."""
        return self._pool

    def request_url(self, request: PreparedRequest, _: Any) -> str:
        """The path alone, as for any local socket."""
        return request.path_url

    def close(self) -> None:
        """Hang up every connection that nothing is using."""
        self._pool.close()


class _Pool(HTTPConnectionPool):
    def __init__(self, environment: Mapping[str, str | None], timeout: int) -> None:
        super().__init__("localhost", timeout=timeout, maxsize=10)
        self._environment = environment

    def _new_conn(self) -> Any:
        return _Connection(self._environment)


class _Connection(HTTPConnection):
    def __init__(self, environment: Mapping[str, str | None]) -> None:
        super().__init__("localhost")
        self._environment = environment

    def connect(self) -> None:
        """Start a docker client to talk through, for as long as anything reads from it."""
        self.sock = SocketProcess(_DIAL, self._environment).socket

    def getresponse(self) -> Any:
        """The engine's answer; raises ConnectionError in the docker client's words when there is none."""
        try:
            return super().getresponse()
        except TimeoutError:
            raise
        except (OSError, HTTPException) as error:
            raise ConnectionError(self._reason() or str(error)) from error

    def _reason(self) -> str:
        """Ask a second connection why the first got no answer: a closed pipe may give no reason."""
        again = SocketProcess(_DIAL, self._environment)
        with again.socket:
            return again.said(timeout=5.0).strip()
