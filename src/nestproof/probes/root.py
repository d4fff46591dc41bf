"""Judge how the remote user becomes root without a password. Pure.

What is found is a relaxation of the running container, `root=sudo` for example, which the lock can hold.
"""

from __future__ import annotations

from nestproof.core.outcome import Observation, Status
from nestproof.probes.probe import Probe
from nestproof.probes.verdicts import Context, Judgement, failed

_CONTROL = "control: writing is told from not writing"
_MAY = "may run as root: "
# The beginning of a way, in words, and what takes it away.
_WAYS = {
    "root=user": ("it is root already", "give the profile a remoteUser that is not root"),
    "root=sudo:": ("sudo runs {} for it", "allow no program in sudoers that runs or writes others"),
    "root=sudo": ("sudo asks for no password", "remove the user's NOPASSWD line from /etc/sudoers.d"),
    "root=doas": ("doas asks for no password", "remove nopass from /etc/doas.conf"),
    "root=pkexec": ("pkexec asks for no password", "remove the rule from /etc/polkit-1/rules.d"),
    "root=su": ("root has no password", "RUN passwd --lock root"),
    "root=socket:": ("it may write to the socket {}", "do not mount the socket"),
    "root=group:": ("it is in the group {}", "take the user out of the group"),
    "root=writable:": ("it may write to {}", "RUN chown root: and chmod go-w on it"),
    "root=setuid:": ("the program {} is setuid, and not of the distribution", "RUN chmod u-s on it"),
    "root=capabilities:": ("the program {} has file capabilities", "RUN setcap -r on it"),
    "root=trace": ("it may trace a process of root's", "take SYS_PTRACE from the user"),
}


def has_no_way_to_root(observation: Observation, context: Context) -> Judgement:
    """Hold each way against the lock: one that it lacks is a fail where Docker's walls are down."""
    lines = observation.stdout.splitlines()
    if observation.exit_status != 0 or _CONTROL not in lines:
        return failed(observation, context, "the ways to root could not be tried")
    ways = [line for line in dict.fromkeys(lines) if line.startswith("root=")]
    more = "; ".join(line for line in lines if line.startswith(_MAY))
    behind = f"; it {more}" if more else ""
    if not ways:
        return Judgement(Status.PASS, f"no way to root without a password is found{behind}")
    said = ", ".join(map(_in_words, ways))
    extra = [way for way in ways if way not in context.allowed]
    if not extra:
        return Judgement(Status.PASS, f"the remote user becomes root: {said}; the privilege lock allows that")
    fixes = "; ".join(dict.fromkeys(_WAYS[_kind(way)][1] for way in extra))
    if context.container_is_sandbox:
        return Judgement(
            Status.FAIL,
            f"the remote user becomes root: {said}",
            "the container is declared to be the sandbox, and an agent in it would be root in it",
            fixes,
        )
    if not context.walls:
        return Judgement(Status.PASS, f"the remote user becomes root: {said}; Docker's defaults confine root")
    lock = ", ".join(f'"{way}" = "why"' for way in extra)
    return Judgement(
        Status.FAIL,
        f"the remote user becomes root: {', '.join(map(_in_words, extra))}",
        f"root in this container can be root on the host: {', '.join(context.walls)} take down what holds it",
        f"{fixes}; or allow it in the lock: {lock}",
    )


def _kind(way: str) -> str:
    return max((kind for kind in _WAYS if way.startswith(kind)), key=len, default="root=user")


def _in_words(way: str) -> str:
    kind = _kind(way)
    return _WAYS[kind][0].format(way.removeprefix(kind))


WAY_TO_ROOT = Probe(
    name="root",
    pack="privileges",
    question="Does the remote user become root without a password?",
    why="where Docker's walls are down, whoever leaves the sandbox and becomes root has the host",
    judge=has_no_way_to_root,
    timeout=60,
)
