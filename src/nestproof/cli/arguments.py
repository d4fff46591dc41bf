"""An argument of a task that takes all words up to the next option; Invoke has none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Task


def words_after(option: str, argv: Sequence[str]) -> int:
    """Count the words that follow an option's own value, up to the next option."""
    if option not in argv:
        return 0
    rest = list(argv[len(argv) - argv[::-1].index(option) + 1 :])
    return next((number for number, word in enumerate(rest) if word.startswith("-")), len(rest))


class _Rest(Argument):
    """An argument without a value until all its words have been read, so that Invoke goes on adding them."""

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
        """Invoke's own arguments, with `more` replaced."""
        found = super().get_arguments(ignore_unknown_help)
        rest = _Rest("more", words_after("--merge", sys.argv))
        return [rest, *(argument for argument in found if argument.name != "more")]
