"""Files that lead out of a repository, never end, or are too large: named, not shown, not waited for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import nestproof
from nestproof.core.errors import NestproofError
from nestproof.core.files import LARGEST, UnsafeFileError, read_file, require_inside, write
from tests.conftest import Repository

SECRET = "the-line-of-a-file-of-the-host"  # noqa: S105 # it stands for one
PROFILE = ".devcontainer/devcontainer.json"


def link_to_host(file: Path, host: Path) -> None:
    file.symlink_to(host)


def pipe(file: Path, _: Path) -> None:
    os.mkfifo(file)


def device(file: Path, _: Path) -> None:
    file.symlink_to("/dev/zero")


def large(file: Path, _: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(100 << 20)


def folder(file: Path, _: Path) -> None:
    file.mkdir()


KINDS = (link_to_host, pipe, device, large, folder)
REASONS = ("leads out of the repository", "no regular file", "larger than", "it is missing")


READ_BY = {
    PROFILE: ("check", "privileges"),
    ".devcontainer/Dockerfile": ("check",),
    ".devcontainer/compose.yaml": ("check",),
    ".devcontainer/privileges.lock": ("check", "privileges"),
    ".devcontainer/seccomp.json": ("check",),
    ".hadolint.yaml": ("check",),
    "nestproof.toml": ("check", "init"),
    "pyproject.toml": ("check",),
    "noxfile.py": ("init",),
    ".nestproof/evidence.json": ("report",),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "command"), [(n, c) for n, read in READ_BY.items() for c in read])
def test_what_is_read_at_tier_0_ends_and_shows_nothing_of_the_host(
    tmp_path: Path, kind: Callable[[Path, Path], None], name: str, command: str
) -> None:
    host = tmp_path / "host"
    host.write_text(SECRET)
    repository = Repository(tmp_path / "repository")
    (repository.path / ".devcontainer").mkdir(parents=True)
    (repository.path / ".nestproof").mkdir()
    source = '"dockerComposeFile": "compose.yaml", "service": "one"' if "compose" in name else ""
    filtered = '"runArgs": ["--security-opt=seccomp=.devcontainer/seccomp.json"]'
    source = source or f'"build": {{"dockerfile": "Dockerfile"}}, {filtered}'
    (repository.path / PROFILE).write_text(f"{{{source}}}")
    (repository.path / ".devcontainer/Dockerfile").write_text("FROM debian:12\n")
    file = repository.path / name
    file.unlink(missing_ok=True)
    kind(file, host)
    finished = repository.ask(command)
    assert SECRET not in finished.stdout + finished.stderr
    assert finished.status in (0, 1, 2, 3, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reason_is_told(tmp_path: Path, kind: Callable[[Path, Path], None]) -> None:
    host, root = tmp_path / "host", tmp_path / "root"
    host.write_text(SECRET)
    root.mkdir()
    kind(root / "file", host)
    with pytest.raises(OSError, match="|".join((*REASONS, "Is a directory"))):
        read_file(root / "file", below=root)


def test_a_link_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("one")
    (tmp_path / "link").symlink_to("real")
    assert read_file(tmp_path / "link", below=tmp_path) == b"one"


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * LARGEST)
    assert len(read_file(tmp_path / "file")) == LARGEST
    with (tmp_path / "file").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UnsafeFileError, match="larger than 4,194,304 bytes"):
        read_file(tmp_path / "file")


@pytest.mark.parametrize("name", ["nestproof.toml", ".github", ".github/workflows", ".devcontainer"])
def test_init_writes_through_no_link(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    (outside / "workflows").mkdir(parents=True)
    repository = Repository(tmp_path / "repository")
    repository.path.mkdir()
    (repository.path / ".devcontainer.json").write_text('{"image": "debian:12"}')
    (repository.path / name).parent.mkdir(parents=True, exist_ok=True)
    (repository.path / name).symlink_to(outside / "file" if name.endswith(".toml") else outside)
    finished = repository.ask("init", "--force")
    assert [file for file in outside.rglob("*") if file.is_file()] == []
    assert "link" in finished.stderr or "leads out of the repository" in finished.stderr


def test_nothing_is_kept_through_a_link_above_the_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / ".nestproof").symlink_to(outside)
    with pytest.raises(NestproofError, match="cannot be written"):
        write(root / ".nestproof/justify/x.json", "x", parents=True, below=root)
    assert list(outside.iterdir()) == []


def test_a_folder_that_does_not_exist_yet_is_inside(tmp_path: Path) -> None:
    require_inside(tmp_path / "new" / "file", tmp_path)


# They read no file of a repository: nestproof's own, the kernel's, pip's, or a builder's answer.
OTHERS = {
    "agents/scripts/__init__.py", "build/image.py", "cli/init.py", "cli/origin.py", "core/files.py",
    "engine/labels.py", "nodes/node.py", "probes/table.py", "reports/host.py", "reports/html.py",
    "checks/git_diff.py", "egress/scripts/__init__.py", "egress/stand_in/internet.py",
    "egress/stand_in/server.py",
}  # fmt: skip


def test_no_other_module_reads_files_by_itself() -> None:
    sources = Path(nestproof.__file__).parent
    reader = re.compile(r"\.read_text\(|\.read_bytes\(|\bopen\([\"']?\w+[\"']?, [\"']r")
    found = {
        str(file.relative_to(sources))
        for file in sources.rglob("*.py")
        if reader.search(file.read_text("utf-8"))
    }
    assert found <= OTHERS
