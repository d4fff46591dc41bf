"""The references that are made from the code: `nox -s docs` writes them, a test holds them against it."""

from __future__ import annotations

from pathlib import Path

from nestproof.core.outcome import Status
from nestproof.probes.causes.cause import Cause, Made
from nestproof.probes.causes.fixes import LIFT
from nestproof.probes.causes.table import CAUSES
from nestproof.probes.egress import PACK as EGRESS
from nestproof.probes.probe import ANYONE, ROOT, Probe
from nestproof.probes.table import PACKS, PROBES, script

FOLDER = Path(__file__).parent
_NOTE = "<!-- Made by docs/reference.py from the code: change that, then run `nox -s docs`. -->"
_LIFTED = "add the options that lift each of Docker's refusals that applies (see above) to runArgs"
_ASKED_AS = {
    ROOT: "root",
    ANYONE: "the remote user, or root where that one does not exist",
    "": "the remote user",
}


def probe_reference() -> str:
    """Every probe: its question, why it is asked, what counts as an answer, its script."""
    parts = [f"# Every probe\n\n{_NOTE}\n\n[Probes](probes.md) says what makes a pass mean something."]
    for pack in PACKS:
        parts.append(f"## `{pack}`")
        parts += [_probe(probe) for probe in PROBES if probe.pack == pack]
    return "\n\n".join(parts) + "\n"


def _probe(probe: Probe) -> str:
    verdicts = ", ".join(f"`{status}`" for status in Status if status in probe.verdicts)
    lines = [
        f"### `{probe.name}`",
        f"**{probe.question}** Why it is asked: {probe.why}.",
        f"It may say {verdicts}; asked as {_ASKED_AS[probe.user]}; within {probe.timeout} s"
        f"{'; an emulated kernel cannot answer it' if probe.needs_namespaces else ''}.",
    ]
    if probe.pack == EGRESS:
        lines[2] = (
            f"It may say {verdicts}. What must hold beside it: {probe.control[0].removeprefix('control: ')}."
        )
        return "\n\n".join([*lines, f"A fail without another cause: {probe.fails}."])
    if probe.fails:
        lines.append(f"A fail without another cause: {probe.fails}.")
    return "\n\n".join([*lines, f"```sh\n{script(probe.name).rstrip()}\n```"])


def error_catalogue() -> str:
    """Every error whose cause is known: words, layer, cause, smallest fix."""
    rows = [
        "| layer | what is said (a regular expression) | cause | smallest fix | made with |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [_cause(row) for row in CAUSES]
    head = f"""# Errors and their causes

{_NOTE}

The first line that a row fits gives the cause: what programs say later follows from it. Of several rows that
fit one line, the first counts. A row does not count where the facts inside of the container contradict it
([Probes](probes.md#why-a-fail-names-a-layer)). Without a row, the cause is the probe's own sentence. `\\1`
stands for the text's first group.

Docker's refusals are lifted by `--security-opt=seccomp=unconfined`, `--security-opt=apparmor=unconfined` and
`--security-opt=systempaths=unconfined`. An option that the container has is never part of a fix; where a
profile has a seccomp file of its own, the fix allows the call in that file. In a pod, in a Compose service,
on Podman and in a codespace the fix is said in the words of that place.

The last column is a command that was run, as the user vscode of this repository's secure image (IMAGE).
`plain-bwrap` is its bwrap without the setuid bit, and `seccomp=@CALL` a seccomp file that refuses that call
alone. For each, the fix was applied, and the cause was gone (`tests/docker/test_causes.py`)."""
    return "\n\n".join([head, "\n".join(rows)]) + "\n"


def _cause(row: Cause) -> str:
    said = row.said.replace("|", "\\|")
    fix = row.fix.replace(LIFT, _LIFTED)
    agent = f" (asked by {row.said_by})" if row.said_by else ""
    made = _made(row.made) if row.made else row.seen or "seen by others, not made here"
    return f"| {row.layer} | `{said}`{agent} | {_cell(row.cause)} | {_cell(fix)} | {made} |"


def _made(made: Made) -> str:
    options = f"{made.options} " if made.options else ""
    layer = f" (`{_cell(made.layer)}`)" if made.layer else ""
    return f"`docker run {options}IMAGE {_cell(made.command)}`{layer}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


PAGES = {"probe-reference.md": probe_reference, "errors.md": error_catalogue}


if __name__ == "__main__":
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), "utf-8")
        print(f"wrote docs/{name}")
