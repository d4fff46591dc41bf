"""The privileges of all profiles: shown, written into the lock, compared with a revision in real git."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from nestproof.cli.commands import print_privileges
from nestproof.core.errors import CommandError, UsageError
from nestproof.core.git import UnanswerableError
from nestproof.core.outcome import Status
from nestproof.devcontainer.discovery import discover
from nestproof.devcontainer.loading import read_profile
from nestproof.devcontainer.profile import ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges.comparison import Comparison, compare
from nestproof.privileges.inventory import LockStatus, Privilege, show, update
from nestproof.privileges.lock import HEADER, LOCK_FILE, read_lock
from nestproof.privileges.lock_check import check_lock
from nestproof.privileges.revision import profiles_among
from nestproof.privileges.text import text, to_json

DEFAULT = ".devcontainer/devcontainer.json"
SECURE = ".devcontainer/devcontainer.secure.json"
KVM = "root in the container can run virtual machines, and attack the kernel code for them"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git as it is anywhere: without the settings of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    # Without maintenance, a commit starts one program and not two.
    (home / ".gitconfig").write_text(
        "[user]\n\tname = nobody\n\temail = nobody@example.org\n[maintenance]\n\tauto = false\n"
    )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(workspace: Path, name: str, content: dict[str, Any] | str) -> None:
    file = workspace / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str):
        content = json.dumps({"image": "x", **content}, indent=2) + "\n"
    file.write_text(content)


def git(folder: Path, *arguments: str) -> str:
    completed = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return completed.stdout.strip()


def commit(folder: Path, message: str = "Change") -> None:
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--template=", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD")


# Shown


def test_a_table_has_every_profile_and_the_gravest_relaxation_first(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    write(workspace, SECURE, {"runArgs": ["--device=/dev/kvm"], "privileged": True})
    write(workspace, LOCK_FILE, '[secure]\nprivileged = "to run Docker"\n"pid=host" = "debugging"\n[gone]\n')
    shown = show(ProfileReader(workspace, {}))
    assert text(shown, 80) == (
        f"default  ({DEFAULT})\n"
        "  no relaxation\n"
        "\n"
        f"secure  ({SECURE})\n"
        "  critical  privileged       in the lock\n"
        "            why:    to run Docker\n"
        "            allows: root in the container is root on the host in all but name:\n"
        "                    every capability and device, no seccomp filter, no AppArmor\n"
        "                    or SELinux policy, no masked path\n"
        "  high      pid=host         in the lock, not asked for\n"
        "            why:    debugging\n"
        "            allows: any process can see those of the host and, where no AppArmor\n"
        "                    policy stands in the way, end those of its own user id\n"
        "  medium    device=/dev/kvm  not in the lock\n"
        "            allows: root in the container can run virtual machines, and attack\n"
        "                    the kernel code for them\n"
        "\n"
        f"gone  (no such profile; only {LOCK_FILE} names it)\n"
        "  no relaxation\n"
        "\n"
        "3 relaxations: 1 in the lock, 1 not in the lock, 1 in the lock, not asked for"
    )
    assert shown.exit_code == 1


def test_without_a_lock_the_table_says_how_to_make_one(workspace: Path) -> None:
    write(workspace, DEFAULT, {"runArgs": ["--device=/dev/kvm"]})
    shown = show(ProfileReader(workspace, {}))
    assert text(shown).splitlines()[-2:] == [
        "1 relaxation: 1 no lock",
        f"there is no {LOCK_FILE}; this writes it: nestproof privileges --update",
    ]
    assert shown.exit_code == 0


@pytest.mark.parametrize("width", [0, 80, 100, 120, 1000])
def test_no_line_is_wider_than_the_terminal(workspace: Path, width: int) -> None:
    source = "/proc/" + "x" * 90
    write(workspace, DEFAULT, {"privileged": True, "runArgs": [f"-v{source}:/x", "--cap-add=SYS_ADMIN"]})
    write(workspace, LOCK_FILE, f'[default]\nprivileged = "{"many words " * 30}"\n')
    lines = text(show(ProfileReader(workspace, {})), width).splitlines()
    assert max(map(len, lines)) <= max(80, min(width, 120))
    assert source in "".join(line.strip() for line in lines)


def test_a_table_shows_no_control_character_of_a_reason(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True})
    write(workspace, LOCK_FILE, '[default]\nprivileged = "\\u001b[2J\\u202e"\n')
    assert "why:    \\u001b[2J\\u202e" in text(show(ProfileReader(workspace, {})))


def test_a_profile_that_cannot_be_read_hides_no_other(workspace: Path) -> None:
    write(workspace, DEFAULT, '{"image": 1}')
    write(workspace, SECURE, {"privileged": True})
    shown = show(ProfileReader(workspace, {}))
    assert [holder.name for holder in shown.holders] == ["default", "secure"]
    assert shown.holders[0].trouble.startswith(f"{DEFAULT}:1:11: error: ")
    assert "  it cannot be read:\n    .devcontainer/devcontainer.json:1:11: error: " in text(shown)
    assert shown.exit_code == 1


def test_all_in_the_lock_exits_with_0(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True})
    write(workspace, LOCK_FILE, '[default]\nprivileged = "why"\n')
    shown = show(ProfileReader(workspace, {}))
    assert shown.exit_code == 0
    assert to_json(shown) == {
        "schemaVersion": 1,
        "exitCode": 0,
        "lock": LOCK_FILE,
        "profiles": [
            {
                "name": "default",
                "file": DEFAULT,
                "trouble": None,
                "relaxations": [
                    {
                        "relaxation": "privileged",
                        "rank": "critical",
                        "allows": "root in the container is root on the host in all but name: every "
                        "capability and device, no seccomp filter, no AppArmor or SELinux policy, no "
                        "masked path",
                        "source": "Docker documentation, docker container run",
                        "standing": "in the lock",
                        "reason": "why",
                    }
                ],
            }
        ],
    }


def test_a_variable_counts_as_what_it_stands_for(workspace: Path) -> None:
    write(workspace, DEFAULT, {"runArgs": ["--network=${localEnv:NET:none}"]})
    variable = Privilege("local-env=NET", LockStatus.UNHELD)
    assert show(ProfileReader(workspace, {})).holders[0].privileges == (variable,)
    privileges = show(ProfileReader(workspace, {"NET": "host"})).holders[0].privileges
    assert privileges == (Privilege("network=host", LockStatus.UNHELD), variable)


def test_a_folder_without_profiles_is_a_usage_error(workspace: Path) -> None:
    for ask in (show, update):
        with pytest.raises(UsageError, match="no devcontainer configuration was found"):
            ask(ProfileReader(workspace, {}))


# Updated


def test_a_first_update_writes_a_lock_that_wants_reasons(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    write(workspace, SECURE, {"runArgs": ["--device=/dev/kvm"]})
    updated = update(ProfileReader(workspace, {}))
    assert (workspace / LOCK_FILE).read_text() == (
        f'{HEADER}\n[default]\n\n[secure]\n"device=/dev/kvm" = "(reason wanted) {KVM}"\n'
    )
    assert updated.exit_code == 0
    assert text(updated) == (
        f"{LOCK_FILE}: written\n"
        "  + secure  device=/dev/kvm\n"
        "1 reason for a person to write: what starts with (reason wanted)"
    )
    one = read_profile("secure", workspace / SECURE, workspace, {})
    assert one.profile
    outcome = check_lock("secure", one.profile, one.document, read_lock(workspace))
    assert outcome.status is Status.PASS
    assert [finding.diagnostic.rule for finding in outcome.findings] == ["lock-reason"]


def test_an_update_keeps_reasons_and_comments(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True, "capAdd": ["BPF"], "runArgs": ["--pid=host"]})
    write(
        workspace,
        LOCK_FILE,
        '# Ours.\n\n# Ask security.\n\n[gone]\nx = "y"\n[default]\nprivileged = "it\\u0027s so" # really\n'
        '"uts=host" = "z"\n"cap-add=BPF" = " "\n',
    )
    updated = update(ProfileReader(workspace, {}))
    assert (workspace / LOCK_FILE).read_text() == (
        "# Ours.\n\n# Ask security.\n\n[default]\n"
        'privileged = "it\\u0027s so" # really\n'
        '"cap-add=BPF" = "(reason wanted) root in the container can load BPF programs into the host\'s '
        'kernel, and attack it through their verifier"\n'
        '"pid=host" = "(reason wanted) any process can see those of the host and, where no AppArmor policy '
        'stands in the way, end those of its own user id"\n'
    )
    assert text(updated, 80) == (
        f"{LOCK_FILE}: written\n"
        "  + default  pid=host\n"
        "  - gone  x\n"
        "  - default  uts=host\n"
        "2 reasons for a person to write: what starts with (reason wanted)"
    )
    assert to_json(updated) == {
        "schemaVersion": 1,
        "exitCode": 0,
        "lock": LOCK_FILE,
        "written": True,
        "added": [{"profile": "default", "relaxation": "pid=host"}],
        "removed": [
            {"profile": "gone", "relaxation": "x"},
            {"profile": "default", "relaxation": "uts=host"},
        ],
        "unwritten": [
            {"profile": "default", "relaxation": "cap-add=BPF"},
            {"profile": "default", "relaxation": "pid=host"},
        ],
    }


def test_a_second_update_writes_nothing(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True})
    update(ProfileReader(workspace, {}))
    before = (workspace / LOCK_FILE).stat()
    updated = update(ProfileReader(workspace, {}))
    after = (workspace / LOCK_FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not updated.written
    assert text(updated).startswith(f"{LOCK_FILE}: holds what the profiles ask for\n")


def test_after_an_update_everything_is_in_the_lock(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True, "securityOpt": ["seccomp=own.json"], "capAdd": ["ALL"]})
    assert update(ProfileReader(workspace, {})).written
    assert {p.standing for p in show(ProfileReader(workspace, {})).holders[0].privileges} == {
        LockStatus.LOCKED
    }


def test_while_a_profile_cannot_be_read_the_lock_stays(workspace: Path) -> None:
    write(workspace, DEFAULT, '{"image": 1}')
    write(workspace, SECURE, '{"image": "x"')
    write(workspace, LOCK_FILE, '[default]\nprivileged = "why"\n')
    with pytest.raises(ProfileError) as caught:
        update(ProfileReader(workspace, {}))
    assert f"{DEFAULT}:1:11: error: " in caught.value.what
    assert f"{SECURE}:1:" in caught.value.what
    assert caught.value.fix == f"{LOCK_FILE} is as it was; mend the profile first"
    assert (workspace / LOCK_FILE).read_text() == '[default]\nprivileged = "why"\n'


def test_a_lock_that_cannot_be_read_is_not_written_over(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    write(workspace, LOCK_FILE, "[default\n")
    with pytest.raises(UsageError, match=f"{LOCK_FILE} cannot be read"):
        update(ProfileReader(workspace, {}))
    assert (workspace / LOCK_FILE).read_text() == "[default\n"


# Compared


def compared(workspace: Path, base: str = "main", **environment: str) -> Comparison:
    """The comparison, whose JSON form and text must always exist."""
    comparison = compare(ProfileReader(workspace, environment), base)
    assert to_json(comparison)["exitCode"] == comparison.exit_code
    assert text(comparison).splitlines()[-1].endswith(f"(exit {comparison.exit_code})")
    return comparison


def changes(comparison: Comparison) -> dict[str, tuple[list[str], list[str], int]]:
    return {
        change.name: ([p.relaxation for p in change.added], list(change.removed), change.kept)
        for change in comparison.changes
    }


def story(comparison: Comparison, name: str) -> str:
    """The line that a profile starts with, and what follows up to its count."""
    _, _, after = text(comparison).partition(f"\n\n{name}  ")
    return after.partition("\n\n")[0]


def test_a_branch_that_adds_exits_with_1(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    write(workspace, SECURE, {"capAdd": ["BPF"], "runArgs": ["--pid=host"]})
    commit(workspace)
    base = head(workspace)
    git(workspace, "switch", "--quiet", "--create", "branch")
    write(workspace, SECURE, {"capAdd": ["BPF", "SYSLOG"], "privileged": True})
    write(workspace, LOCK_FILE, '[secure]\nprivileged = "to run Docker"\n')
    commit(workspace)
    comparison = compared(workspace)
    assert changes(comparison) == {
        "default": ([], [], 0),
        "secure": (["privileged", "cap-add=SYSLOG"], ["pid=host"], 1),
    }
    assert comparison.exit_code == 1
    assert text(comparison, 80) == (
        f"what the working tree adds and removes since {base[:12]}, its merge base with\n"
        "main\n"
        "\n"
        f"default  ({DEFAULT})\n"
        "  0 added, 0 removed, 0 kept\n"
        "\n"
        f"secure  ({SECURE})\n"
        "+ critical  privileged      in the lock\n"
        "            why:    to run Docker\n"
        "            allows: root in the container is root on the host in all but name:\n"
        "                    every capability and device, no seccomp filter, no AppArmor\n"
        "                    or SELinux policy, no masked path\n"
        "+ medium    cap-add=SYSLOG  not in the lock\n"
        "            allows: root in the container can read and clear the host's kernel\n"
        "                    log, and learn addresses in its kernel\n"
        "- high      pid=host\n"
        "  2 added, 1 removed, 1 kept\n"
        "\n"
        "2 added, 1 removed (exit 1)"
    )


def test_the_json_form_has_all_of_it(workspace: Path) -> None:
    write(workspace, SECURE, {"runArgs": ["--pid=host"]})
    commit(workspace)
    base = head(workspace)
    write(workspace, SECURE, {"runArgs": ["--device=/dev/kvm"]})
    value = to_json(compared(workspace))
    assert (value["base"], value["mergeBase"], value["exitCode"]) == ("main", base, 1)
    (profile,) = value["profiles"]
    assert profile["added"] == [
        {
            "relaxation": "device=/dev/kvm",
            "rank": "medium",
            "allows": KVM,
            "source": "Docker documentation, docker container run",
            "standing": "no lock",
            "reason": None,
        }
    ]
    assert [removed["relaxation"] for removed in profile["removed"]] == ["pid=host"]
    assert (profile["fileBefore"], profile["fileAfter"], profile["renamedFrom"]) == (SECURE, SECURE, None)
    assert json.loads(json.dumps(value)) == value


def test_a_branch_that_only_removes_exits_with_0(workspace: Path) -> None:
    write(workspace, SECURE, {"privileged": True})
    commit(workspace)
    write(workspace, SECURE, {})
    comparison = compared(workspace)
    assert changes(comparison) == {"secure": ([], ["privileged"], 0)}
    assert comparison.exit_code == 0


def test_what_is_not_committed_counts(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    write(workspace, DEFAULT, {"privileged": True})
    assert compared(workspace, "HEAD").exit_code == 1


def test_the_merge_base_counts_and_not_where_the_base_went_since(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    base = head(workspace)
    git(workspace, "branch", "branch")
    write(workspace, DEFAULT, {"privileged": True})
    commit(workspace)
    git(workspace, "switch", "--quiet", "branch")
    comparison = compared(workspace)
    assert comparison.commit == base
    assert changes(comparison) == {"default": ([], [], 0)}


def test_a_new_profile_is_all_added(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    write(workspace, ".devcontainer/agent/devcontainer.json", {"capAdd": ["BPF"]})
    comparison = compared(workspace)
    assert changes(comparison)["agent"] == (["cap-add=BPF"], [], 0)
    assert story(comparison, "agent").startswith("(.devcontainer/agent/devcontainer.json, new)\n")
    assert comparison.exit_code == 1


def test_the_first_profile_of_a_repository_is_all_added(workspace: Path) -> None:
    commit(workspace)
    write(workspace, DEFAULT, {"capAdd": ["BPF"]})
    assert changes(compared(workspace)) == {"default": (["cap-add=BPF"], [], 0)}


def test_a_profile_that_is_gone_is_all_removed(workspace: Path) -> None:
    write(workspace, SECURE, {"capAdd": ["BPF"]})
    commit(workspace)
    (workspace / SECURE).unlink()
    comparison = compared(workspace)
    assert changes(comparison) == {"secure": ([], ["cap-add=BPF"], 0)}
    assert story(comparison, "secure").startswith(f"({SECURE}, gone)\n")
    assert comparison.exit_code == 0


def test_no_profile_on_either_side_is_a_usage_error(workspace: Path) -> None:
    commit(workspace)
    with pytest.raises(UsageError, match="no devcontainer configuration was found"):
        compare(ProfileReader(workspace, {}), "main")


def test_a_renamed_profile_adds_under_its_new_name(workspace: Path) -> None:
    # What one name may have is no reason for another to have it: the new one may be what editors open.
    write(workspace, SECURE, {"capAdd": ["BPF"], "remoteUser": "vscode", "name": "secure"})
    commit(workspace)
    (workspace / SECURE).unlink()
    write(workspace, DEFAULT, {"capAdd": ["BPF"], "remoteUser": "vscode", "name": "default"})
    comparison = compared(workspace)
    assert changes(comparison) == {
        "secure": ([], ["cap-add=BPF"], 0),
        "default": (["cap-add=BPF"], [], 0),
    }
    assert story(comparison, "secure").startswith(f"({SECURE}, gone: renamed to default)\n")
    assert story(comparison, "default").startswith(f"({DEFAULT}, new: renamed from secure)\n")
    assert comparison.exit_code == 1


def test_a_profile_that_shares_no_half_of_its_lines_is_new(workspace: Path) -> None:
    write(workspace, SECURE, {"capAdd": ["BPF"], "remoteUser": "vscode", "name": "secure"})
    commit(workspace)
    (workspace / SECURE).unlink()
    write(workspace, DEFAULT, '{"image": "y"}')
    assert story(compared(workspace), "default").startswith(f"({DEFAULT}, new)\n")


def test_a_file_that_moved_is_the_same_profile(workspace: Path) -> None:
    write(workspace, ".devcontainer.json", {"capAdd": ["BPF"]})
    commit(workspace)
    (workspace / ".devcontainer.json").unlink()
    write(workspace, DEFAULT, {"capAdd": ["BPF"]})
    comparison = compared(workspace)
    assert changes(comparison) == {"default": ([], [], 1)}
    assert story(comparison, "default").startswith(f"({DEFAULT}, moved from .devcontainer.json)\n")


def test_after_a_broken_file_everything_counts_as_added(workspace: Path) -> None:
    write(workspace, DEFAULT, '{"image": "x",, "privileged": true}')
    commit(workspace)
    write(workspace, DEFAULT, {"privileged": True})
    comparison = compared(workspace)
    assert changes(comparison) == {"default": (["privileged"], [], 0)}
    assert story(comparison, "default").startswith(
        f"({DEFAULT})\n"
        "  it could not be read there, so all that it asks for counts as added:\n"
        f"    {DEFAULT}:1:15: error: "
    )
    assert comparison.exit_code == 1


def test_a_broken_file_that_is_mended_and_asks_for_nothing_adds_nothing(workspace: Path) -> None:
    write(workspace, DEFAULT, "{")
    commit(workspace)
    write(workspace, DEFAULT, {})
    assert compared(workspace).exit_code == 0


def test_a_profile_that_cannot_be_read_now_is_never_a_0(workspace: Path) -> None:
    write(workspace, DEFAULT, {"privileged": True})
    commit(workspace)
    write(workspace, DEFAULT, "{")
    comparison = compared(workspace)
    assert changes(comparison) == {"default": ([], [], 0)}
    assert "  it cannot be read now, so what it adds is not known:\n" in text(comparison)
    assert comparison.exit_code == 1


LINK = "it is a link or a submodule there, which nestproof does not follow"


def test_a_symbolic_link_in_the_revision_is_not_followed(workspace: Path) -> None:
    write(workspace, "elsewhere.json", {"privileged": True})
    (workspace / ".devcontainer").mkdir()
    (workspace / DEFAULT).symlink_to("../elsewhere.json")
    commit(workspace)
    comparison = compared(workspace)
    assert changes(comparison) == {"default": (["privileged"], [], 0)}
    assert f"    {DEFAULT}: {LINK}\n" in text(comparison)


def test_a_submodule_in_the_place_of_a_file_is_not_entered(workspace: Path) -> None:
    commit(workspace)
    git(workspace, "update-index", "--add", "--cacheinfo", f"160000,{head(workspace)},{DEFAULT}")
    git(workspace, "commit", "--quiet", "--message", "A submodule")
    write(workspace, DEFAULT, {"privileged": True})
    comparison = compared(workspace)
    assert changes(comparison) == {"default": (["privileged"], [], 0)}
    assert f"    {DEFAULT}: {LINK}\n" in text(comparison)


@pytest.mark.parametrize("content", [b'{"image": "\xff"}', b'{"image": "x"}' + b" " * (1 << 20)])
def test_a_file_that_git_cannot_hand_over_whole_counts_as_unreadable(workspace: Path, content: bytes) -> None:
    write(workspace, DEFAULT, {})
    (workspace / DEFAULT).write_bytes(content)
    commit(workspace)
    write(workspace, DEFAULT, {"privileged": True})
    comparison = compared(workspace)
    assert f"    {DEFAULT}: it is longer than 1,048,576 bytes there, or not UTF-8\n" in text(comparison)
    assert comparison.exit_code == 1


def test_a_workspace_below_the_top_of_the_repository_is_its_own(tmp_path: Path, workspace: Path) -> None:
    below = workspace / "packages" / "one"
    write(workspace, DEFAULT, {"privileged": True})
    write(below, DEFAULT, {"capAdd": ["BPF"]})
    commit(workspace)
    write(below, DEFAULT, {"capAdd": ["BPF", "SYSLOG"]})
    assert changes(compared(below)) == {"default": (["cap-add=SYSLOG"], [], 1)}


def test_both_sides_are_read_as_the_same_workspace(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A workspace can be a sensitive folder itself, as /root is; it was so before.
    write(workspace, DEFAULT, {})
    commit(workspace)
    monkeypatch.setattr("nestproof.privileges.relaxations.SYSTEM_FOLDERS", (str(workspace),))
    assert changes(compared(workspace)) == {"default": ([], [], 1)}


def test_both_sides_see_the_same_environment(workspace: Path) -> None:
    write(workspace, DEFAULT, {"runArgs": ["--network=${localEnv:NET:none}"]})
    commit(workspace)
    assert changes(compared(workspace, NET="host")) == {"default": ([], [], 2)}


def test_comments_and_a_byte_order_mark_are_read_in_a_revision_too(workspace: Path) -> None:
    write(workspace, DEFAULT, '\ufeff// all of it\n{"image": "x", "privileged": true}')
    commit(workspace)
    assert changes(compared(workspace)) == {"default": ([], [], 1)}


@pytest.mark.parametrize(
    "name", ["devcontainer.größe.json", "devcontainer.a b.json", "devcontainer.a\nb.json"]
)
def test_a_file_may_have_any_name(workspace: Path, name: str) -> None:
    write(workspace, f".devcontainer/{name}", {"privileged": True})
    commit(workspace)
    assert list(changes(compared(workspace)).values()) == [([], [], 1)]


def test_a_revision_has_the_profiles_that_a_folder_would_have(workspace: Path) -> None:
    names = [
        DEFAULT,
        SECURE,
        ".devcontainer.json",
        ".devcontainer/secure/devcontainer.json",
        ".devcontainer/.hidden/devcontainer.json",
        ".devcontainer/b/devcontainer.json",
        ".devcontainer/b/deeper/devcontainer.json",
        ".devcontainer/devcontainer.a.b.json",
        ".devcontainer/other.json",
        ".devcontainer/Devcontainer.c.json",
        "devcontainer.json",
        "sub/.devcontainer.json",
    ]
    for name in names:
        write(workspace, name, {})
    found = {name: str(file.relative_to(workspace)) for name, file in discover(workspace).items()}
    assert list(profiles_among(reversed(names)).items()) == list(found.items())
    commit(workspace)
    comparison = compared(workspace)
    assert [change.name for change in comparison.changes] == list(found)
    assert all(change.before == change.after for change in comparison.changes)


@pytest.mark.parametrize(
    "base",
    ["nope", "", "-h", "--help", "main:.devcontainer", "--since=x", "HEAD~7", "main..main", "a b", "0" * 40],
)
def test_an_unknown_revision_is_a_usage_error(workspace: Path, base: str) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    with pytest.raises(UsageError) as caught:
        compare(ProfileReader(workspace, {}), base)
    assert caught.value.what == f'"{base}" names no commit of this repository, or more than one'
    assert caught.value.fix == "name another, or fetch it first: git fetch origin"
    assert caught.value.exit_code == 2


def test_a_revision_that_names_two_things_is_a_usage_error(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    git(workspace, "tag", "main")
    with pytest.raises(UsageError) as caught:
        compare(ProfileReader(workspace, {}), "main")
    assert caught.value.why == "warning: refname 'main' is ambiguous."


@pytest.mark.parametrize("base", [":/Change", "v1", "@{-1}", "main^{commit}"])
def test_a_revision_can_be_any_name_of_a_commit(workspace: Path, base: str) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    git(workspace, "tag", "--annotate", "--message=one", "v1")
    git(workspace, "switch", "--quiet", "--create", "branch")
    assert compared(workspace, base).commit == head(workspace)


def test_a_folder_that_is_no_repository_has_no_answer(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    with pytest.raises(UnanswerableError) as caught:
        compare(ProfileReader(workspace, {}), "main")
    assert caught.value.what == "this is not a git repository"
    assert caught.value.fix == "ask in a clone of it, or start one: git init"
    assert caught.value.exit_code == 3


def test_a_worktree_without_its_repository_has_no_answer(tmp_path: Path, workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    linked = tmp_path / "linked"
    git(workspace, "worktree", "add", "--quiet", str(linked))
    workspace.rename(tmp_path / "elsewhere")
    with pytest.raises(UnanswerableError, match="the repository that this worktree belongs to is not here"):
        compare(ProfileReader(linked, {}), "main")


def test_a_repository_without_a_commit_has_no_answer(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    git(workspace, "init", "--quiet", "--initial-branch", "main")
    with pytest.raises(UnanswerableError, match="HEAD has no commit yet"):
        compare(ProfileReader(workspace, {}), "HEAD")


def test_a_branch_without_a_commit_has_no_answer(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    git(workspace, "switch", "--quiet", "--orphan", "fresh")
    write(workspace, DEFAULT, {})
    with pytest.raises(UnanswerableError, match="HEAD has no commit yet"):
        compare(ProfileReader(workspace, {}), "main")


def test_histories_without_a_common_commit_have_no_answer(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    git(workspace, "switch", "--quiet", "--orphan", "fresh")
    write(workspace, DEFAULT, {})
    commit(workspace, "Start again")
    with pytest.raises(UnanswerableError) as caught:
        compare(ProfileReader(workspace, {}), "main")
    assert caught.value.what == 'HEAD and "main" have no commit in common'
    assert caught.value.fix == "name another base"


def test_a_shallow_clone_is_told_to_fetch_more(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    git(workspace, "switch", "--quiet", "--create", "branch")
    commit(workspace, "Go this way")
    git(workspace, "switch", "--quiet", "main")
    commit(workspace, "Go that way")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", workspace.as_uri(), str(shallow))
    monkeypatch.chdir(shallow)
    # The command line itself: its exit code is what a build sees.
    monkeypatch.setattr("nestproof.cli.console.interrupted_by_signals", contextlib.nullcontext)
    with pytest.raises(Exit) as caught:
        print_privileges(update=False, base="origin/branch", as_json=False)
    assert caught.value.code == 3
    assert capsys.readouterr().err == (
        'nestproof: the history here ends before HEAD and "origin/branch" meet\n'
        "  why: this clone is shallow\n"
        "  fix: fetch more history: git fetch --unshallow\n"
    )
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert compared(shallow, "origin/branch").exit_code == 0


def test_a_repository_of_another_user_is_an_error(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    # git's own tests pretend so: to give a file away takes root.
    program = tmp_path / "programs" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(CommandError) as caught:
        compare(ProfileReader(workspace, {}), "main")
    assert caught.value.what == "git does not trust this repository: another user owns it"
    assert caught.value.fix == f"git config --global --add safe.directory {workspace}"
    assert caught.value.exit_code == 4


def test_a_broken_configuration_is_an_error(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    with (workspace / ".git" / "config").open("a") as config:
        config.write("[broken\n")
    with pytest.raises(CommandError, match="git cannot read this repository") as caught:
        compare(ProfileReader(workspace, {}), "main")
    assert "bad config line" in caught.value.why


def test_a_lost_tree_is_an_error(workspace: Path) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    tree = git(workspace, "rev-parse", "HEAD^{tree}")
    (workspace / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(CommandError, match="git ls-tree could not answer"):
        compare(ProfileReader(workspace, {}), "main")


def test_the_variables_of_a_hook_are_not_git_s(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(workspace, DEFAULT, {})
    commit(workspace)
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert compared(workspace).exit_code == 0


def test_without_git_the_error_names_it(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(workspace, DEFAULT, {})
    monkeypatch.setenv("PATH", str(workspace))
    with pytest.raises(CommandError, match="git was not found"):
        compare(ProfileReader(workspace, {}), "main")
