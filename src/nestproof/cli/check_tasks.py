"""The tasks of `check`: each checks files in one way, without an engine."""

from __future__ import annotations

from typing import Any

from invoke.collection import Collection

from nestproof.cli.options import (
    ALLOW_UNVERIFIED,
    EVIDENCE,
    JSON,
    NO_EVIDENCE,
    PROFILE,
    SARIF,
    STRICT,
    Body,
    Option,
    command,
    output_of,
    request_of,
)


@command(PROFILE, JSON, SARIF, STRICT, ALLOW_UNVERIFIED, EVIDENCE, name="all", default=True)
def check_all(_: object, **given: Any) -> None:
    """Run all checks of the files; no engine is needed."""
    from nestproof.cli.commands import run_checks
    from nestproof.pipeline import CHECKS

    run_checks(request_of(given, steps=CHECKS), output_of(given))


def _check(name: str) -> Body:
    def ask(_: object, **given: Any) -> None:
        from nestproof.cli.commands import run_checks

        run_checks(request_of(given, steps=(f"check.{name}",)), output_of(given))

    return ask


checks = Collection("check", check_all)
for _name, _question, *_more in (
    ("json", "Check that the files are JSON once comments are stripped, and that jq agrees.", STRICT),
    ("model", "Check each property's name and type against the devcontainer specification."),
    ("lint", "Find settings that are valid and still a mistake or a risk."),
    ("rules", "Run the repository's own rules ([[tool.nestproof.rule]])."),
    ("lock", "Check that each profile asks for no more than the privilege lock allows."),
    ("dockerfile", "Run hadolint on the profiles' Dockerfiles."),
):
    _body = _check(_name)
    _body.__doc__ = _question
    _options = (PROFILE, JSON, SARIF, *_more, ALLOW_UNVERIFIED, NO_EVIDENCE)
    checks.add_task(command(*_options, name=_name)(_body))

_diff = _check("diff")
_diff.__doc__ = "Run git diff --check on staged and unstaged changes."
checks.add_task(
    command(
        Option("staged", "check only what is staged, as for a commit hook", False),
        Option("base", "check everything since the merge base with this revision, such as origin/main"),
        JSON,
        SARIF,
        ALLOW_UNVERIFIED,
        NO_EVIDENCE,
        name="diff",
    )(_diff)
)
