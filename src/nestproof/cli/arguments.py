"""A task's argument that takes all the words up to the next option, which Invoke has none for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task


def words_after(option: str, argv: Sequence[str]) -> int:
    """How many words follow an option's own value, up to the next option."""
    if option not in argv:
        return 0
    rest = list(argv[len(argv) - argv[::-1].index(option) + 1 :])
    return next((number for number, word in enumerate(rest) if word.startswith("-")), len(rest))


class _Rest(Argument):
    """As many words as there are; Invoke goes on giving it words for as long as it has no value."""

    def __init__(self, name: str, expected: int) -> None:
        super().__init__(name=name, kind=list, positional=True, help="more files, behind --merge FILE")
        self._expected = expected
        self._words: list[str] = []

    @property
    def value(self) -> Any:
        """The words, once they are all there."""
        return self._words if len(self._words) >= self._expected else None

    @value.setter
    def value(self, word: str) -> None:
        self._words.append(word)


class TakesWords(Task[Callable[..., None]]):
    """A task whose list `more` takes the words after the last `--merge FILE`."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Invoke's own, but for that one."""
        found = super().get_arguments(ignore_unknown_help)
        rest = _Rest("more", words_after("--merge", sys.argv))
        return [rest, *(argument for argument in found if argument.name != "more")]
