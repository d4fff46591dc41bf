"""Probes that a repository adds: how they are configured, planned and judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from nestproof.core.config import CustomProbe, load_config
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Observation, Status
from nestproof.probes.custom import custom_probes
from nestproof.probes.probe import Probe
from nestproof.probes.table import text_of
from nestproof.probes.verdicts import Context

CONFIG = """
[[probe]]
name = "compiler"
question = "Is the compiler there?"
command = "gcc --version"
stdout = '^gcc .* 1[2-9]\\.'
profiles = ["default"]

[[probe]]
name = "refuses"
command = "false"
exit-status = 1
stderr = '\\A\\Z'
user = "root"
timeout = 3
needs-namespaces = true
"""


def load(folder: Path, text: str) -> list[CustomProbe]:
    (folder / "nestproof.toml").write_text(text)
    return load_config(folder).probe


def planned(folder: Path, text: str = CONFIG) -> dict[str, tuple[Probe, ...]]:
    return custom_probes(load(folder, text), ["default", "secure"])


def test_each_profile_has_those_that_are_for_it(tmp_path: Path) -> None:
    names = {profile: [probe.name for probe in probes] for profile, probes in planned(tmp_path).items()}
    assert names == {"default": ["compiler", "refuses"], "secure": ["refuses"]}


def test_a_probe_has_what_its_table_says(tmp_path: Path) -> None:
    compiler, refuses = planned(tmp_path)["default"]
    assert (compiler.question, text_of(compiler), compiler.user) == (
        "Is the compiler there?",
        "gcc --version",
        "",
    )
    assert (refuses.user, refuses.timeout, refuses.needs_namespaces) == ("root", 3, True)
    assert refuses.question == "false"


@pytest.mark.parametrize(
    ("status", "stdout", "verdict", "cause"),
    [
        (0, "gcc (Debian) 12.2.0\nCopyright\n", Status.PASS, ""),
        (0, "gcc (Debian) 9.2.0\n", Status.FAIL, "stdout does not match"),
        (1, "gcc (Debian) 12.2.0\n", Status.FAIL, "its exit status is 1, not 0"),
        (0, "", Status.FAIL, "stdout does not match"),
        (124, "", Status.ERROR, ""),
    ],
)
def test_it_passes_on_what_it_printed_and_on_its_exit_status(
    tmp_path: Path, status: int, stdout: str, verdict: Status, cause: str
) -> None:
    compiler = planned(tmp_path)["default"][0]
    judgement = compiler.judged(Observation(("sh", "-c", "x"), status, stdout), Context())
    assert judgement.status is verdict
    assert cause in judgement.cause


def test_an_expected_failure_passes_only_as_expected(tmp_path: Path) -> None:
    refuses = planned(tmp_path)["secure"][0]
    assert refuses.judged(Observation(("sh",), 1), Context()).status is Status.PASS
    assert refuses.judged(Observation(("sh",), 0), Context()).status is Status.FAIL
    assert refuses.judged(Observation(("sh",), 1, "", "why\n"), Context()).status is Status.FAIL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[probe]]\nname = "seccomp"\ncommand = "x"', "there is a probe 'seccomp' already"),
        ('[[probe]]\nname = "facts"\ncommand = "x"', "there is a probe 'facts' already"),
        (CONFIG + '[[probe]]\nname = "refuses"\ncommand = "x"', "there is a probe 'refuses' already"),
        ('[[probe]]\nname = "a"\ncommand = "x"\nprofiles = ["sekure"]', "there is no profile 'sekure'"),
        ('[[probe]]\nname = "a"\ncommand = "x"\nstdout = "("', "is not a regular expression"),
        ('[[probe]]\nname = "A b"\ncommand = "x"', "probe.0.name"),
        ('[[probe]]\nname = "a"\ncommand = ""', "probe.0.command"),
        ('[[probe]]\nname = "a"\ncommand = "x"\ntimeout = 0', "probe.0.timeout"),
        ('[[probe]]\nname = "a"\ncommand = "x"\nexit-status = 256', "probe.0.exit-status"),
        ('[[probe]]\nname = "a"', "probe.0.command"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(tmp_path, text)
    assert words in str(caught.value)
