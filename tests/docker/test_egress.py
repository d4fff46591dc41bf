"""Firewalls as a person meets them: undeclared, without a network, behind a gateway, interrupted, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nestproof.engine.client import Engine
from nestproof.engine.container import remove_leftovers
from nestproof.engine.labels import OWNER_LABEL
from tests.conftest import Finished, Repository, is_ours, noted, own_containers
from tests.sabotage.egress_worlds import ALLOWED, GOOD_SCRIPT, HEAD, SCRIPT, TOOLS, sudoers

pytestmark = pytest.mark.docker
TAG = "nestproof-test-firewall:1"
STAND_IN = "--stand-in-internet"
EGRESS = {"allow": [f"{host}:443" for host in ALLOWED]}


@pytest.fixture(scope="module")
def image(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tag of an image with the tools of a firewall, and a script that is right."""
    folder = tmp_path_factory.mktemp("firewall")
    (folder / "init-firewall").write_text(HEAD + "".join(GOOD_SCRIPT))
    may = sudoers(f'NOPASSWD: {SCRIPT} ""')
    user = "RUN id -u vscode >/dev/null 2>&1 || useradd --create-home vscode\n"
    text = f"FROM {base}\n{TOOLS}{user}{may}COPY --chmod=755 init-firewall {SCRIPT}\n"
    (folder / "Dockerfile").write_text(text)
    build = ["docker", "buildx", "build", "--load", "--tag", TAG, str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    yield TAG
    engine.api.remove_image(TAG, force=True)


@pytest.fixture
def made(image: str, tmp_path: Path) -> Repository:
    """A repository whose profile has that image."""
    repository = Repository(tmp_path / "walled")
    (repository.path / ".devcontainer").mkdir(parents=True)
    repository.git("init", "--quiet", "--template=")
    write(repository, image=image)
    return noted(repository)


def write(repository: Repository, **more: Any) -> None:
    """Write the profile: with a firewall that is declared, unless `egress` says something else."""
    file = repository.path / ".devcontainer/devcontainer.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    nestproof = {"packs": ["users"], "egress": more.pop("egress", EGRESS)}
    if nestproof["egress"] is None:
        del nestproof["egress"]
    start = f"sudo {SCRIPT}"
    config |= {"runArgs": ["--cap-add=NET_ADMIN"], "remoteUser": "vscode", "postStartCommand": start}
    config |= {"customizations": {"nestproof": nestproof}, **more}
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def statuses(finished: Finished) -> dict[str, str]:
    return {one["id"]: one["status"] for one in finished.evidence["outcomes"]}


def facts_of(finished: Finished) -> dict[str, str]:
    (target,) = finished.evidence["targets"]
    found: dict[str, str] = target["facts"]
    return found


def own_networks(engine: Engine) -> list[str]:
    found = engine.api.networks(filters={"label": OWNER_LABEL})
    return [one["Name"] for one in found if is_ours(one["Labels"][OWNER_LABEL])]


def test_a_firewall_that_is_right_passes_all_of_it_and_the_evidence_says_on_which_network(
    made: Repository,
) -> None:
    finished = made.nestproof("smoke", STAND_IN, "--json")
    assert finished.status == 0, finished.stdout
    found = {name: status for name, status in statuses(finished).items() if "egress" in name}
    assert set(found.values()) == {"pass"}
    assert len(found) == 9
    assert "the Internet is one of our own" in finished.stderr
    facts = facts_of(finished)
    assert facts["egress-asked-on"] == "a stand-in Internet"
    assert facts["egress-ipv4"].startswith("policy DROP, ")
    assert facts["egress-sets"] == "allowed: 2"
    allow = finished.outcome("smoke.egress-allow")
    assert allow["summary"] == "reached by name: api.example.net:443, registry.example.net:443"
    assert "api.example.net:443: 192.0.2.10 ok" in allow["observation"]["stdout"]
    assert "it was open for at most " in finished.outcome("smoke.egress-restart")["summary"]


def test_on_its_own_network_it_is_held_against_our_own_listeners_alone(made: Repository) -> None:
    script = "iptables -P OUTPUT DROP; iptables -A OUTPUT -o lo -j ACCEPT"
    write(made, remoteUser="root", postStartCommand=f"sh -c '{script}' # firewall", egress={})
    finished = made.nestproof("smoke", "--json")
    found = statuses(finished)
    near = finished.outcome("smoke.egress-neighbours")
    assert near["status"] == "pass", near
    assert "the host (" in near["summary"]
    assert "a published port (" in near["summary"]
    assert "another container (" in near["summary"]
    # Nobody's host is asked, so that nothing shows more than that.
    assert found["smoke.egress-deny"] == "unverified"
    assert facts_of(finished)["egress-asked-on"] == "the profile's own network"


def test_a_profile_that_declares_none_is_told_so_in_one_line(made: Repository) -> None:
    write(made, egress=None)
    finished = made.nestproof("smoke", STAND_IN, "--json")
    assert finished.status == 3
    told = finished.outcome("egress")
    assert told["status"] == "unverified"
    assert told["summary"].startswith("no firewall is declared, although postStartCommand runs `sudo /usr")
    assert '"egress": {"allow"' in told["fix"]
    assert not any(name.startswith("smoke.egress") for name in statuses(finished))


def test_one_that_declares_none_and_has_no_rule_at_all_fails(made: Repository) -> None:
    write(made, egress=None, postStartCommand="true # firewall")
    told = made.nestproof("smoke", STAND_IN, "--json").outcome("egress")
    assert told["status"] == "fail"
    assert told["cause"] == "there is no rule at all: policy ACCEPT, nothing is refused"


@pytest.mark.parametrize("probe", ["egress-tamper", "egress-rerun", "egress-restart"])
def test_before_an_open_firewall_nothing_more_is_asked(made: Repository, probe: str) -> None:
    """Although it is the only question, and a rule of root's would open what is open already."""
    write(made, postStartCommand="true # firewall")
    finished = made.nestproof("smoke", STAND_IN, "--probe", probe, "--json")
    assert finished.outcome(f"smoke.{probe}")["status"] == "unverified", finished.stdout


def test_without_a_network_or_its_commands_nothing_is_asked(made: Repository) -> None:
    write(made, runArgs=None, postStartCommand="true # firewall")
    unknown = made.nestproof("smoke", "--json", NESTPROOF_TRUST="").outcome("egress")
    assert unknown["status"] == "unverified"
    assert unknown["cause"] == "containers of a repository that nobody trusts have no network"
    left_out = made.nestproof("smoke", "--json", "--no-lifecycle").outcome("egress")
    assert left_out["cause"] == "its lifecycle commands are left out (--no-lifecycle)"


def test_a_gateway_of_the_compose_project_is_not_started_and_so_not_shown(
    made: Repository, image: str
) -> None:
    services = {
        "app": {"image": image, "network_mode": "service:gateway", "command": "sleep 600"},
        "gateway": {"image": image},
    }
    file = made.path / ".devcontainer/compose.json"
    file.write_text(json.dumps({"services": services}))
    write(made, image=None, runArgs=None, dockerComposeFile="compose.json", service="app")
    finished = made.nestproof("smoke", STAND_IN, "--json")
    told = finished.outcome("egress")
    assert told["status"] == "unverified", finished.stdout
    assert told["cause"].startswith("the service gateway stands between the container and the network")


def test_an_image_without_a_language_says_so_and_the_rest_is_asked(made: Repository, image: str) -> None:
    (made.path / ".devcontainer/Dockerfile").write_text(
        f"FROM {image}\nRUN rm -f /usr/bin/perl* /usr/bin/python3* /usr/bin/node\n"
    )
    write(made, image=None, build={"dockerfile": "Dockerfile"})
    finished = made.nestproof("smoke", STAND_IN, "--json")
    told = finished.outcome("egress")
    assert told["status"] == "unverified"
    assert told["cause"] == "the image has no perl, python3 or node to connect with"
    assert statuses(finished)["smoke.users"] == "pass"


@pytest.mark.parametrize("moment", [1.2, 2.4, 4.5])
def test_an_interrupted_run_leaves_no_network(engine: Engine, made: Repository, moment: float) -> None:
    argv = [sys.executable, "-m", "nestproof", "smoke", STAND_IN]
    with subprocess.Popen(argv, cwd=made.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        time.sleep(moment)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=60)
    assert run.returncode in (130, 0), said.decode()
    assert own_containers(engine) == []
    assert own_networks(engine) == []


def test_what_a_killed_run_leaves_is_removed_by_the_next(engine: Engine, made: Repository) -> None:
    argv = [sys.executable, "-m", "nestproof", "smoke", STAND_IN]
    with subprocess.Popen(argv, cwd=made.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 30
        while not own_networks(engine) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    left = own_networks(engine)
    assert left
    assert set(left) <= set(remove_leftovers(engine))
    assert own_networks(engine) == own_containers(engine) == []
