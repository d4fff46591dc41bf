"""The privilege lock: read, written, and held against a profile, every objection at its place."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestproof.core.diagnostics import Finding
from nestproof.core.errors import NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status
from nestproof.devcontainer.loading import read_profile
from nestproof.devcontainer.profile import LoadResult
from nestproof.privileges.locations import relaxation_locations
from nestproof.privileges.lock import (
    HEADER,
    LOCK_FILE,
    UNWRITTEN,
    Lock,
    parse_lock,
    read_lock,
    render_lock,
    unwritten_reason,
    write_lock,
)
from nestproof.privileges.lock_check import RULES, check_lock, check_sections

FILE = ".devcontainer/devcontainer.json"

# Reading


def spans(text: str) -> dict[tuple[str, ...], str]:
    """What each place of a lock shows."""
    lock = parse_lock(text)
    return {path: text[start.offset : end.offset] for path, (start, end) in lock.places().items()}


def test_a_lock_is_read_as_the_mapping_that_it_is() -> None:
    lock = parse_lock('[default]\n[secure]\n"privileged" = "why"\n')
    assert dict(lock) == {"default": {}, "secure": {"privileged": "why"}}
    assert len(lock) == 2
    assert lock["secure"]["privileged"] == "why"
    assert "gone" not in lock


def test_each_name_has_its_line() -> None:
    lock = parse_lock('# why\n\n[secure]\n  "privileged" = "a" # b\n"pid=host" = "c"\n')
    places = lock.places()
    assert [(path, at[0].line, at[0].column) for path, at in places.items()] == [
        (("secure",), 3, 1),
        (("secure", "privileged"), 4, 3),
        (("secure", "pid=host"), 5, 1),
    ]


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('[secure]\n"pid=host" = "a"\n', ("secure", "pid=host"), '"pid=host" = "a"'),
        ("[secure]\n'pid=host' = 'a'", ("secure", "pid=host"), "'pid=host' = 'a'"),
        ('[secure]\r\nprivileged = "a"\r\n', ("secure", "privileged"), 'privileged = "a"'),
        ('secure.privileged = "a"\n', ("secure", "privileged"), 'secure.privileged = "a"'),
        ('secure = { privileged = "a" }\n', ("secure", "privileged"), 'secure = { privileged = "a" }'),
        ('[ "se cure" ] # x\n', ("se cure",), '[ "se cure" ] # x'),
        (
            '[a]\nx = """\n[b]\ny = "z"\n"""\n[b]\ny = "w"',
            ("b", "y"),
            'y = "w"',
        ),
        ('[a]\nx = """\n[b]\n"""', ("a", "x"), 'x = """\n[b]\n"""'),
    ],
)
def test_a_line_is_found_however_it_is_written(text: str, path: tuple[str, ...], line: str) -> None:
    assert spans(text)[path] == line


def test_what_stands_inside_of_a_string_is_no_line() -> None:
    assert set(spans('[a]\nx = """\n[b]\ny = "z"\n"""\n')) == {("a",), ("a", "x")}


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (b"[secure", f"{LOCK_FILE} cannot be read", "at end of document"),
        (b"\xff", f"{LOCK_FILE} cannot be read", "invalid start byte"),
        (b"[[a]]\n", f"{LOCK_FILE}: [a] must be a table of relaxations, each with its reason", ""),
        (b"[a.b]\n", f"{LOCK_FILE}: [a] must be a table of relaxations, each with its reason", ""),
        (b"a = 1\n", f"{LOCK_FILE}: [a] must be a table of relaxations, each with its reason", ""),
    ],
)
def test_what_is_no_lock_is_a_usage_error(tmp_path: Path, content: bytes, what: str, why: str) -> None:
    (tmp_path / ".devcontainer").mkdir()
    (tmp_path / LOCK_FILE).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_lock(tmp_path)
    assert caught.value.what == what
    assert why in caught.value.why


# Writing


def files(tmp_path: Path) -> list[str]:
    return [file.name for file in (tmp_path / ".devcontainer").iterdir()]


NAMES = st.text(min_size=1, max_size=20)
REASONS = st.dictionaries(NAMES, st.dictionaries(NAMES, st.text(), max_size=4), max_size=4)


@given(REASONS)
def test_any_name_and_any_reason_survive(reasons: dict[str, dict[str, str]]) -> None:
    text = render_lock(reasons)
    lock = parse_lock(text)
    assert dict(lock) == reasons
    assert render_lock(lock, lock) == text
    assert set(lock.places()) == {
        *((name,) for name in reasons),
        *((name, item) for name, items in reasons.items() for item in items),
    }


@given(REASONS, REASONS)
def test_any_lock_can_become_any_other(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]
) -> None:
    lock = parse_lock(render_lock(before))
    assert dict(parse_lock(render_lock(after, lock))) == after


COMMENTED = """\
# Ours.

# Ask security.
[secure] # who asks
# The reviewers want this one gone.
"cap-add=BPF" = "old" # until March
'pid=host' = '''it # is
so'''

[gone]
"x" = "y"

# The end.
"""


def test_a_persons_comments_order_and_form_stay() -> None:
    lock = parse_lock(COMMENTED)
    reasons = {"secure": {"pid=host": "it # is\nso", "cap-add=BPF": "new", "privileged": "all"}, "more": {}}
    assert (
        render_lock(reasons, lock)
        == """\
# Ours.

# Ask security.
[secure] # who asks
# The reviewers want this one gone.
"cap-add=BPF" = "new" # until March
'pid=host' = '''it # is
so'''
"privileged" = "all"

[more]
"""
    )


@pytest.mark.parametrize("text", ['a."pid=host" = "r"\n', 'a = {"pid=host" = "r"}\n'])
def test_a_lock_in_another_form_is_written_anew(text: str) -> None:
    reasons = {"a": {"pid=host": "r", "privileged": "s"}}
    assert dict(parse_lock(render_lock(reasons, parse_lock(text)))) == reasons


def test_a_written_lock_is_sorted_and_can_be_read_by_eye() -> None:
    reasons = {"secure": {"pid=host": 'a "b" \\ c', "cap-add=X": "d\n\te\u202e"}, "a b": {}, "default": {}}
    assert render_lock(reasons) == (
        f"{HEADER}\n"
        '["a b"]\n\n'
        "[default]\n\n"
        "[secure]\n"
        '"cap-add=X" = "d\\n\\te\\u202e"\n'
        '"pid=host" = "a \\"b\\" \\\\ c"\n'
    )


def test_a_name_that_is_not_utf_8_cannot_be_written() -> None:
    with pytest.raises(UsageError) as caught:
        render_lock({os.fsdecode(b"\xff"): {}})
    assert str(caught.value) == (
        f"\\udcff cannot stand in {LOCK_FILE}\n  why: it is not UTF-8\n  fix: rename it"
    )


def test_a_lock_is_made_with_its_folder(tmp_path: Path) -> None:
    write_lock(tmp_path, "[a]\n")
    assert (tmp_path / LOCK_FILE).read_bytes() == b"[a]\n"
    assert files(tmp_path) == ["privileges.lock"]


def test_a_rewritten_lock_keeps_its_mode(tmp_path: Path) -> None:
    write_lock(tmp_path, "[a]\n")
    (tmp_path / LOCK_FILE).chmod(0o640)
    write_lock(tmp_path, "[b]\n")
    assert (tmp_path / LOCK_FILE).read_text() == "[b]\n"
    assert stat.S_IMODE((tmp_path / LOCK_FILE).stat().st_mode) == 0o640


def test_a_write_that_fails_leaves_the_old_lock_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(tmp_path, "[a]\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NestproofError) as caught:
        write_lock(tmp_path, "[b]\n")
    assert caught.value.what == f"{LOCK_FILE} cannot be written"
    assert caught.value.why == "[Errno 28] No space left on device"
    assert (tmp_path / LOCK_FILE).read_text() == "[a]\n"
    assert files(tmp_path) == ["privileges.lock"]


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".devcontainer").mkdir()
    other = tmp_path / "other"
    other.write_text("kept")
    (tmp_path / LOCK_FILE).symlink_to(other)
    with pytest.raises(NestproofError) as caught:
        write_lock(tmp_path, "[b]\n")
    assert caught.value.why == "it is a symbolic link"
    assert other.read_text() == "kept"


def test_a_file_where_the_folder_belongs_is_named(tmp_path: Path) -> None:
    (tmp_path / ".devcontainer").touch()
    with pytest.raises(NestproofError) as caught:
        write_lock(tmp_path, "[b]\n")
    assert caught.value.what == f"{LOCK_FILE} cannot be written"


# Places


def reading(tmp_path: Path, config: str | dict[str, Any], **environment: str) -> LoadResult:
    file = tmp_path / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(config if isinstance(config, str) else json.dumps(config, indent=2))
    one = read_profile("default", file, tmp_path, environment)
    assert one.profile is not None, one.diagnostics
    return one


def places(tmp_path: Path, config: dict[str, Any], **environment: str) -> dict[str, list[tuple[str, str]]]:
    one = reading(tmp_path, {"image": "x", **config}, **environment)
    assert one.profile is not None
    text = one.document.text
    return {
        name: [(place.path, " ".join(text[place.start.offset : place.end.offset].split())) for place in found]
        for name, found in relaxation_locations(one.profile, one.document).items()
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        ({"privileged": True}, {"privileged": [("privileged", "true")]}),
        ({"privileged": False, "runArgs": ["--privileged=false"]}, {}),
        ({"capAdd": ["CHOWN", "cap_sys_admin"]}, {"cap-add=SYS_ADMIN": [("capAdd[1]", '"cap_sys_admin"')]}),
        (
            {"securityOpt": ["apparmor:unconfined"]},
            {"security-opt=apparmor=unconfined": [("securityOpt[0]", '"apparmor:unconfined"')]},
        ),
        (
            {"runArgs": ["--init", "--cap-add", "SYS_ADMIN", "--cap-add=BPF"]},
            {
                "cap-add=SYS_ADMIN": [("runArgs[1]", '"--cap-add", "SYS_ADMIN"')],
                "cap-add=BPF": [("runArgs[3]", '"--cap-add=BPF"')],
            },
        ),
        (
            {"runArgs": ["-it", "-v", "/etc:/e", "-v/:/host", "--hostname", "--privileged"]},
            {
                "mount=/etc": [("runArgs[1]", '"-v", "/etc:/e"')],
                "mount=/": [("runArgs[3]", '"-v/:/host"')],
            },
        ),
        (
            {"runArgs": ["--network=none", "--network", "host"]},
            {"network=host": [("runArgs[1]", '"--network", "host"')]},
        ),
        ({"runArgs": ["--network=host", "--network=none"]}, {}),
        (
            {"capAdd": ["SYS_ADMIN"], "runArgs": ["--cap-add=SYS_ADMIN"]},
            {"cap-add=SYS_ADMIN": [("runArgs[0]", '"--cap-add=SYS_ADMIN"'), ("capAdd[0]", '"SYS_ADMIN"')]},
        ),
        (
            {"mounts": ["type=bind,source=/proc,target=/p"]},
            {"mount=/proc": [("mounts[0]", '"type=bind,source=/proc,target=/p"')]},
        ),
        (
            {"mounts": [{"type": "bind", "source": "/sys", "target": "/s"}]},
            {"mount=/sys": [("mounts[0]", '{ "type": "bind", "source": "/sys", "target": "/s" }')]},
        ),
        (
            {"workspaceMount": "type=bind,source=/root,target=/r", "workspaceFolder": "/r"},
            {"mount=/root": [("workspaceMount", '"type=bind,source=/root,target=/r"')]},
        ),
        ({"runArgs": ["--pid=host"]}, {"pid=host": [("runArgs[0]", '"--pid=host"')]}),
        (
            {"runArgs": ["--device", "/dev/kvm:/dev/kvm"]},
            {"device=/dev/kvm": [("runArgs[0]", '"--device", "/dev/kvm:/dev/kvm"')]},
        ),
    ],
)
def test_a_relaxation_is_found_where_it_is_asked_for(
    tmp_path: Path, config: dict[str, Any], expected: dict[str, list[tuple[str, str]]]
) -> None:
    assert places(tmp_path, config) == expected


def test_a_relaxation_from_a_variable_is_found_where_the_variable_stands(tmp_path: Path) -> None:
    config = {"runArgs": ["--cap-add", "${localEnv:MORE}"]}
    assert places(tmp_path, config, MORE="SYS_ADMIN") == {
        "cap-add=SYS_ADMIN": [("runArgs[0]", '"--cap-add", "${localEnv:MORE}"')]
    }


# A profile held against the lock


def check(tmp_path: Path, config: str | dict[str, Any], lock: str | None) -> Outcome:
    one = reading(tmp_path, config)
    assert one.profile is not None
    outcome = check_lock("default", one.profile, one.document, None if lock is None else parse_lock(lock))
    assert outcome.id == "check.lock"
    assert all(finding.diagnostic.rule in RULES for finding in outcome.findings)
    return outcome


def said(findings: tuple[Finding, ...]) -> list[str]:
    return [
        f"{finding.file}:{m.start.line}:{m.start.column}: {m.severity}: {m.message}"
        for finding in findings
        for m in [finding.diagnostic]
    ]


def shown(finding: Finding) -> list[str]:
    """The line and the carets."""
    return finding.excerpt.splitlines()[1:]


NET_ADMIN = {"image": "x", "capAdd": ["NET_ADMIN"]}


def test_without_a_lock_a_profile_passes_and_is_told_how_to_make_one(tmp_path: Path) -> None:
    outcome = check(tmp_path, NET_ADMIN, None)
    assert outcome.status is Status.PASS
    assert outcome.summary == (
        f"{FILE}: 1 relaxation, and no {LOCK_FILE} yet; nestproof privileges --update writes one"
    )


@pytest.mark.parametrize(
    ("config", "lock", "summary"),
    [
        ({"image": "x"}, "", "no relaxations, as the lock has it"),
        ({"image": "x"}, "[default]\n", "no relaxations, as the lock has it"),
        (NET_ADMIN, '[default]\n"cap-add=NET_ADMIN" = "a VPN"\n', "1 relaxation, each in the lock"),
    ],
)
def test_what_the_lock_has_passes(tmp_path: Path, config: dict[str, Any], lock: str, summary: str) -> None:
    outcome = check(tmp_path, config, lock)
    assert (outcome.status, outcome.summary, outcome.findings) == (Status.PASS, f"{FILE}: {summary}", ())


def test_what_the_lock_lacks_fails_at_its_place(tmp_path: Path) -> None:
    text = '{\n  "image": "x",\n  "runArgs": [\n    "--init",\n    "--cap-add", "NET_ADMIN"\n  ]\n}\n'
    outcome = check(tmp_path, text, '[secure]\n"cap-add=NET_ADMIN" = "a VPN"\n')
    allows = (
        "root in the container can configure the container's network and firewall, "
        "and attack the kernel code behind them"
    )
    assert outcome.status is Status.FAIL
    assert outcome.summary == (
        f"{FILE}:5:5: asks for cap-add=NET_ADMIN, which the lock does not have for default"
    )
    assert outcome.cause == f"cap-add=NET_ADMIN: {allows}"
    assert outcome.fix == (
        "remove what is not needed; for the rest write a line with its reason into the lock: "
        "nestproof privileges --update"
    )
    (finding,) = outcome.findings
    assert (finding.diagnostic.rule, finding.diagnostic.severity) == ("lock-relaxation", "error")
    assert said((finding,)) == [
        f"{FILE}:5:5: error: runArgs[1] asks for cap-add=NET_ADMIN, "
        f"which the lock does not have for default: {allows}"
    ]
    assert shown(finding) == ['    "--cap-add", "NET_ADMIN"', "    ^^^^^^^^^^^^^^^^^^^^^^^^"]
    assert finding.fix == (
        f'remove it, or add to [default] in {LOCK_FILE}: "cap-add=NET_ADMIN" = "why default needs it"'
    )


def test_each_relaxation_that_the_lock_lacks_has_a_finding(tmp_path: Path) -> None:
    config = {"image": "x", "privileged": True, "capAdd": ["NET_ADMIN"], "runArgs": ["--cap-add=NET_ADMIN"]}
    outcome = check(tmp_path, config, "")
    assert outcome.summary == (
        f"{FILE}:8:5: asks for cap-add=NET_ADMIN, privileged, which the lock does not have for default"
    )
    assert [finding.diagnostic.start.line for finding in outcome.findings] == [8, 3]
    assert [note.note for note in outcome.findings[0].diagnostic.related] == ["capAdd[0] asks for it too"]
    assert len(outcome.cause.splitlines()) == 2


def test_what_the_file_does_not_name_is_reported_at_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever works in /root shares all of it; a test cannot.
    monkeypatch.setattr("nestproof.privileges.relaxations.SYSTEM_FOLDERS", (str(tmp_path),))
    outcome = check(tmp_path, {"image": "x"}, "")
    (finding,) = outcome.findings
    assert finding.diagnostic.message.startswith(
        f"the profile asks for mount={tmp_path}, which the lock does not have for default: "
    )
    assert (finding.diagnostic.start.line, finding.diagnostic.start.column) == (1, 1)


def test_what_nothing_asks_for_is_a_warning_at_its_line(tmp_path: Path) -> None:
    outcome = check(tmp_path, {"image": "x"}, '# why\n[default]\n"pid=host" = "debugging"\n')
    assert outcome.status is Status.PASS
    assert outcome.summary == f"{FILE}: no relaxations, as the lock has it (1 warning)"
    (finding,) = outcome.findings
    assert finding.diagnostic.rule == "lock-unused"
    assert said((finding,)) == [
        f"{LOCK_FILE}:3:1: warning: the lock has pid=host for default, and {FILE} does not ask for it"
    ]
    assert shown(finding) == ['"pid=host" = "debugging"', "^^^^^^^^^^^^^^^^^^^^^^^^"]
    assert finding.fix == "remove the line: nestproof privileges --update"


@pytest.mark.parametrize("reason", ["", "  ", "\\n"])
def test_an_empty_reason_is_an_error(tmp_path: Path, reason: str) -> None:
    outcome = check(tmp_path, NET_ADMIN, f'[default]\n"cap-add=NET_ADMIN" = "{reason}"\n')
    assert outcome.status is Status.FAIL
    assert outcome.summary == f"{LOCK_FILE}:2:1: cap-add=NET_ADMIN has no reason"
    assert outcome.cause == "a relaxation that nobody gives a reason for is one that nobody has weighed"
    assert outcome.fix == "write why default needs it"
    assert said(outcome.findings) == [f"{LOCK_FILE}:2:1: error: cap-add=NET_ADMIN has no reason"]
    assert outcome.findings[0].diagnostic.rule == "lock-reason"


def test_a_reason_that_nobody_wrote_is_a_warning(tmp_path: Path) -> None:
    lock = render_lock({"default": {"cap-add=NET_ADMIN": unwritten_reason("cap-add=NET_ADMIN")}})
    outcome = check(tmp_path, NET_ADMIN, lock)
    assert outcome.status is Status.PASS
    assert outcome.summary == f"{FILE}: 1 relaxation, each in the lock (1 warning)"
    assert said(outcome.findings) == [
        f"{LOCK_FILE}:5:1: warning: the reason for cap-add=NET_ADMIN is the one that nestproof filled in"
    ]
    assert outcome.findings[0].diagnostic.rule == "lock-reason"
    assert outcome.findings[0].fix == "write why default needs it"


def test_a_filled_in_reason_says_what_the_relaxation_allows() -> None:
    assert unwritten_reason("mount=/boot") == (
        f"{UNWRITTEN} root in the container can replace the host's kernel, unless the mount is read-only"
    )


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    config = {"image": "x", "capAdd": ["NET_ADMIN", "SYS_ADMIN"]}
    outcome = check(tmp_path, config, '[default]\n"pid=host" = "x"\n"cap-add=NET_ADMIN" = ""\n')
    assert outcome.status is Status.FAIL
    assert [finding.diagnostic.rule for finding in outcome.findings] == [
        "lock-relaxation",
        "lock-unused",
        "lock-reason",
    ]


# Profiles that do not exist


def test_a_table_for_no_profile_is_a_warning() -> None:
    outcome = check_sections(["default"], parse_lock('[default]\n\n[gone]\n"pid=host" = "x"\n'))
    assert outcome is not None
    assert outcome.status is Status.PASS
    assert outcome.summary == f'{LOCK_FILE}: names "gone": no such profile'
    assert said(outcome.findings) == [f'{LOCK_FILE}:3:1: warning: there is no profile "gone"']


def test_tables_for_profiles_that_exist_are_fine() -> None:
    outcome = check_sections(["default", "secure"], parse_lock("[secure]\n"))
    assert outcome is not None
    assert outcome.summary == f"{LOCK_FILE}: names only profiles that exist"
    assert outcome.findings == ()


def test_without_a_lock_there_are_no_tables_to_check() -> None:
    assert check_sections(["default"], None) is None


def test_a_lock_cannot_be_changed() -> None:
    lock: Lock = parse_lock("[a]\n")
    with pytest.raises(AttributeError):
        lock.reasons = {}  # type: ignore[misc]
