"""The commands of a session: the one that the model asks for, its control, and the removal of what they left.

All are state.sh with what it aims at, so that inside and outside are asked the same. Pure.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from nestproof.agents.listener import Listener
from nestproof.agents.model.turns import Turn
from nestproof.agents.scripts import script

FILE = "file"
"""The way out by the agent's own tool that writes files."""
SYMLINK = "symlink"
"""The way out of the first command itself, by a link."""
NOBODY = "4194303"
"""A process that is never there: only the first command of a session aims at one."""


# The control is aimed at by this script's own copy of what the agent is told to run.
_AIM_AT_CONTROL = "victim=$control\n"


@dataclass(frozen=True, slots=True)
class Aim:
    """The targets of a session's commands; `token` is the word by which they are known."""

    token: str
    folder: str
    listener: Listener

    def command(self, way: str = "") -> str:
        """The command that the model asks for, or asks to run by a way out.

        A file and nothing else: an agent that reads commands before it allows them reads no further.
        """
        return f"sh {self._file} {way}".strip()

    def turn(self, way: str) -> Turn:
        """The model's request for a way out."""
        if way == FILE:
            return Turn(write=f"/var/tmp/.nestproof-{self.token}-{way}", text="of a model")  # noqa: S108 # as below
        return Turn(self.command(way), way=way)

    def control(self) -> str:
        """The same outside, where it finds what to aim at, writes the command's file, and runs it too.

        The file is there by the time that an agent asks what to do: the model waits for the control's end.
        """
        told = (script("inside.sh"), script("state.sh"), script("symlink.sh"))
        write = (
            "{ printf 'victim=%s places=%s secrets=%s\\n' \"$victim\" \"'$places'\" \"'$secrets'\"",
            f"printf %s {shlex.quote(self._script(self.token, *told))}; }} >{self._file}",
        )
        texts = (script("places.sh"), script("outside.sh"), *(f"{line}\n" for line in write))
        return self._script(f"{self.token}-control", *texts, _AIM_AT_CONTROL, script("state.sh"))

    def clean_up(self, victim: str) -> str:
        """Tells what is left outside, and removes it."""
        return self._script(
            self.token, f"victim={victim or NOBODY}\n", script("places.sh"), script("after.sh")
        )

    @property
    def _file(self) -> str:
        return f"/var/tmp/.nestproof-{self.token}.sh"  # noqa: S108 # of the container, by a name of our own

    def _script(self, token: str, *texts: str) -> str:
        given = {"token": token, "tcp": self.listener.tcp, "udp": self.listener.udp}
        given |= {"socket": self.listener.unix or "-", "at": self.folder}
        lines = [f"{name}={shlex.quote(str(value))}" for name, value in given.items()]
        return "\n".join((*lines, *map(_without_comments, texts)))


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
