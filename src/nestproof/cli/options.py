"""The options of the tasks, one table, and the decorator that gives a task some of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from invoke.context import Context
from invoke.tasks import Task, task

if TYPE_CHECKING:
    from nestproof.cli.run_output import Output
    from nestproof.core.trust import TrustOptions
    from nestproof.pipeline import ValidateRequest

Body = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a task; the default decides the kind, and a list may be given more than once."""

    name: str
    help: str = ""
    default: Any = ""
    required: bool = False

    @property
    def parameter(self) -> inspect.Parameter:
        """The option as a parameter of a function, which is what Invoke reads."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        if self.required or self.default == []:
            return inspect.Parameter(self.name, kind)
        return inspect.Parameter(self.name, kind, default=self.default)


_MANY = "; may be given more than once"
PROFILE = Option("profile", f"profile to prove{_MANY} (default: all)", [])
PLATFORM = Option("platform", f"linux/amd64 or linux/arm64{_MANY} (default: the engine's own)", [])
PROBE = Option("probe", f"ask only this probe{_MANY}", [])
NODE = Option("node", "name of the node to use (default: the most faithful for each platform; see node.list)")
VM = Option(
    "vm", "smoke in a virtual machine with a kernel of its own, started if need be (see node.up)", False
)
BIND_WORKSPACE = Option(
    "bind_workspace", "bind the workspace into containers, as clients do, where a copy would do", False
)
EGRESS = Option("egress", "let containers of a repository that nobody trusts reach the network", False)
TRUST_BASE = Option(
    "trust_base", "take lock, configuration and trust from the merge base with this revision, as CI should"
)
NO_LIFECYCLE = Option("no_lifecycle", "leave the lifecycle commands out; that is unverified then", False)
NO_AGENTS = Option(
    "no_agents", "do not drive the agents with a scripted model; that is unverified then", False
)
INITIALIZE = Option("initialize", "run the profiles' initializeCommand, on this machine", False)
STAND_IN = Option(
    "stand_in_internet", "put containers on a network of our own that stands for the Internet", False
)
CONTAINERS = (EGRESS, STAND_IN, NO_LIFECYCLE, NO_AGENTS, INITIALIZE, TRUST_BASE)
"""The options about trust."""
STRICT = Option(
    "strict", "treat a trailing comma as an error: the specification forbids it, clients accept it", False
)
JSON = Option("json", "print the evidence as JSON on stdout; progress goes to stderr", False)
SARIF = Option("sarif", "print what was found as SARIF 2.1.0 on stdout; progress goes to stderr", False)
ALLOW_UNVERIFIED = Option(
    "allow_unverified", "exit 0 although something is unverified; the last line says how much", False
)
EVIDENCE = Option("evidence", "keep the evidence in this file, as the run goes", ".nestproof/evidence.json")
NO_EVIDENCE = replace(EVIDENCE, default="")
RESULT = (ALLOW_UNVERIFIED, EVIDENCE)
"""The exit codes, and the place of the evidence."""


def command(
    *options: Option, name: str | None = None, default: bool = False, klass: type[Task[Body]] = Task
) -> Callable[[Body], Task[Body]]:
    """Make a task of a function that takes its options by keyword; its docstring is the task's help."""
    context = inspect.Parameter("_", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Context)
    signature = inspect.Signature([context, *(option.parameter for option in options)])

    def decorate(body: Body) -> Task[Body]:
        body.__signature__ = signature  # type: ignore[attr-defined] # what inspect.signature looks for
        made: Any = task(
            body,
            name=name,
            default=default,
            klass=klass,
            iterable=[option.name for option in options if option.default == []],
            help={option.name.replace("_", "-"): option.help for option in options if option.help},
        )
        return cast(Task[Body], made)

    return decorate


def output_of(given: dict[str, Any]) -> Output:
    """Take the options of the output from a task's options."""
    from nestproof.cli.run_output import Output

    names = ("json", "sarif", "allow_unverified", "evidence")
    return Output(**{name: given[name] for name in names if name in given})


def request_of(given: dict[str, Any], **fixed: Any) -> ValidateRequest:
    """Take the options of the request from a task's options."""
    from nestproof.pipeline import ValidateRequest

    values: dict[str, Any] = {
        f"{name}s": tuple(given[name]) for name in ("profile", "platform", "probe") if name in given
    }
    names = ("strict", "staged", "node", "vm", "base")
    values |= {name: given[name] for name in names if name in given}
    return ValidateRequest(**values, trust=trust_of(given), **fixed)


def trust_of(given: dict[str, Any]) -> TrustOptions:
    """Take the options about trust from a task's options."""
    from nestproof.core.trust import TrustOptions

    return TrustOptions(
        bind_workspace=given.get("bind_workspace", False),
        egress=given.get("egress", False),
        base=given.get("trust_base", ""),
        lifecycle=not given.get("no_lifecycle", False),
        agents=not given.get("no_agents", False),
        initialize=given.get("initialize", False),
        stand_in_internet=given.get("stand_in_internet", False),
    )
