"""Search the smallest sets of options that suffice, with experiments in batches.

It assumes that more options never break what fewer allow, and so leaves out what follows from answers that it
has. The assumption is held against everything that was really run: see `contradictions`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

Set = frozenset[str]
Asking = Generator[list[Set], Mapping[Set, bool], "Found"]

# Of more options than this, whose sets are too many to look through, some sets are found, perhaps not all.
_FEW = 12


@dataclass(frozen=True, slots=True)
class Found:
    """The sets that suffice and from which nothing can be taken; `complete` when there are no others."""

    minimal: tuple[Set, ...]
    complete: bool = True


@dataclass(slots=True)
class Known:
    """The answers so far, and what follows from them."""

    answers: dict[Set, bool] = field(default_factory=dict)

    def follows(self, options: Set) -> bool | None:
        """True if the set suffices, False if not; None if no answer tells."""
        if options in self.answers:
            return self.answers[options]
        for asked, suffices in self.answers.items():
            if asked <= options if suffices else asked >= options:
                return suffices
        return None

    def open(self, sets: Iterable[Set]) -> list[Set]:
        """The sets that still have to be tried."""
        return [options for options in sets if self.follows(options) is None]


def minimal_sets(universe: Iterable[str], guess: Iterable[str] | None = None) -> Asking:
    """Yields batches of sets to try, is sent whether each suffices, and returns what it found.

    A right `guess` at a set that suffices saves most of the questions; a wrong one costs a few more.
    """
    everything = frozenset(universe)
    known, minimal = Known(), list[Set]()
    start = everything if guess is None else everything.intersection(guess)
    # What is asked of each option anyway comes first, all at once.
    around = [everything - {option} for option in sorted(start)]
    known.answers |= yield list(dict.fromkeys([start, *_each_less_one(start), *around]))
    if known.answers[start]:
        minimal.append((yield from _shrunk(start, known)))
    elif start == everything:
        return Found(())
    elif ask := known.open([everything, *_each_less_one(everything)]):
        known.answers |= yield ask
        if not known.follows(everything):
            return Found(())
    while seed := _open_seed(everything, known, minimal):
        if known.follows(seed.options) is None:
            known.answers |= yield [seed.options]
        if known.follows(seed.options):
            minimal.append((yield from _shrunk(seed.options, known)))
        if minimal and len(everything) > _FEW:
            return Found(tuple(minimal), complete=False)
    return Found(tuple(sorted(minimal, key=lambda options: (len(options), sorted(options)))))


def _each_less_one(options: Set) -> list[Set]:
    return [options - {option} for option in sorted(options)]


@dataclass(frozen=True, slots=True)
class _Seed:
    """A set to look below; in an object, because the empty set counts too."""

    options: Set


def _open_seed(everything: Set, known: Known, minimal: list[Set]) -> _Seed | None:
    """The largest set that has none of the minimal ones in it, and is not known to fail."""
    idle = [option for option in sorted(everything) if known.follows(everything - {option}) is not False]
    for size in range(len(idle) + 1):
        for left_out in combinations(idle, size):
            options = everything.difference(left_out)
            if not any(found <= options for found in minimal) and known.follows(options) is not False:
                return _Seed(options)
    return None


def _shrunk(options: Set, known: Known) -> Generator[list[Set], Mapping[Set, bool], Set]:
    """A minimal set below one that suffices."""
    while True:
        smaller = {option: options - {option} for option in sorted(options)}
        if ask := known.open(smaller.values()):
            known.answers |= yield ask
        core = frozenset(option for option, rest in smaller.items() if not known.follows(rest))
        if core == options:
            return options
        # Nothing of the core can go: if it suffices, it is minimal, and most steps are saved.
        if known.follows(core) is None:
            known.answers |= yield [core]
        if known.follows(core):
            return core
        options = next(rest for rest in smaller.values() if known.follows(rest))


def contradictions(answers: Mapping[Set, bool]) -> Iterator[tuple[Set, Set]]:
    """Pairs that were really tried of which the smaller suffices and the larger does not."""
    for small, suffices in answers.items():
        for large, enough in answers.items():
            if suffices and not enough and small < large:
                yield small, large
