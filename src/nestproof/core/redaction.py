"""Takes secrets out of what a run saw, before anything of it is shown or kept.

What is looked for: the values of this process's environment whose names look secret, or that a repository
takes, in any of the forms in which programs print them; what has the shape of a token; what stands where a
password stands; the name of the home folder. Terminal escapes and characters that cannot be seen do not hide
a secret.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, quote_plus

from nestproof.core.diagnostics import Finding
from nestproof.core.outcome import Observation, Outcome
from nestproof.core.secret_patterns import (
    CONTROLS,
    CONTROLS_OR_SPACE,
    INTRODUCERS,
    PASSWORD,
    PLACES,
    PLAIN_NAME,
    PRIVATE_KEYS,
    SECRET_NAME,
    SHAPES,
    SPACE,
    UNSEEN,
    UNSEEN_OR_SPACE,
    VARIABLE,
)
from nestproof.core.spans import Span, found_without, joined

MARK = "[redacted]"

_WORDS = frozenset(
    "true false none null yes no on off auto default enabled disabled always never "
    "refresh required missing invalid expired optional".split()
)
_ENV = re.compile(r"-e=?[A-Za-z_]\w*=")
_SHORTEST = 4
"""The length of the shortest secret value: the removal of a shorter one would tell more than it hides."""
_UNSPLIT = 12
"""A value from this length on is found also where white space breaks it."""


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replace secrets in text."""

    values: re.Pattern[str] | None
    unspaced: re.Pattern[str] | None
    """The long values without their white space."""
    home: re.Pattern[str] | None = None
    workspace: str = ""
    """In command lines and values, paths are told as seen from there."""

    @classmethod
    def of(cls, environment: Mapping[str, str], workspace: str = "", passed: Iterable[str] = ()) -> Redactor:
        """Collect the secrets of an environment, the variables that were `passed` on, and its home folder."""
        named = {name for name in passed if not PLAIN_NAME.fullmatch(name)}
        secret = [
            value
            for name, value in environment.items()
            if SECRET_NAME.search(name) or (name in named and not value.isdigit())
        ]
        secret += [found[1] for value in environment.values() for found in PASSWORD.finditer(value)]
        forms = {form for value in secret if _is_secret(value.strip()) for form in _forms(value.strip())}
        long = {bare for form in forms if len(bare := SPACE.sub("", form)) >= _UNSPLIT}
        return cls(_any_of(forms), _any_of(long), _home(environment), workspace.rstrip("/"))

    def text(self, text: str) -> str:
        """`text` without secrets; characters that no encoding has are replaced too."""
        spans = [*self._spans(text), *self._spaced(text)]
        # As a terminal shows it, and as somebody reads it who sees the escape sequences too.
        for hidden in (UNSEEN, INTRODUCERS, CONTROLS) if CONTROLS.search(text) else ():
            spans += found_without(hidden, text, self._spans)
        for start, end in joined(spans):
            text = f"{text[:start]}{MARK}{text[end:]}"
        if self.home is not None:
            text = self.home.sub("~", text)
        return text.encode("utf-8", "replace").decode()

    def _spans(self, bare: str) -> Iterator[Span]:
        if self.values is not None:
            yield from (found.span() for found in self.values.finditer(bare))
        yield from (found.span() for found in SHAPES.finditer(bare))
        if "PRIVATE KEY" in bare:
            yield from (found.span() for found in PRIVATE_KEYS.finditer(bare))
        for pattern in PLACES:
            yield from (found.span(1) for found in pattern.finditer(bare) if not _is_plain(found[1]))

    def _spaced(self, text: str) -> Iterator[Span]:
        """Find long values that are broken by white space."""
        if self.unspaced is not None:
            pattern = self.unspaced
            for hidden in (UNSEEN_OR_SPACE, CONTROLS_OR_SPACE):
                yield from found_without(
                    hidden, text, lambda bare: [found.span() for found in pattern.finditer(bare)]
                )

    def outcome(self, outcome: Outcome) -> Outcome:
        """The outcome without secrets, in all of its words."""
        seen = outcome.observation
        return replace(
            outcome,
            summary=self.text(outcome.summary),
            cause=self.text(outcome.cause),
            fix=self.text(outcome.fix),
            observation=self._observation(seen) if seen else None,
            findings=tuple(map(self._finding, outcome.findings)),
        )

    def _observation(self, seen: Observation) -> Observation:
        return replace(
            seen,
            command=self.arguments(seen.command),
            stdout=self.text(seen.stdout),
            stderr=self.text(seen.stderr),
        )

    def _finding(self, finding: Finding) -> Finding:
        diagnostic = replace(finding.diagnostic, message=self.text(finding.diagnostic.message))
        return replace(
            finding, diagnostic=diagnostic, excerpt=self.text(finding.excerpt), fix=self.text(finding.fix)
        )

    def arguments(self, arguments: Iterable[str]) -> tuple[str, ...]:
        """A command line without secrets; the value of an `--env` goes in any case."""
        shown: list[str] = []
        for argument in arguments:
            follows = bool(shown) and shown[-1] in {"-e", "--env"}
            shown.append(self._place(hide_value(argument) if follows else argument))
            if _ENV.match(argument):
                option = "-e=" if argument.startswith("-e=") else "-e"
                shown[-1] = f"{option}{hide_value(argument.removeprefix(option))}"
            if argument.startswith("--env="):
                shown[-1] = f"--env={hide_value(argument.removeprefix('--env='))}"
        return tuple(shown)

    def _place(self, text: str) -> str:
        """Redact `text`, and replace the workspace's path."""
        if self.workspace.count("/") > 1:
            text = re.sub(rf"(?<![\w.-]){re.escape(self.workspace)}(?![\w.-])", ".", text)
        return self.text(text)

    def value(self, value: Any) -> Any:
        """A JSON value without secrets: in texts, and in the values of keys that sound secret."""
        if isinstance(value, str):
            return self._place(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): MARK
                if isinstance(below, str) and below and SECRET_NAME.search(str(key))
                else self.value(below)
                for key, below in value.items()
            }
        if isinstance(value, Sequence):
            return [self.value(below) for below in value]
        return value


def hide_value(entry: str) -> str:
    """`NAME=VALUE` without its value, as an environment may hold secrets."""
    name, equals, _ = entry.partition("=")
    return f"{name}={MARK}" if equals else name


def _is_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in _WORDS and value != MARK


def _is_plain(value: str) -> bool:
    """True for a variable, a mark or stars, which hide nothing."""
    bare = value.strip("\"'")
    return bare == MARK or not bare.strip("*") or bare.lower() in _WORDS or bool(VARIABLE.fullmatch(bare))


def _forms(value: str) -> Iterator[str]:
    """A value as programs print it: bare, quoted, escaped, encoded, and each line of it."""
    yield value
    yield from (quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1])
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield value.replace("'", "'\\''")
    raw = value.encode("utf-8", "surrogateescape")
    if len(raw) >= 8:
        yield raw.hex()
        # In base64, what a byte becomes depends on how many are before it; the edges are shared with others.
        for before in range(3):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                encoded = encode(b"\0" * before + raw).decode().rstrip("=")
                inner = encoded[(0, 2, 3)[before] : len(encoded) - bool((len(raw) + before) % 3)]
                if len(inner) >= _UNSPLIT - 2:
                    yield inner
    for line in value.splitlines():
        if len(line.strip()) >= _UNSPLIT:
            yield line.strip()


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of the values, the longest first; a short one only as a whole word."""
    parts = [
        re.escape(form) if len(form) >= 8 else rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])"
        for form in sorted(forms, key=lambda form: (-len(form), form))
        if form
    ]
    return re.compile("|".join(parts)) if parts else None


def _home(environment: Mapping[str, str]) -> re.Pattern[str] | None:
    """The home folder, and folders of its name where other systems have them."""
    home = environment.get("HOME", "").rstrip("/")
    names = {environment.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER", "USERNAME")}
    names |= {home.rpartition("/")[2]} if home.count("/") > 1 else set()
    # Everybody has a root, and nobody is known by it.
    names -= {"", "root"}
    parts = [re.escape(home)] if home.count("/") > 0 and home not in ("/root", "/") else []
    parts += [
        rf"(?:/home|/Users|/var/home|[A-Za-z]:\\+Users)[/\\]+{re.escape(name)}" for name in sorted(names)
    ]
    return re.compile(rf"(?:{'|'.join(parts)})(?![\w-]|\.\w)") if parts else None
