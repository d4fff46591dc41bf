"""`nestproof shell` in a real terminal: what a person types, what the container gets, what is left."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import pexpect
import pytest

from nestproof.engine.client import Engine
from tests.conftest import Repository, own_containers

pytestmark = pytest.mark.docker

PROMPT = r"vscode@[0-9a-f]+:[^$]*\$ "


@contextlib.contextmanager
def terminal(repository: Repository, *arguments: str) -> Iterator[pexpect.spawn[str]]:
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable,
        ["-m", "nestproof", "shell", *arguments],
        cwd=str(repository.path),
        env={**os.environ, "TERM": "xterm"},
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=20,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def waiting(name: str, then: str) -> str:
    """A command line whose program says when it waits for a signal; its echo does not look like that."""
    # A wait is what a trap interrupts at once; a signal that comes as a foreground sleep ends may be lost.
    return f"bash -c 'trap \"{then}\" {name}; echo waiting-for-\\it; sleep 60 & wait'"


def test_the_terminal_is_a_persons(repository: Repository, engine: Engine) -> None:
    assert repository.nestproof("build", "--profile", "secure", timeout=1200).status == 0
    before = own_containers(engine)
    with terminal(repository, "--profile", "secure") as child:
        child.expect(PROMPT)
        child.sendline("tty && stty size && id -un && pwd")
        child.expect("/dev/pts/0\r\n30 100\r\nvscode\r\n/workspaces/copy\r\n")
        child.expect(PROMPT)

        # Ctrl-C reaches the program in front, and neither the shell nor nestproof.
        child.sendline(waiting("INT", "echo interrupted; exit 3") + "; echo status $?")
        child.expect("waiting-for-it\r\n")
        child.sendintr()
        child.expect("interrupted\r\n")
        child.expect("status 3\r\n")

        # The window's size arrives when it changes.
        child.sendline(waiting("WINCH", "stty size; exit"))
        child.expect("waiting-for-it\r\n")
        child.setwinsize(40, 120)
        child.expect("40 120\r\n")

        # The profile's own options are in force: its sandbox works here.
        child.sendline("bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid echo inner-$((40 + 2))")
        child.expect("inner-42\r\n")

        child.sendline("exit 7")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 7
    assert own_containers(engine) == before


def test_a_terminal_that_goes_away_leaves_nothing(repository: Repository, engine: Engine) -> None:
    assert repository.nestproof("build", "--profile", "default", timeout=1200).status == 0
    before = own_containers(engine)
    with terminal(repository) as child:
        child.expect(PROMPT)
        assert own_containers(engine) != before
        child.kill(1)
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130
    assert own_containers(engine) == before


def test_without_a_terminal_it_says_so(repository: Repository) -> None:
    finished = repository.nestproof("shell")
    assert finished.status == 2
    assert finished.stderr == (
        "nestproof: a shell needs a terminal\n  fix: nestproof smoke asks the probes without one\n"
    )
