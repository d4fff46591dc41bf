"""Keep justifications in the workspace, so that known experiments are not repeated."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from nestproof.core.files import read_file, write
from nestproof.core.outcome import Target
from nestproof.devcontainer.container_options import mounted_root
from nestproof.justify.justification import Justification
from nestproof.justify.records import RecordError, from_json, to_json
from nestproof.justify.trials import ExperimentHost
from nestproof.probes.probe import Probe
from nestproof.probes.table import script, text_of
from nestproof.smoke.plan import SmokeRun, request_container

FOLDER = ".nestproof/justify"


def evidence(workspace: Path) -> Iterator[Justification]:
    """Every justification that is kept in the workspace and can be read."""
    for file in sorted((workspace / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecordError):
            yield from_json(json.loads(read_file(file, below=workspace)))


def key_of(run: SmokeRun, host: ExperimentHost, probes: tuple[Probe, ...]) -> str:
    """A name for all that decides a trial beside its options: host, image, questions, the container's rest.

    `run` is one without any relaxation.
    """
    request = request_container(run.profile, run.image, {})
    request.pop("Labels")
    declared = run.profile.declarations
    for mount in request["HostConfig"].get("Mounts", ()):
        mount.pop("VolumeOptions", None)  # it names the run
    parts = (
        [host.kernel, host.lsms, host.engine, host.platform, host.image],
        [run.target.profile, run.profile.remote_user, run.copied, str(run.limits or "")],
        request,
        [(probe.name, probe.user, text_of(probe), probe.control, probe.shows) for probe in probes],
        [script("runner"), declared.codex_version, declared.degradations],
    )
    # Another clone of the same is the same question.
    text = json.dumps(parts, sort_keys=True).replace(str(mounted_root(run.profile.workspace)), "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recall(workspace: Path, target: Target, key: str) -> Justification | None:
    """Read a stored result; None if there is none, or none that can be read."""
    with contextlib.suppress(OSError, ValueError, RecordError):
        return from_json(json.loads(read_file(_file(workspace, target, key), below=workspace)))
    return None


def remember(workspace: Path, key: str, made: Justification) -> Path:
    """Keep a justification; returns the file. Raises NestproofError when it cannot be written."""
    file = _file(workspace, made.target, key)
    write(file, json.dumps(to_json(made), indent=1) + "\n", parents=True, below=workspace)
    return file


def _file(workspace: Path, target: Target, key: str) -> Path:
    # A profile's name may hold what a file's name may not; the key tells them apart.
    name = "".join(letter if letter.isalnum() else "-" for letter in target.profile)
    return workspace / FOLDER / f"{name[:40]}-{key}.json"
