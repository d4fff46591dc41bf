"""Try to open a firewall as the container's remote user. The rules are gone afterwards: this comes last."""

from __future__ import annotations

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
_WORKED = "nestproof-did-it "
_QUIETLY = "</dev/null >/dev/null 2>&1"
OPENED_BY_ROOT = (
    "for tool in iptables iptables-nft iptables-legacy ip6tables ip6tables-legacy; do "
    "command -v $tool >/dev/null 2>&1 && $tool -I OUTPUT 1 -j ACCEPT; done; "
    "command -v nft >/dev/null 2>&1 && nft flush ruleset; true"
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to open the firewall, in words and as a command."""

    words: str
    command: str


def parse_ways(output: str) -> tuple[tuple[Way, ...], tuple[tuple[str, str], ...]]:
    """The ways that tamper.sh prints, and the files that scripts read, each with its script."""
    ways, files = [], []
    for line in output.splitlines():
        kind, _, rest = line.partition("\t")
        first, _, second = rest.partition("\t")
        if kind == "way" and second:
            ways.append(Way(first, second))
        elif kind == "file" and second:
            files.append((first, second))
    return tuple(ways), tuple(files)


def tamper(
    run: Run, is_open: IsOpen, *, user: str, denied: str, scripts: Sequence[str], capabilities: frozenset[str]
) -> Judgement:
    """Try each way, and at last the control: a rule that root adds opens it."""
    told = " ".join(f"'{one}'" for one in (denied, *scripts))
    ways, read = parse_ways(run("root", f"set -- {told}\n{script('tamper.sh')}"))
    tests = "".join(f"[ -w '{file}' ] && echo '{file}'\n" for file, _ in read)
    writable = run(user, f"{tests}true").splitlines() if read else []
    files = [(file, of) for file, of in read if file in writable]
    left = list(ways)
    while left:
        # All at once, until one does something: each costs a round trip otherwise.
        tries = [f"( {way.command} ) {_QUIETLY} && echo {_WORKED}{at} && exit" for at, way in enumerate(left)]
        said = run(user, "\n".join([*tries, "true"]))
        worked = next((line for line in said.splitlines() if line.startswith(_WORKED)), "")
        if not worked:
            break
        way, left = left[int(worked.removeprefix(_WORKED))], left[int(worked.removeprefix(_WORKED)) + 1 :]
        if is_open():
            return Judgement(
                Status.FAIL, f"the remote user opens it: {way.words}", way.words, _fix(way, user)
            )
    if files:
        file, of = files[0]
        same = "it" if file == of else f"{file}, which {of} reads"
        return Judgement(
            Status.FAIL,
            f"the remote user may write {file}, and so decides what {of} allows",
            f"the remote user may write {same}, and {of} runs as root at the next start",
            f"RUN chown root: {file} && chmod go-w {file}, outside of the workspace",
        )
    if NET_ADMIN not in capabilities and capabilities:
        return Judgement(Status.PASS, "no process of the container may change the rules (it lacks NET_ADMIN)")
    run("root", OPENED_BY_ROOT)
    if not is_open():
        return Judgement(
            Status.UNVERIFIED,
            "the remote user opens it in none of the ways that were tried",
            "a rule that root added did not open it either, so that the attempts show nothing",
        )
    said = f"the remote user opens it in none of {plural(len(ways), 'way')} tried; a rule of root's does"
    return Judgement(Status.PASS, said)


def scripts_of(found: str) -> Iterator[str]:
    """The paths that scripts.sh prints."""
    for line in found.splitlines():
        path, separator, _ = line.partition("\t")
        if separator:
            yield path


def _fix(way: Way, user: str) -> str:
    named = user or "USER"
    if " with " in way.words and way.words.startswith("sudo runs"):
        program = way.words.split()[2]
        line = f'{named} ALL=(root) NOPASSWD: {program} ""'
        return f"in sudoers, allow it without arguments and without variables: {line}"
    if way.words.startswith("sudo"):
        return f"in sudoers, allow {named} the firewall's script alone, in place of what runs others"
    return "take NET_ADMIN from the user: no setcap on the tools, and no capability for who is not root"
