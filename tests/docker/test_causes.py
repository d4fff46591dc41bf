"""Every cause that can be made here: made, diagnosed, its fix applied, and gone."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nestproof.engine.client import Engine
from nestproof.engine.labels import new_run_labels
from nestproof.engine.run_options import parse_run_args, spelled
from nestproof.probes.causes.cause import Cause, Made
from nestproof.probes.causes.diagnosis import Diagnosis, diagnose
from nestproof.probes.causes.table import CAUSES
from nestproof.probes.facts import SandboxFacts, parse_facts
from nestproof.probes.table import script

pytestmark = pytest.mark.docker

MADE = [row for row in CAUSES if row.made is not None]
PLAIN = "RUN cp /usr/bin/bwrap /usr/local/bin/plain-bwrap && chmod 755 /usr/local/bin/plain-bwrap"
_EPERM = 1
OWN_IMAGE = "nestproof-causes"
IMAGES: list[str] = []


@dataclass(frozen=True)
class Ground:
    """Where the failures are made: an image, and a folder for seccomp files and Dockerfiles."""

    image: str
    folder: Path

    def build(self, *lines: str) -> str:
        """The image with these lines of a Dockerfile, run as root."""
        tag = f"{OWN_IMAGE}:{len(IMAGES)}"
        IMAGES.append(tag)
        text = "\n".join([f"FROM {self.image}", "USER root", *lines, "USER vscode", ""])
        (self.folder / "Dockerfile").write_text(text)
        build = ["docker", "buildx", "build", "--load", "--quiet", "--tag", tag, str(self.folder)]
        subprocess.run(build, capture_output=True, text=True, check=True)
        return tag

    def run(self, options: list[str], command: str, image: str = "") -> tuple[str, SandboxFacts]:
        """What the command says with these options, and the facts around it."""
        labels = [f"--label={name}={value}" for name, value in new_run_labels().items()]
        done = subprocess.run(
            [
                *("docker", "run", "--rm", *labels, "--entrypoint=/bin/sh", "--user=vscode"),
                *(*options, image or self.image, "-c"),
                f"export LC_ALL=C; sh -c {shlex.quote(script('facts'))} 2>/dev/null; echo; {command}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 125, done.stderr
        here = parse_facts(done.stdout)
        assert "Seccomp" in here.found, done.stderr
        return f"{done.stderr}\n{done.stdout}", SandboxFacts(here.found, spelled(parse_run_args(options)))

    def image_of(self, made: Made) -> str:
        return self.build(*made.layer.splitlines()) if made.layer else self.image

    def options(self, made: Made) -> list[str]:
        """The options of a failure, with the seccomp files that they name as `@CALL`."""
        return [self._with_file(option) for option in made.options.split()]

    def _with_file(self, option: str) -> str:
        named = re.fullmatch(r"(--security-opt=seccomp=)@(\w+)", option)
        if not named:
            return option
        rule = {"names": [named[2]], "action": "SCMP_ACT_ERRNO", "errnoRet": _EPERM}
        file = self.folder / f"{named[2]}.json"
        file.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
        return f"{named[1]}{file}"

    def after(self, made: Made, fix: str) -> tuple[str, SandboxFacts]:
        """The same as `run` after the fix, which names options, lines of a Dockerfile, or a call."""
        if made.mended:
            return self.run(self.options(made), made.mended, self.image_of(made))
        options = self.options(made)
        image = self.image_of(made)
        if allowed := re.search(r"allow (\w+) in (\S+) \(SCMP_ACT_ALLOW\)", fix):
            file = Path(allowed[2])
            profile = json.loads(file.read_text())
            assert profile["syscalls"][0]["names"] == [allowed[1]]
            file.write_text(json.dumps({**profile, "syscalls": []}))
        if line := re.search(r"(RUN .+?) in the Dockerfile", fix):
            image = self.build(*made.layer.splitlines(), line[1])
        else:
            assert allowed or '"--' in fix, f"nothing to apply in: {fix}"
        for old, new in re.findall(r'replace "([^"]+)" in runArgs with "([^"]+)"', fix):
            options[options.index(old)] = new
            fix = fix.replace(f'"{old}"', "").replace(f'"{new}"', "")
        options += re.findall(r'"(--[^"]+)"', fix)
        return self.run(options, made.command, image)


@pytest.fixture(scope="module")
def ground(secure_image: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("causes")
    yield Ground(Ground(secure_image, folder).build(PLAIN), folder)
    for tag in reversed(IMAGES):
        engine.api.remove_image(tag, force=True)


def diagnosed(row: Cause, said: str, here: SandboxFacts) -> Diagnosis | None:
    return diagnose(said, here, agent=row.said_by)


@pytest.mark.parametrize("row", MADE, ids=lambda row: f"{row.layer}: {row.cause[:40]}")
def test_a_fix_makes_its_cause_go_away(row: Cause, ground: Ground) -> None:
    assert row.made is not None
    said, here = ground.run(ground.options(row.made), row.made.command, ground.image_of(row.made))
    found = diagnosed(row, said, here)
    assert found is not None, said
    words = re.sub(r"\\\\\d", ".*", re.escape(row.cause))
    if row.call and here.seccomp_file:
        words = f"{re.escape(here.seccomp_file)}, the profile's own seccomp file, refuses {row.call}"
    assert re.fullmatch(words, found.cause), said
    again, here = ground.after(row.made, found.fix)
    left = diagnosed(row, again, here)
    assert left is None or left.cause != found.cause, again


def test_setuid_bwrap_needs_no_capability_where_users_may_make_namespaces(ground: Ground) -> None:
    made = Made("--security-opt=seccomp=unconfined", "bwrap --ro-bind / / --unshare-user echo inside")
    said, here = ground.run(ground.options(made), made.command)
    found = diagnose(said, here)
    assert found is not None
    assert found.cause.startswith("setuid bwrap demands capabilities")
    assert "chmod u-s" in found.fix
    assert ground.after(made, found.fix)[0].endswith("inside\n")


def test_capabilities_and_no_filter_are_enough_for_setuid_bwrap(ground: Ground) -> None:
    made = Made("", "bwrap --ro-bind / / --unshare-user echo inside")
    said, here = ground.run([], made.command)
    found = diagnose(said, here)
    assert found is not None
    assert ground.after(made, found.fix)[0].endswith("inside\n")


@pytest.mark.parametrize("call", ["pivot_root", "umount2", "mount", "unshare"])
def test_a_seccomp_file_that_refuses_one_call_is_named_with_it(call: str, ground: Ground) -> None:
    capabilities = "--cap-add=SYS_ADMIN --cap-add=NET_ADMIN --cap-add=SYS_PTRACE"
    made = Made(
        f"{capabilities} --security-opt=seccomp=@{call}",
        "plain-bwrap --ro-bind / / --dev /dev --unshare-user echo inside",
    )
    said, here = ground.run(ground.options(made), made.command)
    found = diagnose(said, here)
    assert found is not None, said
    assert found.layer == "seccomp file"
    assert found.cause.endswith(f"{call}.json, the profile's own seccomp file, refuses {call}")
    assert ground.after(made, found.fix)[0].endswith("inside\n")
