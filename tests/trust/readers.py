"""Everything that is read from a repository, each as a function of bytes: what fuzzing throws its input at.

A reader may refuse its input with an error of nestproof's own. Whatever else it raises is a fault.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nestproof.core.config import load_config
from nestproof.core.errors import NestproofError
from nestproof.core.trust import keep_trust, read_trust
from nestproof.devcontainer import image_metadata
from nestproof.devcontainer.compose_config import service_of
from nestproof.devcontainer.compose_files import find_files
from nestproof.devcontainer.jsonc import parse
from nestproof.devcontainer.profile import with_image_metadata
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.engine.create_request import create_request
from nestproof.engine.run_options import RunOptions, parse_run_args
from nestproof.justify.records import RecordError, from_json
from nestproof.privileges.host_request import profile_lines
from nestproof.privileges.lock import parse_lock, render_lock
from nestproof.privileges.lock_check import check_lock
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.probes.runner_protocol import FrameReader
from nestproof.reports.evidence import read_evidence
from tests.conftest import ROOT

LOCK = (ROOT / ".devcontainer/privileges.lock").read_text()
_NAME = "default"


def holds(read: Callable[[], Any]) -> Any:
    """The answer, or None for an error that says what is wrong."""
    try:
        return read()
    except NestproofError as error:
        assert error.what
        return None


def _options(options: RunOptions) -> None:
    relaxations_asked(options)
    holds(lambda: create_request(options, image="x", labels={}, environment={}))


def _profile(content: bytes, folder: Path, label: str = "") -> None:
    """Read a profile, hold it against a lock, ask what it wants of the host; no Compose file is there."""
    file = folder / ".devcontainer.json"
    file.write_bytes(content)
    result = ProfileReader(folder, {"HOME": "/home/me"}, {_NAME: file}).read(_NAME)
    list(profile_lines(result))
    if result.profile is not None:
        check_lock(_NAME, result.profile, result.document, parse_lock(LOCK))
        _options(result.profile.run)
        if label:
            _options(with_image_metadata(result.profile, label).run)


def read_profile(content: bytes, folder: Path) -> None:
    """A devcontainer.json."""
    holds(lambda: _profile(content, folder))


def read_label(content: bytes, folder: Path) -> None:
    """The label `devcontainer.metadata` of an image."""
    label = content.decode(errors="replace")
    assert all(isinstance(entry, dict) for entry in image_metadata.entries(label))
    holds(lambda: _profile(b'{"image": "debian:12"}', folder, label))


def read_lock(content: bytes, folder: Path) -> None:
    """The privilege lock; what is written again says the same."""

    def read() -> None:
        lock = parse_lock(content.decode(errors="replace"))
        lock.places()
        assert parse_lock(render_lock(lock, lock)).reasons == lock.reasons

    holds(read)


def read_config(content: bytes, folder: Path) -> None:
    """The configuration, nestproof.toml."""
    (folder / "nestproof.toml").write_bytes(content)
    holds(lambda: load_config(folder))


def read_run_arguments(content: bytes, folder: Path) -> None:
    """The options of `docker run` in a profile, one in a line."""
    options = holds(lambda: parse_run_args(content.decode(errors="replace").split("\n")))
    if options is not None:
        _options(options)


def read_compose(content: bytes, folder: Path) -> None:
    """What `docker compose config` answers."""
    with contextlib.suppress(ValueError, RecursionError):
        project = json.loads(content)
        service = holds(lambda: service_of(project, "one")) if isinstance(project, dict) else None
        if service is not None:
            _options(service.options)


def read_compose_file(content: bytes, folder: Path) -> None:
    """A Compose file, before Compose is asked."""
    file = folder / "compose.yaml"
    file.write_bytes(content)
    holds(lambda: find_files([file], folder, {"HOME": "/home/me"}))


def read_kept_evidence(content: bytes, folder: Path) -> None:
    """The evidence, a stored experiment, and what is allowed on this machine."""
    file = folder / "evidence.json"
    file.write_bytes(content)
    holds(lambda: read_evidence(file))
    with contextlib.suppress(RecordError, ValueError, RecursionError):
        from_json(json.loads(content))
    environment = {"XDG_STATE_HOME": str(folder / "state")}
    keep_trust(folder, environment, allowed=()).write_bytes(content)
    read_trust(folder, environment)


def read_frames(content: bytes, folder: Path) -> None:
    """What the runner in a container prints, in two parts."""
    middle = len(content) // 2
    reader = FrameReader("NONCE")
    for part in (content[:middle], content[middle:]):
        for record in reader.feed(part):
            assert record.name


def read_json_with_comments(content: bytes, folder: Path) -> None:
    """JSON with comments; what is sound JSON is sound here too."""
    text = content.decode(errors="replace")
    parse(text, name="x")


READERS: Mapping[str, Callable[[bytes, Path], None]] = {
    "profile": read_profile,
    "label": read_label,
    "lock": read_lock,
    "config": read_config,
    "run-arguments": read_run_arguments,
    "compose": read_compose,
    "compose-file": read_compose_file,
    "evidence": read_kept_evidence,
    "frames": read_frames,
    "jsonc": read_json_with_comments,
}
