"""What is tried for a failing profile, in which order, and which system calls are denied."""

from __future__ import annotations

from nestproof.core.capabilities import DOCKER_DEFAULT, NAMES
from nestproof.core.syscalls import DENIED
from nestproof.justify.suggest import batches, by_risk
from nestproof.justify.syscalls import OTHERS, SUSPECTS, filter_without
from nestproof.justify.trials import ExperimentHost
from nestproof.privileges.risks import risk_of

PLAIN = ExperimentHost("6.1", ("seccomp",), "Docker 26.1", "linux/amd64", "sha256:01", "4755 root")


def test_each_relaxation_of_dockers_defaults_is_tried_once() -> None:
    tried = [name for batch in batches(frozenset(), PLAIN) for name in batch]
    assert len(tried) == len(set(tried))
    assert {f"cap-add={name}" for name in set(NAMES) - DOCKER_DEFAULT} < set(tried)
    assert {"security-opt=seccomp=unconfined", "security-opt=systempaths=unconfined", "privileged"} < set(
        tried
    )


def test_what_nothing_enforces_or_the_profile_has_is_not_tried() -> None:
    asked = frozenset({"security-opt=seccomp=unconfined", "cap-add=SYS_ADMIN"})
    tried = {name for batch in batches(asked, PLAIN) for name in batch}
    assert not tried & {*asked, "security-opt=apparmor=unconfined", "security-opt=label=disable"}


def test_the_cheapest_risk_comes_first_and_privileged_last() -> None:
    for batch in batches(frozenset(), PLAIN):
        assert [risk_of(name).rank for name in batch] == sorted(risk_of(name).rank for name in batch)
    of_one = by_risk(["privileged", "security-opt=seccomp=unconfined", "cap-add=SYS_ADMIN"])
    assert of_one == ["security-opt=seccomp=unconfined", "cap-add=SYS_ADMIN", "privileged"]
    singles = batches(frozenset(), PLAIN)[1:]
    ranks = [{risk_of(name).rank for name in batch} for batch in singles]
    assert all(len(rank) == 1 for rank in ranks)
    assert [min(rank) for rank in ranks] == sorted(min(rank) for rank in ranks)


def denied(allowed: set[str]) -> set[str]:
    profile = filter_without(allowed)
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    assert {rule["action"] for rule in profile["syscalls"]} <= {"SCMP_ACT_ERRNO"}
    return {name for rule in profile["syscalls"] for name in rule["names"]}


def test_a_filter_denies_exactly_what_is_not_let_through() -> None:
    assert denied(set()) == set(DENIED)
    assert denied({*SUSPECTS, OTHERS}) == set()
    assert denied({*SUSPECTS, OTHERS} - {"pivot_root"}) == {"pivot_root"}
    assert denied(set(SUSPECTS)) == set(DENIED) - set(SUSPECTS)


def test_clone_is_denied_only_for_namespaces_and_clone3_is_not_there() -> None:
    rules = {(rule["names"][0], rule["errnoRet"]): rule for rule in filter_without({OTHERS})["syscalls"]}
    # ENOSYS: programs then take clone.
    assert ("clone3", 38) in rules
    flags = [
        rule["args"][0]["value"]
        for rule in filter_without({OTHERS})["syscalls"]
        if rule["names"] == ["clone"] and rule["args"][0]["op"] == "SCMP_CMP_MASKED_EQ"
    ]
    # moby, profiles/seccomp/default.json: the mask of the flags without which clone is allowed.
    assert sum(flags) == 2114060288
