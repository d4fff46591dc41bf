"""Secrets written in a configuration file, and the file with each of them masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nestproof.core.source import Source, short
from nestproof.devcontainer.jsonc import Document, JsonNode

# Each service publishes the shape of its tokens so that they can be found; most name it in their
# documentation of secret scanning.
_SHAPES = {
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255}",
    "a GitLab token": r"glpat-[A-Za-z0-9_-]{20,}",
    "an AWS access key": r"(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])",
    "a Google API key": r"AIza[A-Za-z0-9_-]{35}",
    "a Slack token": r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    "a Stripe key": r"[rs]k_live_[A-Za-z0-9]{24,}",
    "an npm token": r"npm_[A-Za-z0-9]{36}",
    "a PyPI token": r"pypi-[A-Za-z0-9_-]{50,}",
    "an API key": r"sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[^\"-]|-(?!----))*+",
}
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:" + "|".join(f"({shape})" for shape in _SHAPES.values()) + ")", re.ASCII
)
_KINDS = tuple(_SHAPES)
_DIFFERENT = 8
"""The number of different characters that a real token has at least."""

_SECRET_NAME = re.compile(
    r"(?:token|password|passwd|passphrase|_pass|secret|credentials?|secret_?key_?base"
    r"|(?:api|access|auth|encryption|private|secret|signing)_?key)\Z",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"(?:--?[A-Za-z-]+=)?(?P<name>[A-Za-z_]\w*)=(?P<value>.+)", re.DOTALL)
# Words of which examples, tests and stand-ins are made: `changeme`, `your-token-here`, `test_Secret_1`.
_STAND_IN = re.compile(
    r"change.?me|dummy|example|fake|insecure|local|placeholder|sample|test|your|xxx|[<>]", re.I
)
_CLASSES = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]", r"[^A-Za-z0-9\s]")))
_LOCATION = re.compile(r"[./~]|[A-Za-z]:\\|[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret between two offsets of the text."""

    rule: str
    message: str
    start: int
    end: int


def redacted(document: Document) -> Source:
    """The source with an asterisk for each character of a secret; every place in it stays where it is."""
    pieces, done = [], 0
    for secret in sorted(find_secrets(document), key=lambda secret: secret.start):
        pieces.append(document.text[done : secret.start])
        pieces.append(re.sub(r"[^\r\n]", "*", document.text[max(done, secret.start) : secret.end]))
        done = max(done, secret.end)
    return Source.of(document.name, "".join([*pieces, document.text[done:]]))


def find_secrets(document: Document) -> Iterator[_Secret]:
    """Find secrets by shape anywhere, comments too, and by name in parsed values."""
    for kind, start, end in _tokens(document.text):
        message = f"{kind} is written here; revoke it, and pass another one as ${{localEnv:NAME}}"
        yield _Secret("secret-token", message, start, end)
    for key, node in _strings(document.root):
        for name, start, end in _assigned(key, node):
            if not any(_tokens(document.text[start:end])):
                message = f"{short(name)} has its value in the file; pass it as ${{localEnv:NAME}}"
                yield _Secret("secret-literal", message, start, end)


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Words with the shape of a token, without stand-ins such as `ghp_xxxx…` or a manual's example."""
    for found in _TOKEN.finditer(text):
        if len(set(found[0])) >= _DIFFERENT and not found[0].endswith("EXAMPLE"):
            yield _KINDS[(found.lastindex or 1) - 1], *found.span()


def _assigned(name: str, node: JsonNode) -> Iterator[tuple[str, int, int]]:
    """The name and the place of a secret value: a member's whole string, or what follows NAME= in one."""
    value, start = str(node.value), node.offset + 1
    if not _SECRET_NAME.search(name):
        found = _ASSIGNMENT.fullmatch(value)
        if not found or not _SECRET_NAME.search(found["name"]):
            return
        # With an escape in the string, its offsets are not those of the text.
        if node.end_offset - node.offset == len(value) + 2:
            start += found.start("value")
        name, value = found["name"], found["value"]
    if _looks_secret(value):
        yield name, start, node.end_offset - 1


def _looks_secret(value: str) -> bool:
    """True for a value long and mixed enough, and no variable, path, address, word or stand-in."""
    if "$" in value or " " in value or _LOCATION.match(value) or _STAND_IN.search(value):
        return False
    mixture = sum(1 for characters in _CLASSES if characters.search(value))
    return len(value) >= (8 if mixture >= 3 else 20) and mixture >= 2


def _strings(root: JsonNode | None) -> Iterator[tuple[str, JsonNode]]:
    """Every string with the key that it belongs to, if any; without recursion, as JSON nests deeply."""
    pending = [("", root)] if root else []
    while pending:
        name, node = pending.pop()
        if node.kind == "string":
            yield name, node
        pending += [("", item) for item in reversed(node.items)]
        pending += [(member.name, member.value) for member in reversed(list(node.members.values()))]
