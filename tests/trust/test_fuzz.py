"""Random and damaged forms of everything that is read: a sound answer or an error of ours, and never a crash.

The corpus is what coverage-guided fuzzing kept (tests/trust/fuzz.py). What Hypothesis makes has the shape of
the format, which bytes seldom have; `NESTPROOF_FUZZ_EXAMPLES=100000` searches longer than a run of the tests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nestproof.core.files import UnsafeFileError, read_file
from nestproof.devcontainer.compose_config import service_of
from nestproof.devcontainer.compose_files import ComposeError
from nestproof.devcontainer.jsonc import parse
from nestproof.privileges.relaxations import relaxations_asked, relaxations_in_force
from nestproof.probes.runner_protocol import FrameReader
from tests.conftest import ROOT
from tests.trust.fuzz import CORPUS, seeds, stored
from tests.trust.readers import LOCK, READERS

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
SERVICE = st.dictionaries(
    st.sampled_from("image build volumes environment deploy ports user devices ulimits networks".split()),
    JSON,
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


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


SHAPES: dict[str, st.SearchStrategy[bytes]] = {
    "profile": damaged((ROOT / ".devcontainer/devcontainer.secure.json").read_text())
    | st.dictionaries(PROPERTIES, JSON | st.lists(WORDS | TEXT, max_size=5), max_size=6).map(encoded),
    "label": st.builds(lambda a, b, c: encoded([a, {"mounts": b, "capAdd": c}]), JSON, JSON, JSON),
    "lock": damaged(LOCK) | st.binary(max_size=60),
    "config": damaged(seeds("config")[0].decode()) | st.binary(max_size=60),
    "run-arguments": st.lists(WORDS | TEXT, max_size=8).map(lambda words: "\n".join(words).encode()),
    "compose": SERVICE.map(lambda service: encoded({"services": {"one": service}})) | JSON.map(encoded),
    "compose-file": damaged(seeds("compose-file")[0].decode()) | st.binary(max_size=60),
    "evidence": st.binary(max_size=60) | JSON.map(encoded),
    "frames": st.lists(st.binary(max_size=40) | st.just(b"NONCE a 0 1.0 2.0 3 4\nabcdefg")).map(b"".join),
    "jsonc": JSON.map(encoded),
}


def test_every_reader_has_a_shape_and_a_corpus() -> None:
    assert SHAPES.keys() == READERS.keys() == {file.stem for file in CORPUS.glob("*.json")}
    assert all(map(stored, READERS))


@pytest.mark.parametrize("reader", READERS)
def test_the_corpus_is_read(tmp_path: Path, reader: str) -> None:
    for content in stored(reader):
        READERS[reader](content, tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("reader", READERS)
@LONG
@given(data=st.data())
def test_what_has_the_shape_is_read(folder: Path, reader: str, data: st.DataObject) -> None:
    READERS[reader](data.draw(SHAPES[reader]), folder)


@LONG
@given(JSON)
def test_sound_json_is_sound_with_comments_too(value: Any) -> None:
    assert parse(json.dumps(value), name="x").ok


@LONG
@given(st.lists(st.binary(max_size=40) | st.just(b"NONCE users 0 1.0 2.0 3 4\nabcdefg"), max_size=6))
def test_the_runners_frames_in_any_parts(parts: list[bytes]) -> None:
    reader = FrameReader("NONCE")
    for part in parts:
        for record in reader.feed(part):
            assert record.name


def test_a_null_byte_in_a_files_name_is_an_error_of_ours(tmp_path: Path) -> None:
    """Found by fuzzing: the operating system's functions raise ValueError for it."""
    for below in (None, tmp_path):
        with pytest.raises(UnsafeFileError, match="null byte"):
            read_file(tmp_path / "a\0b", below=below)


PROJECT: dict[str, Any] = {
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
    service = service_of(PROJECT, "one")
    assert service is not None
    assert relaxations_asked(service.options) == ("mount=/a",)
    assert relaxations_in_force({"HostConfig": {"Privileged": False}}) == ()


def test_a_compose_project_of_another_form_is_an_error_of_ours() -> None:
    """Found by fuzzing: a volume without its target."""
    with pytest.raises(ComposeError, match=r"a form that is not known here \(KeyError: 'target'\)"):
        service_of({"services": {"one": {"volumes": [{"type": "bind", "source": "/a"}]}}}, "one")
