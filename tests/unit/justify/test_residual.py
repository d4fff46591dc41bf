"""What counts as done and as refused, and the tables that a reviewer is given."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nestproof.core.outcome import Status
from nestproof.engine.client import EngineFacts
from nestproof.justify.outcomes import host_in_words, hosts_table
from nestproof.justify.residual import (
    ACTIONS,
    Action,
    ActionResult,
    Attempt,
    judged,
    outcomes_of,
    table,
    to_json,
)
from nestproof.probes.table import script
from tests.conftest import ROOT
from tests.unit.justify.test_justification import PLAIN, SECURE, TARGET, UBUNTU, as_measured, investigated

ACTION = ACTIONS[0]
CONTROL = "control: there is a folder to mount on\n"


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "could"),
    [
        (0, f"{CONTROL}done\n", "", ActionResult.YES),
        (32, CONTROL, "mount: /tmp/x: permission denied.\n  dmesg(1) may have more", ActionResult.NO),
        (1, CONTROL, "unshare: unshare failed: Operation not permitted\n", ActionResult.NO),
        (
            1,
            CONTROL,
            "sh: 5: cannot create /proc/sys/vm/swappiness: Read-only file system\n",
            ActionResult.NO,
        ),
        # Without its control, a refusal may be of something else.
        (1, "", "mount: /tmp/x: permission denied.\n", ActionResult.UNKNOWN),
        # Who may not use sudo has not begun.
        (127, "", "no sudo in the image\n", ActionResult.NO),
        (1, "", "sudo: a password is required\n", ActionResult.NO),
        (1, CONTROL, "sudo: a password is required\n", ActionResult.UNKNOWN),
        (1, "", "sudo: unable to resolve host box\n", ActionResult.UNKNOWN),
        # A program that is not there, or has a fault of its own, refuses nothing.
        (127, CONTROL, "sh: 4: unshare: not found\n", ActionResult.UNKNOWN),
        (255, CONTROL, "Modification of a read-only value attempted at -e line 1.\n", ActionResult.UNKNOWN),
        (69, "unavailable: this host has no disk\n", "", ActionResult.UNKNOWN),
        (124, CONTROL, "", ActionResult.UNKNOWN),
        # One that ends well without having seen its action has not done it.
        (0, CONTROL, "", ActionResult.UNKNOWN),
        (0, "done\n", "", ActionResult.UNKNOWN),
        (1, f"{CONTROL}done\n", "Operation not permitted", ActionResult.UNKNOWN),
    ],
)
def test_what_came_of_an_attempt(status: int, stdout: str, stderr: str, could: ActionResult) -> None:
    assert judged(ACTION, "root", status, stdout, stderr).could is could


def test_what_refused_is_quoted_not_what_is_said_after_it() -> None:
    said = "mount: /tmp/x: permission denied.\n       dmesg(1) may have more information\n"
    assert judged(ACTION, "root", 32, CONTROL, said).said == "mount: /tmp/x: permission denied."


def tried(could: ActionResult) -> list[Attempt]:
    return [Attempt(action, who, could) for who in ("root", "user") for action in ACTIONS]


def test_what_could_not_be_shown_is_no_answer() -> None:
    shown = [*outcomes_of(TARGET, tried(ActionResult.NO))]
    assert {one.status for one in shown} == {Status.PASS}
    assert len(shown) == len(ACTIONS)
    assert {one.status for one in outcomes_of(TARGET, tried(ActionResult.UNKNOWN))} == {Status.UNVERIFIED}


def test_the_table_has_a_row_for_each_action_and_a_column_for_each_who() -> None:
    head, _, *rows = table(tried(ActionResult.YES)).splitlines()
    assert head == "| | root | user | what it takes |"
    shown = [row.split(" | ")[:3] for row in rows]
    assert shown == [[f"| {action.what}", "yes", "yes"] for action in ACTIONS]
    assert len(to_json(TARGET, tried(ActionResult.YES))["attempts"]) == 2 * len(ACTIONS)


@pytest.mark.parametrize("option", ["rootless", "userns"])
def test_where_root_is_mapped_it_is_said(option: str) -> None:
    plain, mapped = table(tried(ActionResult.NO)), table(tried(ActionResult.NO), mapped=True)
    assert mapped.startswith(f"{plain}\n\nThis engine maps root to another user of the host")
    host = replace(PLAIN, lsms=("seccomp", option))
    assert str(host) == f"Linux 6.1 (seccomp, {option}), Docker 26.1, linux/amd64"
    assert host_in_words(host) == "Linux 6.1, Docker 26.1, without AppArmor, root mapped"
    assert "root mapped" not in host_in_words(PLAIN)
    facts = EngineFacts("unix:///x", "26.1", "Debian", "6.1", "linux/amd64", "overlay2", (f"name={option}",))
    assert facts.maps_root


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_each_action_is_one_small_script_that_says_its_question(action: Action) -> None:
    lines = script(action.name).splitlines()
    assert len(lines) <= 25
    assert re.match(r"# .*\?", lines[0])
    assert any("control: " in line for line in lines)
    assert any(re.search(r'echo "done"', line) for line in lines)


def test_hosts_stand_beside_each_other_in_one_table() -> None:
    made = [investigated(SECURE, host, as_measured(host))[0] for host in (PLAIN, UBUNTU)]
    lines = hosts_table(made).splitlines()
    columns = [cell.strip() for cell in lines[0].strip("|").split("|")]
    without = columns.index("secure, Linux 6.1, Docker 26.1, without AppArmor")
    beside = columns.index("secure, Linux 6.1, Docker 26.1, with AppArmor")
    (row,) = [line for line in lines if line.startswith("| `security-opt=apparmor=unconfined`")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[without] == "unverified"
    assert cells[beside] == "needed: `bwrap: Failed to make / slave: Permission denied`"
    assert len(lines) == 2 + len(SECURE) + 3


def test_the_threat_model_has_each_action_and_each_relaxation() -> None:
    text = (ROOT / "docs/threat-model.md").read_text()
    for action in ACTIONS:
        assert f"\n| {action.what} |" in text
    for relaxation in SECURE:
        assert f"\n| `{relaxation}` |" in text
