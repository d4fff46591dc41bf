"""Fixtures: this repository's own profiles in a clone to break, the engine, the program as a user runs it."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nestproof.__main__ import main
from nestproof.build.base_image import make_bases, plan_bases
from nestproof.build.command import image_name
from nestproof.cli.tasks import ns
from nestproof.core.config import BaseImage, load_config
from nestproof.core.errors import EngineUnavailable
from nestproof.engine.client import Engine, connect
from nestproof.engine.labels import OWNER_LABEL
from tests.agents import build_agents_image
from tests.sabotage.score import pytest_runtest_logreport, pytest_terminal_summary

__all__ = ["pytest_runtest_logreport", "pytest_terminal_summary"]

ROOT = Path(__file__).parent.parent
ENGINE_ALONE = "loadscope"
"""The distribution of tests to processes in which one process has all of those that use the engine."""
# The tests answer for the repositories that they make; tests/trust takes this away.
os.environ["NESTPROOF_TRUST"] = "1"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """All that needs no engine runs on several processors, unless `-n` or `--pdb` says otherwise.

    The tests of the engine run one after the other, on one of them: they look for what others leave.
    """
    option = config.option
    is_worker = hasattr(config, "workerinput")
    whole = option.markexpr in ("", "not docker") and not option.file_or_dir and not option.keyword
    if whole and not is_worker and not option.usepdb and getattr(option, "numprocesses", 0) is None:
        # More than eight would spend longer on starting than they save.
        option.numprocesses = min(8, os.cpu_count() or 1)
        option.dist = ENGINE_ALONE if option.markexpr == "" else "worksteal"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of the engine in one process: all of a file in which one needs it.

    Those that may run beside others have another process.
    """
    if config.getvalue("dist") != ENGINE_ALONE:
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler: Any = LoadScopeScheduling(config, log)
    scheduler._split_scope = lambda name: _scope(name.partition("::")[0])
    return scheduler


@functools.cache
def _scope(file: str) -> str:
    text = (ROOT / file).read_text()
    return file if "mark.docker" not in text else "beside" if "mark.beside" in text else "engine"


def pytest_configure_node(node: Any) -> None:
    """Tell a process whether it is the only one that uses the engine."""
    node.workerinput["engine_alone"] = node.config.getvalue("dist") == ENGINE_ALONE


@dataclass(frozen=True, slots=True)
class Finished:
    """The program after it ran."""

    status: int
    stdout: str
    stderr: str

    @property
    def evidence(self) -> Any:
        """The run in what `--json` printed."""
        (run,) = json.loads(self.stdout)["runs"]
        return run

    def outcome(self, name: str, profile: str | None = None) -> Any:
        """The one outcome of that id, of that profile if given."""
        found = [
            outcome
            for outcome in self.evidence["outcomes"]
            if outcome["id"] == name and (profile is None or outcome["profile"] == profile)
        ]
        assert len(found) == 1, f"{name}: {len(found)} outcomes in\n{self.stdout}{self.stderr}"
        return found[0]


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a folder of its own, and nestproof run in it."""

    path: Path

    def nestproof(self, *arguments: str, timeout: float = 600, **environment: str) -> Finished:
        """Run the program as a user does, and wait for it."""
        completed = subprocess.run(
            [sys.executable, "-m", "nestproof", *arguments],
            cwd=self.path,
            env={**os.environ, "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(completed.returncode, completed.stdout, completed.stderr)

    def ask(self, *arguments: str, **environment: str) -> Finished:
        """Run the program in this process: what it says, without the start of an interpreter."""
        stdout, stderr = io.StringIO(), io.StringIO()
        # A run takes signals for itself, and leaves it to the end of its process to give them back.
        handlers = {
            number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            with (
                contextlib.chdir(self.path),
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(stdout),
                contextlib.redirect_stderr(stderr),
            ):
                for name, value in {"NO_COLOR": "1", **environment}.items():
                    patch.setenv(name, value)
                patch.setattr(sys, "argv", ["nestproof", *arguments])
                # Invoke takes the help texts out of the tasks as it reads them.
                patch.setattr("nestproof.cli.program.ns", copy.deepcopy(ns))
                with pytest.raises(SystemExit) as ended:
                    main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        code = ended.value.code
        assert isinstance(code, int)
        return Finished(code, stdout.getvalue(), stderr.getvalue())

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace a text that must be there exactly once."""
        path = self.path / file
        text = path.read_text()
        assert text.count(before) == 1, f"{before!r} is {text.count(before)} times in {file}"
        path.write_text(text.replace(before, after))

    def git(self, *arguments: str) -> str:
        """Run git in the repository, as nobody in particular."""
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
        completed = subprocess.run(
            ["git", *identity, *arguments], cwd=self.path, capture_output=True, text=True, check=True
        )
        return completed.stdout


# What images are called that were made in folders of the tests, by nestproof and by the reference client.
_NAMES: set[str] = set()


def noted(repository: Repository) -> Repository:
    """The repository, whose images go at the end of the session: its folder goes as well."""
    path = repository.path
    clients = f"vsc-{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()}"
    _NAMES.update([image_name(path), clients, f"{clients}-uid", f"{clients}-features"])
    return repository


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed copy of what this repository is proved by; to copy."""
    path = tmp_path_factory.mktemp("pristine") / "repository"
    path.mkdir()
    for folder in (".devcontainer", "scripts"):
        shutil.copytree(ROOT / folder, path / folder)
    shutil.copy(ROOT / "pyproject.toml", path)
    made = Repository(path)
    # The template is a dozen example hooks, which nobody here needs.
    made.git("init", "--quiet", "--initial-branch", "main", "--template=")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Start")
    return path


@pytest.fixture
def repository(tmp_path: Path, pristine: Path) -> Repository:
    """A committed copy of what this repository is proved by: its profiles, configuration and scripts."""
    return noted(Repository(shutil.copytree(pristine, tmp_path / "copy")))


@pytest.fixture
def checkout(tmp_path: Path) -> Repository:
    """A committed copy of all that git knows of this repository, or would."""
    made = Repository(tmp_path / "nestproof")
    names = Repository(ROOT).git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (made.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made.path / name)
    made.git("init", "--quiet", "--initial-branch", "main", "--template=")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Start")
    return noted(made)


def base_environment(
    engine: Engine,
    base: BaseImage | None,
    platform: str,
    environment: Mapping[str, str],
    *,
    workspace: Path,
    say: Callable[[str], None],
) -> dict[str, str]:
    """The variables of plan_bases, once all that they name is there; raises CommandError."""
    bases = plan_bases(engine, base, platform, environment)
    make_bases(engine, bases, workspace=workspace, say=say)
    return dict(bases.variables)


def skip_or_fail(why: str) -> NoReturn:
    """What a Docker test does where it cannot run: a contributor may be without, CI may not."""
    if os.environ.get("NESTPROOF_REQUIRE_DOCKER"):
        pytest.fail(f"Docker tests are required here, and {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine; without one the test is skipped, or fails where Docker tests are required (in CI)."""
    try:
        reached = connect()
    except EngineUnavailable as error:
        skip_or_fail(str(error))
    yield reached
    for image in reached.api.images():
        for tag in image["RepoTags"] or ():
            if tag.partition(":")[0] in _NAMES:
                reached.api.remove_image(tag, noprune=True)


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """The tag of a base image that can be had here, with or without a registry."""
    made = base_environment(
        engine, load_config(ROOT).base_image, engine.facts.platform, os.environ, workspace=ROOT, say=print
    )
    return made.get("NESTPROOF_BASE_IMAGE", "ubuntu:24.04")


@pytest.fixture(scope="session")
def secure_image(engine: Engine) -> str:
    """The image of this repository's secure profile."""
    built = Repository(ROOT).nestproof("build", "--profile", "secure", "--json", timeout=1800)
    tag: str = built.outcome("build")["summary"].split()[0]
    return tag


@pytest.fixture(scope="session")
def agents_image(
    secure_image: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The secure image with the programs of agents, each of its pinned release, in /opt/agents."""
    tag = build_agents_image(secure_image, tmp_path_factory.mktemp("agents"))
    yield tag
    engine.api.remove_image(tag, force=True)


def own_containers(engine: Engine) -> list[str]:
    """The containers that this run of the tests, what it started, or somebody who is gone made."""
    found = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    return [one["Names"][0] for one in found if is_ours(one["Labels"][OWNER_LABEL])]


def is_ours(owner: str) -> bool:
    """Whether the owner of a label is this process, was started by it, or is gone."""
    pid = int(owner.split("/")[1])
    while pid not in (os.getpid(), 0, 1):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return True
        pid = int(status.partition("PPid:")[2].split()[0])
    return pid == os.getpid()
