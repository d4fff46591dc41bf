"""Which comment silences what, where it does not, and what is said of a comment that should not be there."""

from __future__ import annotations

import pytest

from nestproof.checks.suppressions import RULES, apply_silences
from nestproof.core.diagnostics import Diagnostic, Severity
from nestproof.devcontainer import jsonc

KNOWN = {*jsonc.RULES, *RULES, "privileged", "image-unpinned", "model-wrong-type", "model-unknown-property"}


def silence(text: str, *found: tuple[str, str]) -> list[Diagnostic]:
    """What is left of the mistakes of `text` and of these: a rule each, and what it is about."""
    document = jsonc.parse(text, name="devcontainer.json")
    diagnostics = list(document.diagnostics)
    for rule, about in found:
        offset = text.index(about)
        start, end = document.source.position(offset), document.source.position(offset + len(about))
        severity: Severity = "error" if rule == "model-wrong-type" else "warning"
        diagnostics.append(Diagnostic(rule, severity, "found", start, end))
    return apply_silences(document, diagnostics, KNOWN)


SILENCED = [
    '{\n  "privileged": true // nestproof: allow privileged because the tests need it\n}',
    '{\n  // nestproof: allow privileged because the tests need it\n  "privileged": true\n}',
    '{\n  /* nestproof: allow privileged because the tests need it */\n  "privileged": true\n}',
    '{\n  /*\n   * nestproof: allow privileged because\n   * tests need it\n   */\n  "privileged": true\n}',
    '{\n  // nestproof: allow privileged because we must\n\n  // Another comment.\n  "privileged": true\n}',
    '{\r\n  // nestproof: allow privileged because we must\r\n  "privileged": true\r\n}',
    '// nestproof: allow privileged because we must\n{"privileged": true}',
    '{"privileged": /* nestproof: allow privileged because we must */ true}',
    '{"privileged": true} //nestproof:allow privileged because we must',
]


@pytest.mark.parametrize("text", SILENCED)
def test_a_reasoned_comment_silences_its_rule_at_its_place(text: str) -> None:
    assert silence(text, ("privileged", "true")) == []


NOT_SILENCED = [
    # Behind a value, a comment speaks for its own line only.
    (
        '{\n  "a": 1, // nestproof: allow privileged because we must\n  "privileged": true\n}',
        "silence-unused",
    ),
    # On its own line, it does not speak for lines before it.
    ('{\n  "privileged": true\n  // nestproof: allow privileged because we must\n}', "silence-unused"),
    ('{\n  // nestproof: allow image-unpinned because we must\n  "privileged": true\n}', "silence-unused"),
    ('{\n  // nestproof: allow privileged\n  "privileged": true\n}', "silence-without-reason"),
    ('{\n  // nestproof: allow privileged because\n  "privileged": true\n}', "silence-without-reason"),
    ('{\n  // nestproof: allow privileged for now\n  "privileged": true\n}', "silence-without-reason"),
    ('{\n  // nestproof: allow priviledged because we must\n  "privileged": true\n}', "silence-unknown-rule"),
    ('{\n  // nestproof: allow\n  "privileged": true\n}', "silence-unknown-rule"),
]


@pytest.mark.parametrize(("text", "rule"), NOT_SILENCED)
def test_another_comment_does_not_and_is_reported(text: str, rule: str) -> None:
    assert sorted(diagnostic.rule for diagnostic in silence(text, ("privileged", "true"))) == [
        "privileged",
        rule,
    ]


NO_COMMENT = [
    '{"a": "// nestproof: allow privileged because we must", "privileged": true}',
    '{"a": "https://nestproof: allow privileged because we must", "privileged": true}',
    '{"a": "\\" // nestproof: allow privileged because we must", "privileged": true}',
    '{"privileged": true} // see nestproof: allow privileged because we must',
    '{"privileged": true} // nestproof: allowed privileged because we must',
]


@pytest.mark.parametrize("text", NO_COMMENT)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert [diagnostic.rule for diagnostic in silence(text, ("privileged", "true"))] == ["privileged"]


SAID = [
    (
        "// nestproof: allow privileged",
        "no reason is given; write nestproof: allow privileged because REASON",
    ),
    ("// nestproof: allow privileged because it", "privileged finds nothing here; remove this comment"),
    ("// nestproof: allow priviledged because it", "priviledged is no rule; did you mean privileged?"),
    ("// nestproof: allow xyz because it", "xyz is no rule; docs/rules.md lists them"),
    ("/* nestproof: allow */", "no rule is named; write nestproof: allow RULE because REASON"),
    ("// nestproof: allow json-empty because it",
     "json-empty cannot be silenced; remove this comment, and its cause"),
    ("// nestproof: allow silence-unused because it",
     "silence-unused cannot be silenced; remove this comment, and its cause"),
]  # fmt: skip


@pytest.mark.parametrize(("comment", "message"), SAID)
def test_a_comment_that_does_not_count_is_shown_at_its_place(comment: str, message: str) -> None:
    text = f'{{\n  "a": 1 {comment}\n}}'
    [diagnostic] = silence(text)
    assert diagnostic.message == message
    assert diagnostic.severity == "warning"
    assert (diagnostic.start.line, diagnostic.start.column) == (2, 10)
    assert text[diagnostic.start.offset : diagnostic.end.offset] == comment


def test_each_of_several_comments_speaks_for_the_same_line() -> None:
    text = (
        "{\n  // nestproof: allow privileged because one\n  // nestproof: allow image-unpinned because two\n"
        '  "privileged": true, "image": "a"\n}'
    )
    assert silence(text, ("privileged", "true"), ("image-unpinned", '"a"')) == []


def test_two_findings_of_a_rule_on_one_line_are_one_place() -> None:
    text = '{"privileged": true, "b": 1} // nestproof: allow privileged because we must'
    assert silence(text, ("privileged", "true"), ("privileged", "1")) == []


def test_a_trailing_comma_can_be_silenced_and_no_other_mistake_in_json() -> None:
    comma = '{"a": [1,]} // nestproof: allow json-trailing-comma because the tool writes it so'
    assert silence(comma) == []
    twice = '{"a": 1, "a": 2} // nestproof: allow json-duplicate-key because we must'
    assert [diagnostic.rule for diagnostic in silence(twice)] == ["json-duplicate-key", "silence-unused"]


def test_an_error_of_the_model_cannot_be_silenced_and_a_warning_can() -> None:
    text = '{"a": 1} // nestproof: allow model-wrong-type because we must'
    left = silence(text, ("model-wrong-type", "1"))
    assert [diagnostic.rule for diagnostic in left] == ["model-wrong-type", "silence-unused"]
    assert left[1].message == "model-wrong-type cannot be silenced; remove this comment, and its cause"
    warned = '{"a": 1} // nestproof: allow model-unknown-property because another tool reads it'
    assert silence(warned, ("model-unknown-property", '"a"')) == []


def test_what_is_left_is_in_the_order_of_the_text() -> None:
    text = '{ // nestproof: allow privileged because it\n"privileged": true, "image": "a"}'
    left = silence(text, ("image-unpinned", '"a"'), ("privileged", "true"))
    assert [diagnostic.rule for diagnostic in left] == ["silence-unused", "privileged", "image-unpinned"]


def test_a_damaged_document_does_not_stop_it() -> None:
    for text in (
        "",
        "{",
        '{"a": // nestproof: allow privileged because',
        "/* nestproof: allow x because y",
        "'// nestproof: ",
    ):
        assert silence(text)
