"""What `git diff --check` prints, read as captured, and shown line by line."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.checks import git_diff_output
from nestproof.checks.git_diff_output import RULES, Hit, findings, read_hits, with_line
from nestproof.core.errors import CommandError

# Output of git 2.39.5, as it came.

CAPTURED_NAMES = b'"q".txt\0-dash\0bin\0caf\xe9.txt\0nl\nname:3: x.txt\0notes.txt\0\xc3\xbcn\xc3\xaf'.split(
    b"\0"
)
CAPTURED = (
    b'"q".txt:2: new blank line at EOF.\n-dash:1: trailing whitespace.\n+z \n'
    b"caf\xe9.txt:1: trailing whitespace.\n+a \r\ncaf\xe9.txt:2: trailing whitespace.\n+b\r\n"
    b"caf\xe9.txt:3: trailing whitespace.\n+last \t\n"
    b"nl\nname:3: x.txt:2: leftover conflict marker\nnl\nname:3: x.txt:4: leftover conflict marker\n"
    b"nl\nname:3: x.txt:5: trailing whitespace, space before tab in indent.\n+ \t y \n"
    b"nl\nname:3: x.txt:6: leftover conflict marker\nnl\nname:3: x.txt:7: new blank line at EOF.\n"
    b"notes.txt:2: trailing whitespace.\n+bad \n"
    b"\xc3\xbcn\xc3\xaf:1: trailing whitespace.\n+b \n"
)
# Names and lines that look like hits.
MASKED_NAMES = b"+eof\0a\0a:1: trailing whitespace.\0a:1: trailing whitespace.\nb\0indent.c".split(b"\0")
MASKED = (
    b"+eof:2: new blank line at EOF.\na:1: trailing whitespace.\n+a:9: trailing whitespace. \n"
    b"a:1: trailing whitespace.:1: trailing whitespace.\n+b \n"
    b"a:1: trailing whitespace.\nb:2: new blank line at EOF.\n"
    b"indent.c:1: trailing whitespace, indent with spaces.\n+        x \n"
    b"indent.c:2: indent with spaces.\n+\t         y\n"
    b"indent.c:3: space before tab in indent.\n+ \t z\n"
)


def test_every_hit_is_read_whatever_its_file_is_called() -> None:
    whitespace, marker, blank = (
        ("trailing whitespace",),
        ("leftover conflict marker",),
        ("new blank line at EOF",),
    )
    assert read_hits(CAPTURED, CAPTURED_NAMES) == [
        Hit('"q".txt', 2, blank, ""),
        Hit("-dash", 1, whitespace, "z "),
        Hit("caf\udce9.txt", 1, whitespace, "a \r"),
        Hit("caf\udce9.txt", 2, whitespace, "b\r"),
        Hit("caf\udce9.txt", 3, whitespace, "last \t"),
        Hit("nl\nname:3: x.txt", 2, marker, None),
        Hit("nl\nname:3: x.txt", 4, marker, None),
        Hit("nl\nname:3: x.txt", 5, ("trailing whitespace", "space before tab in indent"), " \t y "),
        Hit("nl\nname:3: x.txt", 6, marker, None),
        Hit("nl\nname:3: x.txt", 7, blank, ""),
        Hit("notes.txt", 2, whitespace, "bad "),
        Hit("ünï", 1, whitespace, "b "),
    ]


def test_names_and_lines_that_look_like_hits_are_told_apart() -> None:
    assert [(hit.file, hit.line, hit.text) for hit in read_hits(MASKED, MASKED_NAMES)] == [
        ("+eof", 2, ""),
        ("a", 1, "a:9: trailing whitespace. "),
        ("a:1: trailing whitespace.", 1, "b "),
        ("a:1: trailing whitespace.\nb", 2, ""),
        ("indent.c", 1, "        x "),
        ("indent.c", 2, "\t         y"),
        ("indent.c", 3, " \t z"),
    ]


def test_a_name_that_holds_a_hit_of_another_is_read_as_one_name() -> None:
    name = b"a:1: trailing whitespace.\n+b"
    output = name + b":1: trailing whitespace.\n+one \n"
    assert [hit.file for hit in read_hits(output, {b"a", name})] == [name.decode()]


def test_many_hits_take_linear_time() -> None:
    output = b"".join(b"f:%d: trailing whitespace.\n+one \n" % line for line in range(1, 8001))
    begin = time.perf_counter()
    assert len(read_hits(output, [b"f"])) == 8000
    # A tenth of a second; each hit looked for in all of the rest takes ten.
    assert time.perf_counter() - begin < 3


def test_a_missing_line_break_is_read_as_newer_gits_report_it() -> None:
    # Not captured: the format string of checkdiff_consume in the diff.c of git 2.53.
    (hit,) = read_hits(b"notes.txt:3: no newline at the end of file.\n", [b"notes.txt"])
    assert (hit.said, hit.text) == (("no newline at the end of file",), None)
    (found,) = findings(with_line(hit, ["one", "two", "end"]))
    assert found.diagnostic.rule == "diff-incomplete-line"
    assert found.excerpt == "notes.txt:3:4: error: no newline at the end of file\nend\n   ^"


@pytest.mark.parametrize(
    ("output", "name"),
    [
        (b"notes.txt:2: glaring whitespace.\n+bad \n", b"notes.txt"),
        (b"notes.txt:2: trailing whitespace.\n+bad \n", b"other.txt"),
        (b"notes.txt:2: trailing whitespace.\n+bad ", b"notes.txt"),
        (b"notes.txt:2: trailing whitespace.\n", b"notes.txt"),
        (b"notes.txt:2: trailing whi", b"notes.txt"),
        (b"notes.txt:x: trailing whitespace.\n+bad \n", b"notes.txt"),
        (b"notes.txt:2: glaring.\n+x\nnotes.txt:3: trailing whitespace.\n+bad \n", b"notes.txt"),
        (b"notes.txt:3: trailing whitespace.\n+bad \nwarning: something\n", b"notes.txt"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_not_left_out(output: bytes, name: bytes) -> None:
    with pytest.raises(CommandError, match="said what nestproof cannot read"):
        read_hits(output, [name])


# Enough to spell parts of a hit, not enough for one of git's sentences, with which there can be two readings.
NAMES = st.text('a:1 .+\n\r\t"\udce9é', min_size=1, max_size=8)
LINES = st.integers(1, 10**9)
SENTENCES = ["trailing whitespace", "space before tab in indent", "indent with spaces", "tab in indent"]
SEVERAL = st.lists(st.sampled_from(SENTENCES), min_size=1, unique=True).map(tuple)
HITS = st.one_of(
    st.builds(Hit, NAMES, LINES, SEVERAL, st.text("a:1 .+\r\té", max_size=8)),
    st.builds(Hit, NAMES, LINES, st.just(("new blank line at EOF",)), st.just("")),
    st.builds(Hit, NAMES, LINES, st.just(("leftover conflict marker",)), st.none()),
)


def as_git_writes(hit: Hit) -> bytes:
    end = "" if hit.said == ("leftover conflict marker",) else "."
    shown = f"+{hit.text}\n" if hit.said[0] in SENTENCES else ""
    return os.fsencode(f"{hit.file}:{hit.line}: {', '.join(hit.said)}{end}\n{shown}")


@settings(deadline=None)  # a busy machine is no mistake
@given(st.lists(HITS))
def test_what_git_can_write_is_read_back(hits: list[Hit]) -> None:
    output = b"".join(map(as_git_writes, hits))
    assert read_hits(output, {os.fsencode(hit.file) for hit in hits}) == hits


# Findings


@pytest.mark.parametrize(
    ("said", "text", "rule", "excerpt"),
    [
        ("trailing whitespace", "a b \t", "diff-trailing-whitespace", ["1:4", "a b     ", "   ^^^^^"]),
        ("trailing whitespace", "   ", "diff-trailing-whitespace", ["1:1", "   ", "^^^"]),
        ("trailing whitespace", "b\r", "diff-trailing-whitespace", ["1:2", r"b\u000d", " ^^^^^^"]),
        ("trailing whitespace", "漢 ", "diff-trailing-whitespace", ["1:2", "漢 ", "  ^"]),
        ("space before tab in indent", "\t \tx", "diff-space-before-tab", ["1:2", " " * 9 + "x", "    ^"]),
        ("indent with spaces", "\t        x", "diff-indent", ["1:2", " " * 12 + "x", "    " + "^" * 8]),
        ("tab in indent", "  \tx", "diff-tab-in-indent", ["1:3", "      x", "  ^^^^"]),
        ("leftover conflict marker", "<<<<<<< a", "diff-conflict-marker", ["1:1", "<<<<<<< a", "^^^^^^^"]),
        ("leftover conflict marker", None, "diff-conflict-marker", ["1:1"]),
        ("new blank line at EOF", "", "diff-blank-at-eof", ["1:1", "", "^"]),
    ],
)
def test_a_finding_shows_the_line_and_the_fault(
    said: str, text: str | None, rule: str, excerpt: list[str]
) -> None:
    (found,) = findings(Hit("f", 1, (said,), text))
    assert (found.diagnostic.rule, found.diagnostic.severity, found.diagnostic.message) == (
        rule,
        "error",
        said,
    )
    assert found.excerpt.split("\n") == [f"f:{excerpt[0]}: error: {said}", *excerpt[1:]]
    assert found.fix


def test_a_line_with_two_mistakes_gives_two_findings() -> None:
    hit = Hit("f", 5, ("trailing whitespace", "space before tab in indent"), " \t y ")
    assert [(found.diagnostic.rule, found.diagnostic.start.column) for found in findings(hit)] == [
        ("diff-trailing-whitespace", 5),
        ("diff-space-before-tab", 1),
    ]


def test_a_finding_is_safe_to_print() -> None:
    (found,) = findings(Hit("a\nb\x1b[2J\udce9", 1, ("trailing whitespace",), "\x1b[31mred\u202e "))
    assert found.excerpt == (
        r"a\u000ab\u001b[2J\udce9:1:10: error: trailing whitespace"
        "\n"
        r"\u001b[31mred\u202e "
        "\n                   ^"
    )


def test_only_a_line_return_is_told_how_to_allow_it() -> None:
    fixes = [next(findings(Hit("f", 1, ("trailing whitespace",), text))).fix for text in ("a\r", "a \r")]
    assert fixes == [
        "end the line with LF alone, or allow CRLF: git config core.whitespace cr-at-eol",
        "remove the white space at the end of the line",
    ]


def test_a_line_that_is_no_marker_is_not_shown_as_one() -> None:
    # The file changed since git read it.
    hit = Hit("f", 2, ("leftover conflict marker",), None)
    assert with_line(hit, ["one", "two"]).text is None
    assert with_line(hit, ["one"]).text is None
    assert with_line(hit, ["one", ">>>>>>> b"]).text == ">>>>>>> b"


def test_every_rule_belongs_to_a_sentence_and_every_sentence_to_a_rule() -> None:
    assert {kind.rule for kind in git_diff_output._KINDS.values()} == set(RULES)
    assert list(RULES) == sorted(RULES)


def test_a_line_of_any_length_takes_linear_time() -> None:
    long = "x" + " " * 1_000_000 + "y "
    (hit,) = read_hits(f"f:1: trailing whitespace.\n+{long}\n".encode(), [b"f"])
    (found,) = findings(hit)
    assert found.diagnostic.start.column == len(long)
    assert len(found.excerpt) < 400
