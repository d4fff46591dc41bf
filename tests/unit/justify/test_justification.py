"""A justification on invented hosts: which experiments are asked for, and what is said of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from nestproof.core.capabilities import DOCKER_DEFAULT, SETUID_BWRAP
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.devcontainer.discovery import discover
from nestproof.devcontainer.loading import load_profile
from nestproof.engine.run_options import RunOptions
from nestproof.justify import store
from nestproof.justify.experiment import DROP_ALL, with_only, without
from nestproof.justify.justification import Justification, Need, Row, justify
from nestproof.justify.kernel_checks import CHECKS, can_show
from nestproof.justify.lock_advice import fill_reasons
from nestproof.justify.outcomes import outcomes_of, table
from nestproof.justify.plan import Question, experiments
from nestproof.justify.records import RecordError, from_json, merge, to_json
from nestproof.justify.search import Found, Set
from nestproof.justify.store import FOLDER, evidence
from nestproof.justify.trials import Answer, BwrapVariant, ExperimentHost, Job, Trial
from nestproof.privileges.lock import LOCK_FILE, UNWRITTEN
from nestproof.privileges.relaxations import relaxations_asked
from tests.conftest import ROOT, Repository

SECCOMP, APPARMOR = "security-opt=seccomp=unconfined", "security-opt=apparmor=unconfined"
THREE = frozenset(f"cap-add={name}" for name in SETUID_BWRAP - DOCKER_DEFAULT)
SECURE = THREE | {SECCOMP, APPARMOR}
TARGET = Target("secure", "linux/amd64")
PLAIN = ExperimentHost("6.1", ("seccomp",), "Docker 26.1", "linux/amd64", "sha256:01", "4755 root")
UBUNTU = replace(PLAIN, lsms=("apparmor", "seccomp"))
CAPSET = "bwrap: capset failed: Operation not permitted"
Oracle = Callable[[Set, BwrapVariant], str]


def as_measured(host: ExperimentHost) -> Oracle:
    """What bwrap 0.8 says first with these options, as the tests of the matrix have it."""

    def says(options: Set, way: BwrapVariant) -> str:
        held = {name for name in options if name.startswith("cap-add=")}
        if DROP_ALL not in options:
            held |= {f"cap-add={name}" for name in DOCKER_DEFAULT}
        if way is BwrapVariant.OWN and not {f"cap-add={name}" for name in SETUID_BWRAP} <= held:
            return CAPSET
        if way is BwrapVariant.COPY and SECCOMP not in options and "cap-add=SYS_ADMIN" not in options:
            return "bwrap: No permissions to create new namespace"
        if host.confines_with("apparmor") and APPARMOR not in options:
            return "bwrap: Failed to make / slave: Permission denied"
        return "" if SECCOMP in options else "bwrap: pivot_root: Operation not permitted"

    return says


def trial(options: Iterable[str], way: BwrapVariant, said: str = "") -> Trial:
    asked = Answer("bwrap-mode", Status.PASS)
    broken = (
        Answer("bwrap-pivot", Status.FAIL, said, "as invented")
        if said
        else replace(asked, probe="bwrap-pivot")
    )
    return Trial(frozenset(options), way, (asked, broken))


def investigated(asked: Set, host: ExperimentHost, says: Oracle) -> tuple[Justification, list[list[Job]]]:
    """The justification on an invented host, and the batches of experiments that it took."""
    question = Question(asked, frozenset(name for name in asked if can_show(name, host)))
    ledger: dict[tuple[Set, BwrapVariant], Trial] = {}
    batches: list[list[Job]] = []
    found: dict[BwrapVariant, Found] = {}
    plan = experiments(question)
    try:
        jobs = next(plan)
        while True:
            batches.append(jobs)
            for job in jobs:
                for way in job.ways if host.is_setuid else {BwrapVariant.OWN}:
                    ledger[job.options, way] = trial(job.options, way, says(job.options, way))
            jobs = plan.send(ledger)
    except StopIteration as end:
        found = end.value
    return justify(TARGET, host, question, found, tuple(ledger.values())), batches


def rows(made: Justification) -> dict[str, Row]:
    return {row.relaxation: row for row in made.rows}


def minimal(made: Justification) -> dict[BwrapVariant, set[Set]]:
    return {one.way: set(one.sets) for one in made.minima}


def outcome(made: Justification, name: str) -> Outcome:
    (found,) = [one for one in outcomes_of(made, 0) if one.id == f"justify.{name}"]
    return found


def test_without_apparmor_its_relaxation_is_unverified_and_never_idle() -> None:
    made, batches = investigated(SECURE, PLAIN, as_measured(PLAIN))
    assert rows(made)[APPARMOR].need is Need.UNVERIFIED
    assert outcome(made, APPARMOR).status is Status.UNVERIFIED
    assert "hosts with AppArmor" in outcome(made, APPARMOR).summary
    assert all(APPARMOR in job.options for batch in batches for job in batch)


def test_each_of_the_others_is_needed_with_the_error_and_the_check() -> None:
    made, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    for name in THREE:
        row = rows(made)[name]
        assert (row.need, row.probes, row.said) == (Need.NEEDED, ("bwrap-pivot",), CAPSET)
        assert row.copy_does_without is True
        assert "CAP_" in row.check or "ptrace" in row.check
        assert row.source.startswith("Linux, ")
    seccomp = rows(made)[SECCOMP]
    assert (seccomp.need, seccomp.copy_does_without) == (Need.NEEDED, False)
    assert seccomp.said == "bwrap: pivot_root: Operation not permitted"


def test_what_docker_grants_is_shown_by_dropping_all() -> None:
    made, batches = investigated(SECURE, PLAIN, as_measured(PLAIN))
    for name in ("SETGID", "SETUID", "SYS_CHROOT"):
        row = rows(made)[f"cap-add={name}"]
        assert (row.need, row.by_default, row.said) == (Need.NEEDED, True, CAPSET)
    assert made.others_idle is True
    dropped = [job.options for batch in batches for job in batch if DROP_ALL in job.options]
    assert len(dropped) == 5


def test_each_way_has_its_minimal_sets() -> None:
    made, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    assert minimal(made) == {BwrapVariant.OWN: {SECURE}, BwrapVariant.COPY: {frozenset({SECCOMP, APPARMOR})}}
    assert made.none_at_all is True
    said = outcome(made, "minimal.user-namespaces").summary
    assert "a copy of bwrap without the setuid bit" in said
    assert "no capability at all" in said


def test_it_takes_twelve_containers_all_at_once() -> None:
    _, batches = investigated(SECURE, PLAIN, as_measured(PLAIN))
    assert [len(batch) for batch in batches] == [12]
    sets = [job.options for batch in batches for job in batch]
    assert len(sets) == len(set(sets))


def test_with_apparmor_its_relaxation_is_needed() -> None:
    made, _ = investigated(SECURE, UBUNTU, as_measured(UBUNTU))
    assert rows(made)[APPARMOR].need is Need.NEEDED
    assert rows(made)[APPARMOR].said == "bwrap: Failed to make / slave: Permission denied"
    assert minimal(made) == {BwrapVariant.OWN: {SECURE}, BwrapVariant.COPY: {frozenset({SECCOMP, APPARMOR})}}
    assert all(one.status is Status.PASS for one in outcomes_of(made, 0))


def test_one_added_for_nothing_is_removable_and_a_fail() -> None:
    made, _ = investigated(SECURE | {"cap-add=SYS_TIME"}, PLAIN, as_measured(PLAIN))
    assert rows(made)["cap-add=SYS_TIME"].need is Need.REMOVABLE
    found = outcome(made, "cap-add=SYS_TIME")
    assert found.status is Status.FAIL
    assert found.fix.startswith("remove --cap-add=SYS_TIME from the profile")
    assert minimal(made)[BwrapVariant.OWN] == {SECURE}


def test_without_the_setuid_bit_capabilities_are_removable_and_there_is_one_way() -> None:
    host = replace(PLAIN, bwrap="755 root")
    as_copy = as_measured(host)
    made, _ = investigated(SECURE, host, lambda options, _: as_copy(options, BwrapVariant.COPY))
    assert {rows(made)[name].need for name in THREE} == {Need.REMOVABLE}
    assert minimal(made) == {BwrapVariant.OWN: {frozenset({SECCOMP, APPARMOR})}}
    assert made.none_at_all is True
    assert made.others_idle is None


def test_two_that_stand_in_for_each_other_are_both_shown() -> None:
    made, _ = investigated(
        frozenset({"privileged", SECCOMP}),
        replace(PLAIN, bwrap="755 root"),
        lambda options, _: "" if options else "no",
    )
    assert minimal(made)[BwrapVariant.OWN] == {frozenset({"privileged"}), frozenset({SECCOMP})}


def test_options_that_break_what_fewer_allow_are_an_error() -> None:
    def says(options: Set, way: BwrapVariant) -> str:
        return "" if options in (SECURE, frozenset({SECCOMP, APPARMOR})) else "odd"

    made, _ = investigated(SECURE, PLAIN, says)
    assert made.contradictions == ()
    odd = trial(THREE, BwrapVariant.OWN)
    made = justify(TARGET, PLAIN, Question(SECURE, SECURE), {}, (*made.trials, odd))
    assert made.contradictions
    assert (
        outcome(replace(made, contradictions=made.contradictions[:1]), "contradiction").status is Status.ERROR
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    made, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    made = replace(made, date="2026-01-01T00:00:00+00:00")
    assert from_json(json.loads(json.dumps(to_json(made)))) == made
    store.remember(tmp_path, "0123", made)
    assert store.recall(tmp_path, TARGET, "0123") == made
    assert store.recall(tmp_path, TARGET, "4567") is None
    assert list(evidence(tmp_path)) == [made]


@pytest.mark.parametrize("value", [None, [], {}, {"schemaVersion": 2}, {"schemaVersion": 1, "host": {}}])
def test_a_record_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(RecordError):
        from_json(value)


def test_records_of_several_hosts_merge_and_the_newest_of_each_counts() -> None:
    old, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    new, other = replace(old, date="2026-02-01"), replace(old, host=UBUNTU, date="2025-01-01")
    old = replace(old, date="2026-01-01")
    assert merge([old, new, other]) == merge([other, new, old]) == merge([new, other, other])
    assert {(one.host, one.date) for one in merge([old, new, other])} == {
        (PLAIN, "2026-02-01"),
        (UBUNTU, "2025-01-01"),
    }


def test_the_table_names_check_source_and_error_of_each() -> None:
    made, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    text = table([made])
    for row in made.rows:
        assert f"{row.relaxation}: {row.need}" in text
        assert f"source: {row.source}" in text


def test_each_relaxation_of_the_secure_profile_has_its_check() -> None:
    run = load_profile("secure", discover(ROOT)["secure"], ROOT, {}).run
    asked = frozenset(relaxations_asked(run))
    assert asked == SECURE
    assert asked <= set(CHECKS)


ALL = RunOptions(
    cap_add=("SYS_ADMIN", "cap_net_admin", "CHOWN"),
    security_opt=("seccomp:unconfined", "no-new-privileges"),
    privileged=True,
    devices=("/dev/fuse:/dev/fuse:rw",),
    network="host",
    mounts=("type=bind,source=/etc,target=/host", "type=volume,target=/data"),
    volumes=("/var/run/docker.sock:/s", "data:/more"),
    env=("A=b",),
)


@pytest.mark.parametrize("relaxation", relaxations_asked(ALL))
def test_each_relaxation_can_be_taken_away_alone(relaxation: str) -> None:
    left = without(ALL, relaxation)
    assert set(relaxations_asked(left)) == set(relaxations_asked(ALL)) - {relaxation}
    assert left.env == ALL.env


def test_what_relaxes_nothing_stays_when_all_relaxations_go() -> None:
    left = with_only(ALL, ())
    assert left == RunOptions(
        cap_add=("CHOWN",),
        security_opt=("no-new-privileges",),
        mounts=("type=volume,target=/data",),
        volumes=("data:/more",),
        env=("A=b",),
    )


def test_others_can_be_added() -> None:
    left = with_only(RunOptions(), {DROP_ALL, "cap-add=SETUID", SECCOMP, "privileged"})
    assert left == RunOptions(
        cap_drop=("ALL",), cap_add=("SETUID",), security_opt=("seccomp=unconfined",), privileged=True
    )
    assert with_only(ALL, relaxations_asked(ALL)) == ALL


def with_time(repository: Repository, host: ExperimentHost = PLAIN, *, key: str = "0123") -> Justification:
    """A repository whose secure profile asks for SYS_TIME too, and the evidence of a host in it."""
    file = repository.path / ".devcontainer/devcontainer.secure.json"
    if "SYS_TIME" not in file.read_text():
        repository.edit(str(file), '"--cap-add=SYS_ADMIN",', '"--cap-add=SYS_ADMIN", "--cap-add=SYS_TIME",')
    made, _ = investigated(SECURE | {"cap-add=SYS_TIME"}, host, as_measured(host))
    made = replace(made, date="2026-01-02T00:00:00+00:00")
    store.remember(repository.path, key, made)
    return made


def warnings(repository: Repository) -> list[str]:
    finished = repository.ask("check.lock", "--profile", "secure", "--json")
    findings = [finding for one in finished.evidence["outcomes"] for finding in one["findings"]]
    return [finding["message"] for finding in findings if finding["rule"] == "lock-removable"]


def test_validate_warns_of_what_the_evidence_says_is_removable(repository: Repository) -> None:
    with_time(repository)
    (said,) = warnings(repository)
    assert said == f"cap-add=SYS_TIME is not needed: without it, every probe works on {PLAIN} (2026-01-02)"
    text = repository.ask("check.lock", "--profile", "secure").stdout
    assert ": an experiment shows" not in text
    assert "an experiment shows that cap-add=SYS_TIME can go" in text
    assert '"--cap-add=SYS_ADMIN", "--cap-add=SYS_TIME",' in text  # the place, with its caret below


def test_evidence_of_a_profile_as_it_was_says_nothing(repository: Repository) -> None:
    with_time(repository)
    file = ".devcontainer/devcontainer.secure.json"
    repository.edit(file, '"--cap-add=NET_ADMIN",', '"--cap-add=NET_ADMIN", "--cap-add=SYSLOG",')
    assert warnings(repository) == []


def test_what_another_host_needs_is_not_called_removable(repository: Repository) -> None:
    made = with_time(repository)
    needed = [replace(row, need=Need.NEEDED) for row in made.rows]
    store.remember(repository.path, "4567", replace(made, host=UBUNTU, rows=tuple(needed)))
    assert warnings(repository) == []


def test_evidence_that_cannot_be_read_is_no_evidence(repository: Repository) -> None:
    (repository.path / FOLDER).mkdir(parents=True)
    (repository.path / FOLDER / "secure-0.json").write_text("{")
    assert warnings(repository) == []


def test_only_reasons_that_are_wanted_are_filled_in(tmp_path: Path) -> None:
    made, _ = investigated(SECURE, PLAIN, as_measured(PLAIN))
    (tmp_path / ".devcontainer").mkdir()
    file = tmp_path / LOCK_FILE
    before = (
        '# ours\n[secure]\n"cap-add=SYS_ADMIN" = "a person\'s words"  # kept\n'
        f'"cap-add=NET_ADMIN" = "{UNWRITTEN} x"  # too\n# below\n"{APPARMOR}" = "{UNWRITTEN} y"\n'
    )
    file.write_text(before)
    said = fill_reasons(tmp_path, made)
    assert said.summary == f"{LOCK_FILE}: a reason for cap-add=NET_ADMIN"
    after = file.read_text()
    assert after.splitlines()[3].startswith('"cap-add=NET_ADMIN" = "a setuid bwrap demands it')
    assert after.splitlines()[3].endswith(f'without it: {CAPSET}"  # too')
    assert [*after.splitlines()[:3], *after.splitlines()[4:]] == [
        *before.splitlines()[:3],
        *before.splitlines()[4:],
    ]
    assert fill_reasons(tmp_path, made).summary == f"{LOCK_FILE}: no reason is wanted"
    assert file.read_text() == after
