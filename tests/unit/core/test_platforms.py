"""The names that platforms go by."""

from __future__ import annotations

import pytest

from nestproof.core.errors import UsageError
from nestproof.core.platforms import PLATFORMS, architecture, parse_platform


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/arm64", "linux/arm64"),
        ("amd64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
    ],
)
def test_a_platform_is_known_by_all_its_names(text: str, platform: str) -> None:
    assert parse_platform(text) == platform


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "amd", "riscv64", "windows/amd64", "linux/linux/amd64"]
)
def test_an_unknown_platform_is_a_usage_error_that_lists_the_known(text: str) -> None:
    with pytest.raises(UsageError, match="unknown platform") as caught:
        parse_platform(text)
    assert repr(text) in caught.value.what
    assert caught.value.fix == "--platform linux/amd64 or --platform linux/arm64"
    assert caught.value.exit_code == 2


def test_the_architecture_is_the_last_part() -> None:
    assert [architecture(platform) for platform in PLATFORMS] == ["amd64", "arm64"]
