"""probes/runner.sh, the real one, under this machine's /bin/sh."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from nestproof.probes.runner_protocol import FrameReader, Record
from nestproof.probes.table import script

NONCE = "nestproof-0123"

pytestmark = pytest.mark.skipif(
    not Path("/proc/uptime").exists(), reason="the runner is for Linux containers"
)

# They run side by side in one call, as they do in a container; each test looks at one of them.
PROBES = {
    "plain": "echo out; echo err >&2; exit 7",
    "silent": ":",
    "unended": "printf no-newline; printf 'nor here' >&2",
    "lines": "printf 'one\\n\\ntwo\\n'",
    "forged": "echo 'nestproof-9999 plain 0 1.00 1.00 0 0'",
    "same-nonce": f"echo '{NONCE} plain 0 1.00 1.00 0 0'",
    "binary": r"printf '\377\000\377'",
    "reads": "cat; echo end of input",
    "signalled": "kill -9 $$",
    "unknown": "nestproof-no-such-program",
    "broken": "if",
    "where": "readlink /proc/self/fd/1",
    "arguments": 'echo "$0 $#"',
    "flood": "yes 0123456789abcdef",
    "leaves-a-child": "sleep 10 & echo left",
    "slow": "sleep 30",
    "stubborn": "trap '' TERM; while :; do sleep 30; done",
    "slow-child": "(trap '' TERM; sleep 10) & wait",
}
SECONDS = {"slow": "0.2", "stubborn": "0.2", "slow-child": "0.2"}


def arguments(probes: dict[str, str]) -> list[str]:
    argv = ["/bin/sh", "-c", script("runner"), "nestproof", NONCE]
    for name, text in probes.items():
        argv += [name, SECONDS.get(name, "20"), text]
    return argv


def call(probes: dict[str, str], path: str | None = None) -> tuple[bytes, bytes]:
    """Everything that the runner prints, to the end: whatever holds a stream open would hold the test."""
    done = subprocess.run(
        arguments(probes),
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PATH": path or os.environ["PATH"]},
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def output() -> bytes:
    out, err = call(PROBES)
    assert err == b""
    return out


@pytest.fixture(scope="module")
def records(output: bytes) -> dict[str, Record]:
    reader = FrameReader(NONCE)
    found = reader.feed(output)
    assert Counter(record.name for record in found) == Counter(list(PROBES))
    assert reader.noise == b""
    return {record.name: record for record in found}


def test_every_probe_is_answered_once_and_nothing_else_is_printed(records: dict[str, Record]) -> None:
    assert set(records) == set(PROBES)


@pytest.mark.parametrize(
    ("name", "status", "stdout", "stderr"),
    [
        ("plain", 7, "out\n", "err\n"),
        ("silent", 0, "", ""),
        ("unended", 0, "no-newline", "nor here"),
        ("lines", 0, "one\n\ntwo\n", ""),
        ("forged", 0, "nestproof-9999 plain 0 1.00 1.00 0 0\n", ""),
        ("same-nonce", 0, "nestproof-0123 plain 0 1.00 1.00 0 0\n", ""),
        ("binary", 0, "\ufffd\0\ufffd", ""),
        ("reads", 0, "end of input\n", ""),
        ("arguments", 0, "arguments 0\n", ""),
        ("leaves-a-child", 0, "left\n", ""),
    ],
)
def test_what_a_probe_did_comes_out_as_it_was(
    records: dict[str, Record], name: str, status: int, stdout: str, stderr: str
) -> None:
    record = records[name]
    assert (record.exit_status, record.stdout, record.stderr) == (status, stdout, stderr)


def test_a_probe_that_a_signal_ends_has_its_status(records: dict[str, Record]) -> None:
    assert records["signalled"].exit_status == 137


def test_a_program_that_is_missing_is_said_on_stderr(records: dict[str, Record]) -> None:
    assert records["unknown"].exit_status == 127
    assert "not found" in records["unknown"].stderr


def test_a_script_that_is_none_is_a_failing_probe(records: dict[str, Record]) -> None:
    assert records["broken"].exit_status != 0
    assert records["broken"].stderr != ""


@pytest.mark.skipif(not shutil.which("timeout"), reason="the shell alone cannot end a probe")
def test_a_probe_that_takes_too_long_is_ended(records: dict[str, Record]) -> None:
    assert records["slow"].exit_status == 124
    assert records["slow"].seconds >= 0.1


@pytest.mark.skipif(not shutil.which("timeout"), reason="the shell alone cannot end a probe")
@pytest.mark.parametrize("name", ["stubborn", "slow-child"])
def test_a_probe_that_will_not_end_is_killed(records: dict[str, Record], name: str) -> None:
    assert records[name].exit_status in {124, 137}


def test_a_probe_that_writes_without_end_is_stopped_and_its_frame_is_bounded(
    records: dict[str, Record],
) -> None:
    assert records["flood"].exit_status not in {0, 124, 137}
    assert len(records["flood"].stdout) == 65536


def test_a_probe_that_writes_errors_without_end_is_stopped_and_answered() -> None:
    # A shell that itself reports a program's end to where that program wrote is hit by the same limit.
    out, _ = call({"flood": "yes >&2", "silent": ":"})
    records = {record.name: record for record in FrameReader(NONCE).feed(out)}
    assert set(records) == {"flood", "silent"}
    assert records["flood"].exit_status not in {0, 124, 137}
    assert len(records["flood"].stderr) == 65536


def test_a_frame_comes_while_other_probes_still_run(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    # The first waits until it is let go, and that is only after the second has been answered.
    probes = {"waits": f"read -r said <{go}; echo $said", "plain": PROBES["plain"]}
    with subprocess.Popen(arguments(probes), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        reader = FrameReader(NONCE)
        first: list[Record] = []
        while not first:
            data = os.read(process.stdout.fileno(), 65536)
            assert data, "the runner ended early"
            first = reader.feed(data)
        assert [record.name for record in first] == ["plain"]
        go.write_text("on\n")
        last = reader.feed(process.stdout.read())
    assert [(record.name, record.stdout) for record in last] == [("waits", "on\n")]


def test_the_seconds_are_those_of_the_probe(records: dict[str, Record]) -> None:
    assert all(record.seconds >= 0 for record in records.values())


def test_nothing_is_left_on_the_disk(records: dict[str, Record]) -> None:
    where = Path(records["where"].stdout.strip())
    assert where.name == "where.out"
    assert not where.parent.exists()


def test_no_probes_print_nothing() -> None:
    assert call({}) == (b"", b"")


def test_an_image_without_timeout_is_asked_all_the_same(tmp_path: Path) -> None:
    for name in ("head", "mkfifo", "mktemp", "rm", "sh", "wc"):
        program = shutil.which(name)
        assert program, name
        (tmp_path / name).symlink_to(program)
    out, err = call({"plain": PROBES["plain"]}, path=str(tmp_path))
    (record,) = FrameReader(NONCE).feed(out)
    assert (record.exit_status, record.stdout, record.stderr, err) == (7, "out\n", "err\n", b"")
