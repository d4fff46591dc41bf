"""Each profile is read once for a command, and again only for a variable that its file can see."""

from __future__ import annotations

from pathlib import Path

import pytest

from nestproof.core.errors import UsageError
from nestproof.devcontainer import profile_reader
from nestproof.devcontainer.loading import read_profile
from nestproof.devcontainer.profile import ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader

TEXT = '{"image": "${localEnv:BASE:debian}", "containerEnv": {"A": "${localEnv:OTHER}"}}'


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the profiles whose file is read, each time."""
    seen: list[str] = []
    real = read_profile

    def counted(name: str, *arguments: object, **options: object) -> object:
        seen.append(name)
        return real(name, *arguments, **options)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(profile_reader, "read_profile", counted)
    return seen


@pytest.fixture
def reader(tmp_path: Path) -> ProfileReader:
    (tmp_path / ".devcontainer.json").write_text(TEXT)
    return ProfileReader(tmp_path, {"BASE": "alpine"})


def test_a_profile_is_read_once_however_often_it_is_asked_for(
    reader: ProfileReader, reads: list[str]
) -> None:
    first = reader.load("default")
    assert first.config.image == "alpine"
    assert reader.load("default", {"UNSEEN": "1"}).config == first.config
    assert reader.load("default", {"BASE": "alpine"}).config == first.config
    assert reads == ["default"]


def test_a_variable_that_the_file_sees_is_resolved_anew(reader: ProfileReader, reads: list[str]) -> None:
    assert reader.load("default", {"BASE": "debian:12"}).config.image == "debian:12"
    assert reader.load("default", {"BASE": "debian:12"}).config.image == "debian:12"
    assert reader.load("default").config.image == "alpine"
    assert reads == ["default", "default"]


def test_what_an_image_names_later_sees_every_variable(reader: ProfileReader) -> None:
    # An image's own metadata is resolved with the profile's variables, of which its file may name none.
    variables = reader.load("default", {"UNSEEN": "1"}).variables
    assert variables.resolve("localEnv:UNSEEN") == "1"
    assert reader.load("default").variables.resolve("localEnv:UNSEEN") == ""


def test_a_broken_file_and_an_unknown_name_are_errors(tmp_path: Path) -> None:
    (tmp_path / ".devcontainer.json").write_text('{"image": 1}')
    reader = ProfileReader(tmp_path, {})
    with pytest.raises(ProfileError, match="`image` must be a string"):
        reader.load("default")
    with pytest.raises(UsageError, match="there is no profile 'other'"):
        reader.names(["other"])


def test_strict_reading_is_another_reading(tmp_path: Path) -> None:
    (tmp_path / ".devcontainer.json").write_text('{"image": "x",}')
    reader = ProfileReader(tmp_path, {})
    assert reader.read("default").document.ok
    assert not reader.read("default", strict=True).document.ok
