"""What an image's label says goes under the configuration, merged as the reference client merges it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestproof.devcontainer.image_metadata import entries, merge, unique_mounts
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile, ProfileError, with_image_metadata
from nestproof.engine.run_options import RunOptions

Entry = dict[str, Any]

# Reading the label


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("", []),
        ("[]", []),
        ('[{"init": true}, {"remoteUser": "dev"}]', [{"init": True}, {"remoteUser": "dev"}]),
        # One entry may stand without its list.
        ('{"init": true}', [{"init": True}]),
        ('[1, null, "x", {"init": true}, []]', [{"init": True}]),
        ("null", []),
        ('"x"', []),
        ("not JSON", []),
        ('[{"init": true},]', []),
        # Deeper than Python's own stack goes.
        ("[" * 100_000, []),
    ],
)
def test_a_label_has_entries_and_nonsense_has_none(label: str, expected: list[Entry]) -> None:
    assert entries(label) == expected


# Merging: the property, what the image's entries say, what the configuration says (... for nothing), result

NOTHING = ...
BIND = {"type": "bind", "source": "/c", "target": "/a"}

RULES: list[tuple[str, list[Any], Any, Any]] = [
    # Any true one counts, and the configuration cannot take it back.
    ("init", [True], False, True),
    ("init", [False], True, True),
    ("init", [False, False], NOTHING, NOTHING),
    ("privileged", [True, False], NOTHING, True),
    ("privileged", [False], False, False),
    # All of them, each once, as first seen.
    ("capAdd", [["A", "B"], ["C", "A"]], ["D", "B"], ["A", "B", "C", "D"]),
    ("capAdd", [["A"]], NOTHING, ["A"]),
    ("capAdd", [[]], NOTHING, NOTHING),
    ("capAdd", [["SYS_ADMIN"]], ["sys_admin"], ["SYS_ADMIN", "sys_admin"]),
    ("securityOpt", [["seccomp=unconfined"], None], ["seccomp=unconfined", "x=y"],
     ["seccomp=unconfined", "x=y"]),
    # The last that is not empty.
    ("remoteUser", ["a", "b"], NOTHING, "b"),
    ("remoteUser", ["a", "b"], "c", "c"),
    ("remoteUser", ["a", ""], "", "a"),
    ("remoteUser", ["a", None], NOTHING, "a"),
    ("containerUser", ["a"], "b", "b"),
    ("userEnvProbe", ["none"], NOTHING, "none"),
    ("userEnvProbe", ["none"], "loginShell", "loginShell"),
    ("waitFor", ["onCreateCommand"], NOTHING, "onCreateCommand"),
    ("shutdownAction", ["none"], "stopContainer", "stopContainer"),
    ("otherPortsAttributes", [{"label": "a"}, {"protocol": "http"}], NOTHING, {"protocol": "http"}),
    # The last that is true or false.
    ("overrideCommand", [False], NOTHING, False),
    ("overrideCommand", [True, False], True, True),
    ("overrideCommand", [True], False, False),
    ("overrideCommand", [False, None], NOTHING, False),
    ("overrideCommand", [False, "yes"], NOTHING, False),
    ("updateRemoteUserUID", [True], False, False),
    # Key by key.
    ("containerEnv", [{"A": "1", "B": "1"}, {"B": "2"}], {"C": "3"}, {"A": "1", "B": "2", "C": "3"}),
    ("containerEnv", [{"A": "1"}], {"A": ""}, {"A": ""}),
    ("remoteEnv", [{"A": "1"}], {"A": None}, {"A": None}),
    ("portsAttributes", [{"80": {"label": "a", "protocol": "http"}}], {"80": {"label": "b"}},
     {"80": {"label": "b"}}),
    # Of several on one target the last stays, where it stands.
    ("mounts", [["type=volume,source=a,target=/a"], ["type=volume,source=b,target=/b"]], [BIND],
     ["type=volume,source=b,target=/b", BIND]),
    ("mounts", [["source=a,target=/a,type=volume"]], NOTHING, ["source=a,target=/a,type=volume"]),
    ("mounts", [["source=a,dst=/a", "source=b,destination=/a"]], ["source=c,target=/a"],
     ["source=c,target=/a"]),
    # Only the configuration's own counts.
    ("image", ["other"], NOTHING, NOTHING),
    ("image", ["other"], "mine", "mine"),
    ("runArgs", [["--privileged"]], ["--init"], ["--init"]),
    ("runArgs", [["--privileged"]], NOTHING, NOTHING),
    ("workspaceFolder", ["/x"], NOTHING, NOTHING),
    ("workspaceMount", ["source=/,target=/x"], NOTHING, NOTHING),
    ("appPort", [80], NOTHING, NOTHING),
    ("features", [{"f": {}}], NOTHING, NOTHING),
    ("build", [{"dockerfile": "D"}], NOTHING, NOTHING),
    ("name", ["x"], "mine", "mine"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "image", "own", "expected"), RULES)
def test_a_property_is_merged_by_its_rule(name: str, image: list[Any], own: Any, expected: Any) -> None:
    config = {} if own is NOTHING else {name: own}
    merged = merge(config, [{name: value} for value in image])
    assert merged == ({} if expected is NOTHING else {name: expected})


def test_entry_points_are_all_kept_in_order() -> None:
    image: list[Entry] = [
        {"entrypoint": "/a"},
        {"entrypoint": ""},
        {"init": False},
        {"entrypoint": "/b"},
        {"entrypoint": "/a"},
    ]
    assert merge({}, image) == {"entrypoints": ["/a", "/b", "/a"]}


def test_a_configurations_own_entry_point_is_none() -> None:
    # devcontainers/cli picks no `entrypoint` from a devcontainer.json.
    assert merge({"entrypoint": "/mine"}, [{"entrypoint": "/a"}])["entrypoints"] == ["/a"]


def test_nothing_is_changed_where_the_image_says_nothing() -> None:
    config = {"image": "x", "capAdd": ["A"], "init": False, "mounts": [BIND], "containerEnv": {"A": "1"}}
    assert merge(config, []) == config


def test_what_is_given_is_not_changed() -> None:
    config: Entry = {"capAdd": ["A"], "containerEnv": {"A": "1"}, "mounts": [BIND]}
    image: list[Entry] = [{"capAdd": ["B"], "containerEnv": {"B": "2"}, "mounts": ["target=/x"]}]
    before = json.dumps([config, image])
    merge(config, image)
    assert json.dumps([config, image]) == before


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ([], []),
        (["target=/a", "target=/b"], ["target=/a", "target=/b"]),
        (["source=1,target=/a", "target=/b", "source=2,target=/a"], ["target=/b", "source=2,target=/a"]),
        (["source=1,target=/a", {"target": "/a"}], [{"target": "/a"}]),
        # Without a target they are all on one.
        (["type=tmpfs", "type=bind"], ["type=bind"]),
    ],
)
def test_of_two_mounts_on_one_target_the_last_stays_where_it_stands(
    mounts: list[Any], expected: list[Any]
) -> None:
    # devcontainers/cli, mergeMounts: reversed, filtered by what was seen, reversed.
    assert unique_mounts(mounts) == expected


# A profile and its image


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    file = tmp_path / ".devcontainer.json"
    file.write_text(
        '{"image": "x", "capAdd": ["SYS_PTRACE"], "runArgs": ["--cap-add=NET_ADMIN", "--user=last"],'
        ' "workspaceMount": "", "workspaceFolder": "/w", "containerEnv": {"A": "own"}}'
    )
    return load_profile("default", file, tmp_path, {"HOME": "/home/me"})


def test_the_images_options_stand_before_those_of_the_run_arguments(profile: Profile) -> None:
    label: list[Entry] = [
        {"id": "registry.example/a/b/c:1", "capAdd": ["SYS_ADMIN"], "entrypoint": "/init.sh", "init": True},
        {"mounts": ["type=volume,source=v-${devcontainerId},target=/v"], "containerUser": "first"},
        {"containerEnv": {"A": "image", "B": "${localEnv:HOME}"}, "remoteUser": "dev", "privileged": True},
    ]
    merged = with_image_metadata(profile, json.dumps(label))
    assert merged.run == RunOptions(
        cap_add=("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN"),
        env=("A=own", "B=/home/me"),
        init=True,
        mounts=(f"type=volume,source=v-{profile.variables.devcontainer_id},target=/v",),
        privileged=True,
        user="last",
    )
    assert merged.remote_user == "dev"
    assert merged.entrypoints == ("/init.sh",)
    assert (merged.name, merged.file, merged.declarations) == (
        profile.name,
        profile.file,
        profile.declarations,
    )


@pytest.mark.parametrize("label", ["", "[]", "nonsense", "[1]"])
def test_an_image_that_says_nothing_changes_nothing(profile: Profile, label: str) -> None:
    assert with_image_metadata(profile, label) == profile


def test_an_empty_entry_changes_no_option(profile: Profile) -> None:
    merged = with_image_metadata(profile, "[{}]")
    assert (merged.run, merged.entrypoints) == (profile.run, ())


@pytest.mark.parametrize(
    "entry",
    [
        {"remoteUser": 1},
        {"containerEnv": {"B": 1}},
        {"containerEnv": ["A"]},
        {"capAdd": 1},
        {"capAdd": "SYS_ADMIN"},
        {"capAdd": [{}]},
        {"securityOpt": {"seccomp": "unconfined"}},
        {"mounts": [1]},
        {"mounts": "source=/a,target=/b"},
        {"mounts": [{"type": "bind"}]},
        {"portsAttributes": {"80": 1}},
    ],
)
def test_a_label_of_other_types_is_refused(profile: Profile, entry: Entry) -> None:
    with pytest.raises(ProfileError) as caught:
        with_image_metadata(profile, json.dumps([entry]))
    assert caught.value.what == "the image's devcontainer.metadata label makes no sense"
    assert caught.value.why
