"""`nestproof init`: inspect the repository, plan the files, write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from nestproof.cli.origin import UNKNOWN, requirement
from nestproof.core.config import Config, load_config
from nestproof.core.errors import NestproofError
from nestproof.core.files import read_file, require_inside
from nestproof.core.git import find_top
from nestproof.core.source import safe, safe_lines
from nestproof.core.text import plural
from nestproof.devcontainer.profile import Profile
from nestproof.devcontainer.profile_reader import ProfileReader
from nestproof.privileges.inventory import read_requested, update
from nestproof.privileges.lock import LOCK_FILE, read_lock
from nestproof.smoke.defaults import describe, packs_of

CONFIGURATION = "nestproof.toml"
NOXFILE = "noxfile.py"
WORKFLOW = ".github/workflows/nestproof.yml"
_SESSION = re.compile(r'session\.run\(\s*["\']nestproof["\']')


class State(StrEnum):
    """The fate of a file; the value is its mark in the table."""

    THERE = "✔"
    WRITE = "+"
    CANNOT = "✘"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the plan, its state and reason, and the text to write or paste, if any."""

    file: str
    state: State
    note: str
    text: str = ""
    anew: bool = False
    """The file exists, and will be overwritten."""


@dataclass(frozen=True, slots=True)
class InitPlan:
    """The files found and the files to write; the same with and without --dry-run."""

    parts: tuple[Part, ...]
    troubles: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """1 if a profile cannot be read, as its relaxations are unknown; else 0."""
        return int(bool(self.troubles))


def decide(reader: ProfileReader, *, force: bool, source: str = "") -> InitPlan:
    """Plan the files of a repository; raises UsageError without a profile or with a broken configuration.

    `source` is where pip is to get nestproof from; without one, where this one came from.
    """
    needed = requirement(source)
    workspace = reader.workspace
    parts: list[Part] = []
    troubles: list[str] = []
    profiles: list[Profile] = []
    for name in reader.names():
        shown = reader.shown(name)
        try:
            profile = reader.load(name)
        except NestproofError as error:
            parts.append(Part(shown, State.CANNOT, f"profile {name}: it cannot be read, see below"))
            troubles.append(str(error))
        else:
            profiles.append(profile)
            parts.append(Part(shown, State.THERE, f"profile {name}{describe(profile)}"))
    parts += [
        _configuration(workspace, profiles),
        _lock(reader, troubles, force=force),
        _noxfile(workspace, needed),
        _workflow(workspace, needed, force=force),
    ]
    return InitPlan(tuple(parts), tuple(troubles))


def act(reader: ProfileReader, plan: InitPlan) -> None:
    """Carry out the plan; raises NestproofError for a file that cannot be written."""
    for part in plan.parts:
        if part.state is not State.WRITE:
            continue
        if part.file == LOCK_FILE:
            update(reader)
            continue
        file = reader.workspace / part.file
        try:
            require_inside(file, reader.workspace)
            file.parent.mkdir(parents=True, exist_ok=True)
            # A file that was not there when the table was shown is not overwritten if it is there now.
            with file.open("w" if part.anew else "x", encoding="utf-8") as stream:
                stream.write(part.text)
        except OSError as error:
            raise NestproofError(f"{part.file} cannot be written", why=str(error)) from error


def table(plan: InitPlan) -> str:
    """The plan as text: a line for each file, then the parts to paste or mend by hand."""
    width = max(len(part.file) for part in plan.parts)
    lines = [f"{part.state} {safe(part.file):<{width}}  {safe(part.note)}" for part in plan.parts]
    for part in plan.parts:
        if part.state is State.CANNOT and part.text:
            lines += ["", f"for {part.file}:", "", part.text.rstrip()]
    if owing := [part.file for part in plan.parts if UNKNOWN in part.text and part.state is State.WRITE]:
        lines += [
            "",
            "pip knows no address of this nestproof that others reach: give one by --source, or instead of",
        ]
        lines += [f"  {UNKNOWN}", f"in {' and '.join(owing)}"]
    return "\n".join([*lines, *(f"\n{safe_lines(trouble)}" for trouble in plan.troubles)])


def _configuration(workspace: Path, profiles: list[Profile]) -> Part:
    """Plan the configuration; an existing file is never changed, as it may hold comments."""
    if (workspace / CONFIGURATION).exists():
        load_config(workspace)
        return Part(CONFIGURATION, State.THERE, "the configuration, which is yours")
    if load_config(workspace) != Config():
        return Part("pyproject.toml", State.THERE, "[tool.nestproof], which is yours")
    lines = [line for profile in profiles for line in _in_the_configuration(profile)]
    text = _template("nestproof.toml").replace(
        "{profiles}", "\n".join(lines) or "# No profile could be read."
    )
    return Part(CONFIGURATION, State.WRITE, "a configuration: what was inferred, and what can be said", text)


def _in_the_configuration(profile: Profile) -> list[str]:
    packs = packs_of(profile)
    quoted = ", ".join(f'"{name}"' for name in packs.names)
    shown = profile.file.relative_to(profile.workspace)
    if not packs.why:
        lines = [f"{profile.name} declares what it is asked: {', '.join(packs.names)}."]
    else:
        lines = [
            f"{profile.name} is asked {', '.join(packs.names)}:",
            f"{packs.why}. To promise that, in {shown}:",
            f'  "customizations": {{"nestproof": {{"packs": [{quoted}]}}}}',
        ]
    return [f"# {safe(line)}" for line in lines]


def _lock(reader: ProfileReader, troubles: list[str], *, force: bool) -> Part:
    lock = read_lock(reader.workspace)
    if lock is not None and not force:
        return Part(LOCK_FILE, State.THERE, "the privilege lock; nestproof privileges shows how it stands")
    if troubles:
        return Part(LOCK_FILE, State.CANNOT, "what a profile asks for is not known while it cannot be read")
    asked = sum(len(side.asked) for side in read_requested(reader).values())
    what = plural(asked, "relaxation", none="no")
    if lock is not None:
        return Part(LOCK_FILE, State.WRITE, f"brought up to date, its reasons kept: {what}", anew=True)
    owed = "; the reasons are yours to write" if asked else ""
    return Part(LOCK_FILE, State.WRITE, f"the privilege lock: {what}{owed}")


def _noxfile(workspace: Path, needed: str) -> Part:
    file, text = workspace / NOXFILE, _template("noxfile.py.txt", needed)
    if not file.exists():
        return Part(NOXFILE, State.WRITE, "a Nox session: nox -s nestproof", text)
    try:
        there = _SESSION.search(read_file(file, below=workspace).decode())
    except (OSError, UnicodeDecodeError) as error:
        return Part(NOXFILE, State.CANNOT, f"it cannot be read: {error}")
    if there:
        return Part(NOXFILE, State.THERE, "has a session that runs nestproof")
    session = text[text.index("@nox.session") :]
    return Part(NOXFILE, State.CANNOT, "is yours: paste the session below", session)


def _workflow(workspace: Path, needed: str, *, force: bool) -> Part:
    file, text = workspace / WORKFLOW, _template("workflow.yml", needed)
    if file.exists() and not force:
        return Part(WORKFLOW, State.THERE, "the workflow; --force writes it anew")
    try:
        top = find_top(workspace)
    except NestproofError:
        top = workspace.resolve()  # a repository may come later
    if top != workspace.resolve():
        return Part(WORKFLOW, State.CANNOT, f"GitHub reads workflows at the top only, which is {top}")
    anew = file.exists()
    how = "written anew" if anew else "a GitHub workflow"
    note = f"{how}: static checks, then amd64 and arm64"
    return Part(WORKFLOW, State.WRITE, note, text, anew)


def _template(name: str, needed: str = "") -> str:
    text = files("nestproof.cli").joinpath("templates", name).read_text("utf-8")
    return text.replace("{requirement}", needed)
