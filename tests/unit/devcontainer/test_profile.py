"""Configuration files become profiles: found in order, read strictly, every mistake with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nestproof.core.errors import UsageError
from nestproof.devcontainer.discovery import discover, select
from nestproof.devcontainer.loading import load_profile, read_profile
from nestproof.devcontainer.profile import Profile, ProfileError
from nestproof.engine.create_request import create_request
from nestproof.engine.run_options import RunOptions


def write(workspace: Path, name: str, text: str = "{}") -> Path:
    file = workspace / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load(workspace: Path, config: dict[str, Any] | str, **environment: str) -> Profile:
    text = config if isinstance(config, str) else json.dumps(config)
    file = write(workspace, ".devcontainer/devcontainer.json", text)
    return load_profile("default", file, workspace, environment)


def diagnostics(workspace: Path, config: dict[str, Any] | str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load(workspace, config)
    assert caught.value.exit_code == 1
    headline = re.compile(r"(\.devcontainer/\S+:\d+:\d+: .*) \[[a-z-]+\]")
    return [found[1] for line in str(caught.value).splitlines() if (found := headline.fullmatch(line))]


# Finding


def test_profiles_are_found_in_the_order_in_which_clients_look(workspace: Path) -> None:
    files = [
        write(workspace, name)
        for name in (
            ".devcontainer/devcontainer.json",
            ".devcontainer/python/devcontainer.json",
            ".devcontainer/rust/devcontainer.json",
            ".devcontainer/devcontainer.secure.json",
        )
    ]
    assert list(discover(workspace).items()) == list(
        zip(["default", "python", "rust", "secure"], files, strict=True)
    )


def test_a_configuration_in_the_top_folder_is_the_default(workspace: Path) -> None:
    file = write(workspace, ".devcontainer.json")
    assert discover(workspace) == {"default": file}


def test_of_two_defaults_the_one_in_its_folder_counts(workspace: Path) -> None:
    write(workspace, ".devcontainer.json")
    file = write(workspace, ".devcontainer/devcontainer.json")
    assert discover(workspace) == {"default": file}


def test_of_two_files_for_a_name_the_one_that_clients_list_counts(workspace: Path) -> None:
    write(workspace, ".devcontainer/devcontainer.secure.json")
    file = write(workspace, ".devcontainer/secure/devcontainer.json")
    assert discover(workspace) == {"secure": file}


def test_all_kinds_of_profiles_are_found_beside_each_other(workspace: Path) -> None:
    names = (
        ".devcontainer/devcontainer.b.json",
        ".devcontainer/z/devcontainer.json",
        ".devcontainer.json",
        ".devcontainer/devcontainer.a.json",
        ".devcontainer/y/devcontainer.json",
    )
    files = {name: write(workspace, name) for name in names}
    assert list(discover(workspace).items()) == [
        ("default", files[".devcontainer.json"]),
        ("y", files[".devcontainer/y/devcontainer.json"]),
        ("z", files[".devcontainer/z/devcontainer.json"]),
        ("a", files[".devcontainer/devcontainer.a.json"]),
        ("b", files[".devcontainer/devcontainer.b.json"]),
    ]


def test_a_name_may_hold_dots(workspace: Path) -> None:
    file = write(workspace, ".devcontainer/devcontainer.a.b.json")
    assert discover(workspace) == {"a.b": file}


@pytest.mark.parametrize(
    "name",
    [
        ".devcontainer/devcontainer-lock.json",
        ".devcontainer/devcontainer.json.bak",
        ".devcontainer/a/b/devcontainer.json",
        ".devcontainer/devcontainer.jsonc",
        "devcontainer.json",
        ".devcontainer/devcontainer.json/x",
    ],
)
def test_other_files_are_no_profiles(workspace: Path, name: str) -> None:
    write(workspace, name)
    assert discover(workspace) == {}


def test_without_names_all_profiles_are_selected() -> None:
    found = {"default": Path("a"), "secure": Path("b")}
    assert select(found, []) == found


def test_named_profiles_are_selected_in_the_order_in_which_they_are_found() -> None:
    found = {"default": Path("a"), "secure": Path("b"), "rust": Path("c")}
    assert list(select(found, ["rust", "default"])) == ["default", "rust"]


def test_an_unknown_name_is_a_usage_error_that_lists_the_known() -> None:
    with pytest.raises(UsageError, match="there is no profile 'nope'") as caught:
        select({"default": Path("a"), "secure": Path("b")}, ["secure", "nope"])
    assert caught.value.fix == "one of: default, secure"


def test_a_folder_without_a_configuration_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no devcontainer configuration was found"):
        select({}, ["default"])


# Reading


def test_an_empty_configuration_is_a_profile_with_the_workspace_mounted(workspace: Path) -> None:
    profile = load(workspace, "{}")
    assert profile.name == "default"
    assert profile.file == workspace / ".devcontainer/devcontainer.json"
    assert profile.workspace == workspace
    assert profile.workspace_folder == "/workspaces/project"
    assert profile.remote_user == ""
    assert profile.declarations.packs is None
    assert profile.run == RunOptions(mounts=(f"type=bind,source={workspace},target=/workspaces/project",))


def test_properties_and_run_arguments_both_become_options(workspace: Path) -> None:
    profile = load(
        workspace,
        {
            "runArgs": [
                "--cap-add=SYS_ADMIN",
                "--env",
                "B=2",
                "--mount",
                "type=tmpfs,target=/t",
                "-u",
                "runner",
            ],
            "capAdd": ["SYS_PTRACE"],
            "securityOpt": ["seccomp=unconfined"],
            "privileged": True,
            "init": True,
            "containerEnv": {"A": "1"},
            "containerUser": "me",
            "mounts": [
                "type=volume,source=data,target=/data",
                {"type": "bind", "source": "/a", "target": "/b"},
                {"type": "volume", "target": "/anonymous"},
            ],
            "workspaceMount": "",
        },
    )
    assert profile.run == RunOptions(
        cap_add=("SYS_PTRACE", "SYS_ADMIN"),
        env=("A=1", "B=2"),
        init=True,
        mounts=(
            "type=volume,source=data,target=/data",
            "type=bind,source=/a,target=/b",
            "type=volume,target=/anonymous",
            "type=tmpfs,target=/t",
        ),
        privileged=True,
        security_opt=("seccomp=unconfined",),
        user="runner",
    )


def test_the_workspace_can_be_mounted_in_another_way(workspace: Path) -> None:
    profile = load(
        workspace,
        {
            "workspaceMount": "type=bind,src=${localWorkspaceFolder}/src,dst=${containerWorkspaceFolder}",
            "workspaceFolder": "/code/${localWorkspaceFolderBasename}",
        },
    )
    assert profile.workspace_folder == "/code/project"
    assert profile.run.mounts == (f"type=bind,src={workspace}/src,dst=/code/project",)


@pytest.mark.parametrize("mount", ["", None])
def test_the_workspace_need_not_be_mounted(workspace: Path, mount: str | None) -> None:
    assert load(workspace, {"workspaceMount": mount, "workspaceFolder": "/x"}).run.mounts == ()


def test_of_a_folder_in_a_repository_the_whole_repository_is_mounted(workspace: Path) -> None:
    # As the reference client does it, so that git works in the container.
    (workspace / ".git").mkdir()
    folder = workspace / "packages" / "one"
    folder.mkdir(parents=True)
    profile = load(folder, "{}")
    assert profile.workspace_folder == "/workspaces/project/packages/one"
    assert profile.run.mounts == (f"type=bind,source={workspace},target=/workspaces/project",)


@pytest.mark.parametrize("name", ["with,comma", "with space", 'with "quotes"', "with=equals", "ünïcödé"])
def test_a_workspace_of_any_name_is_mounted(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    body = create_request(load(folder, "{}").run, image="i", labels={}, environment={})
    (mount,) = body["HostConfig"]["Mounts"]
    assert (mount["Type"], mount["Source"], mount["Target"]) == ("bind", str(folder), f"/workspaces/{name}")


def test_of_a_work_tree_whose_git_folder_is_a_file_the_whole_is_mounted(workspace: Path) -> None:
    write(workspace, ".git", "gitdir: /elsewhere/.git/worktrees/project\n")
    folder = workspace / "sub"
    folder.mkdir()
    profile = load(folder, '{"image": "x", "containerEnv": {"HERE": "${containerWorkspaceFolder}"}}')
    assert profile.run.env == ("HERE=/workspaces/project/sub",)
    assert profile.run.mounts == (f"type=bind,source={workspace},target=/workspaces/project",)


@pytest.mark.parametrize(("chosen", "folder"), [({}, "/"), ({"workspaceFolder": "/code"}, "/code")])
def test_of_a_compose_profile_nothing_is_mounted_and_the_folder_is_the_top(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], folder: str
) -> None:
    # The reference client leaves mounts to the Compose file, whose reader is not asked here.
    project = {"services": {"app": {"image": "x"}}}
    monkeypatch.setattr("nestproof.devcontainer.compose_config.read_project", lambda *_: (project, ()))
    profile = load(workspace, {"dockerComposeFile": "compose.yml", "service": "app", **chosen})
    assert profile.workspace_folder == folder
    assert profile.run.mounts == ()


def test_of_two_mounts_on_one_target_the_last_counts(workspace: Path) -> None:
    profile = load(
        workspace,
        {
            "workspaceMount": "",
            "mounts": [
                "type=volume,source=a,target=/a",
                "type=volume,source=b,target=/b",
                {"type": "bind", "source": "/c", "target": "/a"},
            ],
        },
    )
    # The last stays where it stands: devcontainers/cli, mergeMounts.
    assert profile.run.mounts == ("type=volume,source=b,target=/b", "type=bind,source=/c,target=/a")


def test_a_file_that_clients_do_not_list_has_the_id_of_the_listed_one(workspace: Path) -> None:
    # It is opened with --override-config, and that changes no id.
    text = '{"image": "x", "name": "${devcontainerId}"}'
    names = [
        load_profile(name, write(workspace, f".devcontainer/{name}", text), workspace, {}).config.name
        for name in ("devcontainer.json", "devcontainer.secure.json", "other/devcontainer.json")
    ]
    assert names[0] == names[1] != names[2]
    assert re.fullmatch("[0-9a-v]{52}", names[0] or "")


def test_variables_are_resolved_everywhere(workspace: Path) -> None:
    profile = load(
        workspace,
        {
            "image": "${localEnv:BASE:ubuntu}",
            "remoteUser": "${localEnv:USER}",
            "runArgs": ["--platform=${localEnv:UNSET}", "--hostname=${localEnv:USER}"],
            "containerEnv": {"HERE": "${containerWorkspaceFolder}", "LATER": "${containerEnv:PATH}"},
        },
        USER="me",
    )
    assert profile.config.image == "ubuntu"
    assert profile.remote_user == "me"
    assert profile.run.platform == ""
    assert profile.run.hostname == "me"
    assert profile.run.env == ("HERE=/workspaces/project", "LATER=${containerEnv:PATH}")


@pytest.mark.parametrize(
    ("config", "user"),
    [
        ({"remoteUser": "a", "containerUser": "b", "runArgs": ["-u", "c"]}, "a"),
        ({"containerUser": "b"}, ""),
        ({"runArgs": ["--user=c"]}, ""),
        ({}, ""),
    ],
)
def test_tools_run_as_the_remote_user_or_else_as_the_containers_own(
    workspace: Path, config: dict[str, Any], user: str
) -> None:
    assert load(workspace, config).remote_user == user


def test_declarations_are_read_from_the_customizations(workspace: Path) -> None:
    profile = load(
        workspace,
        {
            "customizations": {
                "vscode": {"extensions": []},
                "nestproof": {
                    "packs": ["users"],
                    "users": ["me"],
                    "codexVersion": "0.120.0",
                    "degradations": {"bwrap-proc": "Codex retries"},
                },
            }
        },
    )
    declared = profile.declarations
    assert declared.packs == ["users"]
    assert declared.users == ["me"]
    assert declared.codex_version == "0.120.0"
    assert declared.degradations == {"bwrap-proc": "Codex retries"}


def test_comments_trailing_commas_and_properties_of_others_are_accepted(workspace: Path) -> None:
    profile = load(workspace, '// mine\n{"image": "x", "extension": {"of": ["others"]}, /* end */}')
    assert profile.config.image == "x"


@pytest.mark.parametrize(
    ("key", "allowed", "wrong"),
    [
        ("forwardPorts", [3000, "db:5432"], 3000),
        ("appPort", [80, "8080:80"], {}),
        ("postCreateCommand", "a", 1),
        ("postStartCommand", ["a"], [1]),
        ("postAttachCommand", {"a": ["b"]}, {"a": 1}),
        ("build", {"dockerfile": "Dockerfile", "args": {"A": "1"}, "cacheFrom": ["x"]}, {"cacheFrom": 1}),
        ("remoteEnv", {"A": None, "B": "1"}, {"A": 1}),
        ("updateRemoteUserUID", False, "false"),
    ],
)
def test_what_the_specification_allows_is_accepted_and_nothing_else(
    workspace: Path, key: str, allowed: object, wrong: object
) -> None:
    # Unknown properties are accepted with any value: only the refusal shows that this one is known.
    base = {} if key == "build" else {"image": "x"}
    load(workspace, {**base, key: allowed})
    assert key in " ".join(diagnostics(workspace, {**base, key: wrong}))


# Mistakes


FILE = ".devcontainer/devcontainer.json"


def test_every_wrong_type_is_named_at_once_with_its_key_and_place(workspace: Path) -> None:
    text = """{
  "privileged": "yes",
  "containerEnv": {"A": 1},
  "build": {"args": ["A"]},
  "capAdd": "SYS_ADMIN"
}"""
    assert diagnostics(workspace, text) == [
        f"{FILE}:2:17: error: `privileged` must be true or false, is a string",
        f"{FILE}:3:25: error: `containerEnv.A` must be a string, is a number",
        f"{FILE}:4:21: error: `build.args` must be an object, is a list",
        f"{FILE}:5:13: error: `capAdd` must be a list, is a string",
    ]


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        (
            {"pack": []},
            "`customizations.nestproof.pack` is nothing that nestproof knows; did you mean `packs`?",
        ),
        ({"codexVersion": 1}, "`customizations.nestproof.codexVersion` must be a string, is a number"),
        ({"degradations": ["a"]}, "`customizations.nestproof.degradations` must be an object, is a list"),
        ([], "`customizations.nestproof` must be an object, is a list"),
    ],
)
def test_a_wrong_declaration_is_named(workspace: Path, declared: object, named: str) -> None:
    (line,) = diagnostics(workspace, {"customizations": {"nestproof": declared}})
    assert line.endswith(f": error: {named}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: error: "),
        ('{\n  "a": 1\n  "b": 2\n}', "2:9: error: "),
        ('{"image": "a", "image": "b"}', "1:16: error: "),
        ("[]", "1:1: error: a devcontainer configuration must be an object, is a list"),
        ("null", "1:1: error: a devcontainer configuration must be an object, is null"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_place(
    workspace: Path, text: str, said: str
) -> None:
    assert diagnostics(workspace, text)[0].startswith(f"{FILE}:{said}")


def test_a_run_argument_that_docker_does_not_know_is_refused_with_its_place(workspace: Path) -> None:
    assert diagnostics(workspace, '{"runArgs": [\n  "--init",\n  "--cap-ad=SYS_ADMIN"\n]}') == [
        f"{FILE}:3:3: error: docker run has no option --cap-ad; did you mean --cap-add?"
    ]


def test_a_run_argument_that_is_not_carried_over_is_no_mistake(workspace: Path) -> None:
    assert load(workspace, {"runArgs": ["--gpus=all"]}).run.unsupported == ("--gpus",)


def test_a_missing_file_is_refused(workspace: Path) -> None:
    with pytest.raises(ProfileError, match=r"devcontainer\.json cannot be read"):
        load_profile("default", workspace / "devcontainer.json", workspace, {})


def test_a_workspace_folder_of_another_type_is_named(workspace: Path) -> None:
    assert diagnostics(workspace, {"workspaceFolder": 1}) == [
        f"{FILE}:1:21: error: `workspaceFolder` must be a string, is a number"
    ]


def test_a_warning_prevents_no_profile_and_is_remembered(workspace: Path) -> None:
    file = write(workspace, FILE, '{"image": "x", "privilegd": true}')
    reading = read_profile("default", file, workspace, {})
    assert reading.profile is not None
    assert reading.profile.run.privileged is False
    assert [(diagnostic.severity, diagnostic.start.column) for diagnostic in reading.diagnostics] == [
        ("warning", 16)
    ]
    assert "did you mean `privileged`?" in reading.diagnostics[0].message


def test_mistakes_come_in_the_order_of_the_file(workspace: Path) -> None:
    file = write(workspace, FILE, '{"privilegd": 1, "init": "x", "name": "${localEnv}", "capAdd": 1}')
    reading = read_profile("default", file, workspace, {})
    assert reading.profile is None
    columns = [diagnostic.start.column for diagnostic in reading.diagnostics]
    assert columns == sorted(columns)
    assert {diagnostic.severity for diagnostic in reading.diagnostics} == {"error", "warning"}
