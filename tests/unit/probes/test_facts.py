"""What probes/facts.sh prints, and what follows; the script itself is run here, by this machine's shell."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from nestproof.core.capabilities import SETUID_BWRAP
from nestproof.probes.facts import SandboxFacts, parse_facts
from nestproof.probes.table import script

# Of a container of the secure profile on Docker Engine 20.10, kernel 6.18 without AppArmor.
SECURE = """\
uid\t1001
kernel\tLinux 6.18.44
CapBnd\t00000000a82c35fb
NoNewPrivs\t0
Seccomp\t0
apparmor\t
user/max_user_namespaces\t96365
masked\t/proc/bus /proc/fs /proc/irq /proc/sys /proc/acpi /proc/keys /proc/timer_list\x20
cgroup\t1
container\t/.dockerenv
bwrap\t/usr/bin/bwrap
bwrap-version\tbubblewrap 0.8.0
"""


def test_a_containers_facts_are_read() -> None:
    here = parse_facts(SECURE)
    assert here.bounding_set is not None
    assert here.bounding_set >= SETUID_BWRAP
    assert here.is_filtered is False
    assert (here.apparmor, here.is_confined) == ("", False)
    assert here.masked_paths[:2] == ("/proc/bus", "/proc/fs")
    assert here.number("user/max_user_namespaces") == 96365
    assert here.in_container
    assert not here.is_selinux_enforcing


def test_what_is_not_told_is_unknown_and_not_denied() -> None:
    here = parse_facts("uid\t0\nno tab here\n\t\n")
    assert here == SandboxFacts({"uid": "0"})
    assert here.bounding_set is None
    assert here.is_filtered is None
    assert here.number("kernel/unprivileged_userns_clone") is None
    assert not here.in_container


def test_an_enforced_apparmor_profile_is_told_from_a_complaining_one() -> None:
    assert parse_facts("apparmor\tdocker-default (enforce) \n").is_confined
    assert not parse_facts("apparmor\tdocker-default (complain)\n").is_confined
    assert not parse_facts("apparmor\tunconfined\n").is_confined


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    parse_facts(text)


def test_this_machines_shell_runs_the_script() -> None:
    done = subprocess.run(["sh", "-c", script("facts")], capture_output=True, text=True, check=True)
    here = parse_facts(done.stdout)
    assert here.bounding_set is not None
    assert here.is_filtered is not None
    assert {"uid", "kernel", "machine", "cgroup", "masked"} <= set(here.found)
    assert all("\t" in line for line in done.stdout.splitlines())
