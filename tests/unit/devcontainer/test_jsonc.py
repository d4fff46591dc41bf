"""What nestproof.jsonc accepts, what it rejects, and the exact words it rejects it with."""

from __future__ import annotations

import functools
import gc
import re
import time
from collections.abc import Callable

import jq
import pytest

from nestproof.devcontainer.jsonc import (
    RULES,
    Diagnostic,
    Document,
    JsonNode,
    parse,
    render,
    strip_comments,
    to_json,
)

JQ = jq.compile(".")

# source, rule, line:column, what the carets stand under, message
MISTAKES: list[tuple[str | bytes, str, str, str, str]] = [
    ("", "json-empty", "1:1", "", "the file holds nothing; write a JSON value, such as {}"),
    ("\ufeff", "json-empty", "1:1", "", "the file holds nothing; write a JSON value, such as {}"),
    (" // a\n/* b */\n", "json-empty", "1:1", "",
     "the file holds only blanks or comments; write a JSON value, such as {}"),
    ("{}\n{}", "json-several-values", "2:1", "{",
     "a second value starts here; keep one of them, or put all into an array"),
    ('1 "a" 2', "json-several-values", "1:3", '"a"',
     "a second value starts here; keep one of them, or put all into an array"),
    ("[NaN]", "json-nonfinite-number", "1:2", "NaN", "JSON has no NaN; write null or a number"),
    ("Infinity", "json-nonfinite-number", "1:1", "Infinity", "JSON has no Infinity; write null or a number"),
    ("[1, -Infinity]", "json-nonfinite-number", "1:5", "-Infinity",
     "JSON has no -Infinity; write null or a number"),
    ("['a']", "json-wrong-quotes", "1:2", "'a'", "single quotes make no JSON string; write double quotes"),
    ("{'a': 1}", "json-wrong-quotes", "1:2", "'a'", "single quotes make no JSON string; write double quotes"),
    ("['it, 1]", "json-wrong-quotes", "1:2", "'it, 1]",
     "single quotes make no JSON string; write double quotes"),
    ("[\u201ca\u201d]", "json-wrong-quotes", "1:2", "\u201ca\u201d",
     "\u201c makes no JSON string; write double quotes"),
    ("{\u201ca\u201d: 1}", "json-wrong-quotes", "1:2", "\u201ca\u201d",
     "\u201c makes no JSON string; write double quotes"),
    ("{\n  image: 1}", "json-unquoted-key", "2:3", "image", 'the key image has no quotes; write "image"'),
    ("{1: 2}", "json-unquoted-key", "1:2", "1", 'the key 1 has no quotes; write "1"'),
    ("{} /* a * / b", "json-unterminated-comment", "1:4", "/*",
     "this comment never ends; write */ where it ends"),
    ("/*/", "json-unterminated-comment", "1:1", "/*", "this comment never ends; write */ where it ends"),
    ('{"a /* */ // \r\n": 1}', "json-unterminated-string", "1:2", '"a /* */ // ',
     'this string does not end on its line; write " where it ends, or \\n for a line break'),
    ('["\\"', "json-unterminated-string", "1:2", '"\\"',
     'this string does not end on its line; write " where it ends, or \\n for a line break'),
    ('"a\tb"', "json-control-character", "1:3", "\t", "U+0009 must be escaped in a string; write \\t"),
    ('{"\x00": 1}', "json-control-character", "1:3", "\x00",
     "U+0000 must be escaped in a string; write \\u0000"),
    ('"C:\\dir"', "json-bad-escape", "1:4", "\\d", "\\d is no escape; write \\\\ for a backslash"),
    ('"\\u12g4"', "json-bad-escape", "1:2", "\\u",
     "\\u needs four hexadecimal digits; write them, or \\\\ for a backslash"),
    ('"\\ud83d!"', "json-lone-surrogate", "1:2", "\\ud83d",
     "\\ud83d is half of a character; write both halves, or the character itself"),
    ('"\\uDE00\\ud83d\\ude00"', "json-lone-surrogate", "1:2", "\\uDE00",
     "\\uDE00 is half of a character; write both halves, or the character itself"),
    ("[01]", "json-number", "1:2", "01", "the number 01 starts with a zero; remove it"),
    ("[-01]", "json-number", "1:2", "-01", "the number -01 starts with a zero; remove it"),
    ("[+1]", "json-number", "1:2", "+1", "the number +1 starts with a plus sign; remove it"),
    ("[.5]", "json-number", "1:2", ".5", "the number .5 has no digit before the point; write 0 there"),
    ("[1.]", "json-number", "1:2", "1.", "the number 1. has no digit after the point; write 0 there"),
    ("[1.e5]", "json-number", "1:2", "1.e5", "the number 1.e5 has no digit after the point; write 0 there"),
    ("[1e]", "json-number", "1:2", "1e", "the number 1e has no digit in its exponent; write one"),
    ("[1.5E+]", "json-number", "1:2", "1.5E+", "the number 1.5E+ has no digit in its exponent; write one"),
    ("[0x1F]", "json-number", "1:2", "0x1F", "the number 0x1F is not decimal; write it in decimal digits"),
    ("[-]", "json-number", "1:2", "-",
     "the number - has no digits; write some, or put text in double quotes"),
    ("[1_000]", "json-number", "1:2", "1_000",
     "the number 1_000 is not written as JSON writes numbers; put it in double quotes if it is text"),
    ("[-1e400]", "json-number-range", "1:2", "-1e400",
     "the number -1e400 is too large; write one below 1.8e308"),
    ("9" * 5000, "json-number-range", "1:1", "9" * 5000,
     f"the number {'9' * 39}\u2026 is too large; write one below 1.8e308"),
    ("[1 2]", "json-missing-comma", "1:3", "", "no comma follows this value; write one"),
    ('{"a": 1 // one\n "b": 2}', "json-missing-comma", "1:8", "", "no comma follows this value; write one"),
    ('{"a" 1}', "json-missing-colon", "1:5", "", 'no colon follows the key "a"; write one'),
    ('{"a", "b": 1}', "json-missing-colon", "1:5", "", 'no colon follows the key "a"; write one'),
    ('{"a":, "b": 1}', "json-missing-value", "1:6", "",
     'the key "a" has no value; write one after the colon'),
    ('{"a": }', "json-missing-value", "1:6", "", 'the key "a" has no value; write one after the colon'),
    ("[1}", "json-mismatched-bracket", "1:3", "}", "} cannot close [; write ]"),
    ('{"a": 1]', "json-mismatched-bracket", "1:8", "]", "] cannot close {; write }"),
    ("{]", "json-mismatched-bracket", "1:2", "]", "] cannot close {; write }"),
    ("{}\n}", "json-mismatched-bracket", "2:1", "}",
     "} closes nothing; remove it, or write { where it belongs"),
    ("]", "json-mismatched-bracket", "1:1", "]", "] closes nothing; remove it, or write [ where it belongs"),
    ('{"a": [1, 2\n', "json-unclosed-bracket", "1:7", "[", "this [ is never closed; write ] where it ends"),
    ('{"a": [1, 2]', "json-unclosed-bracket", "1:1", "{", "this { is never closed; write } where it ends"),
    ('{"a"', "json-unclosed-bracket", "1:1", "{", "this { is never closed; write } where it ends"),
    ("True", "json-unknown-word", "1:1", "True", "True is no JSON value; write true"),
    ("[FALSE]", "json-unknown-word", "1:2", "FALSE", "FALSE is no JSON value; write false"),
    ("[None]", "json-unknown-word", "1:2", "None", "None is no JSON value; write null"),
    ("[undefined]", "json-unknown-word", "1:2", "undefined", "undefined is no JSON value; write null"),
    ("[truefalse]", "json-unknown-word", "1:2", "truefalse",
     'truefalse is no JSON value; if it is text, write "truefalse"'),
    ("[/bin/sh]", "json-unknown-word", "1:2", "/bin/sh",
     '/bin/sh is no JSON value; if it is text, write "/bin/sh"'),
    ("[1,\u00a02]", "json-white-space", "1:4", "\u00a0",
     "U+00A0 (NO-BREAK SPACE) is no white space in JSON; write a plain space, or remove it"),
    ("{}\u2028\u2028", "json-white-space", "1:3", "\u2028\u2028",
     "U+2028 (LINE SEPARATOR) is no white space in JSON; write a plain space, or remove it"),
    ("\ufeff\ufeff{}", "json-white-space", "1:1", "\ufeff",
     "U+FEFF (ZERO WIDTH NO-BREAK SPACE) is no white space in JSON; write a plain space, or remove it"),
    ("\x0c{}", "json-white-space", "1:1", "\x0c",
     "U+000C is no white space in JSON; write a plain space, or remove it"),
    ("[,1]", "json-extra-comma", "1:2", ",", "nothing stands before this comma; remove it"),
    ("[1,,]", "json-extra-comma", "1:4", ",", "nothing stands before this comma; remove it"),
    ("{,}", "json-extra-comma", "1:2", ",", "nothing stands before this comma; remove it"),
    ("{:1}", "json-missing-key", "1:2", ":", ": stands where a key belongs; write a key in double quotes"),
    ('{["a"]: 1}', "json-missing-key", "1:2", "[",
     "[ stands where a key belongs; write a key in double quotes"),
    ("[1: 2]", "json-unexpected-character", "1:3", ":",
     "a colon belongs only between a key and its value; remove it"),
    ('{"a": 1},\n', "json-unexpected-character", "1:9", ",", "a comma follows the whole value; remove it"),
    ('{"a": 1 # one\n}', "json-unexpected-character", "1:9", "#",
     "# starts no comment in JSON; write // instead"),
    ('{"a" = 1}', "json-unexpected-character", "1:6", "=",
     "= means nothing in JSON; write a colon after a key"),
    ('["a"; "b"]', "json-unexpected-character", "1:5", ";",
     "; means nothing in JSON; write a comma between values"),
    ("[\x1b[31m]", "json-unexpected-character", "1:2", "\x1b",
     "\\u001b means nothing in JSON; put text in double quotes"),
    (b'\xef\xbb\xbf{\n"caf\xe9": 1}', "json-invalid-utf8", "2:5", "\ufffd",
     "byte 0xe9 is not UTF-8; save the file as UTF-8"),
    ("{}".encode("utf-16"), "json-invalid-utf8", "1:1", "\ufffd", "the file is UTF-16; save it as UTF-8"),
    ('"\ud800"', "json-invalid-utf8", "1:2", "\ud800",
     "U+D800 is half of a character, which UTF-8 cannot hold; remove it"),
    ('{"a": 1,\n "\\u0061": 2}', "json-duplicate-key", "2:2", '"\\u0061"',
     'the key "a" stands twice in this object; remove one of the two'),
    ("[1, 2 , ]", "json-trailing-comma", "1:7", ",", "a comma follows the last value; remove it"),
    ('{"a": 1, }', "json-trailing-comma", "1:8", ",", "a comma follows the last member; remove it"),
    ("[" * 10_001 + "]" * 10_001, "json-deep-nesting", "1:10001", "[",
     "jq reads 10,000 levels of nesting, an object counting as two; nest less deeply"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "rule", "place", "fault", "message"), MISTAKES, ids=[f"{m[1]}-{m[2]}" for m in MISTAKES]
)
def test_a_mistake_is_named_at_its_place(
    source: str | bytes, rule: str, place: str, fault: str, message: str
) -> None:
    document = parse(source, name="f.json")
    (diagnostic,) = document.diagnostics
    assert (diagnostic.rule, diagnostic.message) == (rule, message)
    assert f"{diagnostic.start.line}:{diagnostic.start.column}" == place
    assert document.text[diagnostic.start.offset : diagnostic.end.offset] == fault
    assert diagnostic.severity == RULES[rule].severity
    assert document.ok == (diagnostic.severity != "error")


def test_every_rule_has_an_example() -> None:
    assert {rule for _, rule, *_ in MISTAKES} == set(RULES)


def test_every_rule_means_something() -> None:
    assert all(re.fullmatch("json(-[a-z0-9]+)+", rule) for rule in RULES)
    assert len({rule.meaning for rule in RULES.values()}) == len(RULES)
    assert all(re.fullmatch(r"[A-Z][^\n]{10,90}\.", rule.meaning) for rule in RULES.values())


def found(source: str | bytes, *, strict: bool = False) -> list[str]:
    """The rule and line:column of each mistake."""
    diagnostics = parse(source, name="f.json", strict=strict).diagnostics
    return [
        f"{diagnostic.rule} {diagnostic.start.line}:{diagnostic.start.column}" for diagnostic in diagnostics
    ]


def test_every_mistake_inside_values_is_reported() -> None:
    assert found('{a: \'b\',\n c: [NaN, 01, True],\n "d": "\\x\t\\ud800", "d": 1e999,\u00a0}') == [
        "json-unquoted-key 1:2",
        "json-wrong-quotes 1:5",
        "json-unquoted-key 2:2",
        "json-nonfinite-number 2:6",
        "json-number 2:11",
        "json-unknown-word 2:15",
        "json-bad-escape 3:8",
        "json-control-character 3:10",
        "json-lone-surrogate 3:11",
        "json-duplicate-key 3:20",
        "json-number-range 3:25",
        "json-trailing-comma 3:30",
        "json-white-space 3:31",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello World, here I am", ["json-unknown-word 1:1"]),
        (
            "{key: don't, do: 'that', or: 'it's' bad}",
            [
                "json-unquoted-key 1:2",
                "json-unknown-word 1:7",
                "json-unquoted-key 1:14",
                "json-wrong-quotes 1:18",
                "json-unquoted-key 1:26",
                "json-wrong-quotes 1:30",
            ],
        ),
        ("['it's']", ["json-wrong-quotes 1:2"]),
        ("{a: b c: d}", ["json-unquoted-key 1:2", "json-unknown-word 1:5"]),
        ("[NaN", ["json-nonfinite-number 1:2"]),
        ('{"a": "say "hello" to", "b": 1}', ["json-missing-comma 1:13"]),
        ('{"a": 1 "b": 2 "c": 3}', ["json-missing-comma 1:8"]),
        ("# a comment of words\n{}", ["json-unexpected-character 1:1"]),
        ("[1, 2} }", ["json-mismatched-bracket 1:6"]),
    ],
)
def test_no_echo_follows_a_mistake(source: str, expected: list[str]) -> None:
    assert found(source) == expected


def test_each_duplicate_key_shows_the_place_before() -> None:
    document = parse('{"a": 1, "b": {"a": 2},\n "a": 3,\n "a": 4}', name="f.json")
    assert [(m.rule, m.start.line) for m in document.diagnostics] == [
        ("json-duplicate-key", 2),
        ("json-duplicate-key", 3),
    ]
    assert [(m.related[0].position.line, m.related[0].note) for m in document.diagnostics] == [
        (1, '"a" stands here already'),
        (2, '"a" stands here already'),
    ]
    assert document.root is not None
    assert document.root.to_python() == {"a": 4, "b": {"a": 2}}  # the last, as jq and every client has it


def test_a_key_that_cannot_be_known_is_no_duplicate() -> None:
    assert found('{"\\x": 1, "\\x": 2}') == ["json-bad-escape 1:3", "json-bad-escape 1:12"]


def test_each_trailing_comma_is_a_warning_and_the_value_is_read() -> None:
    source = '{"a": [1, 2, /* c */ ], "b": {"c": [],\n}, // d\n}'
    document = parse(source, name="f.json")
    assert document.ok
    assert found(source) == [
        "json-trailing-comma 1:12",
        "json-trailing-comma 1:38",
        "json-trailing-comma 2:2",
    ]
    assert document.root is not None
    assert document.root.to_python() == {"a": [1, 2], "b": {"c": []}}


def test_strict_makes_warnings_errors() -> None:
    assert not parse("[1,]", name="f.json", strict=True).ok
    assert not parse("[" * 10_001 + "]" * 10_001, name="f.json", strict=True).ok
    assert parse("[1]", name="f.json", strict=True).ok


def test_a_mistake_that_hides_a_value_hides_the_tree() -> None:
    assert parse("[1, 01]", name="f.json").root is None
    assert parse("[1", name="f.json").root is None
    assert parse("[1,\u00a01]", name="f.json").root is not None  # an error, but it hides nothing


def test_values_know_their_place() -> None:
    text = '\ufeff// c\r\n{\r "a" : [1, {"b\\n": true}],\n"\U0001f600": -0.5e1 }'
    document = parse(text.encode(), name="f.json")
    root = document.root
    assert root is not None
    assert document.text == text[1:]
    assert (root.start.offset, root.start.line, root.start.column) == (6, 2, 1)
    assert (root.end.line, root.end.column) == (4, len('"x": -0.5e1 }') + 1)
    inner = root.at("a", 1)
    assert inner is not None
    assert (inner.kind, inner.start.line, inner.start.column) == ("object", 3, 12)
    assert document.text[inner.start.offset : inner.end.offset] == '{"b\\n": true}'
    member = inner.members["b\n"]
    assert (member.name, member.value.kind, member.value.value) == ("b\n", "true", True)
    assert document.text[member.key.offset : member.key.end_offset] == '"b\\n"'
    number = root.at("\U0001f600")
    assert number is not None
    assert (number.kind, number.value, number.start.line, number.start.column) == ("number", -5.0, 4, 6)


def test_bytes_and_text_with_and_without_a_byte_order_mark_read_the_same() -> None:
    text = '{"\u00e9": [1,],}'
    documents = {
        parse(source, name="f.json")
        for source in (text, "\ufeff" + text, text.encode(), text.encode("utf-8-sig"))
    }
    assert len(documents) == 1


def test_looking_up_a_path() -> None:
    root = parse('{"build": {"args": {"TZ": "UTC"}}, "list": [[1], null]}', name="f.json").root
    assert root is not None
    zone = root.at("build", "args", "TZ")
    assert zone is not None
    assert zone.value == "UTC"
    nothing = root.at("list", 1)
    assert nothing is not None
    assert nothing.kind == "null"
    assert root.at() is root
    missing: list[tuple[str | int, ...]] = [
        ("none",), ("build", 0), ("list", "a"), ("list", 2), ("list", -1), ("list", 0, 0, "x"),
        ("build", "args", "TZ", "U"),
    ]  # fmt: skip
    assert [root.at(*path) for path in missing] == [None] * len(missing)


def test_numbers() -> None:
    text = "[0, -0, 10, 9007199254740993, 1.0, 1E2, 1e-400, 123456789012345678901234567890, 2e308]"
    root = parse(text.replace(", 2e308", ""), name="f.json").root
    assert root is not None
    value = root.to_python()
    assert value == [0, 0, 10, 9007199254740993, 1.0, 100.0, 0.0, 123456789012345678901234567890]
    assert isinstance(value, list)
    assert [type(number) for number in value] == [int, int, int, int, float, float, float, int]
    assert found(text) == ["json-number-range 1:81"]


def test_comments_become_blanks_of_the_same_length() -> None:
    text = '{ // \u00e9 "x"\r\n "a//b": "/* c */", /* d\r e\n */ "f\\"//": 1, /**/ /***/ "g": "//" }//'
    stripped = strip_comments(text)
    assert stripped == (
        '{         \r\n "a//b": "/* c */",     \r  \n    "f\\"//": 1,            "g": "//" }  '
    )
    assert len(stripped) == len(text)
    assert strip_comments(stripped) == stripped


def test_a_comment_that_never_ends_stays() -> None:
    assert strip_comments("1 /* a\n// b") == "1 /* a\n// b"


def test_plain_json_has_neither_comments_nor_trailing_commas() -> None:
    document = parse('\ufeff[1, // one\n {"a": ",]",}, ]', name="f.json")
    assert to_json(document) == '[1,       \n {"a": ",]" }  ]'


def test_jq_reports_true_positions() -> None:
    document = parse('{\n  "a": 1, /* \u00e9 */ // c\n  /* d */ "e": x\n}', name="f.json")
    with pytest.raises(ValueError, match="line 4, column 0"):  # jq notices at the end of the line
        JQ.input_text(to_json(document)).all()
    document = parse("[ /* a\n b */ 1, 2 ] ]", name="f.json")
    (diagnostic,) = document.diagnostics
    with pytest.raises(ValueError, match=f"line {diagnostic.start.line}, column {diagnostic.start.column}"):
        JQ.input_text(to_json(document)).all()


@pytest.mark.parametrize(
    ("level", "close", "deepest"), [("[", "]", 10_000), ('{"a":', "}", 5_000), ('[{"a":', "}]", 3_333)]
)
def test_the_depth_at_which_we_warn_is_the_one_at_which_jq_stops(
    level: str, close: str, deepest: int
) -> None:
    for depth, fits in ((deepest, True), (deepest + 1, False)):
        document = parse(level * depth + "1" + close * depth, name="f.json")
        assert document.ok
        assert [diagnostic.rule for diagnostic in document.diagnostics] == (
            [] if fits else ["json-deep-nesting"]
        )
        if fits:
            assert len(JQ.input_text(to_json(document)).all()) == 1
        else:
            with pytest.raises(ValueError, match="Exceeds depth limit"):
                JQ.input_text(to_json(document)).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2",
        "[NaN]",
        "-Infinity",
        '{"a": 1, "a": 2}',
        "01",
        "+1",
        ".5",
        "1.",
        "1e400",
        '"\\udc00"',
        "1\x00x",
    ],
)
def test_what_jq_accepts_and_we_reject_on_purpose(text: str) -> None:
    assert not parse(text, name="f.json").ok
    assert isinstance(JQ.input_text(text).all(), list)


def test_render_shows_the_line_and_a_caret() -> None:
    document = parse('{\n\t"a": 1,\n\t"\u65e5\u672c": [\t01],\n\t"a": 2,\n}', name="dir/f.json")
    assert [render(document, diagnostic) for diagnostic in document.diagnostics] == [
        "dir/f.json:3:10: error: the number 01 starts with a zero; remove it\n"
        '    "\u65e5\u672c": [    01],\n'
        "                 ^^",
        'dir/f.json:4:2: error: the key "a" stands twice in this object; remove one of the two\n'
        '    "a": 2,\n'
        "    ^^^\n"
        'dir/f.json:2:2: note: "a" stands here already\n'
        '    "a": 1,\n'
        "    ^",
        'dir/f.json:4:8: note: a comma follows the last member; remove it\n    "a": 2,\n          ^',
    ]


def test_render_puts_a_caret_behind_the_line_where_something_is_missing() -> None:
    document = parse('{\r\n"a": 1\r\n"b": 2}', name="f.json")
    assert render(document, document.diagnostics[0]) == (
        'f.json:2:7: error: no comma follows this value; write one\n"a": 1\n      ^'
    )


def test_render_of_an_empty_file() -> None:
    document = parse(b"", name="f.json")
    assert render(document, document.diagnostics[0]) == (
        "f.json:1:1: error: the file holds nothing; write a JSON value, such as {}\n\n^"
    )


def test_render_cuts_a_long_line_around_the_fault() -> None:
    document = parse("[" + "1, " * 1000 + "True, " + "2, " * 1000 + "3]", name="f.json")
    _, line, carets = render(document, document.diagnostics[0]).splitlines()
    assert line.startswith("\u2026")
    assert line.endswith("\u2026")
    assert len(line) == 102
    assert line[carets.index("^") :].startswith("True, 2")
    assert carets.strip() == "^^^^"


def test_render_cuts_a_long_fault() -> None:
    document = parse("'" + "x" * 1000 + "'", name="f.json")
    assert render(document, document.diagnostics[0]).splitlines()[1:] == [
        "'" + "x" * 99 + "\u2026",
        "^" * 100,
    ]


def test_render_is_safe_to_print() -> None:
    document = parse('["\u202e\x1b]0;x\x07", \x1b[31m\u202e]', name="a\n\x1b[2Jb")
    for diagnostic in document.diagnostics:
        assert all(line.isprintable() for line in render(document, diagnostic).split("\n"))
    assert render(document, document.diagnostics[0]) == (
        "a\\u000a\\u001b[2Jb:1:4: error: U+001B must be escaped in a string; write \\u001b\n"
        '["\\u202e\\u001b]0;x\\u0007", \\u001b[31m\\u202e]\n'
        "        ^^^^^^"
    )


def test_documents_compare_by_what_was_read() -> None:
    one, same, other = (parse(text, name="f.json") for text in ("[1]", "[1]", "[2]"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != parse("[1]", name="g.json")
    assert one.root is not None
    assert one.root != same.root
    assert repr(one.root) == "<array at f.json:1:1>"
    assert repr(one) == "Document(source=Source(name='f.json'), diagnostics=())"


def depth_of(node: JsonNode | None) -> int:
    depth = 0
    while node is not None:
        depth += 1
        node = next(iter([*node.items, *(member.value for member in node.members.values())]), None)
    return depth


def exercise(document: Document) -> None:
    """Use all that could call itself, and throw all away."""
    assert document == parse(document.text, name=document.name)
    assert repr(document.root)
    assert repr(document)
    assert isinstance(hash(document), int)
    assert len(to_json(document)) == len(document.text)
    assert all(render(document, diagnostic) for diagnostic in document.diagnostics)
    if document.root is not None:
        value = document.root.to_python()
        assert value
        del value
    del document
    gc.collect()


def test_half_a_million_open_brackets_crash_nothing() -> None:
    document = parse("[" * 500_000, name="f.json")
    assert [diagnostic.rule for diagnostic in document.diagnostics] == [
        "json-deep-nesting",
        "json-unclosed-bracket",
    ]


def test_a_deep_nest_crashes_nothing() -> None:
    document = parse('[{"a":' * 25_000 + "1" + "}]" * 25_000, name="f.json")
    assert depth_of(document.root) == 50_001
    exercise(document)


def seconds(action: Callable[[], object]) -> float:
    """The processor time of a run, without the garbage collector, whose moments are not ours."""
    gc.disable()
    try:
        start = time.process_time()
        action()
        return time.process_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        ("", "[", ""), ("", "]", ""), ("", '{"a":', ""), ("[", "1,", "]"), ("{", '"a":1,', "}"),
        ("[", "NaN,", ""), ("[", "'x',", "]"), ("", "'", ""), ("", "/* ", ""), ("/*", "* /", ""),
        ("", "/**/", "1"), ("", "//", ""), ("", "//\n", "1"), ("", "/", ""), ("", "a/", ""), ("", '"', ""),
        ('"', "a", ""), ('"', '\\"', ""), ('"', "\\x", '"'), ('"', "\\ud800", '"'), ("", "\\", ""),
        ("", "1", ""), ("", "-", ""), ("1.", "0", "x"), ("1e", "9", ""), ("", "+nan", ""), ("", " ", ""),
        ("", "\r", "x"), ("", "\u00a0", ""), ("[", "\u00a0 ", "]"),
    ],
)  # fmt: skip
def test_time_is_linear(before: str, unit: str, after: str) -> None:
    small, factor = 4_000, 8  # eight times the text would take 64 times as long, if time were quadratic
    texts = [before + unit * (size // len(unit)) + after for size in (small, factor * small)]

    def read(text: str) -> list[str]:
        document = parse(text, name="f.json")
        shown = [render(document, diagnostic) for diagnostic in document.diagnostics]
        return [strip_comments(text), to_json(document), *shown]

    least = 0.002  # below this, the clock is all noise
    few_read, many_read = (functools.partial(read, text) for text in texts)
    few = max(least, min(seconds(few_read), seconds(few_read)))
    many = seconds(many_read)
    if many >= 4 * factor * few:  # the least of two runs counts, and the first was not enough
        many = min(many, seconds(many_read))
    assert many < 4 * factor * few, f"{factor} times the text takes {many / few:.0f} times as long"


def test_mistakes_are_plain_data() -> None:
    (diagnostic,) = parse("[1 2]", name="f.json").diagnostics
    assert isinstance(diagnostic, Diagnostic)
    with pytest.raises(AttributeError):
        diagnostic.rule = "other"  # type: ignore[misc]
