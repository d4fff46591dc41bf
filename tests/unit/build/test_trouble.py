"""What fails a build: its Dockerfile, or what should build it."""

from __future__ import annotations

import pytest

from nestproof.build.trouble import failed, trouble_of
from nestproof.core.outcome import Observation, Status, Target

TARGET = Target("secure", "linux/amd64")
SEEN = Observation(("docker", "buildx", "build"), 1)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        ("Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?", "was lost"),
        ('error during connect: Head "http://x/_ping": EOF', "was lost"),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", "was lost"),
        ("failed to solve: rpc error: code = Unavailable desc = closing transport", "was lost"),
        ("failed to receive status: rpc error: code = Internal desc = stream terminated", "was lost"),
        ("read unix @->/run/docker.sock: read: connection reset by peer", "was lost"),
        ("request returned Internal Server Error for API route and version http://x/_ping", "was lost"),
        ("failing step: [2/3] RUN make\nthe builder ended without a reason", "was lost"),
        ("it printed nothing", "was lost"),
        (
            'failed to do request: Head "https://registry.example/v2/": dial tcp: lookup x: no such host',
            "a registry did not answer",
        ),
        ("failed to do request: dial tcp 10.0.0.1:443: connect: connection refused", "a registry"),
        ("unexpected status from HEAD request to https://x/v2/: 503 Service Unavailable", "a registry"),
        ("toomanyrequests: You have reached your pull rate limit.", "a registry"),
        ("ERROR: mkdir ~/.docker: no such file or directory", "cannot write in its home"),
        ("mkdir /root/.docker: read-only file system", "cannot write in its home"),
        ("open /home/me/.docker/buildx/current: permission denied", "cannot write in its home"),
        (
            'failing step: [2/3] RUN make\nprocess "make" did not complete successfully: exit code: 137',
            "no memory left",
        ),
        ("fork/exec /usr/bin/runc: cannot allocate memory", "no memory left"),
        ("write /var/lib/docker/x: no space left on device", "disk is full"),
        (
            "panic: runtime error: invalid memory address\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:5",
            "the builder itself crashed",
        ),
    ],
)
def test_what_is_not_the_dockerfiles_fault_is_an_error_with_one_cause(error: str, what: str) -> None:
    outcome = failed(error, TARGET, SEEN, "run it by hand")
    assert outcome.status is Status.ERROR
    assert what in outcome.summary
    assert outcome.cause in error
    assert "\n" not in outcome.cause
    assert outcome.fix
    assert outcome.fix != "run it by hand"


@pytest.mark.parametrize(
    "error",
    [
        'failing step: [2/3] RUN false\nprocess "false" did not complete successfully: exit code: 1',
        # The step's own words: a mirror that it could not reach, a full tmpfs of its own.
        'failing step: RUN apt-get update\nconnection reset by peer\nprocess "apt-get" did not complete '
        "successfully: exit code: 100",
        "dockerfile parse error on line 3: unknown instruction: RUNN",
        "pull access denied, repository does not exist or may require authorization",
        "docker.io/library/nothing:1: not found",
        'failed to compute cache key: "/missing": not found',
        "no match for platform in manifest: not found",
        "failed to read dockerfile: open Dockerfile: no such file or directory",
    ],
)
def test_a_dockerfile_that_does_not_build_is_a_fail(error: str) -> None:
    assert trouble_of(error) is None
    outcome = failed(error, TARGET, SEEN, "run it by hand")
    assert (outcome.status, outcome.cause, outcome.fix) == (Status.FAIL, error, "run it by hand")
