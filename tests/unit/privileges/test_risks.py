"""What each relaxation allows: everything that can be asked for has one honest sentence and a source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestproof.core.capabilities import DOCKER_DEFAULT, NAMES
from nestproof.engine.run_options import RunOptions
from nestproof.privileges.relaxations import relaxations_asked
from nestproof.privileges.risks import RISKS, UNKNOWN, Rank, Risk, risk_of, walls_taken_down


@pytest.mark.parametrize("name", [*NAMES, "ALL"])
def test_every_capability_has_its_sentence(name: str) -> None:
    risk = RISKS[f"cap-add={name}"]
    assert risk.allows.startswith("root in the container can ")
    assert "capabilities(7)" in risk.source


def test_no_sentence_is_about_a_capability_that_does_not_exist() -> None:
    capabilities = {name.removeprefix("cap-add=") for name in RISKS if name.startswith("cap-add=")}
    assert capabilities == {*NAMES, "ALL"}


@pytest.mark.parametrize("name", sorted(DOCKER_DEFAULT))
def test_what_docker_grants_by_default_is_low(name: str) -> None:
    assert risk_of(f"cap-add={name}").rank is Rank.LOW


@pytest.mark.parametrize("name", RISKS)
def test_a_sentence_is_one_clause_to_put_after_a_colon(name: str) -> None:
    allows = RISKS[name].allows
    assert allows == " ".join(allows.split())
    assert not allows.endswith(".")
    assert ". " not in allows
    assert len(allows) < 200
    assert RISKS[name].source


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(cap_add=("SYS_ADMIN", "ALL")),
        RunOptions(security_opt=("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")),
        RunOptions(security_opt=("seccomp=own.json", "apparmor=own", "label=disable", "label=type:spc_t")),
        RunOptions(security_opt=("label=level:s0", "writable-cgroups=true")),
        RunOptions(privileged=True),
        RunOptions(network="host", pid="host", ipc="host", uts="host", userns="host", cgroupns="host"),
        RunOptions(network="container:a", pid="container:a", ipc="container:a"),
        RunOptions(network="service:a", pid="service:a", ipc="service:a"),
        RunOptions(devices=("/dev/sda", "/dev/kvm", "/dev/fuse", "/dev/ttyUSB0", "vendor.com/gpu=all")),
        RunOptions(
            volumes=tuple(
                f"{source}:/x"
                for source in "/ /boot /dev /etc /proc /proc/sys /root /run /sys /sys/fs /var/run "
                "/run/docker.sock /var/run/docker.sock".split()
            )
        ),
    ],
)
def test_whatever_a_profile_can_ask_for_is_known(options: RunOptions) -> None:
    asked = relaxations_asked(options)
    assert asked
    assert [name for name in asked if risk_of(name) is UNKNOWN] == []


@pytest.mark.parametrize(
    ("relaxation", "rank", "part"),
    [
        ("privileged", Rank.CRITICAL, "root on the host in all but name"),
        ("cap-add=SYS_ADMIN", Rank.CRITICAL, "mount file systems"),
        ("cap-add=NET_ADMIN", Rank.MEDIUM, "network and firewall"),
        ("security-opt=seccomp=unconfined", Rank.HIGH, "every system call"),
        ("security-opt=seccomp=(a profile of its own)", Rank.MEDIUM, "that this file allows"),
        ("security-opt=label=type:spc_t", Rank.HIGH, "SELinux confines the container in nothing"),
        ("security-opt=label=level:s0", Rank.MEDIUM, "that SELinux label"),
        ("device=/dev/sda1", Rank.CRITICAL, "that disk of the host"),
        ("device=/dev/mapper/vg-root", Rank.CRITICAL, "that disk of the host"),
        ("device=/dev/kvm", Rank.MEDIUM, "virtual machines"),
        ("device=/dev/null", Rank.MEDIUM, "that device of the host"),
        ("mount=/", Rank.CRITICAL, "the host's files"),
        ("mount=/proc", Rank.CRITICAL, "a program for the host's kernel to start"),
        ("mount=~/.ssh", Rank.HIGH, "files of the host's user"),
        ("mount=/x", Rank.MEDIUM, "files of the host"),
        ("mount=..", Rank.MEDIUM, "files of the host"),
        ("device-cgroup-rule=b 8:* rwm", Rank.HIGH, "devices of that rule"),
        ("sysctl=net.ipv4.ip_forward=1", Rank.MEDIUM, "kernel settings"),
        ("add-host=host:host-gateway", Rank.LOW, "what the host serves"),
        ("group-add=docker", Rank.MEDIUM, "that group"),
        ("runtime=runsc", Rank.HIGH, "another program"),
        ("mount=/proc/sys", Rank.HIGH, "that state of the host's kernel"),
        ("mount=/var/run/docker.sock", Rank.CRITICAL, "the engine's socket"),
        ("network=container:other", Rank.MEDIUM, "of the other container"),
        ("uts=host", Rank.LOW, "the host's name"),
    ],
)
def test_the_nearest_sentence_is_the_one(relaxation: str, rank: Rank, part: str) -> None:
    risk = risk_of(relaxation)
    assert risk.rank is rank
    assert part in risk.allows


def test_the_source_is_the_nearest_one_too() -> None:
    assert risk_of("cap-add=SYS_MODULE").source == "capabilities(7); init_module(2)"
    assert risk_of("cap-add=CHOWN").source == "capabilities(7)"
    assert risk_of("mount=/proc/sys").source == "proc(5), core(5)"
    assert risk_of("privileged").source == "Docker documentation, docker container run"


@pytest.mark.parametrize("relaxation", ["cap-add=SYS_ADMN", "security-opt=secomp=x", "gpus=all", ""])
def test_what_is_not_known_counts_as_grave(relaxation: str) -> None:
    assert risk_of(relaxation) == Risk(
        Rank.HIGH, "nestproof does not know what this allows, so take it for much", "nestproof"
    )


@given(st.text())
def test_there_is_an_answer_for_every_name(name: str) -> None:
    assert risk_of(name).allows


@given(st.sampled_from(sorted(RISKS)), st.text())
def test_every_name_of_the_table_is_found_whatever_its_value_is(name: str, value: str) -> None:
    assert risk_of(name.replace("*", value)) is not UNKNOWN


def test_ranks_are_ordered_and_shown_as_words() -> None:
    assert Rank.CRITICAL > Rank.HIGH > Rank.MEDIUM > Rank.LOW
    assert [str(rank) for rank in Rank] == ["low", "medium", "high", "critical"]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RISKS["privileged"] = UNKNOWN  # type: ignore[index]


def test_a_folder_of_ones_own_home_is_no_wall_that_root_climbs() -> None:
    asked = ("cap-add=SYS_ADMIN", "cap-add=SYSLOG", "mount=..", "mount=/", "mount=~", "mount=~/.gitconfig")
    assert walls_taken_down(asked) == ("cap-add=SYS_ADMIN", "mount=/")
