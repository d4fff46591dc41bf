"""The static checks of the configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nestproof.checks import git_diff, lints, suppressions
from nestproof.checks.hadolint import dockerfile_of, lint_dockerfile
from nestproof.checks.jq_rules import check_jq_rules
from nestproof.core.config import Config
from nestproof.core.diagnostics import Diagnostic, Finding, Rule
from nestproof.core.errors import CommandError, NestproofError, UsageError
from nestproof.core.outcome import Outcome, Status
from nestproof.core.text import plural
from nestproof.devcontainer import jsonc, loading, model_rules, variables
from nestproof.devcontainer.discovery import unlisted_name
from nestproof.devcontainer.profile import LoadResult, Profile, ProfileError
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.devcontainer.secrets import redacted
from nestproof.privileges import lock_check
from nestproof.privileges.lock import Lock
from nestproof.privileges.lock_check import check_lock
from nestproof.probes import known_agents

OF_FILES = ("check.json", "check.model", "check.lint", "check.rules", "check.lock", "check.dockerfile")

RULES: Mapping[str, Rule] = {
    "json-jq-disagrees": Rule("error", "jq rejects what the reader accepts: a fault of one of the two."),
    **jsonc.RULES,
    **model_rules.RULES,
    **variables.RULES,
    **loading.RULES,
    **lints.RULES,
    **suppressions.RULES,
    **lock_check.RULES,
    **git_diff.RULES,
    **known_agents.RULES,
}
"""Every rule that nestproof itself reports by; docs/rules.md has a section for each."""

_PASSED = {
    "check.json": "one JSON value, jq agrees",
    "check.model": "valid by the devcontainer specification",
    "check.lint": "no error found",
    "check.rules": "the repository's own rules hold",
    "check.dockerfile": "hadolint agrees",
}
_SHOWN = 10
"""Findings of hadolint that are shown: it is about style, for the most part."""


def check_files(
    profiles: ProfileReader,
    names: Sequence[str],
    *,
    config: Config,
    lock: Lock | None,
    steps: Sequence[str] = OF_FILES,
    strict: bool = False,
    advise: Callable[[Outcome, Profile, jsonc.Document], Outcome] = lambda held, *_: held,
) -> Iterator[Outcome]:
    """Check each file, in the given order; a damaged file does not stop the others.

    `advise` may add findings to the outcome of check.lock.

    Raises UsageError for a rule of the repository's own that is no program, or has a name of nestproof's.
    """
    for rule in config.rule:
        if rule.id in RULES:
            raise UsageError(f"the rule {rule.id!r} has the name of one of nestproof's own", fix="rename it")
    for name in names:
        try:
            one = profiles.read(name, strict=strict)
        except ProfileError as error:
            yield Outcome("check.json", Status.FAIL, error.what, None, error.why)
            continue
        unsuppressed = _unsuppressed(one, config)
        unasked = [step for step in steps if step in OF_FILES and step not in unsuppressed]
        for step, found in unsuppressed.items():
            # What keeps another step from being asked is told in its place.
            if step in steps or (unasked and one.profile is None and step == _blocking(one)):
                yield _outcome(step, one.document.name, found, note=_note(step, one))
        if one.unanswered is not None:
            yield from _unanswered(one, one.unanswered, steps)
        if one.profile is not None and "check.lock" in steps:
            yield advise(check_lock(name, one.profile, one.document, lock), one.profile, one.document)
        if one.profile is not None and "check.dockerfile" in steps:
            yield from check_dockerfile(one.profile, profiles.workspace, config.dockerfile)


def _blocking(one: LoadResult) -> str:
    return "check.model" if one.document.usable else "check.json"


def _unanswered(one: LoadResult, error: NestproofError, steps: Sequence[str]) -> Iterator[Outcome]:
    """Name the checks that need a profile's options, for a profile whose options are unknown."""
    for step in [step for step in ("check.lint", "check.lock", "check.dockerfile") if step in steps]:
        what = f"{one.document.name}: {error.what}"
        yield Outcome(step, Status.UNVERIFIED, what, None, error.why, error.fix)


def _unsuppressed(one: LoadResult, config: Config) -> dict[str, tuple[Finding, ...]]:
    """Run each check of the file, and drop the findings that a comment suppresses."""
    of_json = (*one.document.diagnostics, *jq_objects(one.document))
    found: dict[str, Sequence[Diagnostic]] = {"check.json": of_json}
    if one.document.usable:
        found["check.model"] = one.diagnostics
        # A rule may rely on the types that the model has.
        if config.rule and all(diagnostic.severity != "error" for diagnostic in one.diagnostics):
            found["check.rules"] = [*check_jq_rules(one.document, config.rule)]
    if one.profile is not None:
        found["check.lint"] = [*lints.lint(one.profile, one.document)]
    known = {*RULES, *(rule.id for rule in config.rule)}
    left = suppressions.apply_silences(one.document, [m for each in found.values() for m in each], known)
    source = redacted(one.document)
    unsuppressed = {step: [m for m in left if m in diagnostics] for step, diagnostics in found.items()}
    if "check.lint" in unsuppressed:
        # A comment is judged only where every rule that it could speak of was asked.
        unsuppressed["check.lint"] += [m for m in left if m.rule in suppressions.RULES]
    return {
        step: tuple(Finding.of(source, m) for m in diagnostics) for step, diagnostics in unsuppressed.items()
    }


def jq_objects(document: jsonc.Document) -> Iterator[Diagnostic]:
    """Findings of jq in a file that our own reader accepts: one of the two is at fault."""
    import jq

    if document.usable and document.root is not None:
        try:
            jq.compile("empty").input_text(jsonc.to_json(document)).all()
        except ValueError as error:
            root = document.root
            yield Diagnostic("json-jq-disagrees", "error", f"jq rejects it: {error}", root.start, root.end)


def check_dockerfile(held: Profile, workspace: Path, severity: str = "warning") -> Iterator[Outcome]:
    """hadolint on the Dockerfile that the profile is built from, if it is built from one.

    `severity` is that of style: "off", "warning" or "error".
    """
    dockerfile = dockerfile_of(held)
    if dockerfile is None:
        return
    shown = str(dockerfile.relative_to(workspace) if dockerfile.is_relative_to(workspace) else dockerfile)
    if not os.path.lexists(dockerfile):
        what = f"{held.file.relative_to(workspace)} names {shown}, which does not exist"
        if loading.is_of_template(held.file):
            why = "this is a template"
            yield Outcome("check.dockerfile", Status.UNVERIFIED, what, None, why, loading.APPLY)
            return
        yield Outcome("check.dockerfile", Status.FAIL, what, fix="correct `build.dockerfile`")
        return
    try:
        findings = lint_dockerfile(workspace, dockerfile, strict=severity == "error")
    except CommandError as error:
        status = Status.UNVERIFIED if error.exit_code == 3 else Status.ERROR
        yield Outcome("check.dockerfile", status, f"{shown}: {error.what}", None, error.why, error.fix)
        return
    errors, warnings, notes = (_of(findings, level) for level in ("error", "warning", "note"))
    rest = warnings if severity != "off" else ()
    told = (*errors, *rest)[:_SHOWN]
    left = len(errors) + len(rest) - len(told)
    note = f"; {left} more {'is' if left == 1 else 'are'} not shown" if left else ""
    kept = notes[: _SHOWN - len(told)] if severity != "off" else ()
    yield _outcome("check.dockerfile", shown, (*told, *kept), note=note)


def _note(step: str, one: LoadResult) -> str:
    """Note a configuration that clients do not list, and how to open it."""
    if step != "check.model" or not unlisted_name(one.file):
        return ""
    return f"; clients do not list it: devcontainer up --override-config {one.document.name}"


def _outcome(step: str, shown: str, findings: tuple[Finding, ...], *, note: str = "") -> Outcome:
    errors = _of(findings, "error")
    if errors:
        first = errors[0].diagnostic
        summary = f"{shown}:{first.start.line}:{first.start.column}: {first.message}"
        return Outcome(step, Status.FAIL, summary, fix=errors[0].fix, findings=findings)
    counted = [(len(_of(findings, level)), level) for level in ("warning", "note")]
    counts = ", ".join(plural(number, level) for number, level in counted if number)
    warned = f" ({counts})" if counts else ""
    return Outcome(step, Status.PASS, f"{shown}: {_PASSED[step]}{warned}{note}", findings=findings)


def _of(findings: Iterable[Finding], severity: str) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.diagnostic.severity == severity)
