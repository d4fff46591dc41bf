"""Names, bits and sets of capabilities; the masks are real ones from /proc/self/status."""

from __future__ import annotations

import pytest

from nestproof.core.capabilities import DOCKER_DEFAULT, NAMES, SETUID_BWRAP, decode, granted, normalize

DEFAULT = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}


@pytest.mark.parametrize(
    "name", ["SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_sys_admin", "Cap_Sys_Admin"]
)
def test_a_capability_is_known_by_all_its_spellings(name: str) -> None:
    assert normalize(name) == "SYS_ADMIN"


@pytest.mark.parametrize(
    ("bit", "name"),
    [(0, "CHOWN"), (12, "NET_ADMIN"), (19, "SYS_PTRACE"), (21, "SYS_ADMIN"), (40, "CHECKPOINT_RESTORE")],
)
def test_a_bit_has_the_kernels_name(bit: int, name: str) -> None:
    assert decode(1 << bit) == {name}


def test_dockers_default_mask_is_its_default_set() -> None:
    assert decode(0x00000000A80425FB) == DEFAULT == DOCKER_DEFAULT


def test_the_mask_with_what_setuid_bwrap_needs_holds_three_more() -> None:
    held = decode(0x00000000A82C35FB)
    assert held - DEFAULT == {"NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"}
    assert held >= SETUID_BWRAP


def test_an_empty_mask_holds_nothing() -> None:
    assert decode(0) == frozenset()


def test_a_full_mask_holds_all_forty_one() -> None:
    assert len(decode(0x000001FFFFFFFFFF)) == 41 == len(NAMES)


def test_a_bit_of_a_newer_kernel_is_shown_and_not_dropped() -> None:
    assert decode(1 << 41 | 1) == {"CHOWN", "bit 41"}


def test_without_options_docker_grants_its_default() -> None:
    assert granted((), (), privileged=False) == DEFAULT


def test_added_capabilities_come_on_top() -> None:
    assert granted(["cap_sys_admin"], (), privileged=False) == DEFAULT | {"SYS_ADMIN"}


def test_dropped_capabilities_are_gone() -> None:
    assert granted((), ["CAP_NET_RAW", "mknod"], privileged=False) == DEFAULT - {"NET_RAW", "MKNOD"}


def test_dropping_all_leaves_what_is_added() -> None:
    assert granted(["SYS_ADMIN", "SETUID"], ["ALL"], privileged=False) == {"SYS_ADMIN", "SETUID"}


def test_what_is_added_and_dropped_is_granted() -> None:
    # moby, oci/caps/utils.go, TweakCapabilities: it drops first and adds then.
    assert granted(["NET_RAW"], ["NET_RAW"], privileged=False) == DEFAULT


def test_adding_all_grants_all_but_the_dropped() -> None:
    held = granted(["all"], ["NET_RAW"], privileged=False)
    assert len(held) == 40
    assert "NET_RAW" not in held


def test_privileged_grants_all_and_nothing_can_be_dropped() -> None:
    # moby, oci/caps/utils.go, TweakCapabilities: privileged is decided before anything is dropped.
    assert len(granted((), (), privileged=True)) == 41
    assert len(granted((), ["NET_RAW"], privileged=True)) == 41
    assert len(granted((), ["ALL"], privileged=True)) == 41
