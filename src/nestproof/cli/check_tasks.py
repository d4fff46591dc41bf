"""The tasks of `check`: one question about files each; no engine."""

from __future__ import annotations

from collections.abc import Callable

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task, task

from nestproof.cli.help import KEEP, LAST, OF_FILES, OUTPUT, SARIF, STRICT

_DIFF = {
    "staged": "only what is staged, as for a commit hook",
    "base": "everything since the merge base with this revision, such as origin/main",
}


@task(name="all", default=True, iterable=["profile"], help={**OF_FILES, **STRICT})
def check_all(
    _: Context,
    profile: list[str],
    json: bool = False,
    sarif: bool = False,
    strict: bool = False,
    allow_unverified: bool = False,
    evidence: str = LAST,
) -> None:
    """All checks of the files, which need no engine."""
    from nestproof.cli.commands import run_checks
    from nestproof.cli.run_output import Output
    from nestproof.pipeline import CHECKS, ValidateRequest

    run_checks(
        ValidateRequest(tuple(profile), steps=CHECKS, strict=strict),
        Output(json, sarif, allow_unverified, evidence),
    )


@task(name="json", iterable=["profile"], help={**OF_FILES, **STRICT})
def check_json(
    _: Context,
    profile: list[str],
    json: bool = False,
    sarif: bool = False,
    strict: bool = False,
    allow_unverified: bool = False,
    evidence: str = "",
) -> None:
    """Are the devcontainer files JSON once their comments are stripped?"""
    from nestproof.cli.commands import run_checks
    from nestproof.cli.run_output import Output
    from nestproof.pipeline import ValidateRequest

    request = ValidateRequest(tuple(profile), steps=("check.json",), strict=strict)
    run_checks(request, Output(json, sarif, allow_unverified, evidence))


def _file_check(name: str, question: str) -> Task[Callable[..., None]]:
    def ask(
        _: Context,
        profile: list[str],
        json: bool = False,
        sarif: bool = False,
        allow_unverified: bool = False,
        evidence: str = "",
    ) -> None:
        from nestproof.cli.commands import run_checks
        from nestproof.cli.run_output import Output
        from nestproof.pipeline import ValidateRequest

        request = ValidateRequest(tuple(profile), steps=(f"check.{name}",))
        run_checks(request, Output(json, sarif, allow_unverified, evidence))

    ask.__doc__ = question
    return Task(ask, name=name, iterable=["profile"], help=OF_FILES)


@task(name="diff", help={**OUTPUT, **SARIF, **KEEP, **_DIFF})
def check_diff(
    _: Context,
    staged: bool = False,
    base: str = "",
    json: bool = False,
    sarif: bool = False,
    allow_unverified: bool = False,
    evidence: str = "",
) -> None:
    """Does git diff --check object to anything, staged or not?"""
    from nestproof.cli.commands import run_checks
    from nestproof.cli.run_output import Output
    from nestproof.pipeline import ValidateRequest

    request = ValidateRequest(steps=("check.diff",), staged=staged, base=base)
    run_checks(request, Output(json, sarif, allow_unverified, evidence))


checks = Collection(
    "check",
    check_all,
    check_json,
    _file_check("model", "Is every property one that the specification has, and of its type?"),
    _file_check("lint", "Is anything well-formed and yet a mistake, or a risk?"),
    _file_check("rules", "Do the repository's own rules hold ([[tool.nestproof.rule]])?"),
    _file_check("lock", "Does each profile ask for no more than the privilege lock has for it?"),
    _file_check("dockerfile", "What does hadolint say of the Dockerfiles?"),
    check_diff,
)
