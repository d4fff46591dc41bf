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
    ("json", "Are the devcontainer files JSON once their comments are stripped?", STRICT),
    ("model", "Is every property one of the specification's, and of its type?"),
    ("lint", "Is anything well-formed and yet a mistake or a risk?"),
    ("rules", "Do the repository's own rules hold ([[tool.nestproof.rule]])?"),
    ("lock", "Does each profile ask for no more than the privilege lock allows?"),
    ("dockerfile", "Does hadolint object to a Dockerfile?"),
):
    _body = _check(_name)
    _body.__doc__ = _question
    _options = (PROFILE, JSON, SARIF, *_more, ALLOW_UNVERIFIED, NO_EVIDENCE)
    checks.add_task(command(*_options, name=_name)(_body))

_diff = _check("diff")
_diff.__doc__ = "Does git diff --check object to anything, staged or not?"
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
