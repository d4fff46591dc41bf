"""What of a profile looks as if it meant a firewall."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile
from nestproof.egress.meant import firewall_commands, looks_meant


def profile(folder: Path, **config: Any) -> Profile:
    file = folder / "devcontainer.json"
    file.write_text(json.dumps({"image": "x", **config}))
    return load_profile("p", file, folder, {})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"postStartCommand": "sudo /usr/local/bin/init-firewall.sh"}, "postStartCommand runs `sudo /usr"),
        ({"postCreateCommand": ["sudo", "iptables", "-P", "OUTPUT", "DROP"]}, "postCreateCommand runs"),
        ({"onCreateCommand": {"egress": "bash /opt/x.sh"}}, "onCreateCommand runs `bash /opt/x.sh`"),
        ({"containerEnv": {"OPENAI_ALLOWED_DOMAINS": "a b"}}, "the variable OPENAI_ALLOWED_DOMAINS is set"),
        ({"remoteEnv": {"HTTPS_PROXY": "http://p:1"}}, "the variable HTTPS_PROXY is set"),
    ],
)
def test_a_sign_is_told_in_words(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    (sign,) = looks_meant(profile(tmp_path, **config))
    assert sign.startswith(said)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"postStartCommand": "npm install"},
        {"containerEnv": {"HTTPS_PROXY": ""}},
        {"runArgs": ["--cap-add=NET_ADMIN"]},
        {"containerEnv": {"NO_PROXY": "localhost"}},
    ],
)
def test_a_profile_without_a_firewall_means_none(tmp_path: Path, config: dict[str, Any]) -> None:
    assert looks_meant(profile(tmp_path, **config)) == ()


def test_the_commands_of_the_firewall_are_those_that_name_one(tmp_path: Path) -> None:
    made = profile(
        tmp_path, postCreateCommand="npm ci", postStartCommand={"a": "npm start", "b": "sudo ./firewall.sh"}
    )
    assert [command.id for command in firewall_commands(made)] == ["lifecycle.postStartCommand.b"]
