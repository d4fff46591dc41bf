"""The documentation is true: its commands work, its links lead somewhere, its references are the code's."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nestproof.probes.table import PROBES
from tests.blocks import Block, blocks, missing
from tests.conftest import ROOT, Repository

# Its blocks are the probes, which tests/docker asks.
GENERATED = {"docs/probe-reference.md", "docs/errors.md"}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", ".devcontainer/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
BLOCKS = [b for page in PAGES for b in blocks(page, ROOT) if b.file not in GENERATED]
HERE = [block for block in BLOCKS if not block.reason and not block.needs_engine]


def run_block(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Type the commands, one after the other, in a shell that begins in the folder; hold what they print."""
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    said = ""
    for number, command in enumerate(block.commands, 1):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={**environment, "PATH": path, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        said += done.stdout
        wanted = block.exits if number == len(block.commands) else (0,)
        assert done.returncode in wanted, f"{block}: $ {command}\n{done.stdout}"
    assert not missing(block, said), f"{block} shows what is not printed: {missing(block, said)}\n{said}"


# They need no engine, but to type all that the documentation has is not for the quick tests.
@pytest.mark.docker
@pytest.mark.parametrize("block", HERE, ids=str)
def test_a_block_that_needs_no_engine_does_what_it_shows(block: Block, checkout: Repository) -> None:
    run_block(block, checkout.path, dict(os.environ))


def test_every_block_holds_a_command() -> None:
    assert len(BLOCKS) > 10
    assert not [str(block) for block in BLOCKS if not block.commands]


def test_what_is_not_run_says_why() -> None:
    assert not [str(block) for block in BLOCKS if block.reason and len(block.reason.split()) < 4]


@pytest.mark.parametrize(
    ("shown", "printed", "is_missing"),
    [
        ("pass  x  (0.2 s)", "pass x  (1.7 s)", False),
        ("13 pass in 2.1 s", "20 pass in 0.3 s", False),
        ("image 0a1b2c3d4e5f", "image ffeeddcc0011", False),
        ("pass  x", "fail  x", True),
        ("a long …", "a long line", False),
        ("a long …", "another", True),
        ("…", "", False),
    ],
)
def test_numbers_may_differ_and_words_may_not(shown: str, printed: str, is_missing: bool) -> None:
    block = Block("README.md", 1, ("true",), (shown,))
    assert bool(missing(block, printed)) is is_missing


def test_marks_and_commands_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- needs: engine --> <!-- exits: 3 -->\n\n```console\n$ one \\\n> two\nshown\n$ three\n```\n\n"
        "<!-- not run: it takes too long -->\n```sh\ncd x\nmake\n```\n\n"
        "text\n```toml\na = 1\n```\n```sh\nlast\n```\n"
    )
    first, second, third = blocks(page, tmp_path)
    assert first == Block("page.md", 3, ("one \\\ntwo", "three"), ("shown",), needs_engine=True, exits=(3,))
    assert second == Block("page.md", 11, ("cd x\nmake",), (), reason="it takes too long")
    assert third == Block("page.md", 20, ("last",), ())


def _reference() -> Any:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["probe-reference.md", "errors.md"])
def test_references_are_what_the_code_says(name: str) -> None:
    made = _reference().PAGES[name]()
    assert (ROOT / "docs" / name).read_text("utf-8") == made, "run `nox -s docs`"


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file.read_text("utf-8")), target


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    listed = readme + (ROOT / "docs/README.md").read_text("utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert page.name == "README.md" or f"{page.name})" in listed, page.name


def test_the_readme_counts_the_probes() -> None:
    assert f"| {len(PROBES)} probes |" in (ROOT / "README.md").read_text("utf-8")
