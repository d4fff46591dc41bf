"""nestproof.toml and `[tool.nestproof]`: read strictly, every mistake with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from nestproof.core.config import BaseImage, Config, load_config
from nestproof.core.errors import UsageError

BASE = """
image = "ubuntu:24.04"
variable = "BASE"
fallback = ["make-base", "{platform}"]
"""


def diagnostics(workspace: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(workspace)
    return str(caught.value)


def test_without_a_file_there_is_no_configuration(tmp_path: Path) -> None:
    assert load_config(tmp_path) == Config()
    assert Config().base_image is None


@pytest.mark.parametrize(
    ("name", "table"),
    [("nestproof.toml", "[base-image]"), ("pyproject.toml", "[tool.nestproof.base-image]")],
)
def test_both_files_say_the_same(tmp_path: Path, name: str, table: str) -> None:
    (tmp_path / name).write_text(f"{table}\n{BASE}")
    base = load_config(tmp_path).base_image
    assert isinstance(base, BaseImage)
    assert base.image == "ubuntu:24.04"
    assert base.variable == "BASE"
    assert base.build_platform_variable is None
    assert base.fallback == ["make-base", "{platform}"]


def test_the_variable_of_the_build_platform_is_read(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text(f'[base-image]\n{BASE}build-platform-variable = "TOOLS"')
    base = load_config(tmp_path).base_image
    assert base is not None
    assert base.build_platform_variable == "TOOLS"


def test_nestproofs_own_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text("")
    (tmp_path / "pyproject.toml").write_text(f"[tool.nestproof.base-image]\n{BASE}")
    assert load_config(tmp_path).base_image is None


@pytest.mark.parametrize("text", ["", "[tool.other]\na = 1", "[project]\nname = 'x'", "[tool.nestproof]"])
def test_a_pyproject_that_does_not_speak_of_nestproof_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert load_config(tmp_path) == Config()


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text("base_image = 1")
    assert "nestproof.toml: base_image: Extra inputs are not permitted" in diagnostics(tmp_path)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.nestproof.base-image]\nimage = 1\nfallback = "make-base"\n'
    )
    assert diagnostics(tmp_path).splitlines() == [
        "pyproject.toml.tool.nestproof: base-image.image: Input should be a valid string",
        "pyproject.toml.tool.nestproof: base-image.variable: Field required",
        "pyproject.toml.tool.nestproof: base-image.fallback: Input should be a valid list",
    ]


def test_a_file_that_is_no_toml_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text("base-image =\n")
    said = diagnostics(tmp_path)
    assert said.startswith("nestproof.toml cannot be read")
    assert "line 1" in said


def test_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_bytes(b"\xff")
    assert "nestproof.toml cannot be read" in diagnostics(tmp_path)


def test_a_folder_in_a_files_place_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").mkdir()
    assert "nestproof.toml cannot be read" in diagnostics(tmp_path)


@pytest.mark.parametrize("text", ["tool = 1", "[tool]\nnestproof = 'yes'", "[[tool]]"])
def test_a_table_that_is_none_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert "pyproject.toml" in diagnostics(tmp_path)


def test_the_configuration_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / "nestproof.toml").write_text(f"[base-image]\n{BASE}")
    base = load_config(tmp_path).base_image
    assert base is not None
    with pytest.raises(ValueError, match="frozen"):
        base.image = "other"  # type: ignore[misc]


RULE = """
[[rule]]
id = "{id}"
jq = ".privileged"
message = "not here"
"""


def test_a_rule_of_ones_own_is_an_error_unless_it_says_otherwise(tmp_path: Path) -> None:
    warning = RULE.format(id="other") + 'severity = "warning"'
    (tmp_path / "nestproof.toml").write_text(RULE.format(id="no-privileged") + warning)
    first, second = load_config(tmp_path).rule
    assert (first.id, first.jq, first.message) == ("no-privileged", ".privileged", "not here")
    assert (first.severity, second.severity) == ("error", "warning")


@pytest.mark.parametrize("name", ["", "No", "1st", "with space", "under_score", "a\\n"])
def test_the_name_of_a_rule_is_made_of_words_and_dashes(tmp_path: Path, name: str) -> None:
    (tmp_path / "nestproof.toml").write_text(RULE.format(id=name))
    assert "nestproof.toml: rule.0.id: " in diagnostics(tmp_path)


def test_the_old_file_is_an_error_that_names_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "nestbox.toml").write_text("")
    said = diagnostics(tmp_path)
    assert said.splitlines()[0] == "nestbox.toml is not read any more"
    assert "rename nestbox.toml to nestproof.toml" in said


def test_the_old_table_is_an_error_that_names_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nestbox]\n")
    said = diagnostics(tmp_path)
    assert said.splitlines()[0] == "pyproject.toml: [tool.nestbox] is not read any more"
    assert "rename [tool.nestbox] to [tool.nestproof]" in said
