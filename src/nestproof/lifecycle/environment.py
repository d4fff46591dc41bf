"""Find the environment that a user's shell gives to the commands of a container (`userEnvProbe`).

Source: devcontainers/cli, injectHeadless.ts, probeRemoteEnv: the shell is that of the user's account, and
`remoteEnv` counts more than what it says.
"""

from __future__ import annotations

from collections.abc import Mapping

from nestproof.core.errors import EngineError
from nestproof.engine.container import Container
from nestproof.engine.exec import Exec

DEFAULT = "loginInteractiveShell"
_FLAGS = {"loginShell": "-lc", "interactiveShell": "-ic", "loginInteractiveShell": "-lic"}
_TIMEOUT = 30.0
# The shell of the account; what start-up files print stands before the mark.
_SCRIPT = (
    'shell=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f7); [ -x "$shell" ] || shell=/bin/sh; '
    'exec "$shell" "$1" "printf %s $2; cat /proc/self/environ; printf %s $2" </dev/null 2>/dev/null'
)
_MARK = "nestproof-environment-7d3f"
# Where the shell happens to be, and how deep it is.
_OF_THE_SHELL = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})


def probe_environment(container: Container, user: str, how: str | None) -> dict[str, str]:
    """The variables that the user's shell sets; empty for `none`, and where the shell gives no answer."""
    if how == "none":
        return {}
    argv = ["/bin/sh", "-c", _SCRIPT, "nestproof", _FLAGS[how or DEFAULT], _MARK]
    said = bytearray()
    try:
        for kind, data in Exec(container, argv, user=user, environment={}, timeout=_TIMEOUT):
            if kind == 1:
                said += data
    except EngineError:
        return {}
    return parse_environment(bytes(said))


def parse_environment(said: bytes) -> dict[str, str]:
    """Read what stands between the marks: names and values, each ended by a null byte."""
    parts = said.split(_MARK.encode())
    entries = parts[1].split(b"\0") if len(parts) > 2 else []
    pairs = (entry.decode(errors="replace").partition("=") for entry in entries)
    return {name: value for name, equals, value in pairs if equals and name not in _OF_THE_SHELL}


def merge_environment(probed: Mapping[str, str], remote: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: the shell's variables, and `remoteEnv` over them."""
    return {**probed, **remote}
