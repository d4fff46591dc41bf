"""What the source promises to its reader: small modules, plain docstrings, one name."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestproof.core.config import OLD_NAME
from tests.conftest import ROOT

MODULES = [*sorted((ROOT / "src").rglob("*.py")), ROOT / "noxfile.py", ROOT / "tasks.py"]
LONGEST = 250
# The keys of the name until 0.1 are errors, the change is in the changelog, and tests hold both.
MAY_NAME = {
    "CHANGELOG.md",
    "src/nestproof/core/config.py",
    "tests/unit/core/test_config.py",
    "tests/unit/devcontainer/test_validation.py",
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_module_is_longer_than_a_few_screens(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


def docstrings(path: Path) -> Iterator[str]:
    """Those of the module and its definitions, and the sentences below constants and fields."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_docstring_starts_with_a_question_word(path: Path) -> None:
    words = ("What ", "Where ", "Which ", "How ", "Whether ")
    assert [text for text in docstrings(path) if text.lstrip().startswith(words)] == []


def test_only_the_errors_of_old_keys_and_the_changelog_have_the_old_name() -> None:
    found = subprocess.run(
        ["git", "grep", "--ignore-case", "--files-with-matches", OLD_NAME],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    assert set(found.stdout.split()) <= MAY_NAME
