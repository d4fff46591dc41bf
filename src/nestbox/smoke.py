"""A plan of probes in one container: started with the profile's own options, asked, judged, removed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nestbox.capabilities import granted
from nestbox.container import create_request
from nestbox.engine import Container, Engine, Image, engine_errors, new_run_labels, started_container
from nestbox.errors import EngineError, UsageError
from nestbox.exec import Exec
from nestbox.frames import FrameReader, Record
from nestbox.lock import Reasons, allowed_by
from nestbox.nodes import Node, Truth
from nestbox.outcome import Observation, Outcome, Status, Target
from nestbox.probes.judge import Context, Judgement, degraded_as_declared
from nestbox.probes.table import PACKS, PROBES, Probe, script
from nestbox.profile import Profile
from nestbox.relaxations import relaxations_asked, relaxations_in_force
from nestbox.variables import substitute

# Beside the probes' own time: starting the shell in the container, on a busy or emulated machine.
GRACE = 15.0


@dataclass(frozen=True, slots=True)
class Run:
    """A smoke run: which profile, on which node, from which image, held against which lock."""

    profile: Profile
    node: Node
    image: Image
    lock: Reasons | None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def target(self) -> Target:
        return Target(self.profile.name, self.node.platform)

    @property
    def allowed(self) -> frozenset[str]:
        return allowed_by(self.lock, self.profile.name, relaxations_asked(self.profile.run))


def request_container(profile: Profile, image: Image, environment: Mapping[str, str]) -> dict[str, Any]:
    """The create request for a container of the profile; the one way in which nestbox starts any."""
    return create_request(
        profile.run,
        image=image.id,
        labels=new_run_labels(),
        environment=environment,
        entrypoints=profile.entrypoints,
        own_command=image.command if profile.config.override_command is False else (),
    )


def plan_probes(profile: Profile) -> tuple[Probe, ...]:
    """The probes of the profile's packs; raises UsageError for a pack that does not exist.

    Where the profile names none, one that relaxes something is taken to do so for bubblewrap.
    """
    packs = profile.declarations.packs
    if packs is None:
        packs = ["users", "privileges"]
        packs += ["bubblewrap"] if relaxations_asked(profile.run) else ["no-setuid-bwrap"]
    for name in packs:
        if name not in PACKS:
            raise UsageError(
                f"{profile.file.name}: customizations.nestbox.packs: there is no pack {name!r}",
                fix=f"some of: {', '.join(PACKS)}",
            )
    probes = tuple(p for p in PROBES if p.pack in packs and (p.name != "users" or _users(profile)))
    if not probes:
        raise UsageError(
            f"{profile.file.name}: customizations.nestbox.packs: there is no probe to ask",
            why="an empty run proves nothing",
            fix=f"name some of: {', '.join(PACKS)}",
        )
    return probes


def _users(profile: Profile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (*profile.declarations.users, profile.remote_user))))


def smoke(engine: Engine, run: Run) -> Iterator[Outcome]:
    """Start the container, ask every probe, give each outcome as it comes, leave nothing behind."""
    probes = plan_probes(run.profile)
    emulated = run.node.truth is Truth.EMULATED
    for probe in probes:
        if emulated and probe.needs_namespaces:
            yield _outcome(run, probe, Judgement(Status.UNVERIFIED, run.node.reason, "", run.node.remedy))
    asked = [probe for probe in probes if not (emulated and probe.needs_namespaces)]
    request = request_container(run.profile, run.image, run.environment)
    try:
        with started_container(engine, request, run.node.platform) as container:
            yield _inspect(run, container)
            context = _context(engine, run, container)
            for as_root in (True, False):
                yield from _ask(run, container, [p for p in asked if p.as_root is as_root], context)
    except EngineError as error:
        yield Outcome("smoke.container", Status.ERROR, error.what, run.target, error.why, error.fix)


def _context(engine: Engine, run: Run, container: Container) -> Context:
    host = container.inspection["HostConfig"]
    declared = run.profile.declarations
    return Context(
        users=_users(run.profile),
        codex_version=declared.codex_version or "",
        degradations=declared.degradations,
        allowed=run.allowed,
        engine_has_seccomp=engine.facts.confines_with("seccomp"),
        engine_has_apparmor=engine.facts.confines_with("apparmor"),
        capabilities=granted(host["CapAdd"] or (), host["CapDrop"] or (), privileged=host["Privileged"]),
    )


def _inspect(run: Run, container: Container) -> Outcome:
    """What the engine says that it granted, against the lock: the file is not asked here."""
    in_force = relaxations_in_force(container.inspection)
    extra = [relaxation for relaxation in in_force if relaxation not in run.allowed]
    observation = Observation(("docker", "inspect", container.name), 0, "\n".join(in_force))
    if not extra:
        summary = f"in force: {', '.join(in_force)}" if in_force else "no relaxation is in force"
        return Outcome("smoke.relaxations", Status.PASS, summary, run.target, observation=observation)
    return Outcome(
        "smoke.relaxations",
        Status.FAIL,
        f"in force: {', '.join(extra)}",
        run.target,
        f"the profile {run.profile.name} may not have {', '.join(extra)} (privilege lock)",
        f"remove {' '.join(f'--{name}' for name in extra)} from the profile, or allow it in the lock",
        observation,
    )


def _ask(run: Run, container: Container, probes: Sequence[Probe], context: Context) -> Iterator[Outcome]:
    """All of one user's probes through one command in the container; each is answered, or an error."""
    if not probes:
        return
    waiting = {probe.name: probe for probe in probes}
    trouble = "the runner ended without asking"
    reader = FrameReader(nonce=f"nestbox-{secrets.token_hex(16)}")
    try:
        for record in _records(run, container, probes, reader):
            # Each name is answered once, whatever a container may repeat.
            if probe := waiting.pop(record.name, None):
                yield _judged(run, probe, record, context)
    except EngineError as error:
        trouble = error.what
    else:
        trouble = reader.noise.decode(errors="replace").strip()[-400:] or trouble
    for probe in waiting.values():
        yield _outcome(run, probe, Judgement(Status.ERROR, f"not asked: {trouble}"))


def _records(
    run: Run, container: Container, probes: Sequence[Probe], reader: FrameReader
) -> Iterator[Record]:
    argv = ["/bin/sh", "-c", script("runner"), "nestbox", reader.nonce]
    for probe in probes:
        argv += [probe.name, str(probe.timeout), script(probe.name)]
    command = Exec(
        container,
        argv,
        user="root" if probes[0].as_root else run.profile.remote_user,
        environment={
            **_remote_environment(run.profile, container),
            "NESTBOX_USERS": " ".join(_users(run.profile)),
            "NESTBOX_TOKEN": secrets.token_hex(8),
        },
        timeout=max(probe.timeout for probe in probes) + GRACE,
    )
    with engine_errors("asking the probes"):
        for kind, data in command:
            if kind == 1:
                yield from reader.feed(data)
            else:
                reader.noise += data


def _remote_environment(profile: Profile, container: Container) -> dict[str, str]:
    """`remoteEnv`, which alone may speak of the container's own environment."""
    own = dict(entry.partition("=")[::2] for entry in container.inspection["Config"].get("Env") or ())
    resolved = substitute(dict(profile.config.remote_env), replace(profile.variables, container=own))
    return {name: value for name, value in resolved.items() if value is not None}


def _judged(run: Run, probe: Probe, record: Record, context: Context) -> Outcome:
    observation = Observation(
        ("sh", f"{probe.name}.sh"), record.exit_status, record.stdout, record.stderr, record.seconds
    )
    judgement = degraded_as_declared(probe.name, probe.judge(observation, context), context)
    return _outcome(run, probe, judgement, observation)


def _outcome(run: Run, probe: Probe, judgement: Judgement, observation: Observation | None = None) -> Outcome:
    return Outcome(
        f"smoke.{probe.name}",
        judgement.status,
        judgement.summary,
        run.target,
        judgement.cause,
        judgement.fix,
        observation,
    )
