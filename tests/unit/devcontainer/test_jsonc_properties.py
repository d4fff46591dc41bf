"""What holds for every text: hypothesis looks for one that nestproof.jsonc gets wrong."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nestproof.devcontainer.jsonc import JsonNode, Value, parse, render, strip_comments, to_json

JQ = jq.compile(".")
LINE_BREAK = re.compile("\r\n|\r|\n")
settings.register_profile("jsonc", max_examples=150, deadline=None)
settings.load_profile("jsonc")

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | FINITE | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
BLANKS = ["", "", "", " ", "\t", "\n", "\r\n", "\r", "/**/", '/* "*\r\n/ */', '// [," \u00e9\n', "//\r"]
PIECES = [
    *BLANKS, "{", "}", "[", "]", ":", ",", ",", '"a"', '"b"', '"\\u0061"', '"\\ud83d\\ude00"',
    '"\\udc00"', '"//"', '"a": 1', '"', "'", "\\", "/", "/*", "*/", "1", "-0", "01", "+1", ".5", "1.",
    "0.5e-3", "1e400", "1e", "true", "null", "NaN", "-Infinity", "True", "x", "#", "\u00e9", "\U0001f600",
    "\u00a0", "\u2028", "\ufeff", "\x00", "\x1b",
]  # fmt: skip


def dress(value: Value, rng: random.Random) -> tuple[str, int]:
    """`value` as JSON with random blanks, comments and trailing commas, and how many of the last."""
    commas = 0

    def tokens(value: Value) -> Iterator[str]:
        nonlocal commas
        if isinstance(value, list | dict):
            yield "[" if isinstance(value, list) else "{"
            for index, item in enumerate(value):
                if index:
                    yield ","
                if isinstance(value, dict):
                    yield from (json.dumps(item, ensure_ascii=rng.random() < 0.5), ":")
                yield from tokens(value[str(item)] if isinstance(value, dict) else item)
            if value and rng.random() < 0.3:
                commas += 1
                yield ","
            yield "]" if isinstance(value, list) else "}"
        else:
            yield json.dumps(value, ensure_ascii=rng.random() < 0.5)

    text = "".join(rng.choice(BLANKS) + token for token in tokens(value))
    return text + rng.choice(BLANKS), commas


def damage(value: Value, rng: random.Random) -> str:
    """`value` as above, with a few random edits."""
    text = dress(value, rng)[0]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        start = rng.randint(0, len(text))
        text = text[:start] + rng.choice((*PIECES, "")) + text[start + rng.choice((0, 0, 1, 2)) :]
    return text


SOUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.builds(
    damage, VALUES, st.randoms(use_true_random=False)
)


def same(ours: object, theirs: object) -> bool:
    """Equal, but for the last bit of a number, which jq rounds twice."""
    if isinstance(ours, bool) or not isinstance(ours, int | float):
        if isinstance(ours, list) and isinstance(theirs, list):
            return len(ours) == len(theirs) and all(map(same, ours, theirs))
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
        return type(ours) is type(theirs) and ours == theirs
    return isinstance(theirs, int | float) and math.isclose(ours, theirs, rel_tol=4e-16, abs_tol=5e-324)


def nodes(root: JsonNode) -> Iterator[JsonNode]:
    yield root
    for inner in [*root.items, *(member.value for member in root.members.values())]:
        yield from nodes(inner)


@given(VALUES, st.randoms(use_true_random=False))
def test_a_value_survives_comments_blanks_and_trailing_commas(value: Value, rng: random.Random) -> None:
    text, commas = dress(value, rng)
    document = parse(text, name="f.json")
    assert document.root is not None
    read = document.root.to_python()
    assert json.dumps(read) == json.dumps(value)  # which tells 1 from 1.0 and from true
    assert [diagnostic.rule for diagnostic in document.diagnostics] == ["json-trailing-comma"] * commas
    assert parse(text.encode(), name="f.json", strict=True).ok == (commas == 0)
    assert same(read, JQ.input_text(to_json(document)).first())


@given(VALUES, st.randoms(use_true_random=False))
def test_every_node_is_where_it_says(value: Value, rng: random.Random) -> None:
    document = parse(dress(value, rng)[0], name="f.json")
    assert document.root is not None
    for node in nodes(document.root):
        slice_ = parse(document.text[node.offset : node.end_offset], name="f.json").root
        assert slice_ is not None
        assert (slice_.kind, slice_.to_python()) == (node.kind, node.to_python())
        for position in (node.start, node.end):
            lines = LINE_BREAK.split(document.text[: position.offset])
            assert (position.line, position.column) == (len(lines), len(lines[-1]) + 1)
        for name, member in node.members.items():
            assert json.loads(document.text[member.key.offset : member.key.end_offset]) == name == member.name


@given(SOUP | st.text(max_size=30) | st.text(st.characters(), max_size=10))
@example("\ud800")
@example("[1 /* \ud800")
def test_no_text_raises_and_every_mistake_can_be_shown(text: str) -> None:
    document = parse(text, name="f\n.json")
    assert (document.root is not None) or not document.ok
    places = [(diagnostic.start.offset, diagnostic.end.offset) for diagnostic in document.diagnostics]
    assert places == sorted(places, key=lambda place: place[0])
    for diagnostic in document.diagnostics:
        assert 0 <= diagnostic.start.offset <= diagnostic.end.offset <= len(document.text)
        assert diagnostic.start.line == len(LINE_BREAK.findall(document.text, 0, diagnostic.start.offset)) + 1
        shown = render(document, diagnostic).split("\n")
        assert all(line.isprintable() for line in shown)
        assert len(shown) == 3 * (1 + len(diagnostic.related))
        assert re.fullmatch(r" *\^+", shown[2])


@given(
    st.binary(max_size=40)
    | SOUP.map(str.encode)
    | st.text(max_size=9).map(lambda text: text.encode("utf-16"))
)
def test_no_bytes_raise(source: bytes) -> None:
    document = parse(source, name="f.json")
    try:
        text = source.decode()
    except UnicodeDecodeError:
        assert [diagnostic.rule for diagnostic in document.diagnostics] == ["json-invalid-utf8"]
    else:
        assert document == parse(text, name="f.json")


@given(SOUP)
def test_stripping_comments_keeps_all_places(text: str) -> None:
    stripped = strip_comments(text)
    assert [found.span() for found in LINE_BREAK.finditer(stripped)] == [
        found.span() for found in LINE_BREAK.finditer(text)
    ]
    assert len(stripped) == len(text)
    assert all(new in (old, " ") for old, new in zip(text, stripped, strict=True))
    assert strip_comments(stripped) == stripped


@given(SOUP)
def test_jq_reads_what_we_accept(text: str) -> None:
    document = parse(text, name="f.json")
    if document.ok:
        assert document.root is not None
        (value,) = JQ.input_text(to_json(document)).all()
        assert same(document.root.to_python(), value)


def no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def no_constant(name: str) -> None:
    raise ValueError(name)


@given(SOUP)
@settings(max_examples=400)
def test_we_accept_what_python_reads_without_our_own_rules(text: str) -> None:
    """No false rejection: json.loads has the grammar of JSON, but for NaN and for what the hooks refuse."""
    try:
        value = json.loads(strip_comments(text), object_pairs_hook=no_duplicates, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # nothing infinite, no half character
    except (ValueError, AssertionError):
        return
    document = parse(text, name="f.json")
    assert document.diagnostics == ()
    assert document.root is not None
    assert document.root.to_python() == value


@pytest.mark.parametrize("seed", [1])
def test_the_fuzzer_finds_nothing(seed: int) -> None:
    fuzzer = Path(__file__).with_name("fuzz_jsonc.py")
    run = subprocess.run(
        [sys.executable, fuzzer, "--seed", str(seed), "--count", "1000", "--seconds", "60"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1000 texts" in run.stdout
