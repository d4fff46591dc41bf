"""On a kernel with AppArmor, the secure profile needs each of its relaxations, AppArmor's too.

The guest is started if need be, and left running, as for test_apparmor.py.
"""

from __future__ import annotations

from tests.conftest import ROOT, Repository
from tests.docker.bwrap import SA, SLAVE

SECCOMP, APPARMOR = "security-opt=seccomp=unconfined", "security-opt=apparmor=unconfined"


def test_with_apparmor_every_relaxation_is_needed() -> None:
    finished = Repository(ROOT).nestproof(
        "justify",
        "--profile",
        "secure",
        "--platform",
        "linux/amd64",
        "--vm",
        "--fresh",
        "--json",
        timeout=3600,
    )
    assert finished.status == 0, finished.stderr
    (made,) = finished.evidence["justification"]["profiles"]
    assert "apparmor" in made["host"]["lsms"]
    rows = {row["relaxation"]: row for row in made["relaxations"]}
    assert {row["need"] for row in rows.values()} == {"needed"}
    assert rows[APPARMOR]["error"] == f"bwrap: {SLAVE[0]}"
    assert "mount" in rows[APPARMOR]["check"]
    sets = {one["bwrap"]: [set(options) for options in one["sets"]] for one in made["minimal"]}
    six = {f"cap-add={name}" for name in SA}
    assert sets == {"own": [six | {SECCOMP, APPARMOR}], "copy": [{SECCOMP, APPARMOR}]}
    assert made["noCapabilityAtAll"] is True
