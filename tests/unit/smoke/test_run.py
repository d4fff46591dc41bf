"""A smoke run against a stand-in for an engine that speaks the Docker API over HTTP.

The stand-in starts nothing: it keeps what it is sent, inspects a container as it was asked for, and gives the
probes' answers in frames, as the runner does. What is between it and the verdicts is real.
"""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import docker
from nestproof.core.errors import UsageError
from nestproof.core.outcome import Outcome, Status, exit_code
from nestproof.devcontainer.loading import load_profile
from nestproof.devcontainer.profile import Profile
from nestproof.engine.client import Engine, EngineFacts, Image
from nestproof.nodes.node import Fidelity, Node
from nestproof.privileges.lock import Reasons
from nestproof.probes.table import script
from nestproof.smoke.plan import SmokeRun, chosen_probes, plan_probes
from nestproof.smoke.run import smoke

Answer = tuple[int, str, str]
RIGHT: dict[str, Answer] = {
    "facts": (0, "CapBnd\t00000000a82c35fb\nSeccomp\t0\nmasked\t/proc/bus\n", ""),
    "users": (0, "control: root is found, and is 0\nvscode: exists, not root\n", ""),
    "capabilities": (0, "CapBnd:\t00000000a80425fb\n", ""),
    "seccomp": (0, "Seccomp:\t2\n", ""),
    "apparmor": (0, "docker-default (enforce)\n", ""),
    "agents": (0, "path\t/usr/bin\n", ""),
    "sandbox-on": (0, "control: the words are found\n", ""),
    "root": (0, "control: writing is told from not writing\n", ""),
    "bwrap-not-setuid": (0, "control: a setuid bit is seen\nthe image has no setuid bwrap\n", ""),
    "bwrap-setuid": (0, "mode 4755, owner root\nbwrap is found as /usr/bin/bwrap\n", ""),
    "bwrap-pidns": (
        0,
        "control: outside, the process can be signalled\n"
        "the sandbox reaches its own process, not the outer one\n",
        "",
    ),
    "bwrap-proc": (0, "control: the sandbox works without --proc\nbwrap-proc-ok\n", ""),
    "codex-version": (0, "codex-cli 0.120.0\n", ""),
}
DENIED_PROC = (
    1,
    "control: the sandbox works without --proc\n",
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted\n",
)
# What an engine says of a container for which nothing was asked.
DEFAULTS: dict[str, Any] = {
    "CapAdd": None,
    "CapDrop": None,
    "SecurityOpt": None,
    "Devices": [],
    "MaskedPaths": ["/proc/kcore"],
    "ReadonlyPaths": ["/proc/sys"],
    "PidMode": "",
    "IpcMode": "private",
    "UTSMode": "",
    "UsernsMode": "",
}
# In the order in which bwrap goes through them.
STAGES = [
    f"bwrap-{stage}"
    for stage in (
        "present", "version", "mode", "userns", "slave", "pivot", "pidns", "netns", "dev", "proc",
        "fd", "two-fds", "codex-start", "codex-line",
    )
]  # fmt: skip
IMAGE = Image("sha256:0123", "linux/amd64", {}, ())
NATIVE = Node("linux/amd64", Fidelity.NATIVE, "the engine's kernel is amd64")
EMULATED = Node("linux/arm64", Fidelity.EMULATED, "qemu-user refuses namespaces", "an arm64 kernel")


@dataclass
class StandIn:
    """What the engine will answer, and what it was sent."""

    answers: dict[str, Answer] = field(default_factory=lambda: dict(RIGHT))
    in_force: dict[str, Any] = field(default_factory=dict)
    running: bool = True
    refuses: str = ""
    """A part of a request, such as `POST /containers/create`, that is answered with an error."""
    noise: tuple[int, bytes] | None = None
    """A stream and bytes on it, before the frames."""
    cut: int | None = None
    """After how many bytes of a command's stream the connection is lost."""
    twice: bool = False
    """Every frame comes two times."""
    unknown_user: str = ""
    """No command can be started as this one."""

    requests: list[str] = field(default_factory=list)
    created: dict[str, Any] = field(default_factory=dict)
    commands: list[dict[str, Any]] = field(default_factory=list)
    containers: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=lambda: {"made-for-us"})

    @property
    def asked(self) -> dict[str, str]:
        """Each probe that was asked, and the user that it was asked as."""
        asked = {name: command["User"] for command in self.commands for name in command["Cmd"][5::3]}
        return {name: user for name, user in asked.items() if name not in ("facts", "agents")}

    def stream(self, argv: list[str], user: str) -> bytes:
        """The output of the runner, multiplexed as the engine does it."""
        nonce, probes = argv[4], argv[5::3]
        if user == self.unknown_user:
            said = f"unable to find user {user}\n".encode()
            return struct.pack(">BxxxL", 1, len(said)) + said
        chunks = [self.noise] if self.noise else []
        for name in [probe for probe in probes if probe in self.answers] * (2 if self.twice else 1):
            status, out, err = self.answers[name]
            header = f"{nonce} {name} {status} 1.00 1.25 {len(out)} {len(err)}\n"
            chunks.append((1, f"{header}{out}{err}".encode()))
        return b"".join(struct.pack(">BxxxL", kind, len(data)) + data for kind, data in chunks)[: self.cut]

    def inspection(self, name: str) -> dict[str, Any]:
        asked = {key: value for key, value in self.created["HostConfig"].items() if key != "Mounts"}
        return {
            "Id": name,
            "Name": f"/{name}",
            "State": {"Running": self.running, "ExitCode": 0 if self.running else 127, "Error": ""},
            "Config": {"Tty": False},
            "HostConfig": {**DEFAULTS, **asked, **self.in_force},
            "Mounts": [],
        }


class Handler(BaseHTTPRequestHandler):
    """The few calls of the Docker API that a smoke run makes."""

    def handle_any(self) -> None:
        engine: StandIn = self.server.stand_in  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        path, _, query = self.path.removeprefix("/v1.41").partition("?")
        engine.requests.append(f"{self.command} {path}?{query}".rstrip("?"))
        if engine.refuses and engine.refuses in engine.requests[-1]:
            self.answer(500, {"message": "the engine is out of order"})
        elif path == "/containers/create":
            name = query.partition("name=")[2].partition("&")[0]
            engine.created = body
            engine.containers.add(name)
            self.answer(201, {"Id": name, "Warnings": []})
        elif found := re.fullmatch(r"/containers/([^/]+)(/json|/start|/logs|/exec)?", path):
            self.container(engine, found[1], found[2], body)
        elif path.startswith("/exec/"):
            number = int(path.split("/")[2])
            if path.endswith("/json"):
                self.answer(200, {"ExitCode": 0})
            else:
                command = engine.commands[number]
                output = engine.stream(command["Cmd"], command["User"])
                self.send(200, "application/vnd.docker.raw-stream", output)
        elif path == "/volumes":
            self.answer(200, {"Volumes": [{"Name": name} for name in engine.volumes] or None})
        else:
            engine.volumes.discard(path.removeprefix("/volumes/"))
            self.answer(204)

    def container(self, engine: StandIn, name: str, action: str | None, body: dict[str, Any]) -> None:
        if name not in engine.containers:
            self.answer(404, {"message": f"No such container: {name}"})
        elif action == "/json":
            self.answer(200, engine.inspection(name))
        elif action == "/logs":
            self.send(200, "text/plain", struct.pack(">BxxxL", 2, 20) + b"sh: trap: not found\n")
        elif action == "/exec":
            engine.commands.append(body)
            self.answer(201, {"Id": str(len(engine.commands) - 1)})
        elif self.command == "DELETE":
            engine.containers.discard(name)
            self.answer(204)
        else:
            self.answer(204)

    def answer(self, status: int, value: object = None) -> None:
        self.send(status, "application/json", b"" if value is None else json.dumps(value).encode())

    def send(self, status: int, kind: str, data: bytes) -> None:
        # No length: as with a real command's stream, the end of the connection is the end of the answer.
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `requests`."""

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 # names of the base class


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def connected(server: ThreadingHTTPServer) -> Iterator[Engine]:
    api = docker.APIClient(f"tcp://127.0.0.1:{server.server_port}", version="1.41", timeout=30)
    options = ("name=seccomp,profile=default", "name=apparmor")
    yield Engine(api, EngineFacts("", "20.10.24", "Debian", "6.1.0", "linux/amd64", "overlay2", options))
    api.close()


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def engine(connected: Engine, server: ThreadingHTTPServer, stand_in: StandIn) -> Engine:
    """A connection to a stand-in that knows nothing of other tests."""
    server.stand_in = stand_in  # type: ignore[attr-defined]
    return connected


def profile(folder: Path, packs: list[str] | None = None, *, user: str = "vscode", **config: Any) -> Profile:
    declared = config.pop("nestproof", {})
    if packs is not None:
        declared = {"packs": packs, **declared}
    if user:
        config["remoteUser"] = user
    file = folder / "devcontainer.json"
    config = {"image": "x", **config, "customizations": {"nestproof": declared}}
    file.write_text(json.dumps(config))
    return load_profile("secure", file, folder, {})


def ask(
    engine: Engine, profile: Profile, *, node: Node = NATIVE, lock: Reasons | None = None
) -> list[Outcome]:
    outcomes = list(smoke(engine, SmokeRun(profile, node, IMAGE, lock)))
    assert all(outcome.target is not None for outcome in outcomes)
    return outcomes


def verdicts(outcomes: list[Outcome]) -> dict[str, Status]:
    found = {outcome.id.removeprefix("smoke."): outcome.status for outcome in outcomes}
    assert len(found) == len(outcomes), "a question has two verdicts"
    return found


def outcome(outcomes: list[Outcome], name: str) -> Outcome:
    (found,) = [outcome for outcome in outcomes if outcome.id == f"smoke.{name}"]
    return found


# Which probes


@pytest.mark.parametrize(
    ("packs", "names"),
    [
        (["users"], ["users"]),
        (["privileges"], ["capabilities", "seccomp", "apparmor", "root", "sandbox-on"]),
        (
            ["codex", "users"],
            ["users", "bwrap-two-masks", "codex-version", "codex-sandbox", "codex-write", "codex-network"],
        ),
        (["bubblewrap"], STAGES),
        (["tty"], ["tty"]),
        (["setuid-bwrap"], ["bwrap-setuid"]),
        (["no-setuid-bwrap", "no-setuid-bwrap"], ["bwrap-not-setuid"]),
    ],
)
def test_the_packs_of_a_profile_are_its_probes(tmp_path: Path, packs: list[str], names: list[str]) -> None:
    assert [probe.name for probe in plan_probes(profile(tmp_path, packs))] == names


def test_a_profile_that_relaxes_nothing_is_asked_whether_it_is_tight(tmp_path: Path) -> None:
    assert [probe.name for probe in plan_probes(profile(tmp_path))] == [
        "users",
        "capabilities",
        "seccomp",
        "apparmor",
        "bwrap-not-setuid",
        "root",
        "sandbox-on",
    ]


def test_a_profile_that_relaxes_something_is_asked_whether_bubblewrap_works(tmp_path: Path) -> None:
    names = [probe.name for probe in plan_probes(profile(tmp_path, runArgs=["--cap-add=SYS_ADMIN"]))]
    assert names[6:-6] == STAGES
    assert all(name.startswith("contain-") for name in names[-6:])


def test_without_users_nobody_is_asked_for(tmp_path: Path) -> None:
    assert "users" not in [probe.name for probe in plan_probes(profile(tmp_path, user=""))]


def test_a_probe_is_taken_by_the_name_that_a_line_prints(tmp_path: Path) -> None:
    made = profile(tmp_path)
    run = SmokeRun(made, NATIVE, IMAGE, None, {}, only=("smoke.users", "restart.capabilities"))
    assert [probe.name for probe in chosen_probes(run)] == ["users", "capabilities"]
    with pytest.raises(UsageError, match="has no probe 'user'") as caught:
        chosen_probes(replace(run, only=("smoke.user",)))
    assert caught.value.fix.startswith("did you mean users? there are: users, ")


# Verdicts


def test_a_profile_that_is_right_in_everything_passes(engine: Engine, tmp_path: Path) -> None:
    assert verdicts(ask(engine, profile(tmp_path))) == dict.fromkeys(
        [
            "relaxations",
            "users",
            "bwrap-not-setuid",
            "capabilities",
            "seccomp",
            "apparmor",
            "root",
            "sandbox-on",
        ],
        Status.PASS,
    )


def test_an_outcome_carries_what_the_probe_showed(engine: Engine, stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answers["users"] = (1, "control: root is found, and is 0\nvscode: is root\n", "why\n")
    found = outcome(ask(engine, profile(tmp_path, ["users"])), "users")
    assert (found.status, str(found.target)) == (Status.FAIL, "secure linux/amd64")
    assert found.observation is not None
    assert found.observation.exit_status == 1
    assert found.observation.stdout == "control: root is found, and is 0\nvscode: is root\n"
    assert found.observation.stderr == "why\n"
    assert found.observation.seconds == 0.25


def test_what_is_in_force_beyond_the_lock_fails(engine: Engine, stand_in: StandIn, tmp_path: Path) -> None:
    # What the engine says counts, not what the file asks for.
    stand_in.in_force = {"CapAdd": ["CAP_SYS_ADMIN"], "PidMode": "host"}
    found = outcome(ask(engine, profile(tmp_path), lock={"secure": {"pid=host": "why"}}), "relaxations")
    assert (found.status, found.summary) == (Status.FAIL, "in force: cap-add=SYS_ADMIN")
    assert found.cause == "the profile secure may not have cap-add=SYS_ADMIN (privilege lock)"
    assert "remove --cap-add=SYS_ADMIN from the profile" in found.fix


def test_what_the_lock_allows_passes_and_is_named(engine: Engine, tmp_path: Path) -> None:
    secure = profile(
        tmp_path, ["users"], runArgs=["--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined"]
    )
    lock = {"secure": {"cap-add=SYS_ADMIN": "a", "security-opt=seccomp=unconfined": "b", "privileged": "c"}}
    found = outcome(ask(engine, secure, lock=lock), "relaxations")
    assert (found.status, found.summary) == (
        Status.PASS,
        "in force: cap-add=SYS_ADMIN, security-opt=seccomp=unconfined",
    )


def test_a_profile_that_the_lock_does_not_name_may_have_nothing(engine: Engine, tmp_path: Path) -> None:
    secure = profile(tmp_path, ["users"], runArgs=["--cap-add=SYS_ADMIN"])
    assert outcome(ask(engine, secure, lock={"other": {}}), "relaxations").status is Status.FAIL


def test_without_a_lock_a_profile_may_have_what_it_asks_for(engine: Engine, tmp_path: Path) -> None:
    secure = profile(tmp_path, ["users"], runArgs=["--cap-add=SYS_ADMIN"])
    assert outcome(ask(engine, secure), "relaxations").status is Status.PASS


@pytest.mark.parametrize(
    ("declared", "status"), [({}, Status.FAIL), ({"bwrap-proc": "Codex retries"}, Status.DEGRADED)]
)
def test_a_denied_proc_is_degraded_only_when_declared(
    engine: Engine, stand_in: StandIn, tmp_path: Path, declared: dict[str, str], status: Status
) -> None:
    stand_in.answers["bwrap-proc"] = DENIED_PROC
    asked = profile(tmp_path, ["bubblewrap"], nestproof={"degradations": declared})
    outcomes = ask(engine, asked)
    assert outcome(outcomes, "bwrap-proc").status is status
    # The stand-in has no agent that could need it.
    warned = [one.diagnostic for agents in outcomes if agents.id == "agents" for one in agents.findings]
    assert [one.rule for one in warned] == ["degradation-unneeded"] * len(declared)


def test_missing_capabilities_are_those_of_the_container(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    # Docker's default set, SYS_ADMIN and SYS_PTRACE: as the kernel says, whatever was asked for.
    stand_in.answers["facts"] = (0, "CapBnd\t00000000a82c25fb\n", "")
    stand_in.answers["bwrap-pidns"] = (1, "", "bwrap: capset failed: Operation not permitted\n")
    found = outcome(ask(engine, profile(tmp_path, ["bubblewrap"])), "bwrap-pidns")
    assert found.fix == 'add "--cap-add=NET_ADMIN" to runArgs'


def test_the_declared_codex_is_what_is_compared(engine: Engine, tmp_path: Path) -> None:
    asked = profile(tmp_path, ["codex"], nestproof={"codexVersion": "0.169.0"})
    assert outcome(ask(engine, asked), "codex-version").status is Status.FAIL


# Emulation


def test_emulated_namespaces_are_unverified_and_not_asked(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    outcomes = ask(engine, profile(tmp_path, ["users", "bubblewrap"]), node=EMULATED)
    found = outcome(outcomes, "bwrap-pidns")
    assert (found.status, found.summary, found.fix) == (
        Status.UNVERIFIED,
        "qemu-user refuses namespaces",
        "an arm64 kernel",
    )
    seen = verdicts(outcomes)
    assert {name for name, status in seen.items() if status is Status.UNVERIFIED} == set(STAGES[3:])
    # What an image has can be seen under emulation too.
    assert set(stand_in.asked) == {"users", *STAGES[:3]}


# What is sent


def test_the_container_is_the_one_that_the_profile_describes(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    ask(engine, profile(tmp_path, ["users"], runArgs=["--cap-add=SYS_ADMIN", "--hostname=box"], init=True))
    assert stand_in.created["Image"] == "sha256:0123"
    assert stand_in.created["Hostname"] == "box"
    assert stand_in.created["HostConfig"]["CapAdd"] == ["SYS_ADMIN"]
    assert stand_in.created["HostConfig"]["Init"] is True
    assert stand_in.created["Entrypoint"] == ["/bin/sh"]
    assert set(stand_in.created["Labels"]) == {"dev.nestproof.run", "dev.nestproof.owner"}
    assert any("platform=linux%2Famd64" in request for request in stand_in.requests)


@pytest.mark.parametrize(("override", "ran"), [({}, ()), ({"overrideCommand": False}, ("/bin/serve", "80"))])
def test_an_image_runs_its_own_command_only_when_the_profile_keeps_it(
    engine: Engine, stand_in: StandIn, tmp_path: Path, override: dict[str, Any], ran: tuple[str, ...]
) -> None:
    image = Image("sha256:0123", "linux/amd64", {}, ("/bin/serve", "80"))
    list(smoke(engine, SmokeRun(profile(tmp_path, ["users"], **override), NATIVE, image, None)))
    assert stand_in.created["Entrypoint"] == ["/bin/sh"]
    assert stand_in.created["Cmd"][3:] == list(ran)


def test_probes_are_asked_as_the_remote_user_but_for_those_that_look_at_the_image(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    ask(engine, profile(tmp_path))
    assert stand_in.asked == {
        "users": "vscode",
        "bwrap-not-setuid": "root",
        "capabilities": "vscode",
        "seccomp": "vscode",
        "apparmor": "vscode",
        "root": "vscode",
        "sandbox-on": "vscode",
    }
    assert len(stand_in.commands) == 2


def test_a_probe_gets_its_script_and_the_users(engine: Engine, stand_in: StandIn, tmp_path: Path) -> None:
    ask(engine, profile(tmp_path, ["users"], nestproof={"users": ["ubuntu", "vscode"]}))
    (command,) = stand_in.commands
    shell, option, runner, name, nonce, *probes = command["Cmd"]
    assert (shell, option, runner, name) == ("/bin/sh", "-c", script("runner"), "nestproof")
    assert re.fullmatch(r"nestproof-[0-9a-f]{32}", nonce)
    asked = ["facts", "10", script("facts"), "agents", "60", script("agents")]
    assert probes == [*asked, "users", "20", script("users")]
    assert "NESTPROOF_USERS=ubuntu vscode" in command["Env"]


def test_a_slow_node_has_longer_for_every_question_and_for_the_facts(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    # A guest without hardware help once lost the end of the facts, and with it the mode of its bwrap.
    ask(engine, profile(tmp_path, ["users"]), node=replace(NATIVE, timeout_factor=10))
    (command,) = stand_in.commands
    assert command["Cmd"][5::3] == ["facts", "agents", "users"]
    assert command["Cmd"][6::3] == ["100", "600", "200"]


def test_every_call_has_a_nonce_and_a_token_of_its_own(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    ask(engine, profile(tmp_path))
    first, second = stand_in.commands
    assert first["Cmd"][4] != second["Cmd"][4]
    assert first["Env"] != second["Env"]


# Trouble


def test_a_probe_that_is_not_answered_is_an_error(engine: Engine, stand_in: StandIn, tmp_path: Path) -> None:
    del stand_in.answers["seccomp"]
    outcomes = ask(engine, profile(tmp_path, ["privileges"]))
    assert verdicts(outcomes) == {
        "relaxations": Status.PASS,
        "capabilities": Status.PASS,
        "apparmor": Status.PASS,
        "root": Status.PASS,
        "sandbox-on": Status.PASS,
        "seccomp": Status.ERROR,
    }
    assert outcome(outcomes, "seccomp").summary == "not asked: the runner ended without asking"


def test_where_the_remote_user_cannot_ask_root_answers_what_anyone_could(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.unknown_user = "vscode"
    stand_in.answers["users"] = (1, "control: root is found, and is 0\nvscode: does not exist\n", "")
    outcomes = ask(engine, profile(tmp_path, ["users", "codex"]))
    users, codex = outcome(outcomes, "users"), outcome(outcomes, "codex-version")
    assert (users.status, users.summary) == (Status.FAIL, "vscode: does not exist")
    assert (codex.status, codex.summary) == (Status.ERROR, "not asked: unable to find user vscode")
    assert stand_in.asked["users"] == "root"
    assert len({found.id for found in outcomes}) == len(outcomes)


@pytest.mark.parametrize("kind", [1, 2])
def test_the_words_of_a_shell_that_cannot_run_the_runner_are_shown(
    engine: Engine, stand_in: StandIn, tmp_path: Path, kind: int
) -> None:
    stand_in.answers = {}
    stand_in.noise = (kind, b"unable to find user vscode: no matching entries in passwd file\n")
    found = outcome(ask(engine, profile(tmp_path, ["codex"])), "codex-version")
    assert found.status is Status.ERROR
    assert found.summary == "not asked: unable to find user vscode: no matching entries in passwd file"


def test_noise_between_the_frames_changes_no_verdict(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.noise = (1, b"Welcome!\nnestproof-0123 users 0 1.00 1.00 0 0\n")
    assert verdicts(ask(engine, profile(tmp_path, ["users"])))["users"] is Status.PASS


@pytest.mark.parametrize("cut", [0, 3, 8, 50, 150, 250])
def test_a_lost_connection_is_an_error_and_no_verdict(
    engine: Engine, stand_in: StandIn, tmp_path: Path, cut: int
) -> None:
    stand_in.cut = cut
    found = verdicts(ask(engine, profile(tmp_path, ["privileges"])))
    assert found["apparmor"] is Status.ERROR
    assert set(found.values()) <= {Status.PASS, Status.ERROR}
    assert not stand_in.containers


def test_a_frame_that_comes_twice_gives_one_verdict(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    # Whatever runs in the container can read the nonce, and write frames of its own.
    stand_in.twice = True
    outcomes = ask(engine, profile(tmp_path, ["privileges"]))
    assert set(verdicts(outcomes)) == {
        "relaxations",
        "capabilities",
        "seccomp",
        "apparmor",
        "root",
        "sandbox-on",
    }


@pytest.mark.parametrize("request_", ["POST /containers/create", "/start", "GET /containers/", "/exec"])
def test_an_engine_that_refuses_is_an_error_and_nothing_is_left(
    engine: Engine, stand_in: StandIn, tmp_path: Path, request_: str
) -> None:
    stand_in.refuses = request_
    outcomes = ask(engine, profile(tmp_path, ["users"]))
    assert exit_code(outcomes) == 4
    assert "the engine is out of order" in outcomes[-1].summary
    assert not stand_in.containers


def test_a_container_that_ends_at_once_is_an_error_with_its_last_words(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.running = False
    (found,) = ask(engine, profile(tmp_path, ["users"]))
    assert (found.id, found.status) == ("smoke.container", Status.ERROR)
    assert found.summary == "the container ended at once, with exit status 127"
    assert "sh: trap: not found" in found.cause
    assert not stand_in.containers


@pytest.mark.parametrize("packs", [[], ["users"]])
def test_no_probe_at_all_is_an_error(engine: Engine, tmp_path: Path, packs: list[str]) -> None:
    with pytest.raises(UsageError, match="there is no probe to ask"):
        ask(engine, profile(tmp_path, packs, user=""))


# Clean-up


def test_the_container_and_its_volumes_are_removed(engine: Engine, stand_in: StandIn, tmp_path: Path) -> None:
    ask(engine, profile(tmp_path, ["users"], mounts=["type=volume,source=made-for-us,target=/cache"]))
    assert not stand_in.containers
    assert not stand_in.volumes
    (removal,) = [request for request in stand_in.requests if request.startswith("DELETE /containers/")]
    assert "force=True" in removal
    assert "v=True" in removal


def test_the_container_is_removed_when_nobody_listens_any_more(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    outcomes: Any = smoke(engine, SmokeRun(profile(tmp_path), NATIVE, IMAGE, None))
    next(outcomes)
    assert stand_in.containers
    outcomes.close()
    assert not stand_in.containers


def test_the_container_is_removed_when_somebody_interrupts(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    outcomes: Any = smoke(engine, SmokeRun(profile(tmp_path), NATIVE, IMAGE, None))
    next(outcomes)
    with pytest.raises(KeyboardInterrupt):
        outcomes.throw(KeyboardInterrupt)
    assert not stand_in.containers


def test_a_container_that_cannot_be_removed_is_an_error(
    engine: Engine, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.refuses = "DELETE /containers/"
    found = ask(engine, profile(tmp_path, ["users"]))[-1]
    assert (found.id, found.status) == ("smoke.container", Status.ERROR)
    assert "the engine is out of order" in found.summary
