"""Random and damaged forms of everything that is read: a sound answer or an error of ours, and never a crash.

`NESTPROOF_FUZZ_EXAMPLES=100000` searches longer than a run of the tests does.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nestproof.core.config import load_config
from nestproof.core.errors import NestproofError
from nestproof.core.trust import keep_trust, read_trust
from nestproof.devcontainer import image_metadata
from nestproof.devcontainer.compose_service import parse_service
from nestproof.devcontainer.jsonc import parse
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.engine.create_request import create_request
from nestproof.engine.run_options import parse_run_args
from nestproof.justify.records import RecordError, from_json
from nestproof.privileges.host_request import profile_lines
from nestproof.privileges.lock import parse_lock, render_lock
from nestproof.privileges.lock_check import check_lock
from nestproof.privileges.relaxations import relaxations_asked, relaxations_in_force
from nestproof.probes.runner_protocol import FrameReader
from nestproof.reports.evidence import read_evidence
from tests.conftest import ROOT

LONG = settings(
    max_examples=int(os.environ.get("NESTPROOF_FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)

TEXT = st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXT, below, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    "--cap-add --cap-add=SYS_ADMIN --security-opt=seccomp= -v /:/x -v:: --mount type=bind,source=,target= "
    '--mount=type=tmpfs,"x -e A -eA=b --env-file=/nonexistent --device :: --ulimit=a=1:0 --tmpfs=/t -u '
    "--publish=1:2:3:4 --network=container: --pid=host --sysctl=a --add-host=a --label = - -- -it".split()
)
PROPERTIES = st.sampled_from(
    "image build dockerFile context features runArgs mounts workspaceMount workspaceFolder remoteUser "
    "containerEnv remoteEnv capAdd securityOpt privileged init customizations service overrideCommand "
    "containerUser forwardPorts appPort hostRequirements postCreateCommand".split()
)
CONFIGURATIONS = st.dictionaries(PROPERTIES, JSON | st.lists(WORDS | TEXT, max_size=5), max_size=6)


def damaged(sound: str) -> st.SearchStrategy[bytes]:
    """A sound file with a part cut out, doubled or replaced."""
    content = sound.encode()
    places = st.integers(0, len(content))
    return st.builds(
        lambda a, b, middle: content[: min(a, b)] + middle + content[max(a, b) :],
        places,
        places,
        st.binary(max_size=8) | st.sampled_from([b"", b'"', b"{", b"[", b"\\", b"\0", b"\xff", b"]]", b"\n"]),
    )


def holds(read: Callable[[], Any]) -> Any:
    """The answer, or None for an error that says what is wrong."""
    try:
        return read()
    except NestproofError as error:
        assert error.what
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


LOCK = (ROOT / ".devcontainer/privileges.lock").read_text()
CONFIG = (ROOT / "pyproject.toml").read_text()
PROFILE = (ROOT / ".devcontainer/devcontainer.secure.json").read_text()


@LONG
@given(damaged(LOCK) | st.binary(max_size=60))
def test_a_lock(content: bytes) -> None:
    def read() -> None:
        lock = parse_lock(content.decode(errors="replace"))
        lock.places()
        assert parse_lock(render_lock(lock, lock)).reasons == lock.reasons

    holds(read)


@LONG
@given(content=damaged(CONFIG) | st.binary(max_size=60))
def test_a_configuration(folder: Path, content: bytes) -> None:
    (folder / "pyproject.toml").write_bytes(content)
    holds(lambda: load_config(folder))


@LONG
@given(content=damaged(PROFILE) | CONFIGURATIONS.map(lambda value: json.dumps(value).encode()))
def test_a_profile(folder: Path, content: bytes) -> None:
    """Read, held against a lock, and asked for what it wants of the host; no Compose file is there."""

    def read() -> None:
        reader = ProfileReader(folder, {"HOME": "/home/me"}, {"default": folder / ".devcontainer.json"})
        result = reader.read("default")
        list(profile_lines(result))
        if result.profile is not None:
            check_lock("default", result.profile, result.document, parse_lock(LOCK))
            create_request(result.profile.run, image="x", labels={}, environment={})

    (folder / ".devcontainer.json").write_bytes(content)
    holds(read)


@LONG
@given(st.lists(WORDS | TEXT, max_size=8))
def test_run_arguments(arguments: list[str]) -> None:
    options = holds(lambda: parse_run_args(arguments))
    if options is not None:
        relaxations_asked(options)
        holds(lambda: create_request(options, image="x", labels={}, environment={}))


@LONG
@given(JSON, JSON, JSON)
def test_an_images_label(one: Any, two: Any, three: Any) -> None:
    entries = image_metadata.entries(json.dumps([one, {"mounts": two, "capAdd": three}]))
    assert all(isinstance(entry, dict) for entry in entries)


@LONG
@given(content=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_evidence_stored_experiments_and_trust(folder: Path, content: bytes) -> None:
    file = folder / "evidence.json"
    file.write_bytes(content)
    holds(lambda: read_evidence(file))
    with contextlib.suppress(RecordError, ValueError):
        from_json(json.loads(content))
    environment = {"XDG_STATE_HOME": str(folder / "state")}
    keep_trust(folder, environment, allowed=()).write_bytes(content)
    read_trust(folder, environment)


@LONG
@given(st.lists(st.binary(max_size=40) | st.just(b"NONCE users 0 1.0 2.0 3 4\nabcdefg"), max_size=6))
def test_the_runners_frames(parts: list[bytes]) -> None:
    reader = FrameReader("NONCE")
    for part in parts:
        for record in reader.feed(part):
            assert record.name


@LONG
@given(st.dictionaries(st.sampled_from("image build volumes environment deploy ports user".split()), JSON))
def test_json_with_comments(value: dict[str, Any]) -> None:
    assert parse(json.dumps(value), name="x").ok


SERVICE: dict[str, Any] = {
    "services": {
        "one": {
            "image": "x",
            "volumes": [{"type": "bind", "source": "/a", "target": "/b"}],
            "environment": {"A": "b"},
            "deploy": {"resources": {"limits": {"memory": "1g"}}},
        }
    }
}


def test_a_compose_project_of_the_form_that_compose_prints() -> None:
    service = parse_service(SERVICE, "one")
    assert service is not None
    assert relaxations_asked(service.options) == ("mount=/a",)
    assert relaxations_in_force({"HostConfig": {"Privileged": False}}) == ()
