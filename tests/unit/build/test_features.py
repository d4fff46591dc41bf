"""The reference client's command line for a profile with features, and where the client is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nestproof.build.command import CannotBuildError
from nestproof.build.features import find_client, plan_features
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile


def profile(folder: Path, name: str = ".devcontainer/devcontainer.json") -> Profile:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"image": "debian:12", "features": {"ghcr.io/a/b/c:1": {}}}))
    return load_profile("default", file, folder, {})


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        (".devcontainer/devcontainer.json", ".devcontainer/devcontainer-lock.json"),
        (".devcontainer.json", ".devcontainer-lock.json"),
        (".devcontainer/inner/devcontainer.json", ".devcontainer/inner/devcontainer-lock.json"),
    ],
)
def test_a_lock_file_is_held_and_never_written(tmp_path: Path, name: str, lock: str) -> None:
    made = profile(tmp_path, name)
    plan = plan_features(made, "linux/amd64", ["npx", "devcontainer"])
    assert plan.argv[:3] == ("npx", "devcontainer", "build")
    assert plan.argv[-1] == "--no-lockfile"
    assert plan.tag in plan.argv
    (tmp_path / lock).write_text('{"features": {}}')
    assert plan_features(made, "linux/amd64", ["x"]).argv[-1] == "--frozen-lockfile"


def test_a_file_that_the_client_refuses_is_said(tmp_path: Path) -> None:
    made = profile(tmp_path, ".devcontainer/devcontainer.other.json")
    with pytest.raises(CannotBuildError, match=r"builds only a devcontainer\.json") as caught:
        plan_features(made, "linux/amd64", ["x"])
    assert caught.value.exit_code == 3


def test_the_client_is_the_configured_one_or_that_of_the_path_or_the_kept_one(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    with pytest.raises(CannotBuildError) as caught:
        find_client([], nowhere)
    assert caught.value.fix == "npm install --global @devcontainers/cli@0.89.0"
    kept = tmp_path / ".cache/nestproof/devcontainer-0.89.0/node_modules/.bin/devcontainer"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert find_client([], nowhere) == [str(kept)]
    on_path = tmp_path / "devcontainer"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    assert find_client([], nowhere) == [str(on_path)]
    assert find_client(["npx", "devcontainer"], nowhere) == ["npx", "devcontainer"]
