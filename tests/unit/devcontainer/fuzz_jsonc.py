"""Throw damaged devcontainer files at nestproof.jsonc and hold each result against jq.

    python tests/unit/devcontainer/fuzz_jsonc.py --seconds 20 --seed 1

A fault is printed with the command that repeats it; the exit code is 1 then, 2 if nothing was tried, else 0.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import re
import sys
import time
import traceback

import jq

from nestproof.devcontainer.jsonc import parse, render, strip_comments, to_json

JQ = jq.compile(".")
LINE_BREAK = re.compile("\r\n|\r|\n")
SEEDS = [
    '// A comment\n{\n\t"name": "caf\u00e9",\n\t"image": "ubuntu", // pinned\n\t"runArgs": ["--init",],\n}',
    '{"build": {"dockerfile": "Dockerfile", "args": {"TZ": "${localEnv:TZ}", "URL": "https://a//b"}}}',
    '{\r\n  "forwardPorts": [3000, "db:1"], /* a\r\n * b **/\r\n  "features": {"x/y:1": {}}\r\n}\r\n',
    '["**/*.py", "\\u00e9\\ud83d\\ude00\\"\\\\/", -0.5e+3, 0, 12345678901234567890, true, false, null]',
    "[[[[[[{}]]]]]]",
    '{"a": {"b": {"c": {"d": [{"e": []}]}}}, "f": 1.5}',
]
PIECES = [
    *"{}[]:,\"'\\/*#=;+-.0eE \t\r\n", "//", "/*", "*/", "\r\n", "\\u", "\\ud800", "\\udc00", "\\u0000",
    "\x00", "\x1b", "\x7f", "\u00a0", "\u2028", "\ufeff", "\ud800", "\u00e9", "\U0001f600", "NaN", "Infinity",
    "nan", "True", "null", "01", "0x1", "1e999", "1e-999", '"a"', '"a": 1,', "[1,]", "{}", "[" * 50, "]" * 50,
    "9" * 400,
]  # fmt: skip


def damaged(rng: random.Random) -> str:
    """A known good text with a few random edits."""
    text = rng.choice(SEEDS)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5, 20))):
        start = rng.randint(0, len(text))
        end = min(len(text), start + rng.choice((0, 0, 1, 1, 2, 9)))
        other = rng.choice(SEEDS)
        cut = rng.randint(0, len(other))
        new = rng.choice(
            (rng.choice(PIECES), rng.choice(PIECES), "", text[start:end] * 2, other[cut : cut + 9])
        )
        text = text[:start] + new + text[end:]
    return text


def same(ours: object, theirs: object) -> bool:
    """Equal, but for the last bit of a number, which jq rounds twice."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if type(ours) in (int, float) and isinstance(theirs, int | float):
        return math.isclose(float(str(ours)), theirs, rel_tol=4e-16, abs_tol=5e-324)
    return type(ours) is type(theirs) and ours == theirs


def check(text: str) -> bool:
    """Raise if anything that must hold does not; say whether the text was accepted."""
    document = parse(text, name="f.json")
    assert document == parse(text, name="f.json"), "read differently the second time"
    for diagnostic in document.diagnostics:
        assert 0 <= diagnostic.start.offset <= diagnostic.end.offset <= len(document.text), diagnostic
        assert all(line.isprintable() for line in render(document, diagnostic).split("\n")), diagnostic
    stripped = strip_comments(text)
    assert len(stripped) == len(text), "a comment became longer or shorter"
    assert LINE_BREAK.findall(stripped) == LINE_BREAK.findall(text), "a line break changed"
    if not document.ok:
        return False
    assert document.root is not None, "accepted without a value"
    values = JQ.input_text(to_json(document)).all()
    assert len(values) == 1, f"jq reads {len(values)} values"
    assert same(document.root.to_python(), values[0]), f"jq reads {values[0]!r}"
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="stop after this time")
    parser.add_argument("--count", type=int, default=1_000_000, help="stop after this many texts")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same texts")
    parser.add_argument("--first", type=int, default=0, help="the number of the first text")
    options = parser.parse_args()

    stop = time.monotonic() + options.seconds
    tried = accepted = 0
    for index in itertools.count(options.first):
        if tried == options.count or time.monotonic() > stop:
            break
        text = damaged(random.Random(f"{options.seed}:{index}"))  # to be repeatable is its purpose
        try:
            accepted += check(text)
        except Exception:
            traceback.print_exc()
            print(f"fault in {text!r}")
            print(
                "repeat: python tests/unit/devcontainer/fuzz_jsonc.py "
                f"--seed {options.seed} --first {index} --count 1"
            )
            return 1
        tried += 1
    print(f"seed {options.seed}: {tried} texts, {accepted} accepted, no fault")
    return 0 if tried else 2


if __name__ == "__main__":
    sys.exit(main())
