"""A root that is a folder of a file system: the storage driver vfs, and rootless Podman, have such."""

from __future__ import annotations

import shlex

import pytest

from nestproof.engine.client import Engine, find_image
from nestproof.engine.container import started_container
from nestproof.engine.labels import new_run_labels
from nestproof.probes.table import script
from tests.conftest import ROOT, Repository
from tests.docker.bwrap import SA, ask

pytestmark = pytest.mark.docker

# Made here, since an engine has one storage driver: the same files below a bound folder, which becomes /.
AS_FOLDER = """
unshare --mount sh -ec '
    mount --make-rprivate /
    mkdir /folder && mount --bind /folder /folder && cd /folder
    for name in usr etc dev proc tmp; do mkdir $name && mount --rbind /$name $name; done
    ln -s usr/bin usr/lib usr/lib64 usr/sbin .
    pivot_root . .
    umount --lazy .
    exec setpriv --reuid vscode --regid vscode --clear-groups sh -c "$1"
' sh "$0"
"""


def test_a_root_that_is_a_folder_is_found(engine: Engine) -> None:
    built = Repository(ROOT).nestproof("build", "--profile", "secure", "--json", timeout=1200)
    assert built.status == 0, built.stderr
    image = find_image(engine, built.outcome("build")["summary"].split()[0])
    assert image is not None
    options = ["seccomp=unconfined", "apparmor=unconfined"]
    host = {"CapAdd": SA, "SecurityOpt": options}
    body = {"Image": image.id, "Entrypoint": ["sleep", "600"], "Labels": new_run_labels(), "HostConfig": host}
    with started_container(engine, body, engine.facts.platform) as container:
        roots = "grep -c '^[0-9]* [0-9]* [0-9:]* /folder / ' /proc/self/mountinfo;"
        line = shlex.join(["sh", "-c", AS_FOLDER, f"{roots}\n{script('bwrap-slave')}"])
        status, said = ask(container, line, "root")
    assert said.splitlines() == [
        "1",
        "control: outside, the mount of / is named",
        "the sandbox's / is a mount of its own that shares nothing",
    ]
    assert status == 0
