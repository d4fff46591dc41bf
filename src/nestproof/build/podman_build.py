"""Run `podman build` in place of `docker buildx build`: argument vectors and progress."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from nestproof.build.progress import SHOWN_LINES, Failure
from nestproof.engine.podman import client

# `docker buildx build` has them and `podman build` does not; those on the left take a value.
_WITH_VALUE = frozenset(
    "--allow --attest --builder --call --metadata-file --progress --provenance --sbom".split()
)
_SWITCHES = frozenset({"--load", "--check"})
# A build cache in a store of its own; Podman's --cache-from and --cache-to name repositories.
_CACHES = frozenset({"--cache-from", "--cache-to"})
# "[2/2] STEP 3/6: RUN apt-get update", without the stage where there is only one.
_STEP = re.compile(r"(?:\[(?P<stage>\d+/\d+)\] )?STEP (?P<step>\d+/\d+): (?P<said>.*)")


def as_podman(argv: Sequence[str], address: str) -> tuple[str, ...]:
    """A `docker buildx build` or `docker pull` command line, as that Podman takes it."""
    if tuple(argv[:2]) == ("docker", "pull"):
        return (*client(address), *argv[1:])
    if tuple(argv[:3]) != ("docker", "buildx", "build"):
        raise ValueError(f"neither docker buildx build nor docker pull: {' '.join(argv)}")
    return (*client(address), "build", *_options(argv[3:]))


def _options(options: Sequence[str]) -> Iterator[str]:
    rest = iter(options)
    for option in rest:
        name, separator, value = option.partition("=")
        if name in _SWITCHES:
            continue
        if name in _WITH_VALUE or name in _CACHES:
            value = value if separator else next(rest, "")
            if name in _CACHES and "type=" not in value:
                yield from (name, value)
            continue
        yield option


class PodmanSteps:
    """Read the output of `podman build`, and report each executed step once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._step = ""
        self._told = True
        self._said: deque[str] = deque(maxlen=SHOWN_LINES)
        self._error = "it printed nothing"

    def read(self, line: str) -> None:
        """Take a line of its standard output."""
        found = _STEP.fullmatch(line)
        if found:
            stage = f"stage {found['stage']}, " if found["stage"] else ""
            self._step = f"[{stage}step {found['step']}] {' '.join(found['said'].split())}"
            self._told = False
            self._said.clear()
            return
        self._said.append(line)
        if not self._told:
            self._told = True
            if not line.startswith("--> Using cache"):
                self._tell(self._step)

    def complain(self, line: str) -> None:
        """Take a line of its standard error."""
        self._error = line.strip() or self._error

    def failure(self) -> Failure:
        """The step at which it ended, in its last words."""
        return Failure(self._step, self._error, tuple(self._said))
