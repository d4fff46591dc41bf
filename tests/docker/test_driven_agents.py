"""Real agents of pinned releases, with the scripted model in the place of theirs, in real containers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nestproof.agents.drive import Planned
from nestproof.agents.in_container import place_in
from nestproof.agents.proof import prove
from nestproof.agents.table import DRIVEN_AGENTS, DrivenAgent
from nestproof.core.outcome import Outcome, Status, Target
from nestproof.engine.client import Engine
from nestproof.engine.container import Container, started_container
from nestproof.engine.create_request import create_request
from nestproof.engine.exec import Exec
from nestproof.engine.labels import new_run_labels
from nestproof.engine.run_options import parse_run_args
from tests.conftest import ROOT
from tests.sabotage.world import load_secure

pytestmark = pytest.mark.docker
PATH = "/opt/agents:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TARGET = Target("secure", "linux/amd64")
AGENTS = {agent.program: agent for agent in DRIVEN_AGENTS}
SANDBOX = {"enabled": True, "autoAllowBashIfSandboxed": True}
CONTAINED = {
    *(
        "sandbox",
        "credentials",
        "privileges",
        "write",
        "network",
        "processes",
        "keys",
        "later",
        "symlink",
        "file",
    )
}


@pytest.fixture(scope="module")
def image(agents_image: str) -> str:
    return agents_image


VERSION = re.compile(r"\d+\.\d+\.\d+")
EVIDENCE = ROOT / "docs/agents/evidence.json"
# Words that differ from session to session.
CHANGING = re.compile(r"np[0-9a-f]{16}|\bshell-snapshots/\S+")
SEEN: list[dict[str, Any]] = []
VERSIONS: dict[str, str] = {}


def record(agent: DrivenAgent, version: str, where: str, found: Mapping[str, Outcome]) -> None:
    answers = {name: [one.status, CHANGING.sub("…", one.summary)] for name, one in found.items()}
    SEEN.append({"agent": agent.program, "version": version, "where": where, "answers": answers})


@pytest.fixture(scope="module", autouse=True)
def evidence(engine: Engine) -> Iterator[None]:
    """What docs/agents tells is what is seen here; NESTPROOF_WRITE_AGENTS=1 writes it anew."""
    SEEN.clear()
    yield
    sessions = sorted(SEEN, key=lambda one: (one["agent"], one["version"], one["where"]))
    if os.environ.get("NESTPROOF_WRITE_AGENTS"):
        facts = engine.facts
        where = {
            "engine": f"{facts.product} {facts.version}",
            "kernel": ".".join(facts.kernel.split(".")[:2]),
        }
        where["date"] = datetime.now(UTC).date().isoformat()
        text = json.dumps({**where, "sessions": sessions}, indent=1, ensure_ascii=False)
        EVIDENCE.write_text(text + "\n", "utf-8")
    told = json.loads(EVIDENCE.read_text("utf-8"))["sessions"]
    assert [statuses_of(one) for one in sessions] == [
        statuses_of(one) for one in told if key(one) in set(map(key, sessions))
    ]


def key(session: Mapping[str, Any]) -> tuple[str, str, str]:
    return session["agent"], session["version"], session["where"]


def statuses_of(session: Mapping[str, Any]) -> tuple[Any, ...]:
    return *key(session), {name: status for name, (status, _) in session["answers"].items()}


@dataclass(frozen=True)
class Ground:
    """A container in which agents are driven."""

    engine: Engine
    container: Container
    image: str

    def run(self, command: str, user: str = "vscode") -> str:
        environment = {"PATH": PATH}
        made = Exec(self.container, ["sh", "-c", command], user=user, environment=environment, timeout=60)
        return b"".join(data for _, data in made).decode()

    def settle(self, sandbox: Mapping[str, Any], file: str = "~/.claude/settings.json") -> None:
        """Write settings of Claude Code."""
        folder = file.rpartition("/")[0]
        user = "vscode" if file.startswith("~") else "root"
        self.run(f"mkdir -p {folder} && printf %s '{json.dumps({'sandbox': dict(sandbox)})}' >{file}", user)

    def version(self, program: str) -> str:
        """The version that it says of itself; it is asked once."""
        if program not in VERSIONS:
            found = VERSION.search(self.run(f"{program} --version"))
            assert found is not None
            VERSIONS[program] = found[0]
        return VERSIONS[program]

    def prove(
        self,
        agent: DrivenAgent,
        mode: str = "",
        *,
        promised: bool | None = None,
        walls_are_down: bool = True,
        where: str = "",
    ) -> dict[str, Outcome]:
        """Question to outcome; `where` says for docs/agents what kind of container this is."""
        chosen = next((one for one in agent.modes if one.name == mode), agent.default)
        place = place_in(
            self.engine,
            self.container,
            self.image,
            user="vscode",
            folder="/home/vscode/work",
            environment={"PATH": PATH},
        )
        declared = {} if promised is None else {agent.program: promised}
        outcomes = prove(
            place,
            [Planned(agent, chosen)],
            TARGET,
            walls_are_down=walls_are_down,
            declared=declared,
            facts=None,
            say=lambda _: None,
        )
        found = {outcome.id.rpartition(".")[2]: outcome for outcome in outcomes}
        if where:
            record(agent, self.version(agent.start[0]), f"{where}, {mode or 'its default mode'}", found)
        return found


def started(engine: Engine, image: str, *options: str) -> contextlib.AbstractContextManager[Container]:
    """A container that waits, as the reference client starts it."""
    request = create_request(parse_run_args(options), image=image, labels=new_run_labels(), environment={})
    return started_container(engine, request, engine.facts.platform)


def secure_options() -> list[str]:
    return [one for one in load_secure().config.run_args if not one.startswith("--platform")]


@pytest.fixture
def ground(engine: Engine, image: str) -> Iterator[Ground]:
    """A container of the secure profile, with the masks off that Claude Code's sandbox does not survive."""
    options = [*secure_options(), "--security-opt=systempaths=unconfined"]
    with started(engine, image, *options) as container:
        made = Ground(engine, container, image)
        made.run("mkdir -p ~/work")
        yield made


@pytest.fixture
def walled(engine: Engine, image: str) -> Iterator[Ground]:
    """A container without any relaxation, as the default profile's."""
    with started(engine, image) as container:
        made = Ground(engine, container, image)
        made.run("mkdir -p ~/work")
        yield made


def statuses(outcomes: Mapping[str, Outcome]) -> dict[str, Status]:
    return {name: outcome.status for name, outcome in outcomes.items()}


# Codex


@pytest.mark.parametrize("program", ["codex", "codex-new"])
def test_codex_keeps_what_a_model_asks_for_in_its_sandbox(ground: Ground, program: str) -> None:
    agent = renamed(AGENTS["codex"], program)
    found = ground.prove(agent, where="secure profile")
    assert set(statuses(found).values()) == {Status.PASS}, found
    assert set(found) == CONTAINED | {"escalate", "elsewhere", "login"}
    assert "in mnt, pid, net, user namespaces of its own" in found["sandbox"].summary
    assert "approval policy" in found["escalate"].summary


def renamed(agent: DrivenAgent, program: str) -> DrivenAgent:
    return replace(agent, start=(program, *agent.start[1:]))


@pytest.mark.parametrize("program", ["codex", "codex-new"])
def test_codex_runs_bare_when_it_is_told_to(ground: Ground, program: str) -> None:
    bare = ground.prove(renamed(AGENTS["codex"], program), "yolo", where="secure profile")["sandbox"]
    assert bare.status is Status.FAIL
    assert bare.summary == "Codex ran the command without a sandbox"
    assert bare.cause == "--dangerously-bypass-approvals-and-sandbox switches its sandbox off"


@pytest.mark.parametrize("program", ["codex", "codex-new"])
def test_without_relaxations_codex_refuses(walled: Ground, program: str) -> None:
    agent = renamed(AGENTS["codex"], program)
    promised = walled.prove(agent, promised=True, where="no relaxations, a sandbox promised")["sandbox"]
    assert promised.status is Status.FAIL
    assert promised.summary.startswith("Codex refused to run the command: ")
    assert "setuid bwrap demands capabilities" in promised.cause or "namespace" in promised.cause
    assert "runArgs" in promised.fix
    plain = walled.prove(agent, walls_are_down=False)["sandbox"]
    assert plain.status is Status.PASS
    assert plain.summary.endswith("nothing here promises it a sandbox")


def test_a_socket_of_an_engine_is_not_reached_from_the_sandbox(ground: Ground) -> None:
    listen = (
        'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("/var/run/docker.sock")); listen(S, 9)'
    )
    listener = (
        f"perl -MSocket -e '{listen}; chmod 0666, \"/var/run/docker.sock\"; sleep 60' >/dev/null 2>&1 &"
    )
    ground.run(f"{listener} until [ -S /var/run/docker.sock ]; do sleep 0.1; done; sleep 0.2", "root")
    found = ground.prove(AGENTS["codex"])
    assert found["engine"].status is Status.PASS
    assert "is not reached inside" in found["engine"].summary


# Claude Code


def test_claude_code_lets_a_model_out_that_asks_where_its_settings_do_not_forbid_it(ground: Ground) -> None:
    ground.settle(SANDBOX)
    found = ground.prove(
        AGENTS["claude"], "skip-permissions", where="secure profile, /proc unmasked, sandbox enabled"
    )
    escalated = found.pop("escalate")
    assert set(statuses(found).values()) == {Status.PASS}, found
    assert set(found) == CONTAINED | {"background"}
    assert escalated.status is Status.FAIL
    assert escalated.cause == (
        "Claude Code ran the command outside its sandbox because the model asked for it: "
        "allowUnsandboxedCommands is not false"
    )
    assert escalated.fix.endswith("(with it, the same request stays inside)")


@pytest.mark.parametrize("file", ["~/.claude/settings.json", "/etc/claude-code/managed-settings.json"])
def test_claude_code_with_its_way_out_closed_keeps_the_model_in(ground: Ground, file: str) -> None:
    ground.settle({**SANDBOX, "allowUnsandboxedCommands": False}, file)
    by = "by its user" if file.startswith("~") else "for everybody"
    where = f"secure profile, /proc unmasked, sandbox enabled and its way out closed {by}"
    found = ground.prove(AGENTS["claude"], "skip-permissions", where=where)
    assert set(statuses(found).values()) == {Status.PASS}, found
    assert "escalate" in found


def test_claude_code_asks_a_person_before_it_leaves_its_sandbox(ground: Ground) -> None:
    """In its default mode, the sandbox's own permission is enough to run, and none lets it out."""
    ground.settle(SANDBOX)
    found = ground.prove(AGENTS["claude"], where="secure profile, /proc unmasked, sandbox enabled")
    assert set(statuses(found).values()) == {Status.PASS}, found
    assert found["escalate"].summary.startswith("refused: ")


def test_without_socat_claude_code_goes_on_bare(ground: Ground) -> None:
    ground.settle(SANDBOX)
    ground.run("rm /usr/bin/socat", "root")
    bare = ground.prove(
        AGENTS["claude"],
        "skip-permissions",
        where="secure profile, /proc unmasked, sandbox enabled, without socat",
    )["sandbox"]
    assert bare.status is Status.FAIL
    assert bare.summary == "Claude Code ran the command without a sandbox"
    assert "socat" in f"{bare.cause} {bare.fix}"


def test_where_proc_is_masked_claude_code_refuses(engine: Engine, image: str) -> None:
    with started(engine, image, *secure_options()) as container:
        ground = Ground(engine, container, image)
        ground.run("mkdir -p ~/work")
        ground.settle(SANDBOX)
        where = "secure profile, sandbox enabled"
        refused = ground.prove(AGENTS["claude"], "skip-permissions", where=where)["sandbox"]
    assert refused.status is Status.FAIL
    assert refused.summary == (
        "Claude Code refused to run the command: "
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
    )
    assert "systempaths=unconfined" in refused.fix


def test_without_relaxations_claude_code_refuses(walled: Ground) -> None:
    walled.settle(SANDBOX)
    refused = walled.prove(
        AGENTS["claude"], "skip-permissions", walls_are_down=False, where="no relaxations, sandbox enabled"
    )["sandbox"]
    assert refused.status is Status.FAIL
    assert refused.summary.startswith("Claude Code refused to run the command: ")
    assert "setuid bwrap demands capabilities" in refused.cause


def test_claude_code_without_its_settings_promises_nothing(walled: Ground) -> None:
    bare = walled.prove(AGENTS["claude"], "skip-permissions", walls_are_down=False)["sandbox"]
    assert bare.status is Status.PASS
    assert "without a sandbox of its own: the container is its sandbox" in bare.summary


# Those without a sandbox of their own


@pytest.mark.parametrize(("program", "mode"), [("opencode", ""), ("gemini", "yolo"), ("copilot", "yolo")])
def test_an_agent_without_a_sandbox_says_so(walled: Ground, program: str, mode: str) -> None:
    bare = walled.prove(AGENTS[program], mode, where="no relaxations")["sandbox"]
    assert bare.status is Status.PASS
    assert bare.summary.endswith("without a sandbox of its own: the container is its sandbox")
    assert bare.observation is not None
    assert "ns-net net:" in bare.observation.stdout


def test_copilot_asks_a_person_before_it_runs_a_script(walled: Ground) -> None:
    asked = walled.prove(AGENTS["copilot"], where="no relaxations")["sandbox"]
    assert asked.status is Status.PASS
    assert asked.summary.startswith("Copilot CLI refused to run the command: Permission denied")


def test_gemini_offers_no_command_where_nobody_can_be_asked(walled: Ground) -> None:
    none = walled.prove(AGENTS["gemini"], where="no relaxations")["sandbox"]
    assert (none.status, none.summary) == (
        Status.PASS,
        "Gemini CLI offers a model no tool that runs a command here",
    )


# Nothing leaves


INTERNET = """
import socket, threading
own = socket.inet_aton(socket.gethostbyname(socket.gethostname()))
def names():
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("", 53))
    while True:
        asked, who = server.recvfrom(4096)
        name, at = [], 12
        while asked[at]:
            name.append(asked[at + 1 : at + 1 + asked[at]].decode())
            at += 1 + asked[at]
        kind = int.from_bytes(asked[at + 1 : at + 3], "big")
        print("name", ".".join(name), flush=True)
        answer = b"\\xc0\\x0c\\0\\x01\\0\\x01\\0\\0\\0\\x3c\\0\\x04" + own if kind == 1 else b""
        count = b"\\0\\x01" if answer else b"\\0\\0"
        head = asked[:2] + b"\\x81\\x80\\0\\x01" + count + b"\\0\\0\\0\\0"
        server.sendto(head + asked[12 : at + 5] + answer, who)
def connections(port):
    server = socket.create_server(("", port))
    while True:
        server.accept()[0].close()
        print("connection", port, flush=True)
threading.Thread(target=names, daemon=True).start()
threading.Thread(target=connections, args=(80,), daemon=True).start()
print("up", flush=True)
connections(443)
"""


@pytest.fixture
def internet(engine: Engine, image: str) -> Iterator[tuple[str, Callable[[], set[str]]]]:
    """A stand-in for the Internet: every name is its own, and it tells who asked for what."""
    with started(engine, image, "--user=root") as container:
        quoted = shlex.quote(INTERNET)
        made = Ground(engine, container, image)
        made.run(
            f"python3 -c {quoted} >>/tmp/seen 2>&1 & until grep -qs up /tmp/seen; do sleep 0.1; done", "root"
        )

        def seen() -> set[str]:
            return set(made.run("grep -v ^up /tmp/seen; : >/tmp/seen", "root").splitlines())

        yield container.inspection["NetworkSettings"]["IPAddress"], seen


MODES = {
    "codex": "",
    "codex-new": "",
    "claude": "skip-permissions",
    "opencode": "",
    "gemini": "yolo",
    "copilot": "yolo",
}


def test_no_agent_reaches_anything_but_the_scripted_model(
    engine: Engine, image: str, internet: tuple[str, Callable[[], set[str]]]
) -> None:
    address, seen = internet
    options = [*secure_options(), "--security-opt=systempaths=unconfined", f"--dns={address}"]
    with started(engine, image, *options) as container:
        ground = Ground(engine, container, image)
        ground.run("mkdir -p ~/work ~/.codex")
        ground.run('echo \'{"OPENAI_API_KEY": "a-real-key"}\' >~/.codex/auth.json')
        ground.settle({**SANDBOX, "allowUnsandboxedCommands": False})
        login = (
            '{"claudeAiOauth": {"accessToken": "sk-ant-oat-real", "expiresAt": 9999999999999, "scopes": []}}'
        )
        ground.run(f"echo '{login}' >~/.claude/.credentials.json")
        ground.run("bash -c ': </dev/tcp/example.org/443'")
        control = seen()
        assert {"name example.org", "connection 443"} <= control
        found = {}
        for program, mode in MODES.items():
            agent = renamed(AGENTS[program.removesuffix("-new")], program)
            outcomes = ground.prove(agent, mode)
            assert outcomes["sandbox"].status is outcomes["credentials"].status is Status.PASS, outcomes
            if program.startswith("codex"):
                assert "/home/vscode/.codex/auth.json" in outcomes["keys"].summary
            found[program] = seen()
    # One that asks for something all the same says so in the table.
    names = {
        program: {line[5:] for line in lines if line.startswith("name ")} for program, lines in found.items()
    }
    assert names == {program: set(AGENTS[program.removesuffix("-new")].contacts) for program in MODES}
    assert [program for program in MODES if "connection 443" in found[program]] == ["gemini"]
