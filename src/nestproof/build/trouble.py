"""Tell a builder, an engine or a registry that failed from a Dockerfile that cannot be built. Pure.

The words are those of buildx 0.13, BuildKit 0.13, Docker Engine 20.10 and 26.1, Podman 4.3, and Go's packages
net, net/http and google.golang.org/grpc.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nestproof.core.outcome import Observation, Outcome, Status, Target


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure that says nothing about the Dockerfile."""

    said: str
    """A regular expression, searched in the build's error, line by line."""
    what: str
    fix: str


_LOST = "the builder or its engine was lost while it built"
_AGAIN = "see if the engine runs (docker info), and build again"
TROUBLES = (
    Trouble(
        r"^panic: |^goroutine \d+ \[|^fatal error: |runtime error: ",
        "the builder itself crashed",
        "build again; if it crashes again, update buildx",
    ),
    Trouble(
        r"cannot allocate memory|out of memory|exit code: 137\b|signal: killed",
        "the machine had no memory left for the build",
        "give the machine or the engine more memory, or build one platform at a time (--jobs 1)",
    ),
    Trouble(
        r"no space left on device",
        "the engine's disk is full",
        "free space on it: docker system df, docker buildx prune",
    ),
    Trouble(
        r"mkdir \S*/\.(?:docker|config)\b|/\.(?:docker|config)\b\S*: (?:permission denied|read-only file)",
        "the docker client cannot write in its home",
        "set HOME or DOCKER_CONFIG to a folder that can be written",
    ),
    Trouble(
        r"toomanyrequests|429 Too Many Requests|: (?:5\d\d|unexpected status[^:]*: 5\d\d) \w+|no such host"
        r"|TLS handshake timeout|dial tcp \S+: (?:connect: connection refused|i/o timeout)"
        r"|Temporary failure in name",
        "a registry did not answer",
        "see if it can be reached from the engine, and build again",
    ),
    Trouble(
        r"[Cc]annot connect to the Docker daemon|error during connect|connection reset by peer|broken pipe"
        r"|code = (?:Unavailable|Canceled|Internal|DeadlineExceeded)"
        r"|Error while dialing|upgrade to h2c|transport is closing"
        r"|unexpected EOF|: EOF$"
        r"|request returned (?:\d+ )?Internal Server Error|context (?:deadline exceeded|canceled)"
        r"|use of closed network connection|the builder ended without a reason|it printed nothing",
        _LOST,
        _AGAIN,
    ),
)
# A step's own command ended so; what it printed, such as a mirror that it could not reach, is its own affair.
_OF_A_STEP = re.compile(r"did not complete successfully: exit code: (?!137\b)\d+|exit status (?!137\b)\d+$")


def trouble_of(error: str) -> tuple[Trouble, str] | None:
    """The trouble that a build's error tells, and the line that does; None for a fault of the Dockerfile."""
    if _OF_A_STEP.search(error):
        return None
    for trouble in TROUBLES:
        for line in error.splitlines():
            if re.search(trouble.said, line):
                return trouble, line.strip()
    return None


def failed(error: str, target: Target, seen: Observation, fix: str = "") -> Outcome:
    """The outcome of a build that failed: a fail for a Dockerfile, an error for whatever should build it."""
    if found := trouble_of(error):
        trouble, line = found
        return Outcome("build", Status.ERROR, trouble.what, target, line, trouble.fix, seen)
    return Outcome("build", Status.FAIL, "the image could not be built", target, error, fix, seen)
