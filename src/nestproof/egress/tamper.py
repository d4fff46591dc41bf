"""Try to open a firewall as the container's remote user. The rules are gone afterwards: this comes last."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nestproof.core.outcome import Status
from nestproof.core.text import plural
from nestproof.egress.scripts import script
from nestproof.probes.verdicts import Judgement

NET_ADMIN = "NET_ADMIN"
Run = Callable[[str, str], str]
"""Runs a shell's command as a user of the container, and returns its output."""
IsOpen = Callable[[], bool]
"""True if a host that must be refused is reached from the container."""
OPENED_BY_ROOT = (
    "for tool in iptables iptables-nft iptables-legacy ip6tables ip6tables-legacy; do "
    "command -v $tool >/dev/null 2>&1 && $tool -I OUTPUT 1 -j ACCEPT; done; "
    "command -v nft >/dev/null 2>&1 && nft flush ruleset; true"
)
_WAY_SECONDS = 20
# A way that hangs must not take the time of the others; not every image has the program for that. Sudo is
# not started for what it does not list: it lists without a password where it runs anything without one
# (sudoers(5), listpw).
_PRELUDE = (
    "export FLUSH='for t in iptables ip6tables iptables-legacy ip6tables-legacy; do "
    '$t -P OUTPUT ACCEPT && $t -F OUTPUT && f=1; done; nft flush ruleset && f=1; [ "$f" ]\'\n'
    "listed=$(sudo -n -l 2>/dev/null)\n"
    'may() { rest=${1#*sudo -n }; [ "$rest" = "$1" ] && return; '
    'case $listed in *": ALL"* | *"/${rest%% *}"*) ;; *) return 1 ;; esac; }\n'
    f"go() {{ if command -v timeout >/dev/null; then timeout {_WAY_SECONDS} "
    'sh -c "$1"; else sh -c "$1"; fi </dev/null >/dev/null 2>&1; }\n'
    'try() { may "$1" && go "$1"; }\n'
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to open the firewall, in words and as a command."""

    words: str
    command: str
    by_script: bool = False
    """True if it runs the firewall's own script, which may end badly and have opened it."""


def parse_ways(output: str) -> tuple[tuple[Way, ...], tuple[tuple[str, str], ...]]:
    """The ways that tamper.sh prints, and the files that scripts read, each with its script."""
    ways, files = [], []
    for line in output.splitlines():
        kind, _, rest = line.partition("\t")
        first, _, second = rest.partition("\t")
        if kind in ("way", "script") and second:
            ways.append(Way(first, second, kind == "script"))
        elif kind == "file" and second:
            files.append((first, second))
    return tuple(ways), tuple(dict.fromkeys(files))


def tamper(
    run: Run,
    is_open: IsOpen,
    *,
    user: str,
    denied: Sequence[str],
    scripts: Sequence[str],
    capabilities: frozenset[str],
) -> Judgement:
    """Try each way, and at last the control: a rule that root adds opens it.

    It must be closed before. `denied` are a host that is refused, and its addresses.
    """
    listing = f"denied={shlex.quote(denied[0])} addresses={shlex.quote(' '.join(denied[1:]))}\n"
    told = " ".join(map(shlex.quote, scripts))
    ways, read = parse_ways(run("root", f"{listing}set -- {told}\n{script('tamper.sh')}"))
    together = [way for way in ways if not way.by_script]
    for group in (together, *([way] for way in ways if way.by_script)):
        if not group:
            continue
        tries = [f"{'go' if way.by_script else 'try'} {shlex.quote(way.command)}" for way in group]
        run(user, "\n".join([_PRELUDE, *tries, "true"]))
        if is_open():
            way = group[0] if len(group) == 1 else _which(run, user, group)
            return Judgement(
                Status.FAIL, f"the remote user opens it: {way.words}", way.words, _fix(way, user)
            )
    writable = _writable(run, user, [name for name, _ in read])
    for file, of in read:
        if file in writable:
            return _may_write(file, of)
    if NET_ADMIN not in capabilities and capabilities:
        return Judgement(Status.PASS, "no process of the container may change the rules (it lacks NET_ADMIN)")
    run("root", OPENED_BY_ROOT)
    if not is_open():
        return Judgement(
            Status.UNVERIFIED,
            "the remote user opens it in none of the ways that were tried",
            "a rule that root added did not open it either, so that the attempts show nothing",
        )
    none = (
        "" if scripts else "; no script of the firewall's was found, whose variables and files could be tried"
    )
    said = (
        f"the remote user opens it in none of {plural(len(ways), 'way')} tried; a rule of root's does{none}"
    )
    return Judgement(Status.PASS, said)


def _which(run: Run, user: str, group: Sequence[Way]) -> Way:
    """The first way of a group that ends well now; all flush rules, so that another run changes nothing."""
    tests = [f"try {shlex.quote(way.command)} && echo {at} && exit" for at, way in enumerate(group)]
    found = run(user, "\n".join([_PRELUDE, *tests, "true"])).split()
    return group[int(found[0])] if found else group[0]


def _writable(run: Run, user: str, files: Sequence[str]) -> list[str]:
    """Those that the user may write, or put another in the place of."""
    tests = "".join(
        f"f={shlex.quote(file)}; d=${{f%/*}}\n"
        'if [ -w "$f" ] || { [ -w "$d" ] && [ ! -k "$d" ]; }; then echo "$f"; fi\n'
        for file in dict.fromkeys(files)
    )
    return run(user, f"{tests}true").splitlines() if tests else []


def _may_write(file: str, of: str) -> Judgement:
    same = "it" if file == of else f"{file}, which {of} reads"
    return Judgement(
        Status.FAIL,
        f"the remote user may write {file}, and so decides what {of} allows",
        f"the remote user may write {same}, and {of} runs as root at the next start",
        f"RUN chown root: {file} && chmod go-w {file}, in a folder of root's outside of the workspace",
    )


def scripts_of(found: str) -> Iterator[str]:
    """The paths that scripts.sh prints."""
    for line in found.splitlines():
        path, separator, _ = line.partition("\t")
        if separator:
            yield path


def _fix(way: Way, user: str) -> str:
    named = user or "USER"
    if way.by_script:
        line = f'{named} ALL=(root) NOPASSWD: {way.words.split()[2]} ""'
        return f"in sudoers, allow it without arguments and without variables: {line}"
    if way.words.startswith("sudo"):
        return f"in sudoers, allow {named} the firewall's script alone, in place of what runs others"
    return "take NET_ADMIN from the user: no setcap on the tools, and no capability for who is not root"
