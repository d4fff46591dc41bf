"""The JSON check as a program and as a pre-commit hook: what it prints, how it ends, what it is given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nestproof.cli.json_hook import main
from tests.conftest import ROOT

GOOD = '{\n  // a comment\n  "image": "debian" /* another */\n}\n'
TRAILING = '{\n  "image": "debian",\n}\n'
BROKEN = '{\n  "image" "debian"\n}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, so that messages name files and not folders."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def hook_keys() -> dict[str, str]:
    """The one hook of the manifest; enough of YAML for a list of one flat mapping."""
    lines = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8").splitlines()
    written = [line for line in lines if not line.lstrip().startswith("#")]
    assert [line[:2] for line in written] == ["- ", *["  "] * (len(written) - 1)]
    keys = dict(line[2:].split(": ", 1) for line in written)
    assert len(keys) == len(written)
    return keys


# The program


def test_sound_files_are_passed_in_silence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_text(GOOD)
    (folder / "b.json").write_bytes(b"\xef\xbb\xbf{}\r\n")
    assert main(["a.json", "b.json"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_mistake_is_shown_with_a_caret_under_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_text(BROKEN)
    assert main(["a.json"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        'a.json:2:10: error: no colon follows the key "image"; write one',
        '  "image" "debian"',
        "         ^",
    ]


def test_a_warning_is_shown_and_lets_the_file_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_text(TRAILING)
    assert main(["a.json"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("a.json:2:20: note: ")
    assert main(["--strict", "a.json"]) == 1
    assert capsys.readouterr().out == said.replace("note", "error")


def test_no_file_hides_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.json").write_text(BROKEN)
    (folder / "c.json").mkdir()
    (folder / "d.json").write_bytes(b'{"a": "\xff"}')
    (folder / "e.json").write_text(GOOD)
    (folder / "f.json").write_text("")
    assert main([f"{letter}.json" for letter in "abcdef"]) == 1
    heads = [line for line in capsys.readouterr().out.splitlines() if ": error: " in line]
    assert heads == [
        "a.json: error: it cannot be read: No such file or directory",
        'b.json:2:10: error: no colon follows the key "image"; write one',
        "c.json: error: it cannot be read: Is a directory",
        "d.json:1:8: error: byte 0xff is not UTF-8; save the file as UTF-8",
        heads[-1],
    ]
    assert heads[-1].startswith("f.json:1:1: error: ")


@pytest.mark.parametrize("good_first", [True, False])
def test_one_error_is_an_error_wherever_it_stands(folder: Path, *, good_first: bool) -> None:
    (folder / "good.json").write_text(GOOD)
    (folder / "bad.json").write_text(BROKEN)
    names = ["good.json", "bad.json"]
    assert main(names if good_first else names[::-1]) == 1


@pytest.mark.parametrize("arguments", [[], ["--strict"], ["--lax", "a.json"]])
def test_a_command_line_without_sense_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: nestproof-check-json" in capsys.readouterr().err


def test_a_hostile_name_and_text_reach_no_terminal_raw(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "\x1b[2J\udcff.json"
    assert main([name]) == 1
    (folder / name).write_bytes(b'["\x1b]0;owned\x07", tru]')
    assert main([name]) == 1
    said = capsys.readouterr().out
    assert said.count("\\u001b[2J\\udcff.json:1:") == 3
    assert "\x1b" not in said


# As a process


def test_it_starts_without_what_is_heavy_and_prints_on_any_terminal(folder: Path) -> None:
    (folder / "a.json").write_text('["é 漢", tru]', encoding="utf-8")
    program = (
        "import sys; from nestproof.cli.json_hook import main; status = main(sys.argv[1:]); "
        "heavy = {'docker', 'invoke', 'jq', 'pydantic', 'urllib.request', 'asyncio'} & set(sys.modules); "
        "assert not heavy, heavy; sys.exit(status)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, "a.json"],
        capture_output=True,
        encoding="ascii",
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (finished.returncode, finished.stderr) == (1, "")
    assert '["\\xe9 \\u6f22", tru]' in finished.stdout


# The manifest


def test_the_hook_runs_the_program_from_its_own_environment() -> None:
    keys = hook_keys()
    assert keys["id"] == keys["entry"] == "nestproof-check-json"
    assert keys["language"] == "python"
    assert keys["types"] == "[text]"
    assert {"name", "description", "files"} < set(keys)


@pytest.mark.parametrize(
    "file",
    [
        "devcontainer.json",
        ".devcontainer.json",
        ".devcontainer/devcontainer.json",
        ".devcontainer/devcontainer.secure.json",
        ".devcontainer/rust/devcontainer.json",
        ".devcontainer/deep/er/devcontainer-gpu.json",
        "packages/api/.devcontainer/devcontainer.json",
        "templates/go/.devcontainer.json",
        "dir with space/ü/.devcontainer/devcontainer.json",
    ],
)
def test_the_hook_is_given_every_configuration(file: str) -> None:
    # pre-commit searches, and does not match (its documentation, `files`).
    assert re.search(hook_keys()["files"], file)


@pytest.mark.parametrize(
    "file",
    [
        "package.json",
        "devcontainer.jsonc",
        "devcontainer_json",
        "devcontainer.json.bak",
        "my-devcontainer.json",
        "devcontainer.secure.json",
        ".devcontainer-lock.json",
        ".devcontainer/devcontainer-lock.json",
        ".devcontainer/rust/devcontainer-lock.json",
        ".devcontainer/settings.json",
        ".devcontainer/docker-compose.yml",
        ".devcontainer/my-devcontainer.json",
        ".devcontainer/devcontainer/seccomp.json",
        "x.devcontainer/devcontainer.secure.json",
        "xdevcontainer/devcontainer.secure.json",
        ".devcontainer.json/other.json",
    ],
)
def test_the_hook_is_given_nothing_else(file: str) -> None:
    assert not re.search(hook_keys()["files"], file)


def test_the_hook_is_given_all_profiles_of_this_repository() -> None:
    files = [str(file.relative_to(ROOT)) for file in (ROOT / ".devcontainer").rglob("devcontainer*.json")]
    assert ".devcontainer/devcontainer.secure.json" in files
    assert all(re.search(hook_keys()["files"], file) for file in files)
    assert main([str(ROOT / file) for file in files]) == 0
