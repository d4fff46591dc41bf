"""Where a base image comes from when no image registry answers.

The engine is one that only knows images and tags; `docker` is a stand-in that answers for the registry; the
command that makes a base is a real one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import cast

import pytest
from docker.errors import ImageNotFound

from docker import APIClient
from nestproof.build.base_image import plan_bases
from nestproof.core.config import BaseImage
from nestproof.core.errors import CommandError
from nestproof.engine.client import Engine, EngineFacts
from tests.conftest import base_environment

BASE = BaseImage.model_validate(
    {
        "image": "Ubuntu:24.04",
        "variable": "BASE",
        "build-platform-variable": "TOOLS",
        "fallback": ["sh", "-c", 'echo "$0" >>made; pwd >&2; echo "local/$0"', "{platform}"],
    }
)
AMD64_TAG = "nestproof/stand-in:ubuntu-24.04-amd64"
ARM64_TAG = "nestproof/stand-in:ubuntu-24.04-arm64"


class Images:
    """An engine's images by tag, and the two calls made to it; like the real one, it raises for others."""

    def __init__(self, *tags: tuple[str, str]) -> None:
        self.platforms = dict(tags)

    def inspect_image(self, reference: str) -> dict[str, str]:
        if reference not in self.platforms:
            raise ImageNotFound(f"No such image: {reference}")
        system, _, machine = self.platforms[reference].partition("/")
        return {"Id": f"sha256:{reference}", "Os": system, "Architecture": machine}

    def tag(self, image: str, repository: str, tag: str | None = None) -> bool:
        self.platforms[f"{repository}:{tag}"] = self.platforms[image]
        return True


# What the command makes, the engine has.
MADE = (("local/linux/amd64", "linux/amd64"), ("local/linux/arm64", "linux/arm64"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to make bases in, on a machine where no registry answers."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    registry(tmp_path, "ERROR: failed to do request: Head: dial tcp: lookup registry: no such host")
    return tmp_path


def registry(folder: Path, says: str, *, status: int = 1) -> None:
    program = folder / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f"echo \"$*\" >>'{folder}/asked'\n"
        '[ "$*" = "buildx imagetools inspect --raw Ubuntu:24.04" ] || exit 99\n'
        f"echo '{says}' >&2\nexit {status}\n"
    )
    program.chmod(0o755)


def ask(
    workspace: Path,
    images: Images,
    platform: str = "linux/amd64",
    *,
    base: BaseImage | None = BASE,
    said: list[str] | None = None,
    **environment: str,
) -> dict[str, str]:
    facts = EngineFacts("unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", ())
    return base_environment(
        Engine(cast(APIClient, images), facts),
        base,
        platform,
        environment,
        workspace=workspace,
        say=(said if said is not None else []).append,
    )


def made(workspace: Path) -> list[str]:
    file = workspace / "made"
    return sorted(file.read_text().split()) if file.exists() else []


def test_without_a_configuration_nothing_is_set_or_asked(workspace: Path) -> None:
    assert ask(workspace, Images(), base=None) == {}
    assert not (workspace / "asked").exists()


def test_a_base_that_somebody_set_is_left_alone(workspace: Path) -> None:
    assert ask(workspace, Images(), BASE="mine") == {}
    assert not (workspace / "asked").exists()


def test_an_empty_variable_is_unset(workspace: Path) -> None:
    assert ask(workspace, Images(*MADE), BASE="") != {}


def test_a_base_that_the_engine_has_is_used(workspace: Path) -> None:
    assert ask(workspace, Images(("Ubuntu:24.04", "linux/amd64"))) == {}
    assert not (workspace / "asked").exists()


@pytest.mark.parametrize(
    ("says", "status"),
    [("", 0), ("ERROR: docker.example/library/ubuntu:24.04: not found", 1)],
)
def test_a_registry_that_answers_is_used(workspace: Path, says: str, status: int) -> None:
    # "Not found" is an answer: making another base in silence would hide a misspelled one.
    registry(workspace, says, status=status)
    assert ask(workspace, Images(*MADE)) == {}
    assert made(workspace) == []


def test_where_no_registry_answers_a_base_is_made_and_remembered(workspace: Path) -> None:
    images, said = Images(*MADE), list[str]()
    assert ask(workspace, images, said=said) == {"BASE": AMD64_TAG, "TOOLS": AMD64_TAG}
    assert images.platforms[AMD64_TAG] == "linux/amd64"
    assert made(workspace) == ["linux/amd64"]
    assert said == ["no registry answers for Ubuntu:24.04: making a base for linux/amd64"]


def test_a_base_is_made_once(workspace: Path) -> None:
    images = Images(*MADE)
    assert ask(workspace, images) == ask(workspace, images) == {"BASE": AMD64_TAG, "TOOLS": AMD64_TAG}
    assert made(workspace) == ["linux/amd64"]


def test_another_platform_gets_its_base_and_the_tools_that_of_the_machine(workspace: Path) -> None:
    assert ask(workspace, Images(*MADE), "linux/arm64") == {"BASE": ARM64_TAG, "TOOLS": AMD64_TAG}
    assert made(workspace) == ["linux/amd64", "linux/arm64"]


def test_only_what_is_missing_is_made(workspace: Path) -> None:
    images = Images(*MADE, (AMD64_TAG, "linux/amd64"))
    assert ask(workspace, images, "linux/arm64") == {"BASE": ARM64_TAG, "TOOLS": AMD64_TAG}
    assert made(workspace) == ["linux/arm64"]


def test_a_remembered_base_for_another_platform_is_made_anew(workspace: Path) -> None:
    images = Images(*MADE, (AMD64_TAG, "linux/arm64"))
    assert ask(workspace, images) == {"BASE": AMD64_TAG, "TOOLS": AMD64_TAG}
    assert images.platforms[AMD64_TAG] == "linux/amd64"


def test_tools_that_somebody_set_are_left_alone(workspace: Path) -> None:
    assert ask(workspace, Images(*MADE), "linux/arm64", TOOLS="mine") == {"BASE": ARM64_TAG}
    assert made(workspace) == ["linux/arm64"]


def test_the_variable_for_the_tools_is_optional(workspace: Path) -> None:
    base = BASE.model_copy(update={"build_platform_variable": None})
    assert ask(workspace, Images(*MADE), "linux/arm64", base=base) == {"BASE": ARM64_TAG}


@pytest.mark.parametrize(
    ("command", "status"),
    [("echo local/x; echo sorry >&2; exit 7", 7), ("echo sorry >&2", 0), ("echo; echo sorry >&2", 0)],
)
def test_a_command_that_makes_nothing_is_an_error(workspace: Path, command: str, status: int) -> None:
    base = BASE.model_copy(update={"fallback": ["sh", "-c", command]})
    with pytest.raises(CommandError, match=f"ended with exit status {status}") as caught:
        ask(workspace, Images(*MADE), base=base)
    assert caught.value.why == "sorry"
    assert caught.value.fix == "set BASE to an image that the engine has or can pull"


def test_a_command_that_is_missing_is_an_error(workspace: Path) -> None:
    base = BASE.model_copy(update={"fallback": ["nestproof-no-such-program"]})
    with pytest.raises(CommandError, match="nestproof-no-such-program was not found"):
        ask(workspace, Images(*MADE), base=base)


def test_the_command_runs_in_the_repository(workspace: Path) -> None:
    base = BASE.model_copy(update={"fallback": ["sh", "-c", "pwd -P >&2; exit 1"]})
    with pytest.raises(CommandError) as caught:
        ask(workspace, Images(*MADE), base=base)
    assert caught.value.why == str(workspace.resolve())


def test_a_machine_without_a_docker_client_has_no_registry(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "docker").unlink()
    monkeypatch.setenv("PATH", str(workspace))
    base = BASE.model_copy(update={"fallback": ["/bin/sh", "-c", "echo local/linux/amd64"]})
    assert ask(workspace, Images(*MADE), base=base) == {"BASE": AMD64_TAG, "TOOLS": AMD64_TAG}


def planned(images: Images, platform: str, base: BaseImage = BASE, product: str = "Docker") -> list[str]:
    facts = EngineFacts(
        "unix:///x", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", (), product=product
    )
    return plan_bases(Engine(cast(APIClient, images), facts), base, platform, {}).commands(facts)


def test_a_plan_makes_nothing_and_says_how_it_would_be_made(workspace: Path) -> None:
    base = BASE.model_copy(update={"fallback": ["scripts/base image", "--for={platform}"]})
    assert planned(Images(), "linux/arm64", base) == [
        f"""docker tag "$('scripts/base image' --for=linux/arm64)" {ARM64_TAG}""",
        f"""docker tag "$('scripts/base image' --for=linux/amd64)" {AMD64_TAG}""",
    ]
    assert made(workspace) == []
    (line,) = planned(Images(), "linux/amd64", base, product="Podman")
    assert line.startswith('podman --url unix:///x tag "$(')
    assert planned(Images((AMD64_TAG, "linux/amd64")), "linux/amd64", base) == []


def test_what_is_pasted_tags_what_the_command_makes(workspace: Path) -> None:
    (workspace / "make it").write_text('#!/bin/sh\necho "made for $1"\n')
    (workspace / "make it").chmod(0o755)
    base = BASE.model_copy(update={"fallback": ["./make it", "{platform}"]})
    (line, _) = planned(Images(), "linux/arm64", base)
    (workspace / "docker").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    pasted = subprocess.run(["sh"], input=line, cwd=workspace, capture_output=True, text=True, check=True)
    assert pasted.stdout == f"<tag><made for linux/arm64><{ARM64_TAG}>"
