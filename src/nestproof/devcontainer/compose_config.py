"""Compute a Compose project with `docker compose config`; no engine is needed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestproof.core.errors import CommandError, NestproofError
from nestproof.core.process import run
from nestproof.devcontainer.compose_files import ComposeError, find_files
from nestproof.devcontainer.compose_service import Service, parse_service
from nestproof.devcontainer.container_options import mounted_root

if TYPE_CHECKING:
    from nestproof.devcontainer.schema import DevContainer

# It reads files; a first run on a cold disk takes under a second.
TIMEOUT = 60.0
# All that Compose gets beside the variables that the project's files name.
_ENVIRONMENT = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "DOCKER_CONFIG", "COMPOSE_PROJECT_NAME"})
# What a project includes from a git repository or a registry would be fetched (compose, pkg/remote); a
# variable that is set here counts more than the project's own .env.
_OFFLINE = {"COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false", "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false"}


# What Compose says of a value of which an empty variable left nothing.
_OF_NOTHING = re.compile(
    r"empty section between colons|must not be empty|invalid (spec|proto|containerPort|IP)"
)


class ComposeUnavailable(NestproofError):
    """Something is missing, such as `docker compose` or a variable, so that the options are unverified."""

    exit_code = 3


def read_project(
    files: list[Path], workspace: Path, environment: Mapping[str, str]
) -> tuple[dict[str, Any], frozenset[str]]:
    """The whole project, extensions merged and variables filled in from `environment` and `.env`.

    Returns the names of the variables in its files, too: Compose is given those of the environment, and what
    it needs itself. Raises ComposeUnavailable without `docker compose`, ComposeError with its words when it
    objects, and for files that are not to be read.
    """
    variables = frozenset(find_files(files, mounted_root(workspace), environment).variables)
    named = [word for file in files for word in ("--file", str(file))]
    # All profiles: which of the services are started is no question here.
    argv = ["docker", "compose", *named, "--profile", "*", "config", "--format", "json"]
    try:
        own = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        given = own | {name: environment[name] for name in variables | _ENVIRONMENT if name in environment}
        completed = run(argv, timeout=TIMEOUT, cwd=workspace, env={**given, **_OFFLINE}, inherit=False)
    except CommandError as error:
        raise _unavailable(error.what) from error
    if completed.status == 0:
        try:
            project: dict[str, Any] = json.loads(completed.stdout)
        except ValueError as error:
            raise ComposeError("its answer is cut off, or no JSON") from error
        return project, variables
    version = run(["docker", "compose", "version"], timeout=TIMEOUT)
    if version.status != 0 or "ompose version" not in version.stdout:
        raise _unavailable("the docker client here has no compose plugin")
    said = reasons(completed.stderr.replace(f"{workspace}/", ""))
    what = "; ".join(said) or f"it ended with exit status {completed.status} and printed nothing"
    fix = f"docker compose {' '.join(named)} config"
    if unset := unset_variables(completed.stderr):
        raise ComposeUnavailable(
            f"the Compose project needs what is not set here: {', '.join(unset)}",
            why=what,
            fix="set it in the environment, or in the file .env beside the Compose file",
        )
    raise ComposeError(what, fix=fix)


def reasons(stderr: str) -> list[str]:
    """The lines of Compose's objection: its last one, which is the reason, then the others, sorted.

    Compose walks through maps, so that their order differs from run to run.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    return [*lines[-1:], *sorted(set(lines[:-1]) - set(lines[-1:]))]


def unset_variables(stderr: str) -> tuple[str, ...]:
    """The variables for the lack of which Compose objects: it names them, or what is left without them."""
    required = re.findall(r"required variable (\w+) is missing a value", stderr)
    if required:
        return tuple(dict.fromkeys(required))
    empty = re.findall(r'The \\?"(\w+)\\?" variable is not set', stderr)
    return tuple(dict.fromkeys(empty)) if _OF_NOTHING.search(stderr) else ()


def service_of(project: Mapping[str, Any], name: str, folder: Path = Path()) -> Service | None:
    """The service of that name, or None; raises ComposeError for an answer of an unknown form."""
    try:
        return parse_service(project, name, folder)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ComposeError(
            f"its answer has a form that is not known here ({type(error).__name__}: {error})",
            fix="`docker compose version` tells which one this is; nestproof was tried with 2.26",
        ) from error


def read_service(
    config: DevContainer, file: Path, workspace: Path, environment: Mapping[str, str]
) -> Service | None:
    """The service that a configuration names, None where it names none; raises as `read_project` does."""
    named = config.docker_compose_file
    if named is None:
        return None
    files = [file.parent / one for one in ([named] if isinstance(named, str) else named)]
    folder = files[0].parent if files else workspace
    project, variables = read_project(files, workspace, environment)
    service = service_of(project, config.service or "", folder)
    if service is None:
        raise ComposeError(f"there is no service {config.service!r} in {', '.join(f.name for f in files)}")
    started = config.run_services
    others = tuple(other for other in service.others if not started or other in started)
    return replace(service, others=others, variables=tuple(sorted(variables)))


def _unavailable(why: str) -> ComposeUnavailable:
    return ComposeUnavailable(
        "`docker compose config` cannot be asked what the service is",
        why=why,
        fix="install Docker's compose plugin (Debian 13: docker-compose; Ubuntu: docker-compose-v2; "
        "nestproof's own scripts/engine does so)",
    )
