"""What `pip install` of the built wheel gives: outside of this repository, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from nestproof.probes.table import PROBES
from tests.conftest import ROOT, Finished
from tests.docker.layouts import LAYOUTS, make


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built for real."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that has the wheel, and nothing of this repository."""

    programs: Path

    def run(self, folder: Path, *argv: str, **environment: str) -> Finished:
        """Run one of its programs in a folder."""
        ours = ("PYTHON", "VIRTUAL_ENV")
        variables = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        path = f"{self.programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**variables, "PATH": path, "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    """A fresh virtual environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, timeout=600)
    return Installed(folder / "bin")


def test_all_that_the_package_holds_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src/nestproof"
    there = {
        f"nestproof/{file.relative_to(package)}"
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in names if name.startswith("nestproof/")} == there
    scripts = {f"nestproof/probes/scripts/{probe.name}.sh" for probe in PROBES if probe.pack != "egress"}
    assert scripts | {"nestproof/probes/scripts/runner.sh", "nestproof/cli/templates/workflow.yml"} <= names


def test_the_wheel_has_its_programs_and_its_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "nestproof = nestproof.__main__:main" in archive.read(entries).decode()
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


@pytest.mark.docker
def test_the_program_has_the_same_tasks(installed: Installed, tmp_path: Path) -> None:
    listed = installed.run(tmp_path, "nestproof", "--list")
    assert listed.status == 0
    here = subprocess.run(
        [sys.executable, "-m", "nestproof", "--list"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert listed.stdout == here.stdout
    # It is the wheel's, not this repository's.
    where = installed.run(tmp_path, "python", "-c", "import nestproof; print(nestproof.__file__)")
    assert where.stdout.startswith(str(installed.programs.parent))


@pytest.mark.docker
def test_a_repositorys_own_tasks_take_them_over(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from nestproof.tasks import ns\n")
    listed = installed.run(tmp_path, "invoke", "--list")
    assert listed.status == 0
    assert "  validate " in listed.stdout
    assert "  init " in listed.stdout


@pytest.mark.docker
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pri", ["privileges"]),
        ("init --d", ["--dry-run"]),
        ("check.d", ["check.diff", "check.dockerfile"]),
        ("xyz", []),
    ],
)
def test_bash_completes_tasks_and_options(
    installed: Installed, tmp_path: Path, typed: str, offered: list[str]
) -> None:
    script = (
        'eval "$(nestproof --print-completion-script bash)"; '
        'COMP_WORDS=(nestproof "$@"); _complete_nestproof nestproof "${@: -1}"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = installed.run(tmp_path, "bash", "-c", script, "bash", *typed.split())
    assert sorted(done.stdout.split()) == offered, done.stderr


@pytest.mark.docker
def test_a_reader_that_leaves_is_no_error(installed: Installed, tmp_path: Path) -> None:
    done = installed.run(tmp_path, "bash", "-c", "nestproof --list | true; echo ${PIPESTATUS[0]}")
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() in ("0", "130")


@pytest.fixture
def stranger(engine: Engine, tmp_path: Path) -> Iterator[Path]:
    """A folder for somebody's repository, whose images go away with it."""
    yield tmp_path / "stranger"
    for image in engine.api.images("nestproof/stranger-*"):
        engine.api.remove_image(image["Id"], force=True)


@pytest.mark.docker
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "none"])
def test_init_and_validate_in_somebodys_repository(
    installed: Installed, stranger: Path, base: str, layout: str
) -> None:
    folder = make(layout, stranger, base).path
    begun = installed.run(folder, "nestproof", "init")
    assert begun.status == 0, begun.stderr
    assert (folder / ".devcontainer/privileges.lock").is_file()
    done = installed.run(folder, "nestproof", "validate", "--json")
    statuses = {outcome["id"]: outcome["status"] for outcome in done.evidence["outcomes"]}
    assert statuses["build"] == statuses["smoke.relaxations"] == statuses["check.lock"] == "pass"
    assert set(statuses.values()) <= {"pass", "unverified"}, done.stderr
    assert done.status == (3 if "unverified" in statuses.values() else 0)


@pytest.mark.docker
def test_a_repository_without_a_devcontainer_is_told_so(
    installed: Installed, base: str, tmp_path: Path
) -> None:
    folder = make("none", tmp_path / "stranger", base).path
    for task in ("init", "validate"):
        done = installed.run(folder, "nestproof", task)
        assert done.status == 2
        assert done.stderr.startswith("nestproof: no devcontainer configuration was found\n")
    assert not (folder / ".devcontainer").exists()


@pytest.mark.docker
def test_the_session_that_init_writes_runs(
    installed: Installed, wheel: Path, base: str, stranger: Path
) -> None:
    folder = make("image", stranger, base).path
    begun = installed.run(folder, "nestproof", "init", "--source", wheel.as_uri())
    assert begun.status == 0, begun.stderr
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "nestproof", "--", "--help"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nestproof [--core-opts] validate" in done.stdout + done.stderr
