"""Real processes: what is kept of them, and that none outlives its time."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

import nestproof
from nestproof.core.cancellation import CancelToken, cancelled_by
from nestproof.core.errors import CommandError, EngineError
from nestproof.core.process import SocketProcess, run, run_interactive

# Only a test that fails waits that long.
PATIENCE = 30.0


class Witness:
    """A named pipe that processes hold open while they live: unlike a process id, it cannot be mistaken."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "witness"
        os.mkfifo(self.path)
        self._reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def read_until_released(self) -> str:
        """What its holders wrote; fails while one of them is still alive."""
        said, deadline = b"", time.monotonic() + 4
        while True:
            select.select([self._reader], [], [], 0.01)
            try:
                chunk = os.read(self._reader, 4096)
            except BlockingIOError:
                assert time.monotonic() < deadline, f"still alive: {said!r}"
                continue
            if not chunk:
                return said.decode()
            said += chunk


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path)


def run_out_of_time(script: str, witness: Witness) -> CommandError:
    """Run a script that does not end by itself until its time is over; it says so to the witness first."""
    for timeout in (0.2, 2.0, PATIENCE):
        with pytest.raises(CommandError) as caught:
            run(["sh", "-c", script, "sh", str(witness.path)], timeout=timeout)
        # A machine may be too busy to start the script in that time: then there was nothing to kill.
        if "started" in witness.read_until_released():
            return caught.value
    raise AssertionError("the script never started")


def test_what_a_program_did_is_returned_whatever_its_status() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; exit 7"], timeout=PATIENCE)
    assert (done.status, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert done.argv == ("sh", "-c", "echo out; echo err >&2; exit 7")
    assert done.seconds >= 0


def test_a_program_that_a_signal_ends_has_a_negative_status() -> None:
    assert run(["sh", "-c", "kill -9 $$"], timeout=PATIENCE).status == -9


def test_arguments_reach_the_program_as_they_are() -> None:
    assert run(["printf", "%s|", "a b", "$HOME", "", "*"], timeout=PATIENCE).stdout == "a b|$HOME||*|"


def test_standard_input_is_empty() -> None:
    assert run(["cat"], timeout=PATIENCE).stdout == ""


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run(["printf", r"a\377b"], timeout=PATIENCE).stdout == "a\ufffdb"


def test_the_working_directory_is_the_one_asked_for(tmp_path: Path) -> None:
    assert run(["pwd", "-P"], timeout=PATIENCE, cwd=tmp_path).stdout == f"{tmp_path.resolve()}\n"


def test_the_environment_is_added_to_and_taken_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESTPROOF_KEPT", "kept")
    monkeypatch.setenv("NESTPROOF_TAKEN", "taken")
    done = run(
        ["sh", "-c", "echo $NESTPROOF_KEPT $NESTPROOF_ADDED ${NESTPROOF_TAKEN-away}"],
        timeout=PATIENCE,
        env={"NESTPROOF_ADDED": "added", "NESTPROOF_TAKEN": None},
    )
    assert done.stdout == "kept added away\n"


def test_a_missing_program_is_named_with_what_to_do() -> None:
    with pytest.raises(CommandError) as caught:
        run(["nestproof-no-such-program", "--flag"], timeout=PATIENCE)
    assert caught.value.what == "nestproof-no-such-program was not found"
    assert caught.value.fix == "install nestproof-no-such-program"


def test_a_file_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no program")
    with pytest.raises(CommandError, match="could not be started") as caught:
        run([str(file)], timeout=PATIENCE)
    assert "Permission denied" in caught.value.why


def test_a_missing_working_directory_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        run(["true"], timeout=PATIENCE, cwd=tmp_path / "gone")
    assert caught.value.fix != "install true"
    assert "gone" in str(caught.value)


def test_an_argument_that_no_program_can_take_is_an_error() -> None:
    with pytest.raises(CommandError, match="could not be started"):
        run(["true", "a\0b"], timeout=PATIENCE)


def test_of_endless_output_the_end_is_kept() -> None:
    flood = "head -c 3000000 /dev/zero | tr '\\0' x; echo end"
    done = run(["sh", "-c", f"{flood}; ({flood}) >&2"], timeout=PATIENCE)
    assert len(done.stdout) == len(done.stderr) == 1048576
    assert done.stdout.endswith("xend\n")
    assert done.stderr.endswith("xend\n")


def test_lines_of_standard_error_come_while_the_program_runs(witness: Witness) -> None:
    go, lines = witness.path.with_name("go"), []
    os.mkfifo(go)

    def answer(line: str) -> None:
        lines.append(line)
        if line == "one":
            go.write_text("go on\n")

    # The program ends only if its first line has been heard before its end.
    done = run(
        ["sh", "-c", 'echo one >&2; read -r said <"$1"; echo "two: $said" >&2; echo out', "sh", str(go)],
        timeout=PATIENCE,
        on_line=answer,
    )
    assert lines == ["one", "two: go on"]
    assert done.stderr == "one\ntwo: go on\n"
    assert done.stdout == "out\n"


def test_a_last_line_without_an_end_is_heard_too() -> None:
    lines: list[str] = []
    run(["printf", "%s", ""], timeout=PATIENCE, on_line=lines.append)
    assert lines == []
    run(["sh", "-c", "printf 'one\\ntwo' >&2"], timeout=PATIENCE, on_line=lines.append)
    assert lines == ["one", "two"]


def test_a_program_that_takes_too_long_is_killed_with_its_grandchildren(witness: Witness) -> None:
    error = run_out_of_time('(echo started; exec sleep 20) >"$1" & echo waiting >&2; wait', witness)
    assert "did not end within" in error.what
    assert error.what.startswith("sh -c ")
    assert error.why == "waiting"


class Impatient(subprocess.Popen[bytes]):
    """The real thing in a twentieth of the time: five seconds between two signals are for real programs."""

    def wait(self, timeout: float | None = None) -> int:
        return super().wait(timeout and timeout / 20)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("trap '' TERM; (echo started; exec sleep 20) >\"$1\"", id="the program itself"),
        pytest.param("(trap '' TERM; echo started; exec sleep 20) >\"$1\" 2>&1 & wait", id="its child"),
    ],
)
def test_what_ignores_a_request_to_end_is_killed(
    script: str, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Impatient)
    run_out_of_time(script, witness)


def test_an_interrupted_run_kills_the_program_with_its_grandchildren(witness: Witness) -> None:
    # Python leaves SIGINT alone where it was started with it ignored, as shells do in the background.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(
                [
                    "sh",
                    "-c",
                    '(echo started; exec sleep 20) >"$1" & echo ready >&2; wait',
                    "sh",
                    str(witness.path),
                ],
                timeout=PATIENCE,
                on_line=lambda _: os.kill(os.getpid(), signal.SIGINT),
            )
    finally:
        signal.signal(signal.SIGINT, previous)
    witness.read_until_released()


class Interrupted(threading.Thread):
    """A thread during whose start somebody presses Ctrl-C."""

    def start(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        super().start()


def test_an_interruption_while_a_program_is_started_is_one_and_kills_it(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "Thread", Interrupted)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(["sh", "-c", 'exec sleep 20 >"$1"', "sh", str(witness.path)], timeout=PATIENCE)
    finally:
        signal.signal(signal.SIGINT, previous)
    witness.read_until_released()


class Hasty(threading.Thread):
    """The real thing in a quarter of the time, likewise."""

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout and timeout / 4)


def test_a_child_that_is_left_behind_does_not_hold_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "Thread", Hasty)
    go = tmp_path / "go"
    os.mkfifo(go)
    # The child holds standard output until it is let go, and that is only after the answer.
    done = run(["sh", "-c", '(exec 2>&-; read -r _ <"$1") & echo done', "sh", str(go)], timeout=PATIENCE)
    assert (done.status, done.stdout) == (0, "done\n")
    go.write_text("go\n")


def test_an_interactive_program_gives_its_status_and_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run_interactive(["sh", "-c", "exit 7"]) == 7
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interactive_program_that_is_missing_is_an_error_and_gives_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(CommandError, match="nestproof-no-such-program was not found"):
        run_interactive(["nestproof-no-such-program"])
    assert signal.getsignal(signal.SIGINT) is before


def test_no_other_module_starts_a_process() -> None:
    sources = Path(nestproof.__file__).parent
    starters = re.compile(r"\bsubprocess\b|os\.(system|popen|exec|spawn|posix_spawn|fork)|\bpty\b")
    found = [file.name for file in sources.rglob("*.py") if starters.search(file.read_text("utf-8"))]
    # The second runs in a container of its own.
    assert sorted(found) == ["process.py", "server.py"]


def test_the_end_of_a_program_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError(f"looks again only after {seconds} s")

    monkeypatch.setattr(time, "sleep", sleep)
    assert run(["sleep", "0.07"], timeout=10).status == 0


def test_a_program_ends_when_its_thread_is_to_end(tmp_path: Path) -> None:
    stop = CancelToken()
    threading.Timer(0.3, lambda: stop.lose("the node is lost", "no answer")).start()
    begin = time.monotonic()
    with cancelled_by(stop), pytest.raises(EngineError, match="the node is lost"):
        run(["sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60; :"], timeout=30)
    assert time.monotonic() - begin < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_program_that_ends_in_time_is_not_waited_for_in_steps() -> None:
    assert run(["sleep", "0.2"], timeout=30).seconds < 1.2
    with pytest.raises(CommandError, match=r"did not end within 0\.2 s"):
        run(["sleep", "9"], timeout=0.2)


def test_a_dialog_goes_both_ways_until_nothing_holds_our_end_open(tmp_path: Path) -> None:
    # It reads one line, and then neither reads nor ends.
    program = f"echo $$ > {tmp_path}/pid; read line; echo aside >&2; echo said $line; exec sleep 60"
    dialog = SocketProcess(["sh", "-c", program], {"TOLD": "yes"})
    dialog.socket.sendall(b"this\n")
    reading = dialog.socket.makefile("rb")
    dialog.socket.close()
    # As an answer that is still being read does, the file holds it open.
    assert reading.readline() == b"said this\n"
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    reading.close()
    assert dialog.said(timeout=PATIENCE) == "aside\n"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_dialog_with_what_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match="no-such-program was not found"):
        SocketProcess(["no-such-program"])
