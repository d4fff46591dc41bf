"""The search for sufficient sets, against brute force on every answer that a kernel could give."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import pytest

from nestproof.justify.search import Found, Known, Set, contradictions, minimal_sets


def subsets(universe: Iterable[str]) -> list[Set]:
    names = sorted(universe)
    return [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]


def brute_force(universe: Iterable[str], suffices: Callable[[Set], bool]) -> set[Set]:
    enough = [options for options in subsets(universe) if suffices(options)]
    return {one for one in enough if not any(other < one for other in enough)}


def searched(
    universe: Iterable[str], suffices: Callable[[Set], bool], guess: Set | None = None
) -> tuple[Found, list[list[Set]]]:
    """What the search finds, and the batches that it asked for."""
    search, batches = minimal_sets(universe, guess), []
    try:
        batch = next(search)
        while True:
            batches.append(batch)
            batch = search.send({options: suffices(options) for options in batch})
    except StopIteration as end:
        return end.value, batches


def antichains(universe: str) -> Iterator[list[Set]]:
    """Every family of sets of which none is within another: the minimal sets of every monotone oracle."""

    def grow(chosen: list[Set], rest: list[Set]) -> Iterator[list[Set]]:
        yield chosen
        for number, one in enumerate(rest):
            if not any(one <= other or other <= one for other in chosen):
                yield from grow([*chosen, one], rest[number + 1 :])

    yield from grow([], subsets(universe))


@pytest.mark.parametrize(("universe", "number"), [("", 2), ("a", 3), ("ab", 6), ("abc", 20), ("abcd", 168)])
def test_it_agrees_with_brute_force_on_every_monotone_oracle(universe: str, number: int) -> None:
    oracles = 0
    for minimal in antichains(universe):
        oracles += 1

        def suffices(options: Set, minimal: list[Set] = minimal) -> bool:
            return any(one <= options for one in minimal)

        for guess in (None, *subsets(universe)):
            found, batches = searched(universe, suffices, guess)
            assert set(found.minimal) == set(minimal) == brute_force(universe, suffices)
            assert found.complete
            asked = [options for batch in batches for options in batch]
            assert len(asked) == len(set(asked)), "a set was asked for twice"
    assert oracles == number  # Dedekind's numbers: none was left out


@pytest.mark.parametrize("seed", range(60))
def test_it_agrees_with_brute_force_on_larger_ones(seed: int) -> None:
    rng = random.Random(seed)
    universe = "abcdefgh"
    minimal = [frozenset(rng.sample(universe, rng.randint(1, 5))) for _ in range(rng.randint(1, 5))]

    def suffices(options: Set) -> bool:
        return any(one <= options for one in minimal)

    found, batches = searched(universe, suffices)
    assert set(found.minimal) == brute_force(universe, suffices)
    assert sum(map(len, batches)) < 2 ** len(universe)


def test_what_follows_is_not_asked() -> None:
    """All needed: a baseline and each removal, in one batch, and nothing after it."""
    found, batches = searched("abcd", lambda options: options == frozenset("abcd"))
    assert found.minimal == (frozenset("abcd"),)
    assert [len(batch) for batch in batches] == [5]


def test_one_that_alone_is_needed_takes_one_question_more() -> None:
    found, batches = searched("abcd", lambda options: "d" in options)
    assert found.minimal == (frozenset("d"),)
    assert batches[1:] == [[frozenset("d")]]


def test_a_right_guess_saves_the_questions_above_it() -> None:
    found, batches = searched("abcd", lambda options: "d" in options, frozenset("d"))
    assert found.minimal == (frozenset("d"),)
    assert batches == [[frozenset("d"), frozenset(), frozenset("abc")]]


def test_a_baseline_that_fails_has_no_minimal_set() -> None:
    found, batches = searched("abc", lambda _: False)
    assert found == Found(())
    assert len(batches) == 1


def test_of_many_idle_options_some_sets_are_found_and_said_not_to_be_all() -> None:
    universe = "abcdefghijklmnopqrst"
    found, batches = searched(universe, lambda options: bool(options & {"a", "b"}))
    assert set(found.minimal) <= {frozenset("a"), frozenset("b")}
    assert found.minimal
    assert not found.complete
    assert sum(map(len, batches)) < 400


def test_an_answer_that_contradicts_another_is_named() -> None:
    small, large = frozenset("a"), frozenset("ab")
    assert list(contradictions({small: True, large: False})) == [(small, large)]
    assert not list(contradictions({small: False, large: True}))
    assert not list(contradictions({small: True, frozenset("bc"): False}))


def test_what_follows_from_answers() -> None:
    known = Known({frozenset("ab"): True, frozenset("cd"): False})
    assert known.follows(frozenset("abc")) is True
    assert known.follows(frozenset("c")) is False
    assert known.follows(frozenset("ac")) is None
    assert known.open([frozenset("abd"), frozenset("ac")]) == [frozenset("ac")]
