"""The model against a document: every mistake in its exact words, at its place, and none is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from nestproof.core.diagnostics import Diagnostic, Finding
from nestproof.core.diagnostics import render as render_diagnostic
from nestproof.devcontainer import jsonc
from nestproof.devcontainer.declarations import (
    AgentDeclaration,
    Declarations,
    EgressDeclaration,
    StandIn,
)
from nestproof.devcontainer.model_rules import RULES
from nestproof.devcontainer.schema import (
    Build,
    DevContainer,
    Gpu,
    HostRequirements,
    MountObject,
    PortAttributes,
)
from nestproof.devcontainer.validation import path_text, validate

Path = tuple[str | int, ...]


def read(text: str) -> tuple[jsonc.Document, DevContainer | None, tuple[Diagnostic, ...]]:
    """The document, what became of it, and its mistakes."""
    document = jsonc.parse(text, name="devcontainer.json")
    assert document.root is not None, document.diagnostics
    return document, *validate(document, document.root.to_python())


def diagnostics(text: str) -> list[tuple[str, str, str]]:
    """Rule, text from start to end, and sentence of each mistake."""
    document, _, found = read(text)
    return [(m.rule, document.text[m.start.offset : m.end.offset], m.message) for m in found]


def messages(text: str) -> list[str]:
    return [message for _, _, message in diagnostics(text)]


def names(model: type[BaseModel]) -> set[str]:
    """The names of a model's properties as they stand in a file."""
    return {field.alias or name for name, field in model.model_fields.items()}


# How each rule is shown

SHOWN = {
    "model-wrong-type": """\
devcontainer.json:2:28: error: `build.args.TZ` must be a string, is a number [model-wrong-type]
  "build": {"args": {"TZ": 10}}
                           ^^""",
    "model-bad-value": """\
devcontainer.json:2:21: error: `shutdownAction` must be 'none', 'stopContainer' or 'stopCompose', \
is 'stop' [model-bad-value]
  "shutdownAction": "stop"
                    ^^^^^^""",
    "model-missing-property": """\
devcontainer.json:2:14: error: `mounts[0]` has no `target`, which it needs [model-missing-property]
  "mounts": [{"type": "tmpfs"}]
             ^^^^^^^^^^^^^^^^^""",
    "model-forbidden-combination": """\
devcontainer.json:2:3: error: `image` and `dockerComposeFile` exclude each other: one says where the \
image comes from [model-forbidden-combination]
  "dockerComposeFile": "compose.yml", "service": "app"
  ^^^^^^^^^^^^^^^^^^^""",
    "model-unknown-property": """\
devcontainer.json:2:3: warning: `privilegd` is no property that clients know; did you mean `privileged`? \
[model-unknown-property]
  "privilegd": true
  ^^^^^^^^^^^""",
    "model-deprecated-property": """\
devcontainer.json:2:3: note: `extensions` is deprecated; move it to `customizations.vscode.extensions` \
[model-deprecated-property]
  "extensions": ["ms-python.python"]
  ^^^^^^^^^^^^""",
    "model-ignored-property": """\
devcontainer.json:2:3: warning: `runArgs` has no effect beside `dockerComposeFile`; say it in the \
Compose file [model-ignored-property]
  "runArgs": ["--init"]
  ^^^^^^^^^""",
    "model-no-source": """\
devcontainer.json:1:1: warning: no `image`, `build.dockerfile` or `dockerComposeFile`: the devcontainer \
CLI refuses it [model-no-source]
{"name": "x",
^^^^^^^^^^^^^""",
}
FIRST_LINE = {
    "model-ignored-property": '{"dockerComposeFile": "compose.yml", "service": "app",',
    "model-no-source": '{"name": "x",',
}
SECOND_LINE = {"model-no-source": '  "init": true'}


@pytest.mark.parametrize("rule", SHOWN)
def test_a_mistake_is_shown_with_its_place_and_carets_under_the_fault(rule: str) -> None:
    shown = SHOWN[rule]
    first = FIRST_LINE.get(rule, '{"image": "x",')
    second = SECOND_LINE.get(rule) or shown.splitlines()[1]
    document, _, found = read(f"{first}\n{second}\n}}")
    (diagnostic,) = found
    assert str(Finding.of(document.source, diagnostic)) == shown
    assert diagnostic.rule == rule
    assert diagnostic.severity == RULES[rule].severity


def test_every_rule_is_shown_here() -> None:
    assert set(SHOWN) == set(RULES)


# Wrong types: path, JSON text of the value, the end of the sentence `PATH` must be …

A_STRING = "must be a string, is a number"
A_LIST = "must be a list, is a string"
A_SWITCH = "must be true or false, is a string"
AN_OBJECT = "must be an object, is a list"
A_COMMAND = "must be a string, a list of strings or an object, is a number"
STRINGS = "must be a string or a list of strings, is a number"
A_PORT = "must be a whole number or a string, is true"
A_HOST = "must be a host or HOST:PORT, such as example.com:443, is"
A_SIZE = "must be a number with tb, gb, mb or kb after it, such as 8gb, is"

WRONG: list[tuple[Path, str, str]] = [
    (("$schema",), "1", A_STRING),
    (("name",), "1", A_STRING),
    (("image",), "1", A_STRING),
    (("image",), "1.5", A_STRING),
    (("image",), "true", "must be a string, is true"),
    (("image",), "false", "must be a string, is false"),
    (("image",), "[]", "must be a string, is a list"),
    (("image",), "{}", "must be a string, is an object"),
    (("build",), "[]", AN_OBJECT),
    (("build",), '"Dockerfile"', "must be an object, is a string"),
    (("build", "dockerfile"), "1", A_STRING),
    (("build", "context"), "1", A_STRING),
    (("build", "target"), "1", A_STRING),
    (("build", "args"), "[]", AN_OBJECT),
    (("build", "args", "TZ"), "1", A_STRING),
    (("build", "args", "TZ"), "true", "must be a string, is true"),
    (("build", "args", "TZ"), "null", "must be a string, is null"),
    (("build", "cacheFrom"), "1", STRINGS),
    (("build", "cacheFrom"), "{}", "must be a string or a list of strings, is an object"),
    (("build", "cacheFrom", 0), "1", A_STRING),
    (("build", "options"), '"--pull"', A_LIST),
    (("build", "options", 0), "1", A_STRING),
    (("dockerFile",), "1", A_STRING),
    (("context",), "1", A_STRING),
    (("dockerComposeFile",), "1", STRINGS),
    (("dockerComposeFile", 0), "1", A_STRING),
    (("service",), "1", A_STRING),
    (("runServices",), '"app"', A_LIST),
    (("runServices", 0), "1", A_STRING),
    (("runArgs",), '"--init"', A_LIST),
    (("runArgs", 0), "1", A_STRING),
    (("capAdd",), '"SYS_ADMIN"', A_LIST),
    (("capAdd", 0), "1", A_STRING),
    (("securityOpt",), '"seccomp=unconfined"', A_LIST),
    (("securityOpt", 0), "1", A_STRING),
    (("privileged",), '"true"', A_SWITCH),
    (("privileged",), "1", "must be true or false, is a number"),
    (("init",), '"true"', A_SWITCH),
    (("mounts",), '"source=/a,target=/b"', A_LIST),
    (("mounts", 0), "1", "must be a string or an object, is a number"),
    (("mounts", 0), "[]", "must be a string or an object, is a list"),
    (("mounts", 0, "type"), "1", "must be 'bind', 'volume' or 'tmpfs', is 1"),
    (("mounts", 0, "type"), '"npipe"', "must be 'bind', 'volume' or 'tmpfs', is 'npipe'"),
    (("mounts", 0, "source"), "1", A_STRING),
    (("mounts", 0, "target"), "1", A_STRING),
    (("workspaceMount",), "1", A_STRING),
    (("workspaceFolder",), "1", A_STRING),
    (("remoteUser",), "1", A_STRING),
    (("containerUser",), "1", A_STRING),
    (("containerEnv",), "[]", AN_OBJECT),
    (("containerEnv", "A"), "1", A_STRING),
    (("containerEnv", "A"), "null", "must be a string, is null"),
    (("remoteEnv",), "[]", AN_OBJECT),
    (("remoteEnv", "A"), "1", A_STRING),
    (("overrideCommand",), '"true"', A_SWITCH),
    (("updateRemoteUserUID",), '"true"', A_SWITCH),
    (("features",), "[]", AN_OBJECT),
    (("overrideFeatureInstallOrder",), '"a"', A_LIST),
    (("overrideFeatureInstallOrder", 0), "1", A_STRING),
    (("initializeCommand",), "1", A_COMMAND),
    (("onCreateCommand",), "1", A_COMMAND),
    (("updateContentCommand",), "1", A_COMMAND),
    (("postCreateCommand",), "1", A_COMMAND),
    (("postStartCommand",), "1", A_COMMAND),
    (("postAttachCommand",), "1", A_COMMAND),
    (("postAttachCommand",), "true", "must be a string, a list of strings or an object, is true"),
    (("postAttachCommand", 0), "1", A_STRING),
    (("postAttachCommand", 0), "[]", "must be a string, is a list"),
    (("postAttachCommand", "a"), "1", STRINGS),
    (("postAttachCommand", "a"), "null", "must be a string or a list of strings, is null"),
    (("postAttachCommand", "a", 0), "1", A_STRING),
    (
        ("waitFor",),
        '"postAttachCommand"',
        "must be 'initializeCommand', 'onCreateCommand', 'updateContentCommand', 'postCreateCommand' "
        "or 'postStartCommand', is 'postAttachCommand'",
    ),
    (
        ("userEnvProbe",),
        '"shell"',
        "must be 'none', 'loginShell', 'interactiveShell' or 'loginInteractiveShell', is 'shell'",
    ),
    (("shutdownAction",), "[]", "must be 'none', 'stopContainer' or 'stopCompose', is a list"),
    (("shutdownAction",), "true", "must be 'none', 'stopContainer' or 'stopCompose', is true"),
    (("forwardPorts",), '"3000"', A_LIST),
    (("forwardPorts", 0), "true", A_PORT),
    (("forwardPorts", 0), "null", "must be a whole number or a string, is null"),
    (("forwardPorts", 0), "-1", "must be 0 or more, is -1"),
    (("forwardPorts", 0), "65536", "must be 65535 or less, is 65536"),
    (("appPort",), "true", "must be a whole number, a string or a list, is true"),
    (("appPort",), "{}", "must be a whole number, a string or a list, is an object"),
    (("appPort",), "65536", "must be 65535 or less, is 65536"),
    (("appPort", 0), "true", A_PORT),
    (("portsAttributes",), "[]", AN_OBJECT),
    (("portsAttributes", "80"), "1", "must be an object, is a number"),
    (
        ("portsAttributes", "80", "onAutoForward"),
        '"open"',
        "must be 'notify', 'openBrowser', 'openBrowserOnce', 'openPreview', 'silent' or 'ignore', is 'open'",
    ),
    (("portsAttributes", "80", "elevateIfNeeded"), '"yes"', A_SWITCH),
    (("portsAttributes", "80", "label"), "1", A_STRING),
    (("portsAttributes", "80", "requireLocalPort"), '"yes"', A_SWITCH),
    (("portsAttributes", "80", "protocol"), '"ftp"', "must be 'http' or 'https', is 'ftp'"),
    (("otherPortsAttributes",), "[]", AN_OBJECT),
    (("otherPortsAttributes", "label"), "1", A_STRING),
    (("hostRequirements",), "[]", AN_OBJECT),
    (("hostRequirements", "cpus"), '"4"', "must be a whole number, is a string"),
    (("hostRequirements", "cpus"), "1.5", "must be a whole number, is a number"),
    (("hostRequirements", "cpus"), "0", "must be 1 or more, is 0"),
    (("hostRequirements", "memory"), "8", A_STRING),
    (("hostRequirements", "memory"), '"8 gb"', f"{A_SIZE} '8 gb'"),
    (("hostRequirements", "storage"), '"8GB"', f"{A_SIZE} '8GB'"),
    (("hostRequirements", "gpu"), "1", 'must be true, false, "optional" or an object, is a number'),
    (("hostRequirements", "gpu", "cores"), '"4"', "must be a whole number, is a string"),
    (("hostRequirements", "gpu", "memory"), '"8pb"', f"{A_SIZE} '8pb'"),
    (("customizations",), "[]", AN_OBJECT),
    (("customizations", "nestproof"), "[]", AN_OBJECT),
    (("customizations", "nestproof"), "null", "must be an object, is null"),
    (("customizations", "nestproof", "packs"), '"users"', A_LIST),
    (("customizations", "nestproof", "users"), '"me"', A_LIST),
    (("customizations", "nestproof", "users", 0), "1", A_STRING),
    (("customizations", "nestproof", "codexVersion"), "1", A_STRING),
    (("customizations", "nestproof", "sandbox"), '"inside"', "must be 'container', is 'inside'"),
    (("customizations", "nestproof", "agents"), "[]", AN_OBJECT),
    (("customizations", "nestproof", "agents", "codex"), "true", "must be an object, is true"),
    (("customizations", "nestproof", "agents", "codex", "args"), '"--yolo"', A_LIST),
    (("customizations", "nestproof", "agents", "codex", "args", 0), "1", A_STRING),
    (
        ("customizations", "nestproof", "agents", "codex", "sandbox"),
        '"yes"',
        "must be true or false, is a string",
    ),
    (("customizations", "nestproof", "egress"), "[]", AN_OBJECT),
    (("customizations", "nestproof", "egress", "allow"), '"x"', A_LIST),
    (("customizations", "nestproof", "egress", "allow", 0), '"https://x"', f"{A_HOST} 'https://x'"),
    (("customizations", "nestproof", "egress", "deny", 0), '"*.x"', f"{A_HOST} '*.x'"),
    (
        ("customizations", "nestproof", "egress", "dns"),
        "1",
        "must be 'open' or a list of addresses, is a number",
    ),
    (("customizations", "nestproof", "egress", "dns"), '"shut"', "must be 'open', is 'shut'"),
    (("customizations", "nestproof", "egress", "allow", 0), '"x:70000"', f"{A_HOST} 'x:70000'"),
    (
        ("customizations", "nestproof", "egress", "proxy"),
        '"socks5://x:1"',
        "must be HOST:PORT or a URL, such as http://proxy.example.com:3128, is 'socks5://x:1'",
    ),
    (
        ("customizations", "nestproof", "egress", "tools"),
        '"all"',
        "must be 'remoteUser' or 'sandbox', is 'all'",
    ),
    (("customizations", "nestproof", "egress", "proxy"), "3128", A_STRING),
    (("customizations", "nestproof", "egress", "standIn"), "[]", AN_OBJECT),
    (("customizations", "nestproof", "egress", "standIn", "gone"), '"x"', A_LIST),
    (("customizations", "nestproof", "degradations"), "[]", AN_OBJECT),
    (("customizations", "nestproof", "degradations", "bwrap-proc"), "true", "must be a string, is true"),
    (("secrets",), "[]", AN_OBJECT),
    (("secrets", "TOKEN"), '"x"', "must be an object, is a string"),
]


def around(path: Path, value: str) -> str:
    """The JSON text in which `value` stands at `path`, and nothing else is wrong there."""
    for depth, step in reversed(list(enumerate(path))):
        beside = '"type": "bind", "target": "/t", ' if path[:2] == ("mounts", 0) and depth == 2 else ""
        value = f"[{value}]" if isinstance(step, int) else f'{{{beside}"{step}": {value}}}'
    return value


def alone(path: Path, value: str) -> str:
    """A configuration whose only mistake can be at `path`: it has one source, and Compose its service."""
    beside: dict[str, Any] = {"image": "x"}
    if path[0] in ("image", "dockerFile") or path == ("build", "dockerfile"):
        beside = {}
    elif path[0] in ("dockerComposeFile", "service", "runServices"):
        beside = {"dockerComposeFile": "c", "service": "s"}
    return json.dumps({**beside, **json.loads(around(path, value))}, indent=1)


@pytest.mark.parametrize(
    ("path", "value", "said"), WRONG, ids=[f"{path_text(path)}={value}" for path, value, _ in WRONG]
)
def test_a_value_that_its_property_does_not_take_is_named_in_words(path: Path, value: str, said: str) -> None:
    document, config, found = read(alone(path, value))
    assert document.root is not None
    node = document.root.at(*path)
    assert node is not None
    (diagnostic,) = found
    assert diagnostic.message == f"`{path_text(path)}` {said}"
    assert (diagnostic.start, diagnostic.end) == (node.start, node.end)
    assert diagnostic.severity == "error"
    assert config is None


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('{"packs": ["users", "bublewrap"]}', "there is no pack `bublewrap`; did you mean `bubblewrap`?"),
        ('{"packs": ["zzz"]}', "there is no pack `zzz`; there are: users, privileges, "),
        (
            '{"degradations": {"bwrap-prok": "why"}}',
            "there is no probe `bwrap-prok`; did you mean `bwrap-proc`?",
        ),
        (
            '{"degradations": {"smoke.bwrap-proc": "why"}}',
            "there is no probe `smoke.bwrap-proc`; did you mean `bwrap-proc`?",
        ),
    ],
)
def test_a_name_that_nothing_has_is_an_error_at_its_place(declared: str, said: str) -> None:
    text = f'{{"image": "x", "customizations": {{"nestproof": {declared}}}}}'
    ((rule, shown, message),) = diagnostics(text)
    assert rule == "model-bad-value"
    assert shown.strip('"') in said
    assert message.startswith(said)


def test_every_property_of_the_model_is_given_a_wrong_value() -> None:
    given = {path[:depth] for path, _, _ in WRONG for depth in range(1, len(path) + 1)}

    def below(*path: str | int) -> set[str]:
        return {str(one[-1]) for one in given if len(one) == len(path) + 1 and one[: len(path)] == path}

    assert below() == names(DevContainer)
    assert below("build") == names(Build)
    assert below("mounts", 0) == names(MountObject)
    assert below("portsAttributes", "80") == names(PortAttributes)
    assert below("hostRequirements") == names(HostRequirements)
    assert below("hostRequirements", "gpu") == names(Gpu)
    assert below("customizations", "nestproof") == names(Declarations)


@pytest.mark.parametrize(
    "text",
    [
        '{"image": "x", "forwardPorts": [3000.5]}',
        '{"image": "x", "appPort": 3000.5}',
        '{"image": "x", "appPort": [3000.5]}',
    ],
)
def test_a_fraction_is_not_said_to_be_what_it_must_be(text: str) -> None:
    (message,) = messages(text)
    wanted, _, actual = message.partition(", is ")
    assert actual
    assert actual not in wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Names of union members in pydantic's places: no key of the file may be taken for one.
        (
            '{"image": "x", "postCreateCommand": {"object": "a", "b": 1}}',
            "`postCreateCommand.b` must be a string or a list of strings, is a number",
        ),
        (
            '{"image": "x", "postCreateCommand": {"object": ["a"], "b": [1]}}',
            "`postCreateCommand.b[0]` must be a string, is a number",
        ),
        (
            '{"image": "x", "postCreateCommand": {"list": [1]}}',
            "`postCreateCommand.list[0]` must be a string, is a number",
        ),
        (
            '{"image": "x", "containerEnv": {"string": 1}}',
            "`containerEnv.string` must be a string, is a number",
        ),
        (
            '{"image": "x", "postCreateCommand": {"object": 1}}',
            "`postCreateCommand.object` must be a string or a list of strings, is a number",
        ),
        (
            '{"image": "x", "hostRequirements": {"gpu": {"object": 1, "memory": 8}}}',
            "`hostRequirements.gpu.memory` must be a string, is a number",
        ),
        (
            '{"image": "x", "mounts": [{"type": "bind", "object": "x"}]}',
            "`mounts[0]` has no `target`, which it needs",
        ),
    ],
)
def test_a_key_with_the_name_of_a_type_is_a_key(text: str, said: str) -> None:
    assert said in messages(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[]", "a list"), ("1", "a number"), ('"x"', "a string"), ("null", "null"), ("true", "true")],
)
def test_a_configuration_is_an_object(text: str, kind: str) -> None:
    assert diagnostics(text) == [
        ("model-wrong-type", text, f"a devcontainer configuration must be an object, is {kind}")
    ]


# Nulls


@pytest.mark.parametrize("name", sorted(names(DevContainer) - {"workspaceMount"}))
def test_a_null_is_no_value_and_is_said_once(name: str) -> None:
    beside = {} if name in ("image", "build", "dockerFile", "dockerComposeFile") else {"image": "x"}
    document, config, found = read(json.dumps({**beside, name: None}))
    assert config is None
    assert document.root is not None
    node = document.root.at(name)
    assert node is not None
    (said,) = [m.message for m in found if m.start == node.start]
    assert said.startswith(f"`{name}` must ")
    assert said.endswith(", is null")


@pytest.mark.parametrize(
    "path",
    [
        ("build", "dockerfile"),
        ("build", "context"),
        ("build", "target"),
        ("mounts", 0, "source"),
        ("hostRequirements", "cpus"),
        ("hostRequirements", "memory"),
        ("hostRequirements", "gpu", "cores"),
        ("portsAttributes", "80", "label"),
        ("otherPortsAttributes", "protocol"),
    ],
    ids=path_text,
)
def test_a_null_within_an_object_is_no_value_either(path: Path) -> None:
    found = [m for m in diagnostics(alone(path, "null")) if m[1] == "null"]
    assert [rule for rule, _, _ in found] == ["model-wrong-type"]
    assert found[0][2].startswith(f"`{path_text(path)}` must ")


def test_null_has_a_meaning_for_a_remote_variable_and_for_the_workspaces_mount() -> None:
    _, config, found = read('{"image": "x", "remoteEnv": {"A": null}, "workspaceMount": null}')
    assert found == ()
    assert config is not None
    assert config.remote_env == {"A": None}
    assert config.workspace_mount is None
    assert "workspace_mount" in config.model_fields_set


# Names


@pytest.mark.parametrize(
    ("text", "where", "meant"),
    [
        ('{"image": "x", "Image": "y"}', "Image", "image"),
        ('{"image": "x", "privilegd": true}', "privilegd", "privileged"),
        ('{"image": "x", "capadd": []}', "capadd", "capAdd"),
        ('{"image": "x", "postcreatecommand": "x"}', "postcreatecommand", "postCreateCommand"),
        ('{"image": "x", "updateRemoteUserUid": true}', "updateRemoteUserUid", "updateRemoteUserUID"),
        ('{"image": "x", "docker_file": "x"}', "docker_file", "dockerFile"),
        ('{"image": "x", "schema": "x"}', "schema", "$schema"),
        ('{"image": "x", "build": {"arg": {}}}', "build.arg", "args"),
        ('{"image": "x", "mounts": ["a=b", {"type": "bind", "target": "/x", "src": "/y", "sorce": 1}]}',
         "mounts[1].sorce", "source"),
        ('{"image": "x", "portsAttributes": {"80": {"lable": "x"}}}', "portsAttributes.80.lable", "label"),
        ('{"image": "x", "otherPortsAttributes": {"protocl": "x"}}', "otherPortsAttributes.protocl",
         "protocol"),
        ('{"image": "x", "hostRequirements": {"cpu": 4}}', "hostRequirements.cpu", "cpus"),
        ('{"image": "x", "hostRequirements": {"gpu": {"core": 4}}}', "hostRequirements.gpu.core", "cores"),
    ],
)  # fmt: skip
def test_an_unknown_property_is_named_with_the_nearest_known_one(text: str, where: str, meant: str) -> None:
    _, config, _ = read(text)
    assert config is not None, "a warning prevents no configuration"
    key = where.rpartition(".")[2]
    message = f"`{where}` is no property that clients know; did you mean `{meant}`?"
    assert ("model-unknown-property", f'"{key}"', message) in diagnostics(text)


@pytest.mark.parametrize("name", ["frobnicate", "x", "readonly", "__proto__", "model_config"])
def test_where_no_known_name_is_near_none_is_suggested(name: str) -> None:
    assert diagnostics(json.dumps({"image": "x", name: 1})) == [
        ("model-unknown-property", f'"{name}"', f"`{name}` is no property that clients know")
    ]


def test_an_empty_name_is_not_taken_for_the_whole_configuration() -> None:
    ((rule, place, message),) = diagnostics('{"image": "x", "": 1}')
    assert (rule, place) == ("model-unknown-property", '""')
    assert "the configuration" not in message


def test_an_unknown_declaration_is_an_error_with_the_nearest_known_one() -> None:
    text = '{"image": "x", "customizations": {"nestproof": {"codexVersoin": "1", "zzz": 1}}}'
    assert [(rule, message) for rule, _, message in diagnostics(text)] == [
        (
            "model-bad-value",
            "`customizations.nestproof.codexVersoin` is nothing that nestproof knows; "
            "did you mean `codexVersion`?",
        ),
        ("model-bad-value", "`customizations.nestproof.zzz` is nothing that nestproof knows"),
    ]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("extensions", "customizations.vscode.extensions"),
        ("settings", "customizations.vscode.settings"),
        ("devPort", "customizations.vscode.devPort"),
        ("codespaces", "customizations.codespaces"),
    ],
)
def test_a_property_that_was_moved_is_deprecated(name: str, instead: str) -> None:
    assert diagnostics(json.dumps({"image": "x", name: {}})) == [
        ("model-deprecated-property", f'"{name}"', f"`{name}` is deprecated; move it to `{instead}`")
    ]


def test_what_is_deprecated_at_the_top_is_merely_unknown_below_it() -> None:
    assert diagnostics('{"image": "x", "otherPortsAttributes": {"settings": 1}}') == [
        (
            "model-unknown-property",
            '"settings"',
            "`otherPortsAttributes.settings` is no property that clients know",
        )
    ]


@pytest.mark.parametrize("name", ["customizations", "features", "containerEnv", "portsAttributes"])
def test_the_keys_of_open_parts_are_nobodys_mistake(name: str) -> None:
    value: object = {} if name in ("features", "portsAttributes") else "x"
    assert diagnostics(json.dumps({"image": "x", name: {"privilegd": value, "image": value}})) == []


# Combinations


def test_a_compose_file_needs_a_service() -> None:
    assert diagnostics('{"dockerComposeFile": "c"}') == [
        (
            "model-missing-property",
            '"dockerComposeFile"',
            "`dockerComposeFile` needs `service`: which of its services is the container?",
        )
    ]


WHERE_FROM = "one says where the image comes from"
COMBINATIONS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        '{"image": "x", "dockerComposeFile": [], "service": "s"}',
        [('"dockerComposeFile"', f"`image` and `dockerComposeFile` exclude each other: {WHERE_FROM}")],
    ),
    (
        '{"dockerFile": "D", "dockerComposeFile": "c", "service": "s"}',
        [('"dockerComposeFile"', f"`dockerFile` and `dockerComposeFile` exclude each other: {WHERE_FROM}")],
    ),
    (
        '{"dockerComposeFile": "c", "service": "s", "build": {"dockerfile": "D"}}',
        [('"build"', f"`dockerComposeFile` and `build` exclude each other: {WHERE_FROM}")],
    ),
    (
        '{"dockerFile": "D", "build": {"dockerfile": "D"}}',
        [('"dockerFile"', "`dockerFile` and `build.dockerfile` exclude each other; keep the second")],
    ),
    (
        '{"image": "x", "shutdownAction": "stopCompose"}',
        [('"stopCompose"', '`shutdownAction` "stopCompose" needs `dockerComposeFile`')],
    ),
    (
        '{"dockerComposeFile": "c", "service": "s", "shutdownAction": "stopContainer"}',
        [('"stopContainer"', '`shutdownAction` "stopContainer" is for containers without Compose')],
    ),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"image": "x", "build": {"dockerfile": "D"}}', "build"),
        # The order of the file changes nothing.
        ('{"build": {"dockerfile": "D"}, "image": "x"}', "build"),
        ('{"image": "x", "dockerFile": "D"}', "dockerFile"),
    ],
)
def test_of_an_image_and_a_dockerfile_clients_take_the_second(text: str, name: str) -> None:
    message = f"`image` has no effect beside `{name}`, which clients build; remove one of the two"
    assert diagnostics(text) == [("model-ignored-property", '"image"', message)]
    assert read(text)[1] is not None


@pytest.mark.parametrize(("text", "expected"), COMBINATIONS)
def test_what_the_schema_excludes_is_said_in_words(text: str, expected: list[tuple[str, str]]) -> None:
    assert diagnostics(text) == [("model-forbidden-combination", *one) for one in expected]
    assert read(text)[1] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("runArgs", "[]"), ("appPort", "1"), ("workspaceMount", '"source=/a,target=/b,type=bind"')],
)
def test_what_compose_ignores_is_a_warning(name: str, value: str) -> None:
    text = f'{{"dockerComposeFile": "c", "service": "s", "{name}": {value}}}'
    message = f"`{name}` has no effect beside `dockerComposeFile`; say it in the Compose file"
    assert diagnostics(text) == [("model-ignored-property", f'"{name}"', message)]
    assert read(text)[1] is not None


@pytest.mark.parametrize("text", ["{}", '{"build": {}}', '{"build": {"context": "."}}', '{"service": "s"}'])
def test_a_configuration_without_a_source_is_a_warning_and_still_one(text: str) -> None:
    # Templates and features of a repository are configured so, and other clients start them.
    message = "no `image`, `build.dockerfile` or `dockerComposeFile`: the devcontainer CLI refuses it"
    assert diagnostics(text) == [("model-no-source", text, message)]
    assert read(text)[1] is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"dockerFile": "D", "build": {"args": {"A": "1"}}, "context": ".."}',
        '{"image": "x", "workspaceFolder": "/w"}',
        '{"image": "x", "workspaceMount": ""}',
        '{"image": "x", "shutdownAction": "none"}',
        '{"dockerComposeFile": [], "service": "s"}',
        '{"dockerComposeFile": "c", "service": "s", "shutdownAction": "stopCompose"}',
    ],
)
def test_what_the_schema_lets_stand_together_is_no_mistake(text: str) -> None:
    assert diagnostics(text) == []


# Everything at once


SEVERAL = """{
  "name": 1,
  "privilegd": true,
  "extensions": [],
  "build": {"args": {"TZ": 1, "B": true}, "options": "--pull"},
  "mounts": ["source=/a,target=/a", {"type": "bind"}, 3],
  "shutdownAction": "stopCompose",
  "capAdd": "SYS_ADMIN",
  "customizations": {"nestproof": {"pack": []}}
}"""


def test_several_mistakes_are_all_reported_in_the_order_of_the_file() -> None:
    _, config, found = read(SEVERAL)
    assert config is None
    assert [f"{m.start.line}:{m.start.column} {m.message}" for m in found] == [
        "1:1 no `image`, `build.dockerfile` or `dockerComposeFile`: the devcontainer CLI refuses it",
        "2:11 `name` must be a string, is a number",
        "3:3 `privilegd` is no property that clients know; did you mean `privileged`?",
        "4:3 `extensions` is deprecated; move it to `customizations.vscode.extensions`",
        "5:28 `build.args.TZ` must be a string, is a number",
        "5:36 `build.args.B` must be a string, is true",
        "5:54 `build.options` must be a list, is a string",
        "6:37 `mounts[1]` has no `target`, which it needs",
        "6:55 `mounts[2]` must be a string or an object, is a number",
        '7:21 `shutdownAction` "stopCompose" needs `dockerComposeFile`',
        "8:13 `capAdd` must be a list, is a string",
        "9:44 `customizations.nestproof.pack` is nothing that nestproof knows; did you mean `packs`?",
    ]


@pytest.mark.parametrize("key", ["\x1b[31m", "a\nb", "a\u202eb", "a\tb"])
def test_a_key_cannot_move_the_cursor_of_who_reads_the_sentence(key: str) -> None:
    for text in (
        json.dumps({"image": "x", key: 1}),
        json.dumps({"image": "x", "containerEnv": {key: 1}}),
        json.dumps({"image": "x", "customizations": {"nestproof": {key: 1}}}),
    ):
        (message,) = messages(text)
        assert message.isprintable()


def test_a_sentence_has_an_end_however_long_a_name_or_a_value_is() -> None:
    long = "x" * 5000
    for config in ({long: 1}, {"waitFor": long}, {"containerEnv": {long: 1}}):
        (message,) = messages(json.dumps({"image": "x", **config}))
        assert len(message) < 300


# What is right


EVERYTHING = [
    """{
      "$schema": "https://example.invalid/schema.json",
      "name": "everything",
      "build": {
        "dockerfile": "Dockerfile", "context": "..", "target": "dev", "args": {"TZ": "UTC"},
        "cacheFrom": ["a", "b"], "options": ["--pull"]
      },
      "runArgs": ["--init"], "capAdd": ["SYS_PTRACE"], "securityOpt": ["seccomp=unconfined"],
      "privileged": false, "init": true,
      "mounts": [
        "type=tmpfs,target=/t", {"type": "bind", "source": "/a", "target": "/b"},
        {"type": "volume", "target": "/c"}, {"type": "tmpfs", "target": "/d"}
      ],
      "workspaceMount": "", "workspaceFolder": "/w", "remoteUser": "dev", "containerUser": "root",
      "containerEnv": {"A": ""}, "remoteEnv": {"A": null, "B": "b"},
      "overrideCommand": true, "updateRemoteUserUID": false,
      "features": {"registry.example/a/b/c:1": {"version": 1}, "./local": "latest", "d": true},
      "overrideFeatureInstallOrder": ["./local"],
      "initializeCommand": "a", "onCreateCommand": ["a", "b"], "updateContentCommand": {"a": "b"},
      "postCreateCommand": {"a": ["b"]}, "postStartCommand": "", "postAttachCommand": [],
      "waitFor": "postStartCommand", "userEnvProbe": "loginInteractiveShell",
      "shutdownAction": "stopContainer",
      "forwardPorts": [0, 65535, "db:5432"], "appPort": [3000, "8080:80"],
      "portsAttributes": {
        "80": {
          "onAutoForward": "openBrowserOnce", "elevateIfNeeded": true, "label": "web",
          "requireLocalPort": true, "protocol": "https"
        },
        "40000-55000": {}, "regex.*": {}
      },
      "otherPortsAttributes": {"onAutoForward": "silent"},
      "hostRequirements": {
        "cpus": 1, "memory": "8gb", "storage": "32", "gpu": {"cores": 1, "memory": "1kb"}
      },
      "customizations": {
        "nestproof": {
          "packs": ["users"], "users": ["dev"], "codexVersion": "1.0", "degradations": {"bwrap-proc": "why"},
          "agents": {"codex": {"args": ["--full-auto"], "sandbox": true}}, "sandbox": "container",
          "egress": {
            "allow": ["api.example.net:443", "192.0.2.1", "[2001:db8::1]:443"], "deny": ["example.com"],
            "dns": ["192.0.2.53"], "tools": "sandbox", "proxy": "http://proxy:3128",
            "standIn": {"gone": ["a"], "several": ["b"], "duplicate": ["c", "d"], "changing": ["e"]}
          }
        },
        "anything": ["goes", {"here": null}]
      },
      "secrets": {"TOKEN": {"description": "d", "documentationUrl": "u"}}
    }""",
    '{"dockerFile": "Dockerfile", "context": ".", "appPort": 80, "hostRequirements": {"gpu": "optional"}}',
    '{"image": "x", "appPort": "80:80", "hostRequirements": {"gpu": true}}',
    """{
      "dockerComposeFile": ["a.yml", "b.yml"], "service": "app", "runServices": ["app", "db"],
      "workspaceFolder": "/w", "shutdownAction": "stopCompose", "overrideCommand": false
    }""",
]


@pytest.mark.parametrize("text", EVERYTHING, ids=["build", "dockerFile", "image", "compose"])
def test_what_the_specification_has_is_no_mistake(text: str) -> None:
    _, config, found = read(text)
    assert found == ()
    assert config is not None


def test_the_examples_use_every_property_of_the_model() -> None:
    def used(*path: str) -> set[str]:
        found: set[str] = set()
        for text in EVERYTHING:
            node = jsonc.parse(text, name="x").root
            node = node.at(*path) if node is not None else None
            found |= set(node.members) if node is not None else set()
        return found

    assert used() == names(DevContainer)
    assert used("build") == names(Build)
    assert used("portsAttributes", "80") == names(PortAttributes)
    assert used("hostRequirements") == names(HostRequirements)
    assert used("hostRequirements", "gpu") == names(Gpu)
    assert used("customizations", "nestproof") == names(Declarations)
    assert used("customizations", "nestproof", "agents", "codex") == names(AgentDeclaration)
    assert used("customizations", "nestproof", "egress") == names(EgressDeclaration)
    assert used("customizations", "nestproof", "egress", "standIn") == names(StandIn)


def test_the_value_with_its_variables_resolved_is_what_counts() -> None:
    document = jsonc.parse('{"image": "x", "waitFor": "${localEnv:WAIT}"}', name="devcontainer.json")
    config, found = validate(document, {"image": "x", "waitFor": "onCreateCommand"})
    assert found == ()
    assert config is not None
    assert config.wait_for == "onCreateCommand"


# Anything at all

KEYS = st.sampled_from(
    sorted(
        names(DevContainer) | names(Build) | names(MountObject) | names(PortAttributes) | names(Gpu)
        | names(HostRequirements) | names(Declarations)
        | {"nestproof", "extensions", "string", "object", "list", "number", "boolean", "privilegd", "80"}
    )
) | st.text(max_size=5)  # fmt: skip
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["x", "bind", "none", "8gb", "${localEnv:A}", "stopCompose"])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
CONFIGURATIONS = st.dictionaries(KEYS, VALUES, max_size=8) | VALUES


def _violations(text: str, document: jsonc.Document, found: tuple[Diagnostic, ...]) -> Iterator[str]:
    offsets = [m.start.offset for m in found]
    if offsets != sorted(offsets):
        yield "out of order"
    for diagnostic in found:
        if not 0 <= diagnostic.start.offset <= diagnostic.end.offset <= len(text):
            yield f"out of bounds: {diagnostic}"
        if diagnostic.severity != RULES[diagnostic.rule].severity:
            yield f"another severity: {diagnostic}"
        if "valid" in diagnostic.message or "schema" in diagnostic.message.replace("$schema", ""):
            yield f"a validator's words: {diagnostic}"
        render_diagnostic(document.source, diagnostic)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIGURATIONS, st.sampled_from([None, 1]))
def test_any_json_value_gives_mistakes_within_the_text(value: Any, indent: int | None) -> None:
    # The words of a validator are looked for: no key may bring them in.
    text = json.dumps(value, indent=indent).replace("valid", "").replace("schema_", "")
    document, config, found = read(text)
    assert list(_violations(text, document, found)) == []
    assert (config is None) == any(diagnostic.severity == "error" for diagnostic in found)


def test_the_old_declarations_are_an_error_at_their_place() -> None:
    _, config, [found] = read('{"image": "x",\n "customizations": {"nestbox": {"packs": []}}}')
    assert config is None
    assert (found.severity, found.start.line, found.start.column) == ("error", 2, 32)
    assert (
        found.message
        == "`customizations.nestbox` is not read any more; rename it to `customizations.nestproof`"
    )
